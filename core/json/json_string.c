#include <string.h>

#include "core/base/utf8.h"
#include "core/json/json_reader.h"

static enum status add_character(struct buf *out, uint32_t c)
{
	unsigned char b[4];
	size_t len;

	if (c < 0x80) {
		b[0] = (unsigned char)c;
		len = 1;
	} else if (c < 0x800) {
		b[0] = (unsigned char)(0xC0 | c >> 6);
		len = 2;
	} else if (c < 0x10000) {
		b[0] = (unsigned char)(0xE0 | c >> 12);
		len = 3;
	} else {
		b[0] = (unsigned char)(0xF0 | c >> 18);
		len = 4;
	}
	for (size_t i = 1; i < len; i++)
		b[i] = (unsigned char)(0x80 | (c >> 6 * (len - 1 - i) & 0x3F));
	return buf_add(out, b, len);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits behind the \u at r->at, which moves behind them. */
static enum status hex4(struct json_reader *r, uint32_t *out)
{
	if (r->end - r->at < 6)
		return json_malformed(r, "a \\u escape is cut short");
	*out = 0;
	for (int i = 2; i < 6; i++) {
		int digit = hex_digit(r->at[i]);

		if (digit < 0)
			return json_malformed(r, "a \\u escape needs four hexadecimal digits");
		*out = *out << 4 | (uint32_t)digit;
	}
	r->at += 6;
	return ST_OK;
}

static enum status unicode_escape(struct json_reader *r, uint32_t *c)
{
	const char *start = r->at;
	uint32_t low = 0;
	enum status st = hex4(r, c);

	if (st != ST_OK)
		return st;
	if (*c == 0)
		return json_fail(r, start, ST_MALFORMED, "a string must not hold the NUL character");
	if (*c >= 0xDC00 && *c <= 0xDFFF)
		return json_fail(r, start, ST_MALFORMED, "a low surrogate stands alone");
	if (*c < 0xD800 || *c > 0xDBFF)
		return ST_OK;
	if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
		return json_fail(r, start, ST_MALFORMED, "a high surrogate stands alone");
	st = hex4(r, &low);
	if (st != ST_OK)
		return st;
	if (low < 0xDC00 || low > 0xDFFF)
		return json_fail(r, start, ST_MALFORMED, "a high surrogate stands alone");
	*c = 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00);
	return ST_OK;
}

static enum status escape(struct json_reader *r, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	uint32_t c = 0;
	enum status st;

	if (r->end - r->at < 2)
		return json_malformed(r, "the string does not end");
	if (r->at[1] == 'u') {
		st = unicode_escape(r, &c);
		if (st != ST_OK)
			return st;
		return add_character(out, c) == ST_OK ? ST_OK : json_no_memory(r);
	}
	found = r->at[1] ? strchr(from, r->at[1]) : NULL;
	if (!found)
		return json_malformed(r, "unknown escape in a string");
	r->at += 2;
	return buf_add_u8(out, (uint8_t)to[found - from]) == ST_OK ? ST_OK : json_no_memory(r);
}

/* Characters that stand for themselves, up to a quote or a backslash. */
static enum status plain_run(struct json_reader *r, struct buf *out)
{
	const char *start = r->at;

	while (r->at < r->end && *r->at != '"' && *r->at != '\\') {
		size_t len = utf8_next(r->at, (size_t)(r->end - r->at));

		if (*r->at == '\n' || *r->at == '\r')
			return json_malformed(r, "the line ends inside a text; its closing quote is missing");
		if ((unsigned char)*r->at < 0x20)
			return json_malformed(r, "a control character in a string must be escaped");
		if (len == 0)
			return json_malformed(r, "invalid UTF-8");
		r->at += len;
	}
	return buf_add(out, start, (size_t)(r->at - start)) == ST_OK ? ST_OK : json_no_memory(r);
}

enum status json_read_string(struct json_reader *r, struct buf *out)
{
	const char *start = r->at++;
	enum status st = ST_OK;

	buf_reset(out);
	while (st == ST_OK && r->at < r->end && *r->at != '"')
		st = *r->at == '\\' ? escape(r, out) : plain_run(r, out);
	if (st != ST_OK)
		return st;
	if (r->at == r->end)
		return json_fail(r, start, ST_MALFORMED, "the string does not end");
	r->at++;
	return ST_OK;
}
