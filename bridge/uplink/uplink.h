/* uplink.h - the cloud session: one thread that owns the socket to the hub.
 * Room:  BROKER, except where a function says otherwise; or a program of its own, from
 *        one thread. They hand over by mailbox and return at once.
 * Keeps: reconnects for ever, never faster than min_reconnect_s; sends nothing
 *        of a device before the hub confirmed it online; rate_up for everything
 *        that the hub counts.
 * Facts: docs/protocol/connection.md 4-9, docs/protocol/gateway.md 8, docs/protocol/limits.md.
 */
#ifndef HUBGATE_UPLINK_H
#define HUBGATE_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/doorbell/doorbell.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/wake.h"
#include "core/hub/credential.h"
#include "core/hub/gateway_msg.h"
#include "core/hub/region.h"
#include "core/hub/route_rules.h"
#include "core/hub/standing.h"
#include "core/hub/uplink_state.h"
#include "shadowstore/journal/journal.h"

struct uplink; /* opaque */

struct uplink_conf { /* text is borrowed until uplink_free() */
	const char *product_id, *device_name;
	const struct secret *secret; /* NULL: certificate */
	const char *host, *address;  /* address NULL: resolve host */
	uint16_t port;
	bool tls, verify, verify_host;
	const char *ca_file, *cert_file, *key_file;
	uint16_t keepalive_s;
	bool clean_session;
	uint32_t rate_up;           /* messages per second, 0 = unlimited */
	enum region region;         /* whose limits are told of; REGION_AUTO: nobody's */
	uint32_t max_subscriptions; /* at the hub, 0: no bound; else FILTER_BUDGET_LEAST or more */
	uint32_t window;            /* QoS 1 publishes without acknowledgement */
	uint32_t min_reconnect_s, max_reconnect_s;
	uint32_t connect_timeout_s, request_timeout_s;
	uint32_t max_age_s;               /* of a queued message, 0: any */
	uint32_t settle_ms;               /* time for devices of an earlier run to come back */
	const struct route_rules *routes; /* borrowed until uplink_new() returns; NULL: none */
	const char *state_dir;            /* last connect, dead letters; NULL: keeps neither */
	struct journal *journal;          /* borrowed; NULL: only live messages */
	bool bind;                        /* devices whose secret was told, when they are not bound */
	struct metrics *metrics;          /* borrowed */
	bool tells_all;    /* also the news of links, PUBACKs and SUBACKs: for bridge/sdk/sdk.h */
	struct wake *news; /* rung when there is news; NULL: by the doorbell alone. Borrowed */
	const struct doorbell_conf *doorbell; /* NULL: no doorbell */
};

/* Caller owns *out. ST_OK; ST_NOMEM; ST_IO (no descriptor). Starts no thread. */
enum status uplink_new(const struct uplink_conf *conf, struct uplink **out);
/* From here on it connects, and reconnects for ever. ST_OK; ST_STATE: it does already; ST_IO: no
 * thread. */
enum status uplink_connect(struct uplink *u);
/* Takes all devices offline as far as wait_ms allows, disconnects, joins. false: the thread hangs
 * in the kernel and was left behind; what it borrowed must stay. */
bool uplink_disconnect(struct uplink *u, uint32_t wait_ms);
void uplink_free(struct uplink *u); /* stopped; NULL is fine */

/* Before uplink_connect(); ST_OK; ST_STATE: too late; ST_INVALID: a range. The pauses between two
 * attempts, in seconds; the keep alive of CONNECT, in seconds; how long the loop sleeps at most
 * when nothing happens, in seconds. */
enum status uplink_set_reconnect_interval(struct uplink *u, uint32_t max_s, uint32_t min_s);
enum status uplink_set_keepalive_interval(struct uplink *u, uint16_t interval_s);
enum status uplink_set_message_timeout(struct uplink *u, uint32_t timeout_s);

/* What a room tells the uplink. ST_OK; ST_FULL: the mailbox is full, nothing was
 * taken, say it again later; ST_NOMEM. client_id is {pid}{dname}. */
enum status uplink_device_present(struct uplink *u, const char *client_id, bool present);
/* How far it is known to be ours. One that only the journal knows may be nobody's until this says
 * more, any other is own. */
enum status uplink_device_standing(struct uplink *u, const char *client_id, enum standing standing);
/* The name is let go: its messages are dropped, and nothing of it is kept. */
enum status uplink_device_let_go(struct uplink *u, const char *client_id);
/* With it the device can be bound. Copied, wiped when it is not needed any more. */
enum status uplink_device_secret(struct uplink *u, const char *client_id,
                                 const struct secret *secret);
/* The same for one with a certificate: its digests in hex, MD5 to be tried first. */
enum status uplink_device_certificate(struct uplink *u, const char *client_id, const char *md5,
                                      const char *sha1);
enum status uplink_subscribe(struct uplink *u, const char *client_id, const char *filter,
                             uint8_t qos);
enum status uplink_unsubscribe(struct uplink *u, const char *client_id, const char *filter);
/* A message that is kept until the hub acknowledges it; msg->qos 0 or 1. Statuses of
 * journal_append(). */
enum status uplink_publish(struct uplink *u, const struct journal_msg *msg);
/* A message in memory only, sent with QoS 0: telemetry in the order in which it came, behind what
 * uplink_publish() took of its device, or what is worthless when late. ST_STATE: the hub is away;
 * ST_FULL: no room in memory, or much of the device waits in the journal. Telemetry may then go
 * there, and what comes later goes behind it. */
enum status uplink_publish_live(struct uplink *u, const char *client_id, const char *topic,
                                const void *payload, size_t len);
void uplink_wake(struct uplink *u); /* the journal has something new */
/* The device shadow. follow: result_topic is subscribed for good, and from then on news of
 * UPLINK_SHADOW_* come. dirty: the hub lacks something, the device is brought online for it.
 * send: the request to send next; one that has not gone out is replaced. */
enum status uplink_shadow_follow(struct uplink *u, const char *client_id, const char *result_topic);
enum status uplink_shadow_dirty(struct uplink *u, const char *client_id, bool dirty);
enum status uplink_shadow_send(struct uplink *u, const char *client_id, const char *topic,
                               const void *payload, size_t len);

/* One operation (online, offline, bind, unbind) at the hub for a program that wants its result:
 * news UPLINK_ANSWER. A device brought online counts as present from then on, one to be
 * taken offline does not. bind: the whole
 * request (gateway_put_bind(), gateway_put_bind_as()); NULL for the others. */
enum status uplink_ask(struct uplink *u, const char *client_id, enum gateway_op op,
                       const void *bind, size_t bind_len);
/* The list of bound devices: news UPLINK_LISTED, UPLINK_LIST_END. */
enum status uplink_ask_list(struct uplink *u);

/* What a new configuration changes while the uplink runs. */
struct uplink_limits {
	uint32_t rate_up, window, max_age_s; /* as in struct uplink_conf */
};
/* Also looks at the journal's bounds again. ST_OK; ST_FULL, ST_NOMEM: say it again. */
enum status uplink_set_limits(struct uplink *u, const struct uplink_limits *limits);
/* Takes routes, of route_rules_copy(), when ST_OK. ST_FULL: say it again. */
enum status uplink_set_routes(struct uplink *u, struct route_rules *routes);
/* The device is not configured any more: it is not there, and nobody binds it. What waits in the
 * journal is still sent. */
enum status uplink_device_forget(struct uplink *u, const char *client_id);

/* The doorbell subscribes filter at our own broker (bridge/doorbell/doorbell.h). */
enum status uplink_watch(struct uplink *u, const char *filter);

/* A client logs in at our own broker with this name. True: it is ourselves, the hub's name leads
 * back to this broker. It must be refused; UPLINK says why. */
bool uplink_leads_here(struct uplink *u, const char *username);

/* What the uplink tells. What the hub says on $gateway/operation/result is read once, by the
 * gateway, and comes device by device; a reply that counts for nothing does not come at all
 * (docs/subdevice.md). */
enum uplink_news {
	UPLINK_MESSAGE,      /* from the hub */
	UPLINK_SHADOW_READY, /* requests of this shadow can be sent */
	UPLINK_SHADOW_AWAY,  /* they cannot any more; those without an answer are lost */
	UPLINK_SHADOW_SENT,  /* they can, and the last one went out just now */
	UPLINK_ONLINE,       /* the hub confirmed that the device is online */
	UPLINK_OFFLINE,      /* it is not any more, or the link is lost */
	UPLINK_ANSWER,       /* of uplink_ask(): op and code */
	UPLINK_BOUND,        /* somebody bound this device to the gateway */
	UPLINK_UNBOUND,
	UPLINK_RESULT,   /* the hub's answer to op, whoever asked: code */
	UPLINK_LISTED,   /* one of the hub's list of what is bound */
	UPLINK_LIST_END, /* of one reply, which may be a part of the list; no topic */
	/* The text itself of what the hub said, for a gateway application: op is GATEWAY_CHANGE or
	 * GATEWAY_DESCRIBE; topic and payload as in UPLINK_MESSAGE, after the news made of it. Only
	 * while one is present; with tells_all always, and whatever it says. */
	UPLINK_HUB_TEXT,
	/* with tells_all */
	UPLINK_CONNECTED, /* code 1: a session of an earlier connection goes on */
	UPLINK_DISCONNECTED,
	UPLINK_DELIVERED,    /* the hub acknowledged a message of this device */
	UPLINK_SUBSCRIBED,   /* topic is the filter, code what SUBACK says */
	UPLINK_UNSUBSCRIBED, /* topic is the filter */
};

struct uplink_down {
	enum uplink_news kind;
	char *topic; /* of news: the client id. Owned by the taker, as payload */
	void *payload;
	size_t len;
	uint8_t qos;
	uint16_t packet_id; /* with epoch: for uplink_down_done() */
	uint32_t epoch;
	enum gateway_op op; /* of UPLINK_ANSWER and UPLINK_RESULT, as code; of UPLINK_HUB_TEXT */
	int64_t code;       /* docs/protocol/gateway.md 6; -2 also when the hub did not answer */
};

enum status uplink_take(struct uplink *u, struct uplink_down *out); /* ST_OK; ST_EMPTY */
/* The message was handed on: QoS 1 is acknowledged to the hub now. */
void uplink_down_done(struct uplink *u, const struct uplink_down *d);
void uplink_down_free(struct uplink_down *d); /* any room */

struct uplink_log {
	enum log_level level;
	char line[LOG_LINE_MAX];
};
enum status uplink_take_log(struct uplink *u, struct uplink_log *out); /* ST_OK; ST_EMPTY */

/* Any room. */
void uplink_ring(struct uplink *u); /* BROKER's inboxes have something: the doorbell rings */
/* Lines of rooms that may not call the broker's log; they come out of uplink_take_log(), and the
 * doorbell rings for them. */
const struct log *uplink_log(struct uplink *u);
bool uplink_ready(const struct uplink *u);
enum uplink_state uplink_state_now(const struct uplink *u);
struct doorbell *uplink_doorbell(struct uplink *u); /* NULL: none */

enum {
	UPLINK_VIEW_TEXT_MAX = 256, /* with NUL, as the other */
	UPLINK_VIEW_TOPIC_MAX = 160,
	UPLINK_VIEW_SUSPECTS = 20,
};

#define UPLINK_VIEW_UNKNOWN INT64_MIN

struct uplink_view {  /* times in ms of CLOCK_MONOTONIC */
	int64_t since_ms; /* the hub is there, or is not, since then; 0: since the start */
	char reason[UPLINK_VIEW_TEXT_MAX], fix[UPLINK_VIEW_TEXT_MAX]; /* why not; "": nothing to say */
	int64_t oldest_ms; /* what waits longest came then; UPLINK_VIEW_UNKNOWN: nothing, or unknown */
	/* Product id, slash, topic behind the device name: what the hub does not acknowledge. */
	char suspects[UPLINK_VIEW_SUSPECTS][UPLINK_VIEW_TOPIC_MAX];
	size_t suspect_count; /* of these; there may be more: M_SUSPECT_TOPICS */
};

/* Any room. What UPLINK shows of itself, at most a second old. */
void uplink_look(struct uplink *u, struct uplink_view *out);

/* Whether ages may be judged by the wall clock (docs/architecture.md 4 "Clock"). */
void uplink_trust_clock(struct uplink *u, bool trusted);
/* The hub's clock minus this machine's. */
void uplink_set_hub_offset(struct uplink *u, int64_t offset_ms);
/* The next time, in ms of CLOCK_MONOTONIC, at which BROKER wants the doorbell
 * rung; INT64_MAX: none. Rung once: whoever was rung for sets the next one. */
void uplink_set_timer(struct uplink *u, int64_t due_ms);

#endif
