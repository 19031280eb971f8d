/* command.h - messages of the hub for devices: handed to the broker, or kept until their device can
 * take them.
 * Room:  BROKER.
 * Keeps: a QoS 1 message that its device cannot take now is in the state store before the hub gets
 *        its acknowledgement, and leaves it when a session that has it lived on for a while, or
 *        by a bound. It is kept as the hub sent it; for a plain device it becomes what the LAN
 *        gets when it is handed over. Order per device. At least once.
 * Facts: docs/architecture.md 4 "Commands for devices that are away";
 * docs/protocol/connection.md 7.
 */
#ifndef HUBGATE_COMMAND_H
#define HUBGATE_COMMAND_H

#include "core/hub/topic.h"
#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

enum status command_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void command_close(struct hubgate *h);

/* A stored one. False: of no device that is known. */
bool command_load(struct hubgate *h, const struct state_entry *e);
/* A message of the hub for d, on a topic of this kind. Takes down. */
void command_take(struct hubgate *h, struct device *d, enum topic_kind kind,
                  struct uplink_down *down);
/* A session subscribed something of d (device_set_connection()): what waits for that goes out. */
void command_subscribed(struct hubgate *h, struct device *d);
/* Somebody subscribed this on the LAN, $share/{group}/ stripped: it may be a plain device. */
void command_lan_subscribed(struct hubgate *h, const char *filter);
/* The broker delivers a message to a client that may read it. */
void command_read(struct hubgate *h, const struct mosquitto_evt_acl_check *ed);
/* More is known of a plain device, so that its commands may be ready for the LAN now. */
void command_learned(struct hubgate *h, const struct device *d);
/* mappings[] are others now: what nobody took as the old ones made it is tried again. */
void command_rules_changed(struct hubgate *h);
/* d was unbound or is removed: its commands are dropped. */
void command_drop(struct hubgate *h, struct device *d);
/* The same, and d is freed after it. */
void command_forget(struct hubgate *h, struct device *d);
/* commands.max_age_s changed. */
void command_age_changed(struct hubgate *h);

/* Sessions that came, times that are over, and what the disk did not take. */
void command_run(struct hubgate *h, int64_t now_ms);
int64_t command_due(const struct hubgate *h); /* INT64_MAX: nothing is under way */

#endif
