/* gateway_impl.h - what the parts of the gateway share:
 *   gateway.c          presence, the link
 *   gateway_devices.c  the table of devices, live messages
 *   gateway_subdev.c   one device: its state, the end of what it holds
 *   gateway_filters.c  what each subscribes
 *   gateway_live.c     what of its messages goes next
 *   gateway_want.c     what each wants, and whose turn it is
 *   gateway_reply.c    what the hub answers, and its silence
 *   gateway_shadow.c   the device shadow's requests
 *   gateway_ask.c      what programs ask for, and its results
 * Room: UPLINK.
 */
#ifndef HUBGATE_GATEWAY_IMPL_H
#define HUBGATE_GATEWAY_IMPL_H

#include "bridge/gateway/gateway.h"

/* What a program may ask for, in this order when several are asked at once: who binds wants to come
 * online after it, who unbinds has gone offline before. */
static const enum gateway_op gateway_asked_order[] = { GATEWAY_BIND, GATEWAY_ONLINE,
	                                                   GATEWAY_OFFLINE, GATEWAY_UNBIND };

enum {
	GATEWAY_ASKED_OPS = sizeof(gateway_asked_order) / sizeof(gateway_asked_order[0])
};

/* Moves d to state and keeps the count of devices online. */
void gateway_count_online(struct gateway *g, struct subdev *d, enum subdev_state state);
bool gateway_can_bind(const struct gateway *g, const struct subdev *d);
void gateway_other_digest(struct subdev *d); /* d->second becomes the key of its binds */
void gateway_free_secret(struct secret *s);  /* wipes; NULL is fine */
/* Tells whoever waits for op, if anybody does. */
void gateway_tell(struct gateway *g, struct subdev *d, enum gateway_op op, int64_t code);
/* Nothing that was asked will be answered. */
void gateway_give_up(struct gateway *g, struct subdev *d);
struct filter *gateway_find_filter(const struct subdev *d, const char *text); /* NULL: none */
void gateway_prune_filters(struct subdev *d); /* what is neither wanted nor subscribed */
/* What of d's messages could go now, or when. */
struct gateway_ready gateway_live_ready(const struct gateway *g, struct subdev *d, int64_t now_ms);
void gateway_live_answered(struct subdev *d); /* nothing of d waits for a SUBACK any more */
/* Nobody waits for their answers any more. How many. */
size_t gateway_live_drop_requests(struct subdev *d);
/* Part of gateway_update(): whether BROKER knows the latest. */
void gateway_shadow_update(struct gateway *g, struct subdev *d);

#endif
