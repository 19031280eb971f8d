#include "core/hub/filter_budget.h"

enum { /* in percent of the limit */
	NEAR = 90,
	NEAR_NO_MORE = 80,
};

size_t filter_budget_places(const struct filter_need *n)
{
	return n->apart + (n->wide && n->custom > 1 ? 1 : n->custom);
}

size_t filter_budget_gain(const struct filter_need *n)
{
	return n->wide || n->fixed || n->custom < 2 ? 0 : n->custom - 1;
}

bool filter_budget_prefers(const struct filter_need *a, const struct filter_need *b)
{
	size_t gain_a = filter_budget_gain(a), gain_b = filter_budget_gain(b);

	return gain_a != gain_b ? gain_a > gain_b : a->at_hub < b->at_hub;
}

bool filter_budget_over(size_t max, size_t wanted)
{
	return max > 0 && wanted > max - 1;
}

bool filter_budget_takes(size_t max, size_t at_hub, bool exchange)
{
	return max == 0 || at_hub + 1 <= (exchange ? max : max - 1);
}

bool filter_budget_near(size_t limit, size_t at_hub, bool was)
{
	return limit > 0 && at_hub * 100 >= limit * (was ? NEAR_NO_MORE : NEAR);
}
