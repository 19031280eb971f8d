/* shadow.h - the hub's device shadows (docs/protocol/shadow.md 1-5). Main thread only. Metadata is
 * not kept. Documents survive a restart beside the cloud's state file, if there is one. */
#ifndef HUBSIM_SHADOW_H
#define HUBSIM_SHADOW_H

#include "tests/hubsim/account.h"
#include "tests/hubsim/event.h"

struct shadows; /* opaque */

struct shadow_habits {      /* what real hubs were seen to do */
	bool digits17;          /* doubles are written anew, with 17 digits */
	unsigned first_version; /* of a document that was never written before */
	char tail;              /* the byte behind the JSON text */
};

/* Borrows both for its life. NULL when out of memory. */
struct shadows *shadows_new(struct cloud *c, struct events *e);
void shadows_free(struct shadows *s); /* NULL is fine */

/* A message that was let through by the ACL; anything but $shadow/operation/ is left. */
void shadows_message(struct shadows *s, const char *topic, const void *payload, size_t len);
/* Next `count` (negative: all) requests are carried out, their answers lost. */
void shadows_mute(struct shadows *s, int count);
void shadows_behave(struct shadows *s, const struct shadow_habits *habits);

/* The application sets desired: members, null removes. Sends the delta. NULL, or why not. */
const char *shadows_desire(struct shadows *s, const char *device, const cJSON *desired);
/* Adds "version" and "updates" to out, "reported" and "desired" as texts that hold JSON. */
void shadows_show(struct shadows *s, const char *device, cJSON *out);
void shadows_forget(struct shadows *s, const char *device); /* "" all */
/* {"gets":n,"updates":n,"conflicts":n,"refused":n,"per_device_max":n}; caller owns. */
cJSON *shadows_stats(const struct shadows *s);

#endif
