/* world.h - the hub simulator, a LAN broker with the plugin, publishers, and what a run of a
 * scenario does to them. One world per process: a run is a child of the test program.
 *
 * Functions that return bool say on stderr why they return false; the run has then failed. */
#ifndef HUBGATE_TESTS_CRASH_WORLD_H
#define HUBGATE_TESTS_CRASH_WORLD_H

#include "tests/crash/load.h"
#include "tests/crash/power.h"
#include "tests/crash/seen.h"
#include "tests/harness/harness.h"

enum {
	WINDOW_UP = 20, /* hub.window */
	WINDOW_LAN = 8, /* of each publisher */
	WAIT_MS = 10000 /* for what comes at once on an idle machine */
};

struct scenario;

struct world {
	const struct scenario *scenario;
	uint64_t random; /* state of the run's own sequence: same seed, same schedule */
	struct sim *sim;
	struct lan *lan;
	struct load *load;
	struct seen *seen;
	char *store;               /* directory of the journal */
	int kills, breaks;         /* of the broker; of the connection to the hub */
	struct cut cuts[CUTS_MAX]; /* of the power */
	int cut_count;
	int starts;                                  /* beside the broker's own */
	unsigned char (*may_miss)[LOAD_SEQ_MAX + 1]; /* by device: its record was damaged or cut */
	char note[128];                              /* what was chosen, for the report */
	char why[256];                               /* the first broken promise; empty: none */
};

struct world_numbers { /* hubgate's own words */
	double accepted, delivered, superseded, queued, bound, suspect, poison, age, damaged;
};

/* Everything is up and the publishers publish. */
bool world_open(struct world *w, const struct scenario *sc, uint64_t seed);
void world_close(struct world *w);
/* Keeps the first reason. Always false. */
bool world_broken(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

unsigned world_below(struct world *w, unsigned bound); /* 0..bound-1 */
/* Lets the load run for a time between the two, in ms. */
void world_pause(struct world *w, unsigned from_ms, unsigned to_ms);

bool world_kill(struct world *w);    /* kill -9 of the broker */
bool world_restart(struct world *w); /* the broker; it accepts clients */
bool world_wan_down(struct world *w);
bool world_wan_up(struct world *w);
bool world_fault(struct world *w, const char *mode);
bool world_break(struct world *w, const char *cmd); /* "cut" or "reset" */
bool world_hub_kill(struct world *w);
bool world_hub_restart(struct world *w);

/* No new messages; until every publisher has its acknowledgements, the queue is empty and the hub
 * quiet. */
bool world_settle(struct world *w, struct world_numbers *out);
/* One publication of hubgate's numbers, made after this call. */
bool world_numbers(struct world *w, struct world_numbers *out);

#endif
