/* ranges.h - a set of bytes of a file, as ranges in order, none touching another. */
#ifndef HUBGATE_TESTS_DISKSHIM_RANGES_H
#define HUBGATE_TESTS_DISKSHIM_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t from, to; /* `to` is behind the last byte */
};

struct ranges {       /* all zero: empty */
	struct range *at; /* owned */
	size_t count, size;
};

/* Memory that cannot be had ends the process: a test without its tool says nothing. */
void ranges_add(struct ranges *r, uint64_t from, uint64_t to);
void ranges_remove(struct ranges *r, uint64_t from, uint64_t to);
void ranges_clear(struct ranges *r); /* and frees */

#endif
