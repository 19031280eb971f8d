/* text.h - what came from others, on a terminal: UTF-8 that cannot steer it.
 * Pure; writes to the stream it is given.
 */
#ifndef HUBGATE_CLI_TEXT_H
#define HUBGATE_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	TEXT_SHOWN_MAX = 32 /* of text_duration() and text_bytes(), with NUL */
};

/* The character at text of len bytes > 0: its bytes, its columns (0, 1 or 2), and whether a
 * terminal would obey it: control characters, changes of the writing direction, what is no UTF-8.
 */
struct text_char {
	size_t len;
	unsigned columns;
	bool steers;
};
struct text_char text_char_at(const char *text, size_t len);

/* Columns that text_put() needs for all of it. */
size_t text_columns(const char *text);
/* Writes at most `columns` of it, the last a "…" when it is cut; what steers is a '?'. Returns the
 * columns written. */
size_t text_put(FILE *to, const char *text, size_t columns);
/* All of it. */
void text_put_all(FILE *to, const char *text);
/* In place: each character that steers is a '?', but line breaks stay. */
void text_make_inert(char *text);
/* JSON text, which stays the same JSON: what steers in its strings is written as \uXXXX. */
void text_put_json(FILE *to, const char *json);

/* "3 h 12 min", "45 s"; "34 KiB". */
void text_duration(double seconds, char out[TEXT_SHOWN_MAX]);
void text_bytes(double bytes, char out[TEXT_SHOWN_MAX]);

#endif
