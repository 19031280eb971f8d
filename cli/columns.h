/* columns.h - a table for people: columns as wide as what stands in them, within the terminal. */
#ifndef HUBGATE_CLI_COLUMNS_H
#define HUBGATE_CLI_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	COLUMNS_MAX = 12
};

struct column {
	const char *title;
	bool right; /* numbers */
	bool gives; /* is cut where the terminal is too narrow; the widest first */
};

struct columns; /* opaque; keeps what its rows hold */

/* Borrowed columns, at most COLUMNS_MAX. NULL: no memory. */
struct columns *columns_new(const struct column *columns, size_t count);
void columns_free(struct columns *t); /* NULL is fine */
/* Copies a text for each column; NULL is "". False: no memory. */
bool columns_add(struct columns *t, const char *const cells[]);
/* `width` columns; 0: as wide as it is. */
void columns_print(const struct columns *t, FILE *to, size_t width);

/* Of the terminal behind standard output; 0: it is none. */
size_t columns_of_terminal(void);

#endif
