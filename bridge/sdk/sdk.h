/* sdk.h - an uplink as a program of its own uses it: callbacks for what the hub says, and
 * requests that wait for their result. The plugin has a broker for that and uses
 * bridge/uplink/uplink.h.
 * Room:  one thread of the program; callbacks run in it, inside sdk_run() and the functions that
 *        wait. From a callback nothing that waits may be called.
 * Facts: docs/protocol/sdk-api.md; docs/sdk-map.md says which function stands for which method.
 */
#ifndef HUBGATE_SDK_H
#define HUBGATE_SDK_H

#include "bridge/uplink/uplink.h"

typedef void sdk_message_fn(void *ctx, const char *topic, const void *payload, size_t len,
                            uint8_t qos);

struct sdk_calls { /* any may be NULL; text is borrowed during the call */
	void (*on_connect)(void *ctx, bool session_resumed);
	void (*on_disconnect)(void *ctx);
	sdk_message_fn *on_message; /* of topics without a callback of their own */
	void (*on_publish)(void *ctx, const char *client_id); /* the hub acknowledged one */
	void (*on_subscribe)(void *ctx, const char *filter, uint8_t code); /* of SUBACK */
	void (*on_unsubscribe)(void *ctx, const char *filter);
	void (*on_log)(void *ctx, enum log_level level, const char *line);
};

struct sdk; /* opaque */

/* Makes the uplink of conf, which may say nothing of news, tells_all and doorbell. Caller owns
 * *out. Statuses of uplink_new(); ST_IO: no descriptor. */
enum status sdk_new(const struct uplink_conf *conf, struct sdk **out);
void sdk_free(struct sdk *p); /* uplink_disconnect() came before; NULL is fine */
struct uplink *sdk_uplink(struct sdk *p);

/* For everything from here on; copied. */
void sdk_set_calls(struct sdk *p, const struct sdk_calls *calls, void *ctx);
/* Messages on exactly this topic go to fn; NULL: no more. It subscribes nothing. ST_OK; ST_NOMEM.
 */
enum status sdk_on_topic(struct sdk *p, const char *topic, sdk_message_fn *fn, void *ctx);

/* Calls back for all that has come; waits up to timeout_ms for the first. */
void sdk_run(struct sdk *p, int timeout_ms);
/* True once the gateway can use the hub; waits up to timeout_ms for it. */
bool sdk_await_connected(struct sdk *p, int timeout_ms);

/* The subdevices the program speaks for. */
enum subdev_status { /* numbers as the SDK for Python gives them */
	SUBDEV_STATUS_INIT,
	SUBDEV_STATUS_ONLINE,
	SUBDEV_STATUS_OFFLINE,
};

struct subdev_entry {
	char product_id[PRODUCT_ID_LEN + 1];
	char device_name[DEVICE_NAME_MAX + 1];
	enum subdev_status status;
};

/* Adds one, in state INIT; the gateway's channel itself is subscribed with every connection. ST_OK,
 * also when it is there; ST_INVALID: ids out of their grammar; ST_NOMEM. */
enum status gateway_subdev_add(struct sdk *p, const char *product_id, const char *device_name);
/* All of them, borrowed until one is added. */
const struct subdev_entry *gateway_subdev_list(const struct sdk *p, size_t *count);
bool gateway_subdev_is_online(const struct sdk *p, const char *product_id,
                              const char *device_name); /* by the list alone */
/* The list alone. ST_OK; ST_NOTFOUND. */
enum status gateway_subdev_set_status(struct sdk *p, const char *product_id,
                                      const char *device_name, enum subdev_status status);

/* One request to the hub, waiting up to timeout_ms. ST_OK: *code is the hub's
 * (docs/protocol/gateway.md 6; -2 also when it did not answer, or is away); ST_TIMEOUT; ST_INVALID:
 * ids; ST_FULL, ST_NOMEM. Online and offline that succeed are noted in the list, and kept so over
 * reconnects. */
enum status gateway_subdev_online(struct sdk *p, const char *product_id, const char *device_name,
                                  int timeout_ms, int64_t *code);
enum status gateway_subdev_offline(struct sdk *p, const char *product_id, const char *device_name,
                                   int timeout_ms, int64_t *code);
enum status gateway_subdev_bind(struct sdk *p, const char *product_id, const char *device_name,
                                const struct secret *secret, int timeout_ms, int64_t *code);
enum status gateway_subdev_unbind(struct sdk *p, const char *product_id, const char *device_name,
                                  int timeout_ms, int64_t *code);
/* Subscribes in the subdevice's name, once it is online. Statuses of uplink_subscribe(). */
enum status gateway_subdev_subscribe(struct sdk *p, const char *product_id, const char *device_name,
                                     const char *filter, uint8_t qos);

#endif
