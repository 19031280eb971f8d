/* What BROKER tells the uplink: orders into its mailbox. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/uplink/uplink_impl.h"
#include "core/base/room.h"
#include "core/hub/topic.h"

enum {
	LIVE_BEHIND_MAX = 64 /* messages of the device in the journal */
};

/* Takes what order owns, whatever the result. */
static enum status put_order(struct uplink *u, struct order *order)
{
	enum status st = mail_put_order(&u->mail, order);

	if (st != ST_OK)
		mail_free_order(order);
	return st;
}

/* Takes what order owns, and copies the payload into it. */
static enum status put_message(struct uplink *u, struct order *o, const void *payload, size_t len)
{
	o->payload = malloc(len ? len : 1);
	if (!o->payload) {
		mail_free_order(o);
		return ST_NOMEM;
	}
	if (len > 0)
		memcpy(o->payload, payload, len);
	o->len = len;
	return put_order(u, o);
}

static enum status order_about(enum order_kind kind, const char *client_id, const char *topic,
                               struct order *out)
{
	memset(out, 0, sizeof(*out));
	out->kind = kind;
	snprintf(out->client_id, sizeof(out->client_id), "%s", client_id);
	out->topic = topic ? strdup(topic) : NULL;
	return topic && !out->topic ? ST_NOMEM : ST_OK;
}

enum status uplink_device_present(struct uplink *u, const char *client_id, bool present)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(present ? ORDER_PRESENT : ORDER_LEFT, client_id, NULL, &o);
	return put_order(u, &o);
}

enum status uplink_device_standing(struct uplink *u, const char *client_id, enum standing standing)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(ORDER_STANDING, client_id, NULL, &o);
	o.standing = standing;
	return put_order(u, &o);
}

enum status uplink_device_let_go(struct uplink *u, const char *client_id)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(ORDER_LET_GO, client_id, NULL, &o);
	return put_order(u, &o);
}

enum status uplink_device_secret(struct uplink *u, const char *client_id,
                                 const struct secret *secret)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(ORDER_SECRET, client_id, NULL, &o);
	return put_message(u, &o, secret, sizeof(*secret));
}

enum status uplink_device_certificate(struct uplink *u, const char *client_id, const char *md5,
                                      const char *sha1)
{
	char both[2 * SECRET_TEXT_MAX];
	size_t first = strlen(md5) + 1, second = strlen(sha1) + 1;
	struct order o;

	IN_ROOM(ROOM_BROKER);
	if (first + second > sizeof(both))
		return ST_INVALID;
	memcpy(both, md5, first);
	memcpy(both + first, sha1, second);
	order_about(ORDER_CERTIFICATE, client_id, NULL, &o);
	return put_message(u, &o, both, first + second);
}

enum status uplink_subscribe(struct uplink *u, const char *client_id, const char *filter,
                             uint8_t qos)
{
	struct order o;
	enum status st = order_about(ORDER_SUBSCRIBE, client_id, filter, &o);

	IN_ROOM(ROOM_BROKER);
	o.qos = qos;
	return st == ST_OK ? put_order(u, &o) : st;
}

enum status uplink_unsubscribe(struct uplink *u, const char *client_id, const char *filter)
{
	struct order o;
	enum status st = order_about(ORDER_UNSUBSCRIBE, client_id, filter, &o);

	IN_ROOM(ROOM_BROKER);
	return st == ST_OK ? put_order(u, &o) : st;
}

enum status uplink_publish(struct uplink *u, const struct journal_msg *msg)
{
	IN_ROOM(ROOM_BROKER);
	return uplink_publish_seq(u, msg, NULL);
}

enum status uplink_publish_seq(struct uplink *u, const struct journal_msg *msg, uint64_t *seq)
{
	bool wake = false;
	enum status st = journal_append(u->conf.journal, msg, seq, &wake);

	IN_ROOM(ROOM_BROKER);
	if (wake)
		uplink_wake(u);
	return st;
}

static bool late_is_worthless(const char *topic)
{
	struct topic t;

	return topic_parse(topic, strlen(topic), &t) == ST_OK && topic_late_is_worthless(t.kind);
}

/* Telemetry in memory goes behind what the journal has of its device. False: that is so much that
 * it would keep room from the others for long. */
static bool place_behind(struct uplink *u, const char *client_id, const char *topic,
                         uint64_t *after_seq)
{
	uint64_t messages;

	*after_seq = 0;
	if (!u->conf.journal || late_is_worthless(topic))
		return true;
	return journal_device_waits(u->conf.journal, client_id, &messages, after_seq) &&
	       messages <= LIVE_BEHIND_MAX;
}

enum status uplink_publish_live(struct uplink *u, const char *client_id, const char *topic,
                                const void *payload, size_t len)
{
	uint64_t after_seq;
	unsigned share;
	struct order o;
	enum status st;

	IN_ROOM(ROOM_BROKER);
	if (!uplink_ready(u))
		return ST_STATE;
	/* The rest of the mailbox is for what must not wait. */
	if (mail_order_space(&u->mail) < MAIL_ORDERS_MAX / 2 ||
	    !place_behind(u, client_id, topic, &after_seq) ||
	    !live_room_take(&u->mail.live, client_id, &share))
		return ST_FULL;
	st = order_about(ORDER_LIVE, client_id, topic, &o);
	o.after_seq = after_seq;
	o.share = share;
	if (st == ST_OK)
		st = put_message(u, &o, payload, len);
	if (st != ST_OK)
		live_room_give(&u->mail.live, share);
	return st;
}

enum status uplink_shadow_follow(struct uplink *u, const char *client_id, const char *result_topic)
{
	struct order o;
	enum status st = order_about(ORDER_SHADOW_FOLLOW, client_id, result_topic, &o);

	IN_ROOM(ROOM_BROKER);
	return st == ST_OK ? put_order(u, &o) : st;
}

enum status uplink_shadow_dirty(struct uplink *u, const char *client_id, bool dirty)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(dirty ? ORDER_SHADOW_DIRTY : ORDER_SHADOW_CLEAN, client_id, NULL, &o);
	return put_order(u, &o);
}

enum status uplink_shadow_send(struct uplink *u, const char *client_id, const char *topic,
                               const void *payload, size_t len)
{
	struct order o;
	enum status st = order_about(ORDER_SHADOW_SEND, client_id, topic, &o);

	IN_ROOM(ROOM_BROKER);
	return st == ST_OK ? put_message(u, &o, payload, len) : st;
}

enum status uplink_ask(struct uplink *u, const char *client_id, enum gateway_op op,
                       const void *bind, size_t bind_len)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(ORDER_ASK, client_id, NULL, &o);
	o.op = op;
	return bind ? put_message(u, &o, bind, bind_len) : put_order(u, &o);
}

enum status uplink_watch(struct uplink *u, const char *filter)
{
	struct order o;
	enum status st = order_about(ORDER_WATCH, "", filter, &o);

	IN_ROOM(ROOM_BROKER);
	return st == ST_OK ? put_order(u, &o) : st;
}

enum status uplink_ask_list(struct uplink *u)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(ORDER_ASK_LIST, "", NULL, &o);
	return put_order(u, &o);
}

enum status uplink_trace(struct uplink *u, const char *client_id, bool on)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(on ? ORDER_TRACE : ORDER_UNTRACE, client_id, NULL, &o);
	return put_order(u, &o);
}

enum status uplink_set_limits(struct uplink *u, const struct uplink_limits *limits)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(ORDER_LIMITS, "", NULL, &o);
	return put_message(u, &o, limits, sizeof(*limits));
}

enum status uplink_set_routes(struct uplink *u, struct route_rules *routes)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(ORDER_ROUTES, "", NULL, &o);
	o.payload = routes;
	return mail_put_order(&u->mail, &o);
}

enum status uplink_device_forget(struct uplink *u, const char *client_id)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	order_about(ORDER_FORGET, client_id, NULL, &o);
	return put_order(u, &o);
}

void uplink_down_done(struct uplink *u, const struct uplink_down *d)
{
	struct order o;

	IN_ROOM(ROOM_BROKER);
	if (d->qos == 0)
		return;
	order_about(ORDER_DOWN_DONE, "", NULL, &o);
	o.packet_id = d->packet_id;
	o.epoch = d->epoch;
	/* Without room the hub gets no acknowledgement and sends it again. */
	put_order(u, &o);
}

void uplink_set_hub_offset(struct uplink *u, int64_t offset_ms)
{
	IN_ROOM(ROOM_BROKER);
	atomic_store(&u->mail.hub_offset_ms, offset_ms);
}

void uplink_trust_clock(struct uplink *u, bool trusted)
{
	IN_ROOM(ROOM_BROKER);
	atomic_store(&u->mail.clock_trusted, trusted);
}

void uplink_set_timer(struct uplink *u, int64_t due_ms)
{
	IN_ROOM(ROOM_BROKER);
	mail_set_timer(&u->mail, due_ms);
}
