/* filter_budget.h - how many subscriptions the gateway may have at the hub, and which device has
 * one filter for all of its custom topics in place of one for each.
 * Room:  any. Pure.
 * Keeps: one place below the bound stays free, for a wide filter that takes the place of others: it
 *        is subscribed before they go.
 * Facts: docs/protocol/limits.md "Mainland and international differ"; docs/protocol/topics.md 3.
 */
#ifndef HUBGATE_FILTER_BUDGET_H
#define HUBGATE_FILTER_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

enum {
	FILTER_BUDGET_LEAST = 10 /* a bound below that leaves no room for anything */
};

/* What one device needs at the hub. */
struct filter_need {
	size_t apart;  /* filters that no other stands for: those of `$` topics */
	size_t custom; /* those of its custom topics */
	size_t at_hub; /* of these, subscribed already */
	bool wide;     /* one stands for all of custom */
	bool fixed;    /* it stays as it is: away, or the hub refused the wide one */
};

size_t filter_budget_places(const struct filter_need *n);
/* How many places it gives back when it becomes wide; 0: none, or it cannot. */
size_t filter_budget_gain(const struct filter_need *n);
/* a becomes wide before b: it gains more, or as much with less to exchange. */
bool filter_budget_prefers(const struct filter_need *a, const struct filter_need *b);

/* With so many places wanted, the gateway's own channel included, some device must become wide.
 * max 0: never. */
bool filter_budget_over(size_t max, size_t wanted);
/* One more may be subscribed beside at_hub; exchange: it takes the place of others that are there.
 * max 0: always. */
bool filter_budget_takes(size_t max, size_t at_hub, bool exchange);

/* at_hub is close to limit (0: there is none); was: it was so when last asked, and stays so until
 * it is clearly below. */
bool filter_budget_near(size_t limit, size_t at_hub, bool was);

#endif
