#include "tests/hubsim/subscriptions.h"

#include <stdlib.h>
#include <string.h>

void subscriptions_clear(struct account *a)
{
	for (size_t i = 0; i < a->filter_count; i++)
		free(a->filters[i]);
	free(a->filters);
	a->filters = NULL;
	a->filter_count = 0;
}

void subscriptions_begin(struct account *a, bool clean)
{
	if (clean || a->clean)
		subscriptions_clear(a);
	a->clean = clean;
}

static char **find(const struct account *a, const char *filter)
{
	for (size_t i = 0; i < a->filter_count; i++) {
		if (strcmp(a->filters[i], filter) == 0)
			return &a->filters[i];
	}
	return NULL;
}

bool subscriptions_add(struct account *a, const char *filter, int max)
{
	char **grown, *copy;

	if (find(a, filter))
		return true;
	if (max > 0 && a->filter_count >= (size_t)max)
		return false;
	grown = realloc(a->filters, (a->filter_count + 1) * sizeof *grown);
	copy = strdup(filter);
	if (grown)
		a->filters = grown;
	if (!grown || !copy) {
		free(copy);
		return false;
	}
	grown[a->filter_count++] = copy;
	if (a->filter_count > a->most_filters)
		a->most_filters = a->filter_count;
	return true;
}

void subscriptions_remove(struct account *a, const char *filter)
{
	char **at = find(a, filter);

	if (!at)
		return;
	free(*at);
	*at = a->filters[--a->filter_count];
}
