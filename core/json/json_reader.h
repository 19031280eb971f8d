/* json_reader.h - what the files of the JSON reader share. Not for others.
 * Room:  any. Pure.
 * Split: json.c reads structure, numbers and words; json_string.c reads strings; json_explain.c
 *        says where and why reading stopped.
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
	const char *behind;        /* the value before at, for JSON_NEXT and JSON_TIGHT */
	const char *bad_at, *what; /* set with the first status but ST_OK */
	const cJSON *bad_node;     /* the member that is meant; NULL: none */
};

enum json_place { /* what must stand at r->at */
	JSON_VALUE,
	JSON_NAME,
	JSON_COLON,
	JSON_NEXT,  /* a comma or the closing bracket */
	JSON_TIGHT, /* the same, right behind a value */
	JSON_END,   /* nothing */
};

/* Notes where and why reading stops; returns st. */
enum status json_fail(struct json_reader *r, const char *at, enum status st, const char *what);
enum status json_malformed(struct json_reader *r, const char *what);
enum status json_no_memory(struct json_reader *r);
/* Something else stands at r->at: notes what it looks like, and what to do. ST_MALFORMED. */
enum status json_unexpected(struct json_reader *r, enum json_place place);
void json_locate(const struct json_reader *r, struct json_error *err);

/* The string whose opening quote is at r->at, unescaped, replaces the content of
 * out. ST_OK (r->at behind the closing quote); ST_MALFORMED; ST_NOMEM. */
enum status json_read_string(struct json_reader *r, struct buf *out);

#endif
