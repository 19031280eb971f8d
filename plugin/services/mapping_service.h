/* mapping_service.h - plain devices: messages on topics of their own become those of devices of
 * the hub, and commands come back on them, as mappings[] say.
 * Room:  BROKER.
 * Keeps: a device that logs in by itself is never spoken for by others: not while it is here, and
 *        not by a rule that does not name its client when the device has a secret.
 * Rules: core/mapping/mapping.h.
 */
#ifndef HUBGATE_MAPPING_SERVICE_H
#define HUBGATE_MAPPING_SERVICE_H

#include "plugin/base/context.h"

/* The products of the rules are ours from now on, and the doorbell watches the presence topics.
 * Again after they changed. ST_OK; ST_NOMEM; ST_FULL. */
enum status mapping_service_start(struct hubgate *h);
/* The rules of h->config are others now: devices that none of them makes are not spoken for any
 * more. */
void mapping_service_rules_changed(struct hubgate *h);
/* Is filter that of a presence topic? */
bool mapping_service_watches(const struct hubgate *h, const char *filter);
/* Some rule is for this very client, by its username or its id; any may be NULL. */
bool mapping_service_names(const struct hubgate *h, const char *client_id, const char *username);
/* A message of a client that is no device, or one with a login of plugin/lan/broker_login. ST_OK:
 * went up, or is none of ours; else as to_hub_send(). */
enum status mapping_service_message(struct hubgate *h, const struct mosquitto_evt_message *ed);
/* A message on its way to the doorbell. */
void mapping_service_presence(struct hubgate *h, const char *topic, const void *payload,
                              size_t len);

#endif
