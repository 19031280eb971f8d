/* power.h - the broker's disk as diskshim.so makes it, and what a power cut may take.
 *
 * A scenario whose `prepare` is power_prepare and whose `store_dir` is power_store has such a disk:
 * every broker that starts has the library in front of it. */
#ifndef HUBGATE_TESTS_CRASH_POWER_H
#define HUBGATE_TESTS_CRASH_POWER_H

#include "tests/crash/faults.h"
#include "tests/diskshim/diskshim.h"

#include <stdint.h>

enum {
	CUTS_MAX = 8,
	FAST_SYNC_MS = 2,
	FLUSH_BEFORE_ACK = -1, /* as a scenario's flush_ms: store.flush_ms is 0 */
};

struct cut {
	int64_t off_ms, on_ms; /* nothing became durable from `off` on; the broker started at `on` */
	int allowed_ms;        /* what was acknowledged so long before `off` may be missing */
};

struct world;

enum ready power_prepare(const char **why);
const char *power_store(void);
void power_preload(void);          /* before a broker is first started; nothing if not prepared */
struct diskshim *power_disk(void); /* NULL: not prepared */
/* From now on `times` calls, or DISKSHIM_ALL, fail, in the place of the fault before. 0: none. */
void power_fault(unsigned calls, int error, const char *path, int times);
unsigned power_fault_hits(void); /* since power_fault() */

int power_flush_ms(const struct scenario *sc); /* store.flush_ms */
/* kill -9, and store.dir holds what was durable. world_restart() follows. */
bool power_cut(struct world *w);
/* The same in two steps, for a broker that is not the world's: it is killed between them. */
bool power_cut_begin(struct world *w);
bool power_cut_end(struct world *w);
void power_on(struct world *w); /* world_restart() says so */
/* P1's exception: acknowledged less than flush_ms and two syncs before a cut. `*before_ms`: how
 * long before it. */
bool power_excuses(const struct world *w, int64_t acked_ms, int *before_ms);

#endif
