/* json_reader.h - what the files of the JSON reader share. Not for others.
 * Room:  any. Pure.
 * Split: json.c reads structure, numbers and words; json_string.c reads strings.
 */
#ifndef HUBGATE_JSON_READER_H
#define HUBGATE_JSON_READER_H

#include "core/base/buf.h"
#include "core/json/json.h"

struct json_reader {
	const char *at, *end, *start;
	unsigned line; /* of at: white space alone moves it on */
	unsigned values;
	bool last_counts; /* of a repeated member name; else it is a fault */
	const struct json_limits *lim;
	json_line_fn *on_node;
	void *ctx;
	cJSON *root;               /* owned; every node hangs in it once made */
	struct buf name, text;     /* the member name just read; the token just read */
	const char *bad_at, *what; /* set with the first status but ST_OK */
};

/* Notes where and why reading stops; returns st. */
enum status json_fail(struct json_reader *r, const char *at, enum status st, const char *what);
enum status json_malformed(struct json_reader *r, const char *what);
enum status json_no_memory(struct json_reader *r);

/* The string whose opening quote is at r->at, unescaped, replaces the content of
 * out. ST_OK (r->at behind the closing quote); ST_MALFORMED; ST_NOMEM. */
enum status json_read_string(struct json_reader *r, struct buf *out);

#endif
