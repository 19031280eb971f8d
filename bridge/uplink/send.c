/* What goes out, when and in whose turn. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bridge/uplink/uplink_impl.h"
#include "core/base/clocks.h"
#include "core/hub/topic.h"
#include "shadowstore/journal/journal_reader.h"

enum {
	SECOND_US = 1000000,
	LOAD_PAUSE_US = SECOND_US
};

static void sent_one(struct uplink *u, int64_t now_us)
{
	bucket_take(&u->bucket, now_us);
	stall_guard_sent(&u->stall_guard, now_us);
	metric_add(u->conf.metrics, M_SENT, 1);
}

/* Beside the one that is counted by whoever sends: the next waits twice as long. */
static void sent_another(struct uplink *u, int64_t now_us)
{
	sent_one(u, now_us);
	if (u->bucket.rate > 0)
		bucket_pause(&u->bucket, now_us, 2 * SECOND_US / u->bucket.rate);
}

static enum status send_live(struct uplink *u, struct subdev *d, struct live_msg *m)
{
	struct mqtt_publish p = {
		.topic = mqtt_text(m->topic),
		.payload = m->payload,
		.len = m->len,
	};
	enum status st = session_publish(u->session, &p);

	if (u->traced.count > 0 && st == ST_OK)
		traced_tell(u, d, TRACE_SENT, &(struct trace_about){ .topic = m->topic, .bytes = m->len });
	if (st != ST_FULL)
		gateway_live_end(d, m);
	return st;
}

static enum status send_kept(struct uplink *u, struct subdev *d, struct outbox_entry *e, bool probe,
                             int64_t now_ms)
{
	struct journal_view view;
	struct mqtt_publish p = { 0 };
	enum status st = journal_reader_load(u->conf.journal, e->seq, NULL, &view);

	if (st == ST_MALFORMED) {
		repeats_log(&u->repeats, &u->log, LOG_ERROR, "the disk", "damaged", now_ms,
		            "%s/%s: message %" PRIu64 " is lost, the disk damaged it", d->product_id,
		            d->device_name, e->seq);
		if (e->packet_id != 0)
			packet_ids_release(&u->ids, e->packet_id);
		intake_end(u, d, e->seq, JOURNAL_DROP_DAMAGED);
		return ST_AGAIN;
	}
	if (st == ST_NOTFOUND) { /* ended elsewhere: nothing to send */
		intake_forget(u, d, e);
		return ST_AGAIN;
	}
	if (st != ST_OK) { /* no memory, or a disk that hiccups: it stays first in line */
		bucket_pause(&u->bucket, clocks_monotonic_us(), LOAD_PAUSE_US);
		return ST_FULL;
	}
	d->telemetry_ms = gateway_live_awaits(d, view.topic, now_ms);
	if (d->telemetry_ms != 0)
		return ST_AGAIN;
	p.topic = mqtt_text(view.topic);
	p.payload = view.payload;
	p.len = view.len;
	p.qos = view.qos;
	if (p.qos == 1) {
		p.dup = e->packet_id != 0;
		p.id = p.dup ? e->packet_id : packet_ids_take(&u->ids);
		if (p.id == 0)
			return ST_FULL;
	}
	st = session_publish(u->session, &p);
	if (st != ST_OK) {
		if (p.id != 0 && !p.dup)
			packet_ids_release(&u->ids, p.id);
		if (st != ST_FULL) /* it can never be encoded: refuse it once, not for ever */
			intake_bury(u, d, e->seq, "it cannot be encoded as MQTT");
		return st;
	}
	if (u->traced.count > 0)
		traced_tell(u, d, TRACE_SENT,
		            &(struct trace_about){ .topic = view.topic,
		                                   .bytes = view.len,
		                                   .seq = e->seq,
		                                   .qos = view.qos,
		                                   .why = probe   ? "to try whether the hub takes it now"
		                                          : p.dup ? "again"
		                                                  : NULL });
	if (p.dup)
		metric_add(u->conf.metrics, M_RETRANSMITTED, 1);
	if (e->latest)
		latest_sent(&d->latest, e->seq, now_ms);
	if (p.qos == 0) {
		intake_end(u, d, e->seq, JOURNAL_DELIVERED);
		return ST_OK;
	}
	judge_sent(u, d, e, p.id, probe, now_ms);
	aside_forget(u->gateway.asides, d, e);
	outbox_mark_sent(&d->outbox, e, p.id);
	return ST_OK;
}

static enum status send_probe(struct uplink *u, int64_t now_ms)
{
	struct subdev *d = NULL;
	struct outbox_entry *e = judge_probe(u, now_ms, &d);
	enum status st = e ? send_kept(u, d, e, true, now_ms) : ST_AGAIN;

	if (e)
		gateway_touch(&u->gateway, d);
	return st;
}

/* ST_EMPTY: nothing of d can go now. */
static enum status send_next(struct uplink *u, struct subdev *d, int64_t now_ms)
{
	struct live_msg *m;

	switch (gateway_live_next(&u->gateway, d, flight_full(&u->flight), now_ms, &m)) {
	case SOURCE_REQUEST:
	case SOURCE_LIVE:
		return send_live(u, d, m);
	case SOURCE_KEPT:
		return send_kept(u, d, outbox_next(&d->outbox), false, now_ms);
	case SOURCE_NONE:
	default:
		return ST_EMPTY;
	}
}

/* The answer to a call is worth nothing in seconds. It goes before what everybody has waiting, but
 * in every second turn at most. */
static enum status send_call(struct uplink *u)
{
	struct subdev *d = table_entry(turns_next(&u->gateway.calls), struct subdev, calls);
	enum status st = send_live(u, d, gateway_live_call(d));

	gateway_touch(&u->gateway, d);
	return st;
}

/* One message of the device whose turn it is. */
static enum status send_data(struct uplink *u, int64_t now_ms)
{
	if (judge_probe_waits(u, now_ms))
		return send_probe(u, now_ms);
	u->call_turn = !u->call_turn && u->gateway.calls.count > 0;
	if (u->call_turn)
		return send_call(u);
	for (uint32_t n = u->gateway.data.count; n > 0 && u->gateway.data.count > 0; n--) {
		struct subdev *d = table_entry(turns_next(&u->gateway.data), struct subdev, data);
		enum status st = send_next(u, d, now_ms);

		gateway_touch(&u->gateway, d);
		if (st != ST_EMPTY)
			return st;
	}
	return ST_EMPTY;
}

static uint32_t bind_random(void)
{
	uint32_t random = 0;

	/* Without randomness it is a number like any other: the hub asks for one, not for a secret. */
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = (uint32_t)clocks_monotonic_us();
	return random & BIND_RANDOM_MAX;
}

static enum status send_request(struct uplink *u, const struct gateway_action *a)
{
	struct buf text = BUF_MAX(1024);
	struct mqtt_publish p = { .topic = mqtt_text(u->operation_topic) };
	enum status st;

	if (a->kind == ACT_CHANGE_ACK)
		st = gateway_put_change_ack(&text, 0);
	else if (a->kind == ACT_DESCRIBE)
		st = gateway_put_describe(&text);
	else if (a->op == GATEWAY_BIND && a->dev->bind)
		st = buf_add(&text, a->dev->bind->payload, a->dev->bind->len);
	else if (a->op == GATEWAY_BIND)
		st = gateway_put_bind(&text, a->dev->product_id, a->dev->device_name, a->dev->secret,
		                      bind_random(), mail_hub_time_s(&u->mail), a->dev->hub.hash,
		                      a->dev->auth);
	else
		st = gateway_put_request(&text, a->op, a->dev->product_id, a->dev->device_name);
	if (st == ST_OK) {
		p.payload = text.data;
		p.len = text.len;
		st = session_publish(u->session, &p);
	}
	buf_free(&text);
	return st;
}

static enum status send_shadow(struct uplink *u, const struct subdev *d)
{
	const struct mqtt_publish p = {
		.topic = mqtt_text(d->shadow->topic),
		.payload = d->shadow->payload,
		.len = d->shadow->len,
	};

	return session_publish(u->session, &p);
}

static enum status put_subscription(struct uplink *u, const struct gateway_action *a, uint16_t id)
{
	enum status st;

	if (a->kind == ACT_SUBSCRIBE)
		return session_subscribe(u->session, id, a->filter->text, a->qos > 0);
	if (a->kind == ACT_UNSUBSCRIBE)
		return session_unsubscribe(u->session, id, a->filter->text);
	st = session_exchange(u->session, id, a->filter->text, a->again_id, a->dev->wide->text,
	                      a->qos > 0);
	if (st == ST_OK)
		sent_another(u, clocks_monotonic_us());
	return st;
}

static enum status send_subscription(struct uplink *u, struct gateway_action *a, int64_t now_ms)
{
	bool exchange = a->kind == ACT_EXCHANGE;
	uint16_t id = packet_ids_take(&u->ids);
	enum status st = ST_FULL;

	a->again_id = exchange ? packet_ids_take(&u->ids) : 0;
	if (id != 0 && (a->again_id != 0 || !exchange))
		st = put_subscription(u, a, id);
	if (st == ST_OK) {
		gateway_sent(&u->gateway, a, id, now_ms);
		return ST_OK;
	}
	if (id != 0)
		packet_ids_release(&u->ids, id);
	if (a->again_id != 0)
		packet_ids_release(&u->ids, a->again_id);
	return st;
}

static enum status send_control(struct uplink *u, int64_t now_ms)
{
	struct gateway_action a;
	enum status st;

	gateway_next(&u->gateway, now_ms, &a);
	switch (a.kind) {
	case ACT_NONE:
		return ST_EMPTY;
	case ACT_REQUEST:
	case ACT_CHANGE_ACK:
	case ACT_DESCRIBE:
		st = send_request(u, &a);
		break;
	case ACT_SHADOW:
		st = send_shadow(u, a.dev);
		break;
	case ACT_SUBSCRIBE:
	case ACT_UNSUBSCRIBE:
	case ACT_EXCHANGE:
		return send_subscription(u, &a, now_ms);
	default:
		return ST_EMPTY;
	}
	if (st == ST_OK)
		gateway_sent(&u->gateway, &a, 0, now_ms);
	return st;
}

/* A link that stalled and healed brings everything at once: make room for it. */
static void listen(struct uplink *u)
{
	uint64_t heard = session_heard(u->session);

	if (heard != u->heard) {
		int64_t now_us = clocks_monotonic_us();

		u->heard = heard;
		u->heard_ms = now_us / 1000;
		bucket_pause(&u->bucket, now_us, stall_guard_heard(&u->stall_guard, now_us));
	}
}

static bool may_send(const struct uplink *u)
{
	enum uplink_state state = mail_state(&u->mail);

	return u->session && (state == UPLINK_READY || state == UPLINK_LEAVING) &&
	       !stall_guard_full(&u->stall_guard);
}

static bool data_waits(struct uplink *u, int64_t now_ms)
{
	if (mail_state(&u->mail) != UPLINK_READY)
		return false;
	if (judge_probe_waits(u, now_ms))
		return true;
	return u->gateway.data.count > 0 && !judge_holds(u) &&
	       (!flight_full(&u->flight) || u->gateway.unkept > 0);
}

void send_run(struct uplink *u, int64_t now_ms)
{
	if (u->session)
		listen(u);
	for (int n = 0; n < SENDS_PER_TURN && may_send(u); n++) {
		int64_t now_us = clocks_monotonic_us();
		enum lane lane;
		enum status st;

		if (bucket_wait_us(&u->bucket, now_us) > 0)
			break;
		lane =
			lanes_pick(&u->lanes, gateway_has_control(&u->gateway, now_ms), data_waits(u, now_ms));
		if (lane == LANE_NONE)
			break;
		st = lane == LANE_CONTROL ? send_control(u, now_ms) : send_data(u, now_ms);
		gateway_line_up(&u->gateway, now_ms);
		if (st == ST_FULL)
			break;
		if (st == ST_OK)
			sent_one(u, now_us);
	}
	/* Before anything new leaves: kill -9 then repeats at most one window. */
	if (u->conf.journal)
		journal_reader_flush(u->conf.journal);
	if (u->session && session_phase(u->session) == SESSION_UP) {
		enum status st = ST_OK;

		if (stall_guard_wants_probe(&u->stall_guard))
			st = session_probe(u->session, now_ms);
		if (st == ST_OK)
			st = session_flush(u->session, now_ms);
		if (st != ST_OK)
			connect_lost(u, st, now_ms);
	}
}

int64_t send_wait_us(struct uplink *u, int64_t now_ms)
{
	if (!may_send(u))
		return -1;
	if (!gateway_has_control(&u->gateway, now_ms) && !data_waits(u, now_ms)) {
		int64_t renew_us = (u->gateway.renew_ms - now_ms) * 1000;

		return u->gateway.renewing ? (renew_us > 0 ? renew_us : 0) : -1;
	}
	if (!session_idle(u->session))
		return -1; /* the socket will say when it drains */
	return bucket_wait_us(&u->bucket, clocks_monotonic_us());
}
