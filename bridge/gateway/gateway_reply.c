/* What the hub answers: results, notifications, SUBACKs - and silence. */
#include <inttypes.h>
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"
#include "core/hub/topic.h"
#include "core/mqtt/mqtt_codec.h"

enum {
	NOT_BOUND = -1, /* docs/protocol/gateway.md 6 */
	SYSTEM_ERROR = -2,
	BIND_SIGNATURE = 803,
	BIND_OTHER_HASH = 804
};

/* After three requests without an answer: 60 s. Before: 2, 4, 8 s, each with up
 * to half of it on top, so that a thousand devices do not come back as one
 * (docs/protocol/gateway.md 7). */
static int64_t retry_delay_ms(struct gateway *g, unsigned attempts)
{
	int64_t base = attempts > GATEWAY_ATTEMPTS ? GATEWAY_RETRY_MS : INT64_C(1000) << attempts;

	g->random = g->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return base + (int64_t)((g->random >> 33) % (uint64_t)(base / 2 + 1));
}

static void set_unbound(struct gateway *g, struct subdev *d, bool unbound)
{
	if (d->unbound == unbound)
		return;
	d->unbound = unbound;
	g->unbound += unbound ? 1 : (size_t)-1;
	metric_set(g->metrics, M_UNBOUND, g->unbound);
}

static void refused(struct gateway *g, struct subdev *d, enum gateway_op op, int64_t code,
                    int64_t now_ms)
{
	enum gateway_verdict verdict = gateway_verdict(op, code);

	if (verdict == VERDICT_UNBOUND) {
		set_unbound(g, d, true);
		d->shown_online = false;
		gateway_count_online(g, d, SUBDEV_OFFLINE);
		d->bind_next = true;
		if (gateway_can_bind(g, d)) {
			d->attempts = 0;
			d->due_ms = 0;
			return;
		}
	}
	if (op == GATEWAY_BIND && code == BIND_OTHER_HASH && d->bind_hash == HASH_SHA1) {
		d->bind_hash = HASH_SHA256;
		d->due_ms = 0;
		return;
	}
	if (op == GATEWAY_BIND && code == BIND_SIGNATURE && d->second) {
		gateway_other_digest(d); /* docs/protocol/README.md, doubt 9 */
		d->due_ms = 0;
		return;
	}
	d->bind_refused |= op == GATEWAY_BIND && verdict == VERDICT_PERMANENT;
	d->attempts = verdict == VERDICT_RETRY ? d->attempts + 1 : GATEWAY_ATTEMPTS + 1;
	d->due_ms = now_ms + retry_delay_ms(g, d->attempts);
	if (d->reported == code)
		return;
	d->reported = code;
	log_line(g->log, LOG_WARN, "%s/%s: the hub refused %s with %" PRId64 ": %s", d->product_id,
	         d->device_name, gateway_op_name(op), code, gateway_code_text(code));
}

static void accepted(struct gateway *g, struct subdev *d, enum gateway_op op)
{
	bool online = op == GATEWAY_ONLINE;

	d->attempts = 0;
	d->due_ms = 0;
	d->reported = 0;
	if (op == GATEWAY_BIND) {
		set_unbound(g, d, false);
		d->bind_next = false;
		d->bind_refused = true; /* should `online` say -1 again, a bind is no remedy */
		log_line(g->log, LOG_NOTE, "%s/%s was bound to this gateway with its secret", d->product_id,
		         d->device_name);
		return;
	}
	if (online) {
		set_unbound(g, d, false);
		d->bind_refused = d->bind_next = false;
	} else
		d->asked_online = false;
	if (d->shown_online != online)
		log_line(g->log, LOG_NOTE, "%s/%s is %s at the hub", d->product_id, d->device_name,
		         gateway_op_name(op));
	d->shown_online = online;
	gateway_count_online(g, d, online ? SUBDEV_ONLINE : SUBDEV_OFFLINE);
}

/* docs/protocol/gateway.md 5 */
static void changed(struct gateway *g, struct subdev *d, bool bound)
{
	log_line(g->log, LOG_NOTE, "%s/%s was %s this gateway", d->product_id, d->device_name,
	         bound ? "bound to" : "unbound from");
	set_unbound(g, d, !bound);
	d->bind_barred = !bound;
	d->bind_next = false;
	d->attempts = 0;
	d->reported = 0;
	if (!bound) {
		d->shown_online = d->asked_online = false;
		d->due_ms = INT64_MAX; /* until it is bound again, or the next connection */
		d->pending = GATEWAY_UNKNOWN;
		gateway_count_online(g, d, SUBDEV_OFFLINE);
		outbox_rewind(&d->outbox);
	} else if (d->pending == GATEWAY_UNKNOWN) {
		d->due_ms = 0; /* else it is when the request under way gives up */
	}
}

/* An answer to a request that a program made: it decides what comes of it. Without a signature of
 * our own there is nothing to try again. */
static void told(struct gateway *g, struct subdev *d, enum gateway_op op, int64_t code)
{
	d->due_ms = 0;
	d->attempts = 0;
	if (op == GATEWAY_UNBIND &&
	    (gateway_verdict(op, code) == VERDICT_OK || gateway_verdict(op, code) == VERDICT_UNBOUND))
		changed(g, d, false);
	else if (op == GATEWAY_BIND && gateway_verdict(op, code) == VERDICT_OK)
		changed(g, d, true);
	gateway_tell(g, d, op, code);
}

static void result(struct gateway *g, struct subdev *d, enum gateway_op op,
                   const struct gateway_device *from, int64_t now_ms)
{
	/* A late answer to a request that was given up still tells the truth, unless
	 * another request is under way by now. */
	if (d->pending != op && d->pending != GATEWAY_UNKNOWN)
		return;
	d->pending = GATEWAY_UNKNOWN;
	if (!from->has_result)
		return;
	if (op == GATEWAY_UNBIND || (op == GATEWAY_BIND && d->bind)) {
		told(g, d, op, from->result);
		return;
	}
	if (op == GATEWAY_ONLINE)
		d->asked_online = false; /* from here on the answer says it */
	if (gateway_verdict(op, from->result) == VERDICT_OK) {
		accepted(g, d, op);
	} else if (op == GATEWAY_OFFLINE && gateway_verdict(op, from->result) != VERDICT_RETRY) {
		/* Not bound, not there: it is certainly not shown online. */
		accepted(g, d, op);
		set_unbound(g, d, gateway_verdict(op, from->result) == VERDICT_UNBOUND);
	} else {
		refused(g, d, op, from->result, now_ms);
	}
	if (op == GATEWAY_ONLINE && d->bind_next && gateway_can_bind(g, d))
		return; /* the result is that of the next one, after the bind */
	if (op == GATEWAY_BIND && d->bind_refused && d->state != SUBDEV_ONLINE && d->unbound)
		gateway_tell(g, d, GATEWAY_ONLINE, NOT_BOUND);
	if (op == GATEWAY_ONLINE && d->asked & 1u << op && d->state == SUBDEV_ONLINE)
		d->present = true; /* until whoever asked says what it is */
	if (op != GATEWAY_BIND && d->asked) {
		gateway_tell(g, d, op, from->result);
		if (d->asked) /* the next one does not wait for a retry of this one */
			d->due_ms = 0;
	}
}

/* One of the hub's list of what is bound here. Who is not on it may be on another part of it
 * (docs/protocol/gateway.md 4): only what is there counts. */
static void listed(struct gateway *g, struct subdev *d)
{
	if (!d->unbound)
		return;
	set_unbound(g, d, false);
	d->bind_barred = d->bind_next = false;
	if (d->pending == GATEWAY_UNKNOWN)
		d->due_ms = 0;
}

/* The documents show an unbind answered as `bind` (docs/protocol/gateway.md 3). */
static enum gateway_op meant(const struct subdev *d, enum gateway_op op)
{
	return op == GATEWAY_BIND && d->pending == GATEWAY_UNBIND ? GATEWAY_UNBIND : op;
}

static void apply(struct gateway *g, const struct gateway_msg *m, int64_t now_ms)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct gateway_device *from = &m->devices[i];
		struct subdev *d = gateway_find(g, from->product_id, from->device_name);

		if (!d || d->own)
			continue;
		if (m->op == GATEWAY_DESCRIBE)
			listed(g, d);
		else if (m->op != GATEWAY_CHANGE)
			result(g, d, meant(d, m->op), from, now_ms);
		else if (m->has_status)
			changed(g, d, m->status != 0);
		gateway_update(g, d, now_ms);
	}
}

void gateway_reply(struct gateway *g, const void *payload, size_t len, int64_t now_ms)
{
	struct gateway_msg m;
	enum status st = gateway_parse(payload, len, &m);

	IN_ROOM(ROOM_UPLINK);
	if (st != ST_OK) {
		log_line(g->log, LOG_WARN, "a message on the gateway channel is %s, ignored (%zu bytes)",
		         status_text(st), len);
		return;
	}
	if (m.op == GATEWAY_CHANGE)
		g->change_acks++;
	if (m.op != GATEWAY_UNKNOWN && m.op != GATEWAY_SEARCH)
		apply(g, &m, now_ms);
	gateway_msg_free(&m);
}

/* --- SUBACK and UNSUBACK --- */

/* The hub's UNSUBSCRIBE of a wildcard removes every subscription that matches, also
 * those that the device still wants (docs/protocol/topics.md 3). */
static void subscribe_covered_again(struct subdev *d, const char *wildcard)
{
	for (struct filter *f = d->filters; f; f = f->next) {
		if (f->state == FILTER_SUBSCRIBED && topic_matches(wildcard, f->text))
			f->state = FILTER_NONE;
	}
}

static void filter_answered(struct gateway *g, struct subdev *d, struct filter *f, uint8_t code,
                            int64_t now_ms)
{
	if (g->answered)
		g->answered(g->answered_ctx, f, f->state == FILTER_SUBSCRIBING, code);
	f->packet_id = 0;
	f->due_ms = 0;
	gateway_live_answered(d);
	if (f->state == FILTER_UNSUBSCRIBING) {
		f->state = FILTER_NONE;
		subscribe_covered_again(d, f->text);
	} else if (code == MQTT_SUBACK_FAILURE) {
		f->state = FILTER_NONE;
		f->due_ms = now_ms + GATEWAY_RETRY_MS;
		log_line(g->log, LOG_WARN,
		         "the hub refuses the subscription %s; when it is a custom topic, add it to the "
		         "product's topic list in the console, perhaps also to the gateway product's",
		         f->text);
	} else {
		f->state = FILTER_SUBSCRIBED;
	}
	if (f->due_ms > now_ms && f->due_ms < g->due_ms)
		g->due_ms = f->due_ms;
	gateway_update(g, d, now_ms);
}

bool gateway_suback(struct gateway *g, uint16_t packet_id, uint8_t code, int64_t now_ms)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		for (struct filter *f = d->filters; f; f = f->next) {
			if (f->packet_id != packet_id)
				continue;
			filter_answered(g, d, f, code, now_ms);
			return true;
		}
	}
	return false;
}

/* --- silence --- */

static void tick_device(struct gateway *g, struct subdev *d, int64_t now_ms)
{
	if (d->pending != GATEWAY_UNKNOWN && d->due_ms <= now_ms) {
		metric_add(g->metrics, M_CONTROL_TIMEOUTS, 1);
		if (++d->attempts == GATEWAY_ATTEMPTS)
			log_line(g->log, LOG_WARN, "%s/%s: the hub does not answer %s, trying on every 60 s",
			         d->product_id, d->device_name, gateway_op_name(d->pending));
		gateway_tell(g, d, d->pending, SYSTEM_ERROR);
		d->pending = GATEWAY_UNKNOWN;
		d->due_ms = now_ms + retry_delay_ms(g, d->attempts + (d->attempts >= GATEWAY_ATTEMPTS));
	}
	for (struct filter *f = d->filters; f; f = f->next) {
		if (f->packet_id != 0 && f->due_ms <= now_ms) {
			if (g->release_id)
				g->release_id(g->release_ctx, f->packet_id);
			f->packet_id = 0;
			f->state = f->state == FILTER_UNSUBSCRIBING ? FILTER_SUBSCRIBED : FILTER_NONE;
			f->due_ms = now_ms + retry_delay_ms(g, 1);
		}
		if (f->due_ms > now_ms && f->due_ms < g->due_ms)
			g->due_ms = f->due_ms;
	}
	gateway_update(g, d, now_ms);
}

void gateway_tick(struct gateway *g, int64_t now_ms)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	g->due_ms = INT64_MAX;
	if (g->settling && now_ms >= g->settle_ms)
		g->settling = false;
	if (g->settling)
		g->due_ms = g->settle_ms;
	if (g->linked && g->describe && g->describe_ms > now_ms && g->describe_ms < g->due_ms)
		g->due_ms = g->describe_ms;
	for (struct table_node *n = table_first(&g->devices, &at); n && g->linked;
	     n = table_next(&g->devices, &at))
		tick_device(g, table_entry(n, struct subdev, node), now_ms);
}
