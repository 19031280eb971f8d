#include "shadowstore/journal/runs.h"

#include <stdlib.h>

void runs_free(struct runs *r)
{
	free(r->at);
	*r = (struct runs){ NULL, 0, 0 };
}

enum status runs_add(struct runs *r, uint64_t first, uint64_t last)
{
	if (r->count > 0 && r->at[r->count - 1].last + 1 == first) {
		r->at[r->count - 1].last = last;
		return ST_OK;
	}
	if (r->count == r->size) {
		size_t size = r->size * 2 + 64;
		struct run *at = realloc(r->at, size * sizeof(*at));

		if (!at)
			return ST_NOMEM;
		r->at = at;
		r->size = size;
	}
	r->at[r->count++] = (struct run){ first, last };
	return ST_OK;
}

static int by_first(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

void runs_sort(struct runs *r)
{
	size_t kept = 0;

	if (r->count == 0)
		return;
	qsort(r->at, r->count, sizeof(r->at[0]), by_first);
	for (size_t i = 1; i < r->count; i++) {
		if (r->at[i].first > r->at[kept].last + 1)
			r->at[++kept] = r->at[i];
		else if (r->at[i].last > r->at[kept].last)
			r->at[kept].last = r->at[i].last;
	}
	r->count = kept + 1;
}

const struct run *runs_at(const struct runs *r, uint64_t seq)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->at[mid].last < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->count ? &r->at[low] : NULL;
}
