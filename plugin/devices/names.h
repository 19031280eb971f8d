/* names.h - names that clients here speak for and that nobody says are ours (core/hub/standing.h):
 * how many there may be, who gives way, what is said of them, and their end. And what the hub's
 * list says of names that nobody has spoken for yet.
 * Room:  BROKER.
 * Keeps: nothing of such a name is stored. Of those that the hub refused at most
 *        presence.max_unknown are known, the least recently heard gives way; they never count
 *        against the devices of the gateway. A name that gave way is forgotten altogether, here and
 *        in the uplink: pointers to its device end with it.
 */
#ifndef HUBGATE_NAMES_H
#define HUBGATE_NAMES_H

#include "plugin/base/context.h"

enum {
	NAMES_REPORT_MS = 600000, /* between two lines of the log; who is idle so long is forgotten */
};

enum status names_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void names_close(struct hubgate *h);       /* before the devices */

/* What decides about d has changed. What comes to be ours is stored. */
void names_settle(struct hubgate *h, struct device *d);
/* Somebody spoke for d. */
void names_heard(struct hubgate *h, struct device *d);
/* One more that the hub has not been asked about. True: there is room, perhaps as another one that
 * nobody speaks for any more and that has nothing to say gave way. by_program: whom the gateway
 * application names finds room beside those of mappings[]. */
bool names_make_room(struct hubgate *h, bool by_program);
size_t names_own(const struct hubgate *h); /* devices that are ours */
/* Of those that the hub refused at most max, those heard last first. Returns how many. */
size_t names_strangers(const struct hubgate *h, const struct device *out[], size_t max);
/* False: not now, as a client is logged in as d, or the uplink has no room for the order. */
bool names_let_go(struct hubgate *h, struct device *d);
/* d is retired: it counts nowhere. */
void names_retire(struct hubgate *h, struct device *d);
/* Strangers beyond the bound give way; who was just heard is the last of them. Not while somebody
 * walks through the devices. */
void names_trim(struct hubgate *h);

/* The hub called a name bound, or not, that is no device here. */
void names_hub_said(struct hubgate *h, const char *client_id, bool bound);
/* A list is over, or a part of it. Who was not on it is bound no more for what is known, or the
 * list was cut: when it is heard, the hub is asked. */
void names_list_end(struct hubgate *h);
bool names_bound(const struct hubgate *h, const char *client_id);

void names_run(struct hubgate *h, int64_t now_ms);
int64_t names_due(const struct hubgate *h); /* INT64_MAX: nothing is to be said */

#endif
