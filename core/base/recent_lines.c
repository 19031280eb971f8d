#include "core/base/recent_lines.h"

#include <string.h>

/* Bytes of text that fit, without a piece of a character at the end. */
static size_t whole(const char *text)
{
	size_t len = strlen(text);

	if (len < RECENT_TEXT_MAX)
		return len;
	len = RECENT_TEXT_MAX - 1;
	while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
		len--;
	return len;
}

void recent_lines_add(struct recent_lines *r, int64_t at_ms, enum log_level level, const char *text)
{
	struct recent_line *line = &r->ring[r->next];
	size_t len = whole(text);

	line->at_ms = at_ms;
	line->level = level;
	memcpy(line->text, text, len);
	line->text[len] = '\0';
	r->next = (r->next + 1) % RECENT_LINES;
	if (r->count < RECENT_LINES)
		r->count++;
}

const struct recent_line *recent_lines_at(const struct recent_lines *r, size_t nth)
{
	return nth < r->count ? &r->ring[(r->next + RECENT_LINES - r->count + nth) % RECENT_LINES]
	                      : NULL;
}
