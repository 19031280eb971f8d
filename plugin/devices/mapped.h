/* mapped.h - what is known of a device that a rule of mappings[] makes: the name that it calls
 * itself, and what the captures of its last message stood for, with which commands find it; across
 * restarts too.
 * Room:  BROKER.
 * Keeps: nothing of a name before it is ours (core/hub/standing.h). What only changes from message
 *        to message is written once a minute at most.
 * Facts: docs/state-format.md "Mapped devices".
 */
#ifndef HUBGATE_MAPPED_H
#define HUBGATE_MAPPED_H

#include "core/base/list.h"
#include "core/mapping/mapping.h"
#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

struct voice; /* plugin/services/mapping_presence */

struct mapped { /* owned by its device: device.mapped */
	struct device *device;
	/* Owned; NULL: it has not been heard. up: of the rule that took its last message. */
	char *original, *up, *client_id;
	struct mapping_values values; /* those that rules need */
	bool by_username;             /* who spoke for it last was one that the broker checked */
	int64_t stored_ms;            /* 0: nothing is */
	int64_t register_ms, register_pause_ms; /* not again before; and then after */
	bool registers;                         /* in the line of those that are to be registered */
	struct mapped *registers_next;
	/* plugin/services/mapping_presence */
	struct voice *voices;
	size_t voice_count;
	bool looked_for; /* in the line of those that are to be looked at */
	bool renews;     /* the rules have changed since */
	struct mapped *prev, *next;
};

/* That of d, made when there is none. NULL: no memory. */
struct mapped *mapped_of(struct device *d);
void mapped_free(struct device *d); /* its voices are gone; none is fine */
/* d was heard as hit says, by this client. True: something is known of it that was not, or is other
 * than it was. */
bool mapped_note(struct hubgate *h, struct device *d, const struct mapping_hit *hit,
                 const char *client_id);
struct mapping_known mapped_known(const struct device *d);
/* A stored one. False: of no device that is known. */
bool mapped_load(struct hubgate *h, const struct state_entry *e);
void mapped_erase(struct hubgate *h, const struct device *d); /* from the store */

#endif
