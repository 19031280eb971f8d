/* report.h - what a run gave, a line for each, and the table at the end. */
#ifndef HUBGATE_TESTS_CRASH_REPORT_H
#define HUBGATE_TESTS_CRASH_REPORT_H

#include "tests/crash/world.h"

#include <stddef.h>

enum verdict {
	RUN_FAILED, /* also of a run that ended without a word */
	RUN_PASSED,
	RUN_SKIPPED
};

struct row { /* crosses from the run's process by value */
	enum verdict verdict;
	unsigned scenario; /* index */
	int kills, breaks, ms;
	uint64_t acked, delivered; /* numbers, not copies */
	uint64_t lost, excused;    /* acknowledged and not at the hub; of these, by the scenario */
	int lost_ms; /* the longest that a lost message had been acknowledged before a power cut */
	uint64_t duplicates, duplicates_most, reordered;
	char note[128], why[256];
};

/* Judges the world after world_settle(); fills the row. */
void report_judge(struct world *w, const struct world_numbers *n, struct row *row);
void report_line(unsigned run, const struct row *row);
void report_table(const struct row *rows, size_t count);

#endif
