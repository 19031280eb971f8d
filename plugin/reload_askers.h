/* reload_askers.h - who commanded a reload and waits to hear what came of it.
 * Room:  BROKER.
 */
#ifndef HUBGATE_RELOAD_ASKERS_H
#define HUBGATE_RELOAD_ASKERS_H

#include "plugin/base/asker.h"
#include "plugin/reload_plan.h"

enum {
	RELOAD_ASKERS_MAX = 16,
};

struct reload_askers { /* zeroed: none; owned */
	struct asker *at[RELOAD_ASKERS_MAX];
	size_t count;
};

/* Takes a. ST_OK; ST_FULL: it is answered that there are too many. */
enum status reload_askers_add(struct reload_askers *list, struct asker *a);
/* Those of from stand in into as well, and no more in from. */
void reload_askers_join(struct reload_askers *into, struct reload_askers *from);
/* All hear why, and are gone. */
void reload_askers_refuse(struct reload_askers *list, const char *why);
/* All hear what the plan says: the file's errors, one a line; or that it counts, with what else was
 * said of it. */
void reload_askers_answer(struct reload_askers *list, const struct reload_plan *p, bool counts);
void reload_askers_free(struct reload_askers *list); /* without a word */

#endif
