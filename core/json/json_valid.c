/* Is it JSON? Without a tree, so neither depth nor number of values counts. */
#include <string.h>

#include "core/base/utf8.h"
#include "core/json/json.h"

enum {
	STATE_VALUE, /* a value must come */
	STATE_FIRST, /* a value, or the end of an empty array */
	STATE_NAME,  /* a member's name must come */
	STATE_OPEN,  /* a member's name, or the end of an empty object */
	STATE_AFTER, /* a value has come */
};

struct scan {
	const char *at, *end;
	unsigned depth;
	int state;
	unsigned char object[JSON_VALID_DEPTH / 8]; /* bit: the container of this depth is one */
};

static bool take(struct scan *s, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
		return false;
	s->at += len;
	return true;
}

static size_t digits(struct scan *s)
{
	const char *from = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return (size_t)(s->at - from);
}

static bool number(struct scan *s)
{
	take(s, "-");
	if (!take(s, "0") && digits(s) == 0)
		return false;
	if (take(s, ".") && digits(s) == 0)
		return false;
	if (!take(s, "e") && !take(s, "E"))
		return true;
	if (!take(s, "+"))
		take(s, "-");
	return digits(s) > 0;
}

static bool escape(struct scan *s)
{
	char c = s->at < s->end ? *s->at++ : '\0';

	if (c != 'u')
		return c != '\0' && strchr("\"\\/bfnrt", c);
	for (int i = 0; i < 4; i++) {
		if (s->at == s->end || !strchr("0123456789abcdefABCDEF", *s->at) || *s->at == '\0')
			return false;
		s->at++;
	}
	return true;
}

static bool string(struct scan *s)
{
	if (!take(s, "\""))
		return false;
	while (s->at < s->end) {
		unsigned char c = (unsigned char)*s->at++;

		if (c == '"')
			return true;
		if (c < 0x20 || (c == '\\' && !escape(s)))
			return false;
	}
	return false;
}

static void space(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

static bool in_object(const struct scan *s)
{
	return s->depth > 0 && s->object[(s->depth - 1) / 8] & 1u << (s->depth - 1) % 8;
}

static bool enter(struct scan *s, bool object)
{
	unsigned char bit = (unsigned char)(1u << s->depth % 8);

	if (s->depth == JSON_VALID_DEPTH)
		return false;
	s->object[s->depth / 8] =
		(unsigned char)(object ? s->object[s->depth / 8] | bit : s->object[s->depth / 8] & ~bit);
	s->depth++;
	s->state = object ? STATE_OPEN : STATE_FIRST;
	return true;
}

static bool leave(struct scan *s)
{
	s->depth--;
	s->state = STATE_AFTER;
	return true;
}

static bool value(struct scan *s)
{
	if (take(s, "{"))
		return enter(s, true);
	if (take(s, "["))
		return enter(s, false);
	s->state = STATE_AFTER;
	if (s->at < s->end && *s->at == '"')
		return string(s);
	return take(s, "true") || take(s, "false") || take(s, "null") || number(s);
}

static bool name(struct scan *s)
{
	if (!string(s))
		return false;
	space(s);
	s->state = STATE_VALUE;
	return take(s, ":");
}

static bool step(struct scan *s)
{
	switch (s->state) {
	case STATE_FIRST:
		return take(s, "]") ? leave(s) : value(s);
	case STATE_VALUE:
		return value(s);
	case STATE_OPEN:
		return take(s, "}") ? leave(s) : name(s);
	case STATE_NAME:
		return name(s);
	default:
		if (take(s, ",")) {
			s->state = in_object(s) ? STATE_NAME : STATE_VALUE;
			return true;
		}
		return take(s, in_object(s) ? "}" : "]") && leave(s);
	}
}

bool json_valid(const char *text, size_t len)
{
	struct scan s = { .at = text, .end = text + json_message_len(text, len) };

	if (len == 0 || !utf8_ok(text, (size_t)(s.end - text)))
		return false;
	do {
		space(&s);
		if (!step(&s))
			return false;
		space(&s);
	} while (s.depth > 0 || s.state != STATE_AFTER);
	return s.at == s.end;
}
