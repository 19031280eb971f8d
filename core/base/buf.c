#include "core/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_CAP = 64
};

/* One byte more than the content is always allocated, for buf_text()'s NUL. */
static enum status grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	unsigned char *data;

	if (need <= b->cap)
		return ST_OK;
	while (cap < need)
		cap = cap <= b->max / 2 ? cap * 2 : b->max;
	data = realloc(b->data, cap + 1);
	if (!data)
		return ST_NOMEM;
	b->data = data;
	b->cap = cap;
	return ST_OK;
}

enum status buf_reserve(struct buf *b, size_t len, unsigned char **out)
{
	enum status st;

	if (len > b->max - b->len)
		return ST_TOOBIG;
	st = grow(b, len > 0 ? b->len + len : 1);
	if (st == ST_OK)
		*out = b->data + b->len;
	return st;
}

enum status buf_add(struct buf *b, const void *bytes, size_t len)
{
	unsigned char *at = NULL;
	enum status st;

	if (len == 0)
		return ST_OK;
	st = buf_reserve(b, len, &at);
	if (st != ST_OK)
		return st;
	memcpy(at, bytes, len);
	b->len += len;
	return ST_OK;
}

enum status buf_add_u8(struct buf *b, uint8_t value)
{
	return buf_add(b, &value, 1);
}

enum status buf_add_u16be(struct buf *b, uint16_t value)
{
	uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	return buf_add(b, bytes, sizeof bytes);
}

enum status buf_add_text(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

enum status buf_addf(struct buf *b, const char *format, ...)
{
	unsigned char *at = NULL;
	va_list args;
	enum status st;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return ST_INVALID;
	if (len == 0)
		return ST_OK;
	st = buf_reserve(b, (size_t)len, &at);
	if (st != ST_OK)
		return st;
	va_start(args, format);
	vsnprintf((char *)at, (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
	return ST_OK;
}

const char *buf_text(struct buf *b)
{
	if (!b->data && grow(b, 1) != ST_OK)
		return NULL;
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

void buf_drop(struct buf *b, size_t len)
{
	if (len >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
}

void buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}
