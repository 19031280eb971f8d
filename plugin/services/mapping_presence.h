/* mapping_presence.h - is a plain device there? By the conditions of its rules, by whoever speaks
 * for it, and by what it says itself.
 * Room:  BROKER.
 *
 * A *voice* is a rule that a client speaks for a device by; a device has one for each bridge that
 * hears it, and is there while one of them says so. A voice says so while all conditions of its
 * rule hold. A *fact* is what was last told on one topic of a condition; all voices with that topic
 * share it, so one message of a bridge counts for all its devices. A *speaker* is the client behind
 * voices, known by its client id: it may leave and return.
 *
 * Keeps: what many voices learn at once is passed on to the uplink by slices, so that no callback
 *        pays for 1,500 devices. Facts that no voice has are FACTS_MAX at most.
 */
#ifndef HUBGATE_MAPPING_PRESENCE_H
#define HUBGATE_MAPPING_PRESENCE_H

#include "core/mapping/mapping.h"
#include "plugin/base/context.h"

enum status mapping_presence_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void mapping_presence_close(struct hubgate *h);

/* The rules of h->config begin to count: all voices are made anew with them, and what no rule makes
 * is forgotten (h->renew_mapped()), of some devices now and of the others in the next turns.
 * ST_OK; ST_NOMEM: nothing is told of any device. */
enum status mapping_presence_rules(struct hubgate *h);

/* d is spoken for by a rule; client NULL: nobody knows by whom. heard: it sent a message. */
void mapping_presence_spoken(struct hubgate *h, struct device *d, const struct config_mapping *m,
                             const struct mapping_values *values, const struct mosquitto *client,
                             bool heard);
/* What was told of condition i of m on the topic with these captures. proven: by a client whose
 * username the broker checked and the rule names. */
void mapping_presence_fact(struct hubgate *h, const struct config_mapping *m, size_t i,
                           const struct mapping_values *values, bool there, bool proven);
/* d has no voices any more. */
void mapping_presence_forget(struct hubgate *h, struct device *d);

/* A client logs in: it is there once the broker let it in (on 2.1 CONNECT, on 2.0 the next tick).
 */
void mapping_presence_login(struct hubgate *h, const struct mosquitto *client);
void mapping_presence_client_here(struct hubgate *h, const struct mosquitto *client);
void mapping_presence_logins_settle(struct hubgate *h); /* the tick of 2.0 */
void mapping_presence_client_gone(struct hubgate *h, const struct mosquitto *client);

void mapping_presence_run(struct hubgate *h, int64_t now_ms);
int64_t mapping_presence_due(const struct hubgate *h); /* INT64_MAX: nothing */

#endif
