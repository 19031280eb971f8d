/* metrics.h - counters, gauges and the histogram of time in callbacks.
 * Room:  any: atomics, no locks. The table in core/base/metrics.tbl makes the names,
 *        the help texts and docs/metrics.md.
 */
#ifndef HUBGATE_METRICS_H
#define HUBGATE_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum metric {
#define METRIC(id, name, help) id,
#include "core/base/metrics.tbl"
#undef METRIC
	METRIC_COUNT
};

/* Callbacks of the broker whose duration is measured (promise P2). */
enum callback {
	CALLBACK_AUTH,
	CALLBACK_ACL,
	CALLBACK_MESSAGE,
	CALLBACK_PRESENCE,
	CALLBACK_TICK,
	CALLBACK_RELOAD,
	CALLBACK_COUNT
};

enum {
	HISTOGRAM_BUCKETS = 24 /* bucket i: under 2^i microseconds; last: rest */
};

struct histogram {
	_Atomic uint64_t bucket[HISTOGRAM_BUCKETS];
	_Atomic uint64_t sum_ns, max_ns;
};

struct metrics {
	_Atomic uint64_t value[METRIC_COUNT];
	struct histogram callbacks[CALLBACK_COUNT];
};

void metric_add(struct metrics *m, enum metric id, uint64_t n);
void metric_set(struct metrics *m, enum metric id, uint64_t n);
uint64_t metric_get(const struct metrics *m, enum metric id);
/* Every value as it is now; what others change meanwhile may be in it or not. */
void metrics_copy(struct metrics *to, const struct metrics *from);
const char *metric_name(enum metric id); /* "messages_accepted_total" */
const char *metric_help(enum metric id);
const char *metric_callback(enum callback c); /* "message" */

void histogram_add(struct histogram *h, uint64_t ns);
uint64_t histogram_count(const struct histogram *h);
/* Upper bound, in microseconds, of the bucket that holds the p-th part (0..1); of the
 * last bucket the longest time seen. 0 while the histogram is empty. */
uint64_t histogram_quantile_us(const struct histogram *h, double p);
/* Adds from to into. */
void histogram_merge(struct histogram *into, const struct histogram *from);

#endif
