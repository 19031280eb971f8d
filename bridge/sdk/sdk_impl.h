/* sdk_impl.h - what the parts of bridge/sdk/sdk.h share:
 *   sdk.c         callbacks
 *   sdk_subdev.c  subdevices, requests that wait
 *   ota.c         updates of firmware
 * Room: the program's thread.
 */
#ifndef HUBGATE_SDK_IMPL_H
#define HUBGATE_SDK_IMPL_H

#include "bridge/sdk/sdk.h"

struct topic_route {
	struct topic_route *next;
	sdk_message_fn *fn;
	void *ctx;
	char topic[];
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
};

/* Subscribes, and waits up to timeout_ms for SUBACK. ST_OK: at least QoS 1 was granted; ST_DENIED;
 * ST_TIMEOUT; statuses of uplink_subscribe(). */
enum status sdk_subscribe_and_wait(struct sdk *p, const char *client_id, const char *filter,
                                   uint8_t qos, int timeout_ms);

#endif
