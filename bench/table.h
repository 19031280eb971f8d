/* table.h - results: printed as they come, written as JSON at the end. */
#ifndef HUBGATE_BENCH_TABLE_H
#define HUBGATE_BENCH_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum bar_kind {
	BAR_NONE,
	BAR_AT_LEAST,
	BAR_AT_MOST
};

struct result {               /* texts are borrowed during the call */
	const char *bench, *what; /* "forward", "TLS, QoS 1, 50 publishers, 128 B: delivered" */
	const char *unit;         /* "1/s", "us", ""; "x": a ratio */
	double plugin, bridge;    /* medians; bridge negative: not compared */
	double ratio;             /* median of the rounds' ratios; 0: of the medians */
	enum bar_kind kind;       /* judged by the ratio when there is a bridge, else by plugin */
	double bar;
};

struct table; /* opaque */

struct table *table_new(void);
void table_free(struct table *t);
void table_add(struct table *t, const struct result *r);
/* A benchmark that could not be carried out counts as short. */
void table_failed(struct table *t, const char *bench, const char *why);
int table_short(const struct table *t); /* bars missed */
int table_bars(const struct table *t);

struct table_machine { /* what it was like meanwhile */
	double load_before, load_after;
	int64_t stolen_ms;
	double seconds;
};
bool table_write(const struct table *t, const char *path, const struct table_machine *m);

#endif
