/* mapping_service.h - plain devices: messages on topics of their own become those of devices of
 * the hub, and commands come back on them, as mappings[] say.
 * Room:  BROKER.
 * Keeps: who once logged in by itself is never spoken for by others; for whom devices[] say how it
 *        logs in, only a client speaks whose username the broker checked and the rule names. That
 *        holds for messages and presence alike. Who published is known of a client's message and
 *        of a will, by its WRITE check; of what the broker retained it is not: that changes
 *        devices which exist, and makes none.
 * Rules: core/mapping/mapping.h.
 */
#ifndef HUBGATE_MAPPING_SERVICE_H
#define HUBGATE_MAPPING_SERVICE_H

#include "core/base/buf.h"
#include "core/hub/route.h"
#include "core/mapping/mapping.h"
#include "plugin/base/context.h"

enum status mapping_service_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void mapping_service_close(struct hubgate *h);
/* Devices to be looked at, names to be registered. */
void mapping_service_run(struct hubgate *h, int64_t now_ms);
int64_t mapping_service_due(const struct hubgate *h); /* INT64_MAX: nothing */
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
/* Why nothing of a message that the rule of a hit took goes up in its device's name; static, NULL:
 * it does. d NULL: it is not known yet, and made. self: the device that the client is by a login of
 * its own; NULL: none. */
const char *mapping_service_objection(const struct device *d, const struct mapping_hit *hit,
                                      const struct device *self);

struct mapping_upward { /* what goes up of it; borrowed of the message, or of wrapped */
	struct buf wrapped;
	const void *payload;
	size_t len;
	struct route route;
	const char *why; /* static: it does not fit; NULL: it goes */
};

/* Caller calls buf_free(&out->wrapped). */
void mapping_service_upward(const struct mapping_hit *hit, const void *payload, size_t len,
                            uint8_t qos, struct mapping_upward *out);

/* Wills and retained messages raise no event: they are seen on their way to the doorbell, and who
 * sent them is known by what was asked before. WRITE: a client may publish this. */
void mapping_service_written(struct hubgate *h, const struct mosquitto *client, const char *topic);
void mapping_service_subscribing(struct hubgate *h); /* the doorbell: what is retained comes now */
/* READ: it comes, whosever it is. */
void mapping_service_arrives(struct hubgate *h, const struct mosquitto_evt_acl_check *ed);
void mapping_service_over(struct hubgate *h); /* any callback but READ */
/* Devices of devices[] that get commands by a rule and send nothing: they are spoken for from now
 * on. Again after either changed. */
void mapping_service_adopt(struct hubgate *h);
#endif
