/* gateway.h - the subdevices as the hub sees them, and what to ask it next.
 * Room:  UPLINK. No sockets: gateway_next() says what to send, gateway_sent()
 *        that it went out; replies, SUBACKs and time come in by call.
 * Keeps: level-triggered: every device has a wanted and a confirmed state (docs/subdevice.md), so
 *        a lost reply, a reconnect or a flap only costs another request. What changes in a device
 *        touches it; gateway_line_up() then puts each touched one in the right lines, once a turn.
 * Facts: docs/protocol/gateway.md 1-8, docs/protocol/topics.md 5.
 * Times: milliseconds of CLOCK_MONOTONIC.
 */
#ifndef HUBGATE_GATEWAY_H
#define HUBGATE_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/gateway/latest.h"
#include "bridge/gateway/live_room.h"
#include "bridge/gateway/outbox.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/repeats.h"
#include "core/base/table.h"
#include "core/hub/credential.h"
#include "core/hub/gateway_msg.h"
#include "core/hub/region.h"
#include "core/hub/standing.h"
#include "core/hub/subdev_state.h"
#include "core/pace/pacer.h"

enum {
	GATEWAY_RETRY_MS = SUBDEV_RETRY_MS,
	GATEWAY_RENEW_MS = 1000,
	GATEWAY_DESCRIBE_MS = 5000, /* after the login */
	GATEWAY_FRESH_MS = 10000,   /* so long a device has just arrived */
	GATEWAY_UNASKED_MS = 250,   /* between two requests for names that may be nobody's ... */
	GATEWAY_STRANGER_MS = 1000, /* ... and for those that the hub refused: the rate is others' */
};

enum filter_state {
	FILTER_NONE,
	FILTER_SUBSCRIBING,
	FILTER_SUBSCRIBED,
	FILTER_UNSUBSCRIBING
};

/* Bounds of the hub that count for the gateway as a whole. */
struct gateway_limits {
	const struct region_limits
		*region;              /* also what may explain a refusal; NULL: nobody's. Static */
	size_t subscriptions;     /* as that region's limits page says of a device, 0: unlimited */
	size_t max_subscriptions; /* never more, 0: no bound (bridge/gateway/gateway_budget.c) */
};

/* A topic filter that a device subscribed, mirrored at the hub. */
struct filter {
	struct filter *next;
	enum filter_state state; /* at the hub */
	bool wanted;             /* by the device */
	bool renew;              /* subscribed in an earlier connection: ask again, in the background */
	bool again;              /* the device asked for it anew since: at once */
	bool lazy;               /* no device asked for it: after those that one did */
	bool custom;             /* of topics for which the device's wide filter can stand */
	bool refused;            /* which is said */
	bool waits;              /* there is no place for it within max_subscriptions */
	uint8_t qos, asked_qos;  /* of the device; of the last request to the hub */
	uint16_t packet_id;      /* of the request under way */
	int64_t due_ms;          /* request: gives up; else: not before */
	int64_t awaited_ms;      /* until then what it answers waits for it; 0: nothing has yet */
	char text[];
};

/* A message for the hub that is in memory only: telemetry of QoS 0, or worthless when late. */
struct live_msg {
	struct live_msg *next;
	char *topic; /* owned, as payload */
	void *payload;
	size_t len;
	uint64_t after_seq;     /* what the journal has of the device up to here goes first */
	int64_t not_before_ms;  /* of a request */
	bool call;              /* the answer to a call (RRPC), which somebody waits for */
	struct live_room *room; /* borrowed: it gives back its share there; NULL: it has none */
	unsigned share;
};

/* What of a device goes next. */
enum gateway_source {
	SOURCE_NONE,
	SOURCE_REQUEST, /* worthless when late */
	SOURCE_LIVE,    /* telemetry of QoS 0 */
	SOURCE_KEPT     /* the oldest of its outbox */
};

struct gateway_ready {
	enum gateway_source telemetry; /* the next of it; SOURCE_NONE: nothing, or it waits */
	bool request;
	bool call;      /* one of the requests is the answer to a call */
	bool tries;     /* its oldest waits for a topic to be proven */
	int64_t due_ms; /* when something that waits may go; INT64_MAX: never */
};

/* What a program asked of the hub, answered. */
struct answer {
	struct answer *next;
	struct subdev *dev;
	enum gateway_op op;
	int64_t code; /* docs/protocol/gateway.md 6 */
};

struct asides; /* bridge/gateway/aside.h */

struct subdev {
	struct table_node node;
	struct flow control, data, tries, calls;
	struct turns *line; /* that control stands in, NULL: none */
	char product_id[PRODUCT_ID_LEN + 1];
	char device_name[DEVICE_NAME_MAX + 1];
	struct subdev_state hub; /* as the hub knows it */
	bool touched;            /* stands in gateway.touched */
	struct subdev *next;
	enum standing standing; /* as BROKER told it, or as the hub's word proves */
	bool was_online;        /* at some time, as far as is known */
	int64_t fresh_ms;       /* until then it has just arrived; 0: it has not */
	unsigned in_flight;     /* messages that bridge/uplink/flight has of it */
	bool forgotten;         /* BROKER has let the name go: freed when nothing is left of it */
	struct subdev *next_forgotten;
	struct secret *secret; /* owned, wiped; NULL: not known here, so it cannot be bound */
	struct secret *second; /* owned; of a certificate: to be tried when the first is refused */
	enum bind_auth auth;
	struct live_msg *bind; /* the signed request of an asked bind; owned */
	struct filter *filters;
	/* {pid}/{dname}/#; NULL: there is none. is_wide: it stands for all custom ones. */
	struct filter *wide;
	bool is_wide, never_wide; /* never: in this connection, the hub refused it */
	bool holds;               /* latest has messages that wait for their time */
	struct outbox outbox;
	struct latest latest;
	QUEUE_OF(struct live_msg) live;     /* telemetry; with the outbox, in order of arrival */
	QUEUE_OF(struct live_msg) requests; /* worthless when late, in any order */
	bool request_turn;
	bool unkept;          /* stands in data with something that needs no acknowledgement */
	int64_t telemetry_ms; /* not before: its oldest waits for the filter of its answer */
	uint64_t taken_seq;   /* the newest that the journal handed out */
	/* The device shadow: the request to send next, the subscription that brings the answers,
	 * and what BROKER knows (bridge/gateway/gateway_shadow.c). */
	struct live_msg *shadow;
	struct filter *shadow_filter;
	bool shadow_dirty; /* the hub lacks something: worth being online for */
	bool shadow_told;  /* BROKER was told that requests can be sent */
	bool shadow_sent;  /* BROKER is to be told that one was */
	bool online_told;  /* what BROKER was told of it: online at the hub */
	struct flow news;
};

struct gateway {
	struct table devices;
	struct subdev *own; /* NULL: none */
	uint64_t seed;
	struct subdev_world world;
	QUEUE_OF(struct subdev) touched; /* since the last gateway_line_up() */
	/* Devices with control work. Urgent: data waits. Fresh: just arrived; the newest goes first,
	 * and they and the others take turns. Lazy: subscriptions that no device asked for. Last, and
	 * seldom: names that may be nobody's. */
	struct turns urgent, normal, fresh, lazy, names[STANDINGS];
	bool fresh_turn;
	int64_t names_ms[STANDINGS];     /* their next request not before */
	struct subdev *forgotten;        /* by next_forgotten */
	struct turns data;               /* devices online with messages to send */
	struct turns calls;              /* of these, with the answer to a call */
	struct turns tries;              /* devices online that wait for a topic to be proven */
	struct asides *asides;           /* borrowed; NULL: every message may go */
	size_t unkept;                   /* of those in data, with one that needs no acknowledgement */
	uint64_t read_seq;               /* the journal was read up to here */
	struct turns news;               /* devices of which BROKER does not know the latest */
	bool leaving, was_linked;        /* was_linked: before this link, or in it */
	QUEUE_OF(struct answer) answers; /* for the programs that asked */
	bool describe;                   /* to be asked in this connection */
	int64_t describe_ms;             /* not before: presence and data first */
	/* Before settle_ms a device that an earlier run left online is not taken offline: it has
	 * not had the time to come back yet. */
	bool settling;
	int64_t settle_ms;
	unsigned change_acks; /* notifications to acknowledge */
	size_t online, unbound;
	struct gateway_limits limits;
	size_t subscriptions;    /* at the hub, as far as is known, without the gateway's own channel */
	bool subscriptions_near; /* which is said */
	size_t waiting;          /* filters without a place */
	/* So many were refused, 0: none; the hub closed on them so often, and is not asked for that
	 * again before then (bridge/gateway/gateway_refusals.c). */
	size_t refused_at;
	unsigned closes;
	int64_t closed_ms;
	bool place_free, full; /* one of these may look again; it is said that there are some */
	size_t wide;           /* devices that are */
	int64_t due_ms;        /* when gateway_tick() wants to run */
	int64_t renew_ms;      /* next renewal of a subscription not before */
	bool renewing;
	const struct log *log;
	struct repeats repeats; /* of its lines */
	struct metrics *metrics;
	/* NULL, or told of packet ids that are free again without an answer. */
	void (*release_id)(void *ctx, uint16_t packet_id);
	void *release_ctx;
	/* NULL, or told what the hub said about a subscription (code of SUBACK) or its end. */
	void (*answered)(void *ctx, const struct filter *f, bool subscribed, uint8_t code);
	void *answered_ctx;
	/* NULL, or told before the hub may come to show a device online, and when it surely does
	 * not any more. */
	void (*mark)(void *ctx, const struct subdev *d, bool online);
	void *mark_ctx;
};

struct gateway_action {
	enum {
		ACT_NONE,
		ACT_REQUEST,
		ACT_CHANGE_ACK,
		ACT_SUBSCRIBE,
		ACT_UNSUBSCRIBE,
		/* UNSUBSCRIBE filter, and in the same write SUBSCRIBE dev->wide again: the hub may keep a
		 * wildcard as the list of its topics, from which the first takes one away. */
		ACT_EXCHANGE,
		ACT_SHADOW, /* publish dev->shadow */
		ACT_DESCRIBE
	} kind;
	struct subdev *dev;
	enum gateway_op op;    /* of ACT_REQUEST */
	struct filter *filter; /* of ACT_SUBSCRIBE, ACT_UNSUBSCRIBE and ACT_EXCHANGE */
	uint8_t qos;           /* of ACT_SUBSCRIBE and ACT_EXCHANGE */
	uint16_t again_id;     /* of ACT_EXCHANGE, set by who sends: packet id of the SUBSCRIBE */
};

/* answer_ms: how long a reply may take. log and metrics are borrowed. */
void gateway_init(struct gateway *g, uint32_t answer_ms, uint64_t seed, const struct log *log,
                  struct metrics *metrics);
void gateway_fini(struct gateway *g);

/* The device of a client id {pid}{dname}, made when unknown. NULL: no memory, or
 * no such ids. Lives as long as the gateway, or until it was forgotten. */
struct subdev *gateway_device(struct gateway *g, const char *client_id);
/* The gateway's own identity, with subscriptions and live messages like any device. ST_OK;
 * ST_NOMEM. Before the first link. */
enum status gateway_set_own(struct gateway *g, const char *client_id);
/* A program on the LAN is logged in as the gateway itself. */
bool gateway_has_application(const struct gateway *g);
/* Subscriptions at the hub, as far as is known, the gateway's own channel included. */
size_t gateway_subscriptions(const struct gateway *g);
/* topic came under a wide filter of hubgate's own, and its device did not ask for it. */
bool gateway_is_unasked(struct gateway *g, const char *topic);
struct subdev *gateway_find(struct gateway *g, const char *product_id, const char *device_name);
void gateway_client_id(const struct subdev *d, char out[CLIENT_ID_MAX + 1]);

/* The hub may show d online since an earlier run. */
void gateway_remember_online(struct gateway *g, struct subdev *d);
/* What is remembered is acted on from then on. */
void gateway_settle(struct gateway *g, int64_t at_ms);

/* The device can be bound by its certificate: the digest to try first, and after 803 the other
 * one; both taken. */
void gateway_set_certificate(struct gateway *g, struct subdev *d, struct secret *first,
                             struct secret *second, int64_t now_ms);
/* How far d is known to be ours; one that was never said of is own. */
void gateway_set_standing(struct gateway *g, struct subdev *d, enum standing standing,
                          int64_t now_ms);
/* The name is let go. Whoever holds its messages ends them; gateway_sweep() frees it when nothing
 * more is under way, unless gateway_device() was asked for it again. */
void gateway_forget(struct gateway *g, struct subdev *d, int64_t now_ms);
/* At the end of a turn, when nobody looks at a device any more. */
void gateway_sweep(struct gateway *g);
/* Takes secret; NULL: forget it. With it the device can be bound. */
void gateway_set_secret(struct gateway *g, struct subdev *d, struct secret *secret, int64_t now_ms);
void gateway_present(struct gateway *g, struct subdev *d, bool present, int64_t now_ms);
/* ST_OK; ST_NOMEM. Again: subscribed anew when the QoS is another, or when that is not done yet
 * since the session was resumed. */
enum status gateway_subscribe(struct gateway *g, struct subdev *d, const char *filter, uint8_t qos);
void gateway_unsubscribe(struct gateway *g, struct subdev *d, const char *filter);
/* Takes m: a request, or telemetry, as its topic says. */
void gateway_add_live(struct gateway *g, struct subdev *d, struct live_msg *m);
void gateway_free_live(struct live_msg *m);
/* Whose turn it is, and *out, the message of SOURCE_REQUEST and SOURCE_LIVE, else NULL. Telemetry
 * leaves in the order in which it came, kept or not; requests go between. window_full: nothing
 * that needs an acknowledgement. */
enum gateway_source gateway_live_next(const struct gateway *g, struct subdev *d, bool window_full,
                                      int64_t now_ms, struct live_msg **out);
/* The answer of d to a call of the cloud, the oldest; NULL: none. It waits for nothing. */
struct live_msg *gateway_live_call(const struct subdev *d);
void gateway_live_end(struct subdev *d, struct live_msg *m); /* it went out, or never will */
/* A publish on topic is answered under a filter that the device wants and whose SUBACK is under
 * way: not before the time returned, a second after the first asked. 0: at once. */
int64_t gateway_live_awaits(struct subdev *d, const char *topic, int64_t now_ms);

/* The shadow of d takes part: filter, its result topic, is subscribed at the hub and never
 * unsubscribed. ST_OK, also again; ST_NOMEM. */
enum status gateway_follow_shadow(struct gateway *g, struct subdev *d, const char *filter);
/* The hub lacks something of the shadow: d is brought online for it. */
void gateway_shadow_dirty(struct gateway *g, struct subdev *d, bool dirty);
/* Takes m, the request to send next; one that has not gone out is replaced. NULL: none. */
void gateway_set_shadow(struct gateway *g, struct subdev *d, struct live_msg *m);
/* Requests of d's shadow can be sent: it is online and its answers are subscribed. */
bool gateway_shadow_ready(const struct gateway *g, const struct subdev *d);
/* A device of which BROKER does not know the latest, NULL: none. gateway_told_online() after it was
 * told whether the hub shows it online, gateway_told() whether requests can be sent. */
struct subdev *gateway_news(struct gateway *g);
/* True: BROKER does not know that it is online now, or is not. */
bool gateway_online_untold(const struct subdev *d, bool *online);
void gateway_told_online(struct gateway *g, struct subdev *d);
void gateway_told(struct gateway *g, struct subdev *d, bool ready);

/* After any change of d's outbox; the functions below do it themselves. */
void gateway_touch(struct gateway *g, struct subdev *d);
/* A topic was proven or given up, or a place for a first try is free: those who wait look again. */
void gateway_try_again(struct gateway *g);
/* Puts what was touched in the right lines. Once a turn before anything is sent, and after each
 * thing sent; what asks about lines, control or data sees the devices as of the last time. */
void gateway_line_up(struct gateway *g, int64_t now_ms);

void gateway_link_up(struct gateway *g, bool resumed, int64_t now_ms);
/* The hub closed the connection; before gateway_link_down(). */
void gateway_closed(struct gateway *g, int64_t now_ms);
void gateway_link_down(struct gateway *g, int64_t now_ms);
/* From now on only: take every device offline. */
void gateway_leave(struct gateway *g, int64_t now_ms);
/* Nothing is shown online, nor about to be. */
bool gateway_left(const struct gateway *g);

/* A program wants op (online, offline, bind, unbind) carried out once and its result told, by
 * gateway_answer(): 0 at once when d is online already, -2 when the link is down, goes down, or the
 * hub does not answer. A device that came online so counts as present, one that shall
 * go offline does not, until gateway_present(). bind: the request as it goes out, taken; NULL for
 * the others. */
void gateway_ask(struct gateway *g, struct subdev *d, enum gateway_op op, struct live_msg *bind,
                 int64_t now_ms);
/* The list of what is bound is asked for again, at once. */
void gateway_ask_list(struct gateway *g, int64_t now_ms);
/* The oldest answer, out of the line; NULL: none. Caller frees. */
struct answer *gateway_answer(struct gateway *g);

bool gateway_has_control(const struct gateway *g, int64_t now_ms);
/* When the next request for a name that may be nobody's may go; INT64_MAX: none waits, or now. */
int64_t gateway_names_due(const struct gateway *g, int64_t now_ms);
/* What to send next; kind ACT_NONE: nothing. */
void gateway_next(struct gateway *g, int64_t now_ms, struct gateway_action *out);
void gateway_sent(struct gateway *g, const struct gateway_action *a, uint16_t packet_id,
                  int64_t now_ms);

/* A message on $gateway/operation/result. ST_OK: *out is what it says, for the caller to free, with
 * no result where a reply counts for nothing (docs/subdevice.md). Else nothing came of it: statuses
 * of gateway_parse(). */
enum status gateway_reply(struct gateway *g, const void *payload, size_t len, int64_t now_ms,
                          struct gateway_msg *out);
/* A SUBACK (code) or UNSUBACK (code 0). false: not one of ours. */
bool gateway_suback(struct gateway *g, uint16_t packet_id, uint8_t code, int64_t now_ms);
/* Timeouts and retries; cheap, run it when gateway.due_ms has come. */
void gateway_tick(struct gateway *g, int64_t now_ms);

#endif
