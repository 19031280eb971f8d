#include "tests/diskshim/ranges.h"

#include <stdlib.h>
#include <string.h>

static void insert(struct ranges *r, size_t i, uint64_t from, uint64_t to)
{
	if (r->count == r->size) {
		r->size = 2 * r->size + 8;
		r->at = realloc(r->at, r->size * sizeof r->at[0]);
		if (!r->at)
			abort();
	}
	memmove(&r->at[i + 1], &r->at[i], (r->count - i) * sizeof r->at[0]);
	r->at[i] = (struct range){ from, to };
	r->count++;
}

static void erase(struct ranges *r, size_t i, size_t n)
{
	memmove(&r->at[i], &r->at[i + n], (r->count - i - n) * sizeof r->at[0]);
	r->count -= n;
}

void ranges_add(struct ranges *r, uint64_t from, uint64_t to)
{
	size_t i = 0, n = 0;

	if (from >= to)
		return;
	while (i < r->count && r->at[i].to < from)
		i++;
	for (; i + n < r->count && r->at[i + n].from <= to; n++) {
		from = r->at[i + n].from < from ? r->at[i + n].from : from;
		to = r->at[i + n].to > to ? r->at[i + n].to : to;
	}
	if (n == 0) {
		insert(r, i, from, to);
		return;
	}
	r->at[i] = (struct range){ from, to };
	erase(r, i + 1, n - 1);
}

void ranges_remove(struct ranges *r, uint64_t from, uint64_t to)
{
	size_t i = 0;

	while (i < r->count && r->at[i].from < to) {
		struct range *at = &r->at[i], old = *at;

		if (old.to <= from) {
			i++;
		} else if (old.from < from) {
			at->to = from;
			if (old.to > to)
				insert(r, i + 1, to, old.to);
			i++;
		} else if (old.to > to) {
			at->from = to;
			i++;
		} else {
			erase(r, i, 1);
		}
	}
}

void ranges_clear(struct ranges *r)
{
	free(r->at);
	*r = (struct ranges){ .count = 0 };
}
