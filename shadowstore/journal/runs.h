/* runs.h - sequence numbers that follow each other, as runs.
 * Room:  whoever holds them.
 */
#ifndef HUBGATE_RUNS_H
#define HUBGATE_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

struct run { /* both ends included */
	uint64_t first, last;
};

struct runs {       /* all zeros: none */
	struct run *at; /* owned */
	size_t count, size;
};

void runs_free(struct runs *r);
/* In any order, until runs_sort(). ST_OK; ST_NOMEM. */
enum status runs_add(struct runs *r, uint64_t first, uint64_t last);
void runs_sort(struct runs *r); /* and they stand apart from each other */
/* Of sorted ones the first run that ends at or behind seq; NULL: none. */
const struct run *runs_at(const struct runs *r, uint64_t seq);

#endif
