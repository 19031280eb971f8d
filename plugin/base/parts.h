/* parts.h - what the plugin is made of, how it comes to life, and how it ends.
 * Room:  BROKER.
 * Keeps: only opening may refuse a start, and it begins no thread; what an open that fails leaves
 *        half done is undone, last part first. Threads start when the broker serves. A stop waits
 *        for no part beyond its mark, and one that hangs costs the others nothing.
 */
#ifndef HUBGATE_PARTS_H
#define HUBGATE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

struct hubgate;

struct part {
	const char *name; /* as a line of the log says it */
	/* Says itself why not, but for ST_NOMEM. NULL: nothing, as the others. */
	enum status (*open)(struct hubgate *h);
	/* Threads. On any but ST_OK it is tried again. */
	enum status (*start)(struct hubgate *h);
	/* Ends them and closes files. False: it hangs, and keeps what it uses. */
	bool (*stop)(struct hubgate *h, uint32_t wait_ms);
	uint32_t by_ms; /* of the whole stop: until when it may be waited for */
	/* In every turn; now_ms as hubgate_now_ms(). */
	void (*run)(struct hubgate *h, int64_t now_ms);
	/* When a turn shall come for it at the latest; INT64_MAX: whenever. */
	int64_t (*due)(const struct hubgate *h);
	/* Frees, also what an open left that failed. */
	void (*close)(struct hubgate *h);
};

struct parts {             /* zeroed but for the table */
	const struct part *at; /* borrowed */
	size_t count;
	size_t opened, started;
	int64_t retry_ms; /* of a start that failed; 0: none did */
};

/* First to last. On any but ST_OK those opened are closed again, last to first. */
enum status parts_open(struct parts *p, struct hubgate *h);
/* The broker serves. Cheap when all has started. */
void parts_start(struct parts *p, struct hubgate *h);
/* One turn of all, first to last. All were opened. */
void parts_run(const struct parts *p, struct hubgate *h, int64_t now_ms);
/* The soonest of all that is due; INT64_MAX: nothing is. */
int64_t parts_due(const struct parts *p, const struct hubgate *h);
/* Last to first. False: some part was left behind, which is logged, and nothing may be freed. Done
 * once. */
bool parts_stop(struct parts *p, struct hubgate *h);
void parts_close(struct parts *p, struct hubgate *h); /* last to first; stopped, or never started */

#endif
