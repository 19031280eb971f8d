#include "cli/text.h"

#include <stdint.h>
#include <string.h>

#include "core/base/utf8.h"

#define ELLIPSIS "\xe2\x80\xa6"

struct span {
	uint32_t from, to;
};

/* Beside C0 and DEL: C1, marks and overrides of direction, line separators, tags. */
static const struct span steering[] = {
	{ 0x80, 0x9f },     { 0x61c, 0x61c },   { 0x200b, 0x200f }, { 0x2028, 0x202e },
	{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
};

static const struct span combining[] = {
	{ 0x300, 0x36f },   { 0x1ab0, 0x1aff }, { 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};

static const struct span wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },   { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

static bool is_in(const struct span *spans, size_t count, uint32_t c)
{
	for (size_t i = 0; i < count; i++) {
		if (c >= spans[i].from && c <= spans[i].to)
			return true;
	}
	return false;
}

#define IS_IN(spans, c) is_in(spans, sizeof(spans) / sizeof((spans)[0]), c)

/* Of well-formed UTF-8. */
static uint32_t code_of(const char *text, size_t len)
{
	static const unsigned char lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)text[0] & lead[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	return code;
}

struct text_char text_char_at(const char *text, size_t len)
{
	struct text_char c = { .len = utf8_next(text, len), .columns = 1 };
	uint32_t code;

	if (c.len == 0 || c.len > 4) {
		c.len = 1;
		c.steers = true;
		return c;
	}
	code = code_of(text, c.len);
	c.steers = code < 0x20 || code == 0x7f || IS_IN(steering, code);
	if (!c.steers && IS_IN(combining, code))
		c.columns = 0;
	else if (!c.steers && IS_IN(wide, code))
		c.columns = 2;
	return c;
}

size_t text_columns(const char *text)
{
	size_t columns = 0, len = strlen(text);

	while (len > 0) {
		struct text_char c = text_char_at(text, len);

		columns += c.columns;
		text += c.len;
		len -= c.len;
	}
	return columns;
}

size_t text_put(FILE *to, const char *text, size_t columns)
{
	size_t len = strlen(text), used = 0, room = columns;
	bool cut = text_columns(text) > columns;

	if (cut && room > 0)
		room--; /* of the ellipsis */
	while (len > 0) {
		struct text_char c = text_char_at(text, len);

		if (used + c.columns > room)
			break;
		if (c.steers)
			fputc('?', to);
		else
			fwrite(text, 1, c.len, to);
		used += c.columns;
		text += c.len;
		len -= c.len;
	}
	if (cut && columns > 0) {
		fputs(ELLIPSIS, to);
		used++;
	}
	return used;
}

void text_put_all(FILE *to, const char *text)
{
	text_put(to, text, SIZE_MAX);
}

void text_make_inert(char *text)
{
	size_t len = strlen(text);
	char *to = text;

	while (len > 0) {
		struct text_char c = text_char_at(text, len);

		if (c.steers && *text != '\n')
			*to++ = '?';
		else
			for (size_t i = 0; i < c.len; i++)
				*to++ = text[i];
		text += c.len;
		len -= c.len;
	}
	*to = '\0';
}

/* Those beyond U+FFFF as the two halves that JSON has for them. */
static void put_escaped(FILE *to, uint32_t code)
{
	if (code < 0x10000) {
		fprintf(to, "\\u%04x", (unsigned)code);
		return;
	}
	code -= 0x10000;
	fprintf(to, "\\u%04x\\u%04x", 0xd800 + (unsigned)(code >> 10),
	        0xdc00 + (unsigned)(code & 0x3ff));
}

void text_put_json(FILE *to, const char *json)
{
	size_t len = strlen(json);

	while (len > 0) {
		struct text_char c = text_char_at(json, len);

		if (c.steers && c.len > 1)
			put_escaped(to, code_of(json, c.len));
		else if (*json == 0x7f)
			put_escaped(to, 0x7f);
		else
			fwrite(json, 1, c.len, to);
		json += c.len;
		len -= c.len;
	}
}

/* --- numbers for people --- */

void text_duration(double seconds, char out[TEXT_SHOWN_MAX])
{
	unsigned long long s = seconds > 0 ? (unsigned long long)seconds : 0;

	if (seconds > 0 && seconds < 1)
		snprintf(out, TEXT_SHOWN_MAX, "under 1 s");
	else if (s < 120)
		snprintf(out, TEXT_SHOWN_MAX, "%llu s", s);
	else if (s < 7200)
		snprintf(out, TEXT_SHOWN_MAX, "%llu min", s / 60);
	else if (s < 172800)
		snprintf(out, TEXT_SHOWN_MAX, "%llu h %llu min", s / 3600, s / 60 % 60);
	else
		snprintf(out, TEXT_SHOWN_MAX, "%llu d %llu h", s / 86400, s / 3600 % 24);
}

void text_bytes(double bytes, char out[TEXT_SHOWN_MAX])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
		bytes /= 1024;
		unit++;
	}
	snprintf(out, TEXT_SHOWN_MAX, unit > 0 && bytes < 10 ? "%.1f %s" : "%.0f %s", bytes,
	         units[unit]);
}
