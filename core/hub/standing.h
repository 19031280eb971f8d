/* standing.h - how far a name is known to be a device of this gateway, and who gives way to whom.
 * Room:  any. Pure; the one place that says it.
 * Facts: docs/architecture.md 4 "What the hub does not know costs nothing lasting".
 */
#ifndef HUBGATE_STANDING_H
#define HUBGATE_STANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum standing {
	STANDING_OWN,      /* configured, registered, or called bound by the hub at some time */
	STANDING_UNASKED,  /* made by a mapping or an application; the hub has not answered yet */
	STANDING_STRANGER, /* the hub said: not bound */
	STANDINGS
};

enum {
	STANDING_UNASKED_MAX =
		1500, /* as many as a gateway may have devices, docs/protocol/limits.md */
	STANDING_BY_PROGRAM_MAX =
		2 * STANDING_UNASKED_MAX, /* a gateway application finds room beside */
	STRANGER_MESSAGES_MAX = 100,  /* that wait, of one */
	STRANGER_RETRY_MS = 60000,
	STRANGER_RETRY_MAX_MS = 3600000,
};

struct standing_facts {
	bool configured, registered;
	bool proven;  /* the hub called it bound: by `online`, on its list, or by a notification */
	bool refused; /* `online` was refused */
};

enum standing standing_of(const struct standing_facts *f);
/* One name more that the hub has not been asked about. */
bool standing_has_room(size_t unasked, bool by_program);
/* At a bound of the store: who stands higher loses messages before all who stand lower. */
unsigned standing_gives_way(enum standing s);
/* After how many refusals of a name: 1, 2, 4 ... minutes up to an hour, before the jitter. */
int64_t standing_pause_ms(unsigned refusals);

#endif
