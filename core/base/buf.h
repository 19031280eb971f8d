/* buf.h - a growable byte buffer that is born with a ceiling.
 * Room:  any; one owner at a time. Pure.
 * Keeps: len <= max. A failed add leaves the content as it was.
 */
#ifndef HUBGATE_BUF_H
#define HUBGATE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

struct buf {
	unsigned char *data; /* owned; NULL while nothing was ever added */
	size_t len, cap, max;
};

#define BUF_MAX(ceiling)                                   \
	{                                                      \
		.data = NULL, .len = 0, .cap = 0, .max = (ceiling) \
	}

/* Each returns ST_OK, ST_TOOBIG (over the ceiling) or ST_NOMEM. */
enum status buf_add(struct buf *b, const void *bytes, size_t len);
enum status buf_add_u8(struct buf *b, uint8_t value);
enum status buf_add_u16be(struct buf *b, uint16_t value);
enum status buf_add_text(struct buf *b, const char *text);
enum status buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for len more bytes at *out, not yet counted in b->len; the writer adds
 * to b->len what it used. */
enum status buf_reserve(struct buf *b, size_t len, unsigned char **out);

/* The content with a NUL after it (not counted); "" when empty.
 * NULL when there is no memory for the NUL. Borrowed until the next change. */
const char *buf_text(struct buf *b);

void buf_drop(struct buf *b, size_t len); /* removes from the front */
void buf_reset(struct buf *b);            /* empty, memory kept */
void buf_free(struct buf *b);             /* empty, memory returned */

#endif
