/* gateway_impl.h - what the parts of the gateway share:
 *   gateway.c          presence, the link
 *   gateway_devices.c  the table of devices, live messages
 *   gateway_subdev.c   one device: what happens to it, the end of what it holds
 *   gateway_filters.c  what each subscribes, and how much that is
 *   gateway_budget.c   when one filter stands for many
 *   gateway_live.c     what of its messages goes next
 *   gateway_want.c     what each wants, and whose turn it is
 *   gateway_refusals.c which limit a refusal smells of
 *   gateway_reply.c    what the hub answers, and its silence
 *   gateway_shadow.c   the device shadow's requests
 *   gateway_ask.c      what programs ask for, and its results
 *   gateway_names.c    names that may be nobody's: their lines, their end
 * Room: UPLINK.
 */
#ifndef HUBGATE_GATEWAY_IMPL_H
#define HUBGATE_GATEWAY_IMPL_H

#include "bridge/gateway/gateway.h"

/* What happens to d, with all that comes of it: counts, marks, log lines, answers. False: it is a
 * reply that counts for nothing. */
bool gateway_take(struct gateway *g, struct subdev *d, const struct subdev_event *e,
                  int64_t now_ms);
void gateway_happens(struct gateway *g, struct subdev *d, enum subdev_input kind, int64_t now_ms);
/* An answer for whoever asked. */
void gateway_tell(struct gateway *g, struct subdev *d, enum gateway_op op, int64_t code);
static inline bool gateway_is_online(const struct subdev *d)
{
	return d->hub.known.confirmed == SUBDEV_ONLINE;
}
static inline bool gateway_is_linked(const struct gateway *g)
{
	return g->world.phase != PHASE_AWAY;
}
void gateway_free_secret(struct secret *s); /* wipes; NULL is fine */
/* The one place that moves the state of a filter: it counts them. */
void gateway_filter_is(struct gateway *g, struct filter *f, enum filter_state state);
/* What the hub is to have of d, and with which QoS. */
struct filter *gateway_add_filter(struct subdev *d, const char *text); /* NULL: no memory */
bool gateway_filter_belongs(const struct subdev *d, const struct filter *f);
uint8_t gateway_filter_qos(const struct subdev *d, const struct filter *f);
/* The device that gains most gets one filter for all, until what is wanted fits. */
void gateway_budget_fit(struct gateway *g);
/* The hub kept the session of an earlier run: what is wanted counts as subscribed there. */
void gateway_budget_inherit(struct gateway *g);
/* There is a place for f, which is new at the hub; else it waits for one. */
bool gateway_budget_takes(struct gateway *g, struct subdev *d, struct filter *f, int64_t now_ms);
void gateway_filter_waits(struct gateway *g, struct filter *f, bool waits);
void gateway_budget_run(struct gateway *g); /* those that wait look again when a place is free */
void gateway_filters_wide(struct gateway *g, struct subdev *d, bool wide);
/* f was refused; was granted. What is worth a line is said once. */
void gateway_filter_refused(struct gateway *g, const struct subdev *d, struct filter *f,
                            int64_t now_ms);
void gateway_filter_granted(struct gateway *g, struct filter *f);
/* Nothing new is subscribed before: the hub closes on it. 0: it is. */
int64_t gateway_refusals_pause(const struct gateway *g, int64_t now_ms);
/* Said once when they come near the hub's limit. */
void gateway_say_subscriptions(struct gateway *g);
struct filter *gateway_find_filter(const struct subdev *d, const char *text); /* NULL: none */
void gateway_prune_filters(struct gateway *g,
                           struct subdev *d); /* what is neither wanted nor subscribed */
/* What of d's messages could go now, or when. */
struct gateway_ready gateway_live_ready(const struct gateway *g, struct subdev *d, int64_t now_ms);
void gateway_live_answered(struct subdev *d); /* nothing of d waits for a SUBACK any more */
/* Nobody waits for their answers any more. How many. */
size_t gateway_live_drop_requests(const struct gateway *g, struct subdev *d);
/* Frees d, which stands in no table any more. */
void gateway_free_device(struct subdev *d);
/* A name whose turn it is; the next one, NULL: none; what is asked for d goes out. */
bool gateway_names_wait(const struct gateway *g, int64_t now_ms);
struct flow *gateway_names_next(struct gateway *g, int64_t now_ms);
void gateway_names_sent(struct gateway *g, const struct subdev *d, int64_t now_ms);
/* Part of gateway_line_up(): whether BROKER knows the latest. */
void gateway_shadow_update(struct gateway *g, struct subdev *d);

#endif
