/* sdk_impl.h - what the parts of bridge/sdk/sdk.h share:
 *   sdk.c         callbacks
 *   sdk_subdev.c  subdevices, requests that wait
 *   sdk_shadow.c  shadows, the same
 *   ota.c         updates of firmware
 * Room: the program's thread.
 */
#ifndef HUBGATE_SDK_IMPL_H
#define HUBGATE_SDK_IMPL_H

#include "bridge/sdk/sdk.h"
#include "core/base/buf.h"

struct topic_route {
	struct topic_route *next;
	sdk_message_fn *fn;
	void *ctx;
	char topic[];
};

enum {
	SDK_TOPIC_MAX = 128
};

struct sdk_shadow { /* a device whose answers and deltas are heard */
	struct sdk_shadow *next;
	struct sdk *program;
	sdk_message_fn *on_delta; /* NULL: nobody wants them */
	void *ctx;
	char topic[SDK_TOPIC_MAX];
};

struct sdk {
	struct uplink *uplink;
	struct wake news; /* UPLINK rings, sdk_run() hears */
	struct sdk_calls calls;
	void *ctx;
	struct topic_route *routes;
	struct subdev_entry *subdevs;
	size_t subdev_count;
	enum gateway_op asked; /* without an answer; GATEWAY_UNKNOWN: none */
	char asked_id[CLIENT_ID_MAX + 1];
	int64_t code;        /* of the last answer */
	const char *awaited; /* filter of which SUBACK is waited for; NULL: none */
	int granted;         /* what SUBACK said of it; -1: nothing yet */
	struct sdk_shadow *shadows;
	bool shadow_waits; /* a request of a shadow has no answer, the one with the token */
	char shadow_token[32];
	unsigned shadow_number;
	int64_t shadow_code; /* of the last answer, as what follows */
	enum status shadow_status;
	struct buf *shadow_reply; /* borrowed; NULL: nobody wants it */
};

/* Subscribes, and waits up to timeout_ms for SUBACK. ST_OK: at least QoS 1 was granted; ST_DENIED;
 * ST_TIMEOUT; statuses of uplink_subscribe(). */
enum status sdk_subscribe_and_wait(struct sdk *p, const char *client_id, const char *filter,
                                   uint8_t qos, int timeout_ms);

#endif
