#include "plugin/services/gateway_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/gateway_answer.h"
#include "core/hub/topic.h"
#include "plugin/base/limiter.h"
#include "plugin/base/publish.h"
#include "plugin/base/timer.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/names.h"
#include "plugin/devices/presence.h"
#include "plugin/services/timekeeper.h"

enum {
	REPLY_MAX = 256 * 1024,
	TOPIC_BYTES = 128,
};

struct gateway_ask { /* a request of the gateway application */
	struct gateway_ask *next;
	struct gateway_request request;
	size_t open; /* wishes without a result */
	int64_t due_ms;
};

struct gateway_asks { /* requests of the gateway application without a reply, oldest first */
	struct gateway_ask *first, **last;
	size_t count;
	int64_t list_until_ms; /* replies to describe_sub_devices are passed on until then */
	int64_t list_due_ms;   /* without one by then it is answered from here; 0: none asked */
};

/* --- life --- */

enum status gateway_service_open(struct hubgate *h)
{
	h->asks = calloc(1, sizeof(*h->asks));
	return h->asks ? ST_OK : ST_NOMEM;
}

static void ask_free(struct gateway_ask *a)
{
	gateway_request_free(&a->request);
	free(a);
}

void gateway_service_close(struct hubgate *h)
{
	while (h->asks && h->asks->first) {
		struct gateway_ask *a = h->asks->first;

		h->asks->first = a->next;
		ask_free(a);
	}
	free(h->asks);
	h->asks = NULL;
}

/* --- replies --- */

static void result_topic(const struct hubgate *h, char out[TOPIC_BYTES])
{
	snprintf(out, TOPIC_BYTES, "$gateway/operation/result/%s/%s", h->own->product_id,
	         h->own->device_name);
}

static void publish(struct hubgate *h, const struct buf *text)
{
	char topic[TOPIC_BYTES];

	result_topic(h, topic);
	publish_on_lan(topic, text->data, text->len, 0, false);
}

static void reply(struct hubgate *h, const struct gateway_request *r)
{
	struct buf text = BUF_MAX(REPLY_MAX);

	if (gateway_put_reply(&text, r) == ST_OK)
		publish(h, &text);
	buf_free(&text);
}

/* Takes a. */
static void finish(struct hubgate *h, struct gateway_ask *a)
{
	reply(h, &a->request);
	ask_free(a);
}

/* Those of which nothing is open any more leave the line. */
static void sweep(struct hubgate *h)
{
	struct gateway_asks *asks = h->asks;

	for (struct gateway_ask **at = &asks->first; *at;) {
		struct gateway_ask *a = *at;

		if (a->open > 0) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		if (asks->last == &a->next)
			asks->last = at;
		asks->count--;
		finish(h, a);
	}
}

/* Without the hub's word: configured here, or good at the hub before. */
static bool counts_as_bound(const struct device *d)
{
	return d->bound == BOUND_YES ||
	       (d->bound == BOUND_UNKNOWN && d->origins & (ORIGIN_CONFIGURED | ORIGIN_APPLICATION));
}

/* What comes of the hub's code, or of its silence. */
static int64_t settled(struct hubgate *h, enum gateway_op op, struct device *d, int64_t code)
{
	if (op == GATEWAY_ONLINE && code == CODE_SYSTEM && !uplink_ready(h->uplink) &&
	    counts_as_bound(d))
		code = CODE_OK; /* it will come online with the link */
	if (op == GATEWAY_ONLINE && code != CODE_SYSTEM)
		device_set_by_app(h, d, code == CODE_OK);
	if (op == GATEWAY_UNBIND && code == CODE_OK)
		device_set_bound(h, d, false);
	if (op == GATEWAY_BIND && gateway_verdict(op, code) == VERDICT_OK)
		device_set_bound(h, d, true);
	return code;
}

static void settle(struct hubgate *h, enum gateway_op op, const char *client_id, int64_t code)
{
	struct device *d = device_table_find(h->devices, client_id, strlen(client_id));

	for (struct gateway_ask *a = h->asks->first; a && d; a = a->next) {
		for (size_t i = 0; a->request.op == op && i < a->request.count; i++) {
			struct gateway_wish *w = &a->request.wishes[i];

			if (w->done || strcmp(w->client_id, client_id) != 0)
				continue;
			w->result = settled(h, op, d, code);
			w->done = true;
			a->open--;
		}
	}
	/* The uplink keeps it online until told of its presence: also when nobody waits any more. */
	if (d && op == GATEWAY_ONLINE)
		presence_changed(h, d);
	sweep(h);
}

/* --- requests --- */

static int64_t own_code(enum gateway_op op)
{
	return op == GATEWAY_BIND ? CODE_NOT_PLAIN : CODE_UNBOUND;
}

static enum status ask_bind(struct hubgate *h, const struct gateway_wish *w)
{
	struct buf text = BUF_MAX(1024);
	enum status st = gateway_put_bind_as(&text, w);

	if (st == ST_OK)
		st = uplink_ask(h->uplink, w->client_id, GATEWAY_BIND, text.data, text.len);
	buf_free(&text);
	return st;
}

/* What can be said without the hub. false: nothing. */
static bool known(struct hubgate *h, enum gateway_op op, struct gateway_wish *w, struct device *d)
{
	w->done = true;
	if (d == h->own)
		w->result = own_code(op);
	else if (op == GATEWAY_BIND && (w->result = gateway_check_bind(w, d ? &d->secret : NULL)) != 0)
		return true;
	else if (op == GATEWAY_OFFLINE && d && d->origins & ORIGIN_APPLICATION)
		w->result = CODE_OK; /* the uplink takes it offline after its messages */
	else if (op == GATEWAY_OFFLINE && d && d->presence->current)
		w->result = CODE_OK; /* here in its own right, and stays online */
	else
		w->done = false;
	return w->done;
}

static enum status ask_hub(struct hubgate *h, enum gateway_op op, const struct gateway_wish *w)
{
	return op == GATEWAY_BIND ? ask_bind(h, w) : uplink_ask(h->uplink, w->client_id, op, NULL, 0);
}

static void wish(struct hubgate *h, enum gateway_op op, struct gateway_wish *w)
{
	struct device *d = device_table_find(h->devices, w->client_id, strlen(w->client_id));

	if (known(h, op, w, d)) {
		if (op == GATEWAY_OFFLINE && d && d->origins & ORIGIN_APPLICATION)
			device_set_by_app(h, d, false);
		return;
	}
	if (!d && uplink_ready(h->uplink))
		d = device_admit(h, w->product_id, w->device_name, ORIGIN_NAMED);
	if (d)
		names_heard(h, d);
	if (d && uplink_ready(h->uplink) && presence_introduce(h, d->presence) == ST_OK &&
	    ask_hub(h, op, w) == ST_OK)
		return; /* gateway_service_take() goes on */
	w->done = true;
	w->result = CODE_SYSTEM;
	if (d && d->bound == BOUND_NO && op != GATEWAY_BIND)
		w->result = CODE_UNBOUND;
	else if (d)
		w->result = settled(h, op, d, CODE_SYSTEM);
}

/* --- the list --- */

static void list_known(struct hubgate *h)
{
	struct buf text = BUF_MAX(REPLY_MAX);
	enum status st = gateway_put_list_begin(&text);
	struct table_at at;
	bool first = true;

	for (const struct device *d = device_table_first(h->devices, &at); d && st == ST_OK;
	     d = device_table_next(h->devices, &at)) {
		if (d->bound != BOUND_YES || d->own || d->retired)
			continue;
		st = gateway_put_list_device(&text, d->product_id, d->device_name, first);
		first = false;
	}
	if (st == ST_OK)
		st = gateway_put_list_end(&text);
	if (st == ST_OK)
		publish(h, &text);
	buf_free(&text);
}

static void describe(struct hubgate *h)
{
	int64_t now_ms = hubgate_now_ms();

	if (!uplink_ready(h->uplink) || uplink_ask_list(h->uplink) != ST_OK) {
		list_known(h);
		return;
	}
	h->asks->list_due_ms = now_ms + GATEWAY_SLACK_MS;
	h->asks->list_until_ms = h->asks->list_due_ms;
	timer_ring_by(h, h->asks->list_due_ms);
}

/* --- in --- */

static void take_request(struct hubgate *h, struct gateway_request *r)
{
	struct gateway_ask *a = calloc(1, sizeof(*a));

	if (!a) {
		gateway_request_free(r);
		return;
	}
	a->request = *r;
	a->due_ms =
		hubgate_now_ms() + INT64_C(1000) * h->config->hub.request_timeout_s + GATEWAY_SLACK_MS;
	for (size_t i = 0; i < r->count; i++) {
		struct gateway_wish *w = &a->request.wishes[i];

		if (!w->done && h->asks->count < GATEWAY_ASKS_MAX) {
			wish(h, r->op, w);
		} else if (!w->done) {
			w->done = true;
			w->result = CODE_SYSTEM;
		}
		a->open += !w->done;
	}
	if (a->open == 0) {
		finish(h, a);
		return;
	}
	if (!h->asks->first)
		h->asks->last = &h->asks->first;
	*h->asks->last = a;
	h->asks->last = &a->next;
	h->asks->count++;
	timer_ring_by(h, a->due_ms);
}

void gateway_service_request(struct hubgate *h, const void *payload, size_t len)
{
	struct gateway_request r;
	enum status st = gateway_request_parse(payload, len, &r);

	IN_ROOM(ROOM_BROKER);
	if (st == ST_INVALID)
		reply(h, &r);
	if (st != ST_OK && st != ST_INVALID) {
		limiter_log_refusal(h, h->own->client_id, "$gateway/operation", status_text(st));
		return;
	}
	if (st == ST_OK && r.count > 0) {
		take_request(h, &r);
		return;
	}
	if (r.op == GATEWAY_DESCRIBE)
		describe(h);
	gateway_request_free(&r);
}

/* --- what the hub says --- */

static void note_refusal(struct device *d, enum gateway_op op, int64_t code, bool good)
{
	if (!good) {
		d->refused_op = op;
		d->refused_code = code;
	} else if (op != GATEWAY_OFFLINE) {
		d->refused_code = 0;
	}
}

static void result_said(struct hubgate *h, struct device *d, const struct uplink_down *news)
{
	enum gateway_verdict v = gateway_verdict(news->op, news->code);
	bool good = v == VERDICT_OK;

	note_refusal(d, news->op, news->code, good);
	if (good && (news->op == GATEWAY_ONLINE || news->op == GATEWAY_BIND))
		device_set_bound(h, d, true);
	else if (news->op == GATEWAY_BIND && news->code == CODE_EXPIRED)
		timekeeper_doubt(h); /* the bind is tried again after that */
	else if (news->op == GATEWAY_OFFLINE && news->code == CODE_UNBOUND)
		device_set_bound(h, d, false);
	else if (news->op == GATEWAY_ONLINE && v != VERDICT_RETRY)
		device_refused(h, d);
}

/* Only the store knows the name, by messages of an earlier run. */
static void kept_name_refused(struct hubgate *h, const char *client_id)
{
	char product_id[PRODUCT_ID_LEN + 1];
	const char *device_name = credential_split(client_id, product_id);
	uint64_t messages;
	struct device *d;

	if (!device_name || !journal_device_waits(h->journal, client_id, &messages, NULL) ||
	    messages == 0)
		return;
	d = device_admit(h, product_id, device_name, ORIGIN_NAMED);
	if (d)
		device_refused(h, d);
}

/* Of a name that is no device here. */
static void name_said(struct hubgate *h, const struct uplink_down *news)
{
	enum gateway_verdict v = gateway_verdict(news->op, news->code);

	if (news->kind != UPLINK_RESULT)
		names_hub_said(h, news->topic, news->kind != UPLINK_UNBOUND);
	else if (v == VERDICT_OK && news->op != GATEWAY_OFFLINE)
		names_hub_said(h, news->topic, news->op != GATEWAY_UNBIND);
	else if (v != VERDICT_OK && v != VERDICT_RETRY && news->op == GATEWAY_ONLINE)
		kept_name_refused(h, news->topic);
}

static void device_said(struct hubgate *h, const struct uplink_down *news)
{
	struct device *d = device_table_find(h->devices, news->topic, strlen(news->topic));

	if (!d && !device_table_remembers(h->devices, news->topic, strlen(news->topic)))
		name_said(h, news);
	if (!d || d->own)
		return;
	if (news->kind == UPLINK_RESULT) {
		result_said(h, d, news);
		return;
	}
	if (news->kind == UPLINK_BOUND)
		d->refused_code = 0;
	device_set_bound(h, d, news->kind != UPLINK_UNBOUND);
}

static void online_said(const struct hubgate *h, const struct uplink_down *news)
{
	struct device *d = device_table_find(h->devices, news->topic, strlen(news->topic));

	if (d)
		d->at_hub = news->kind == UPLINK_ONLINE;
}

/* A list is passed on only to who asked for one. */
static void pass(struct hubgate *h, const struct uplink_down *text)
{
	int64_t now_ms = hubgate_now_ms();

	if (text->op == GATEWAY_DESCRIBE && now_ms >= h->asks->list_until_ms)
		return;
	if (text->op == GATEWAY_DESCRIBE && h->asks->list_due_ms != 0) {
		h->asks->list_until_ms = now_ms + GATEWAY_LIST_MS;
		h->asks->list_due_ms = 0;
	}
	publish_on_lan(text->topic, text->payload, text->len, 0, false);
}

bool gateway_service_take(struct hubgate *h, const struct uplink_down *news)
{
	IN_ROOM(ROOM_BROKER);
	switch ((int)news->kind) {
	case UPLINK_ANSWER:
		settle(h, news->op, news->topic, news->code);
		return true;
	case UPLINK_ONLINE:
	case UPLINK_OFFLINE:
		online_said(h, news);
		return true;
	case UPLINK_BOUND:
	case UPLINK_UNBOUND:
	case UPLINK_RESULT:
	case UPLINK_LISTED:
		device_said(h, news);
		return true;
	case UPLINK_HUB_TEXT:
		pass(h, news);
		return true;
	case UPLINK_LIST_END: /* it may be cut: nothing more follows from who was not on it */
		names_list_end(h);
		return true;
	default:
		return false;
	}
}

static void give_up(struct hubgate *h, struct gateway_ask *a)
{
	for (size_t i = 0; i < a->request.count; i++) {
		struct gateway_wish *w = &a->request.wishes[i];
		struct device *d;

		if (w->done)
			continue;
		d = device_table_find(h->devices, w->client_id, strlen(w->client_id));
		w->result = d ? settled(h, a->request.op, d, CODE_SYSTEM) : CODE_SYSTEM;
		w->done = true;
	}
	a->open = 0;
}

void gateway_service_run(struct hubgate *h, int64_t now_ms)
{
	bool late = false;

	IN_ROOM(ROOM_BROKER);
	if (h->asks->list_due_ms != 0 && now_ms >= h->asks->list_due_ms) {
		h->asks->list_due_ms = 0;
		list_known(h);
	}
	for (struct gateway_ask *a = h->asks->first; a && a->due_ms <= now_ms; a = a->next) {
		give_up(h, a);
		late = true;
	}
	if (late)
		sweep(h);
}

int64_t gateway_service_due(const struct hubgate *h)
{
	const struct gateway_asks *asks = h->asks;
	int64_t due_ms = asks->first ? asks->first->due_ms : INT64_MAX;

	IN_ROOM(ROOM_BROKER);
	return asks->list_due_ms != 0 && asks->list_due_ms < due_ms ? asks->list_due_ms : due_ms;
}

struct device *gateway_service_speaker(struct hubgate *h, struct device *own, const char *topic)
{
	char client_id[CLIENT_ID_MAX + 1];
	struct device *d;
	struct topic t;
	size_t len;

	IN_ROOM(ROOM_BROKER);
	if (topic_parse_filter(topic, strlen(topic), &t, NULL) != ST_OK || t.kind == TOPIC_NONE)
		return own;
	len = t.product_id.len + t.device_name.len;
	if (len > CLIENT_ID_MAX || len == 0)
		return own;
	memcpy(client_id, t.product_id.at, t.product_id.len);
	memcpy(client_id + t.product_id.len, t.device_name.at, t.device_name.len);
	d = device_table_find(h->devices, client_id, len);
	return d && d->origins & ORIGIN_APPLICATION ? d : own;
}
