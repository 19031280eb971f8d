/* json_writer.h - JSON text written member by member into a struct buf.
 * Room:  any; one owner. Pure.
 * Keeps: commas between members; the first thing that fails stays in st, and nothing is written
 *        after it: the text is then to be thrown away.
 * Usage: struct json_writer w = JSON_WRITER(out);
 *        json_open(&w, NULL, '{'); json_put_text(&w, "name", text); json_close(&w, '}');
 */
#ifndef HUBGATE_JSON_WRITER_H
#define HUBGATE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"

struct json_writer {
	struct buf *out; /* borrowed */
	enum status st;  /* ST_OK; of core/base/buf.h */
	bool more;       /* a comma comes before the next one */
};

#define JSON_WRITER(buffer)                         \
	{                                               \
		.out = (buffer), .st = ST_OK, .more = false \
	}

/* name: of the member, of letters, digits and _, as the hub's and our own are; NULL: an element of
 * an array, or the whole. */
void json_open(struct json_writer *w, const char *name, char bracket);         /* '{' or '[' */
void json_close(struct json_writer *w, char bracket);                          /* '}' or ']' */
void json_put_text(struct json_writer *w, const char *name, const char *text); /* NULL: null */
void json_put_int(struct json_writer *w, const char *name, int64_t value);
void json_put_count(struct json_writer *w, const char *name, uint64_t value);
void json_put_bool(struct json_writer *w, const char *name, bool value);
void json_put_null(struct json_writer *w, const char *name);
/* What is JSON text already. */
void json_put_raw(struct json_writer *w, const char *name, const void *text, size_t len);

#endif
