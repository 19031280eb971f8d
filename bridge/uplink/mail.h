/* mail.h - what crosses between UPLINK and the other rooms: orders, news, log lines, what wakes
 * UPLINK, and the words that both sides look at.
 * Room:  each function says whose it is. Private to bridge/uplink; tests of those who give orders
 *        stand in UPLINK's place with it.
 * Keeps: what is put rings for whoever must look (docs/rooms.md "Waking"). Texts and payloads
 * change owner with what they are in.
 */
#ifndef HUBGATE_MAIL_H
#define HUBGATE_MAIL_H

#include <stdatomic.h>

#include "bridge/doorbell/shared_text.h"
#include "bridge/gateway/live_room.h"
#include "bridge/uplink/uplink.h"
#include "core/base/mailbox.h"
#include "core/base/wake.h"

enum {
	MAIL_ORDERS_MAX = 4096,
	MAIL_INBOX_MAX = 1024,
	MAIL_LOGS_MAX = 256,
	MAIL_TRACES_MAX = 256,
};

enum order_kind {
	ORDER_PRESENT,
	ORDER_LEFT,
	ORDER_SECRET,
	ORDER_CERTIFICATE, /* payload: both digests, each with its NUL */
	ORDER_SUBSCRIBE,
	ORDER_UNSUBSCRIBE,
	ORDER_LIVE,
	ORDER_SHADOW_FOLLOW,
	ORDER_SHADOW_DIRTY,
	ORDER_SHADOW_CLEAN,
	ORDER_SHADOW_SEND,
	ORDER_WATCH,
	ORDER_ASK,
	ORDER_ASK_LIST,
	ORDER_DOWN_DONE,
	ORDER_FORGET,
	ORDER_STANDING, /* standing */
	ORDER_LET_GO,
	ORDER_LIMITS, /* payload: struct uplink_limits */
	ORDER_ROUTES, /* payload: struct route_rules, in one block */
	ORDER_TRACE,
	ORDER_UNTRACE,
};

struct order { /* BROKER -> UPLINK */
	enum order_kind kind;
	char client_id[CLIENT_ID_MAX + 1];
	char *topic; /* owned, as payload; a filter or a topic */
	void *payload;
	size_t len;
	uint8_t qos;
	uint16_t packet_id;
	uint32_t epoch;
	enum gateway_op op; /* of ORDER_ASK */
	enum standing standing;
	uint64_t after_seq; /* of ORDER_LIVE, as share: struct live_msg */
	unsigned share;
};

struct mail { /* embedded; members are bridge/uplink/mail.c's, but for wake, log and the words */
	struct mailbox *orders, *inbox, *logs, *traces;
	struct wake wake; /* for orders, the journal, ring_wanted, an earlier timer, lines, the stop */
	struct log log;   /* any room: its lines go to BROKER by logs */
	_Atomic uint64_t logs_lost, traces_lost;
	atomic_bool ring_wanted;       /* another room has mail for BROKER */
	_Atomic int64_t broker_due_ms; /* not rung for yet; INT64_MAX: none */
	struct live_room live; /* BROKER takes with ORDER_LIVE, UPLINK gives back with the message */
	/* words */
	_Atomic int state; /* enum uplink_state; written by UPLINK */
	atomic_bool stopping;
	_Atomic int64_t stop_by_ms;
	atomic_bool clock_trusted;
	_Atomic int64_t hub_offset_ms; /* the hub's clock minus ours */
	struct shared_text login;      /* our user name in the last attempt; written by UPLINK */
	atomic_bool leads_here;        /* ... came in at our own broker; since that attempt */
};

/* Zeroed before. It stays where it is: its log points to it. ST_OK; ST_NOMEM, ST_IO: only
 * mail_fini() may follow. metrics may be NULL. */
enum status mail_init(struct mail *m, struct metrics *metrics);
void mail_fini(struct mail *m); /* with what still lies in it */

/* BROKER. Takes what o owns when ST_OK; ST_FULL. */
enum status mail_put_order(struct mail *m, struct order *o);
size_t mail_order_space(const struct mail *m); /* BROKER */
/* UPLINK. ST_OK: mail_free_order() when it is carried out; ST_EMPTY. */
enum status mail_take_order(struct mail *m, struct order *out);
size_t mail_order_count(const struct mail *m); /* any room */
void mail_free_order(struct order *o);

/* UPLINK. Takes what news owns when ST_OK; ST_FULL. */
enum status mail_put_news(struct mail *m, const struct uplink_down *news);
size_t mail_news_space(const struct mail *m); /* UPLINK */
/* BROKER. ST_OK: mail_free_news(); ST_EMPTY. */
enum status mail_take_news(struct mail *m, struct uplink_down *out);
void mail_free_news(struct uplink_down *news);

enum status mail_take_line(struct mail *m, struct uplink_log *out); /* BROKER. ST_OK; ST_EMPTY */
/* UPLINK. One that finds no room is lost, and counted. */
void mail_put_trace(struct mail *m, const struct trace_event *e);
enum status mail_take_trace(struct mail *m, struct trace_event *out); /* BROKER. ST_OK; ST_EMPTY */
bool mail_waits(const struct mail *m); /* UPLINK: there are news or lines for BROKER */

/* BROKER, the next time at which it wants to be rung; INT64_MAX: none. */
void mail_set_timer(struct mail *m, int64_t due_ms);
int64_t mail_timer(const struct mail *m);
/* UPLINK. BROKER's timer has come. True once: then it is BROKER's to set the next one, and any is
 * earlier than none, so it wakes us. */
bool mail_timer_came(struct mail *m, int64_t now_ms);

enum uplink_state mail_state(const struct mail *m); /* any room */
uint64_t mail_hub_time_s(const struct mail *m);     /* any room: uplink_hub_time_s() */

/* The mail of u, for those who stand in for UPLINK. Lives as long as u. */
struct mail *uplink_mail(struct uplink *u);

#endif
