#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clocks.h"
#include "core/base/room.h"
#include "core/hub/topic.h"
#include "plugin/base/limiter.h"
#include "plugin/base/publish.h"
#include "plugin/devices/device_service.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/stored.h"
#include "plugin/services/shadow_impl.h"

/* --- life --- */

enum status shadow_open(struct hubgate *h)
{
	static const struct device_service service = { .answers_on = shadow_is_result,
		                                           .follow = shadow_follow,
		                                           .tell = shadow_tell,
		                                           .retire = shadow_retire,
		                                           .back = shadow_return,
		                                           .keep = shadow_keep,
		                                           .forget = shadow_forget };

	h->shadows = calloc(1, sizeof(*h->shadows));
	if (!h->shadows)
		return ST_NOMEM;
	h->shadow_service = &service;
	*h->shadows = (struct shadows){ .due_ms = INT64_MAX,
		                            .reply = BUF_MAX(SHADOW_REPLY_MAX),
		                            .stored = BUF_MAX(SHADOW_STORED_MAX) };
	return ST_OK;
}

void shadow_forget_waiting(struct shadow *s)
{
	while (s->waiting) {
		struct waiting *w = s->waiting;

		s->waiting = w->next;
		free(w);
	}
	s->waiting_tail = &s->waiting;
	s->waiting_count = 0;
}

static void free_shadow(struct device *d)
{
	shadow_forget_waiting(d->shadow);
	shadow_doc_free(d->shadow->doc);
	free(d->shadow);
	d->shadow = NULL;
}

void shadow_close(struct hubgate *h)
{
	struct table_at at;

	if (!h->shadows)
		return;
	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		if (!d->shadow)
			continue;
		free_shadow(d);
	}
	buf_free(&h->shadows->reply);
	buf_free(&h->shadows->stored);
	free(h->shadows);
	h->shadows = NULL;
}

/* Takes doc; NULL: a new one. */
static struct shadow *add_shadow(struct hubgate *h, struct device *d, struct shadow_doc *doc)
{
	struct shadow *s = calloc(1, sizeof(*s));

	if (s && !doc) {
		doc = shadow_doc_new();
		if (doc && (h->shadows->rebuilt || stored_left_out_document(h)))
			shadow_doc_rebuilt(doc, clocks_realtime_ms());
	}
	if (!s || !doc) {
		shadow_doc_free(doc);
		free(s);
		return NULL;
	}
	s->device = d;
	s->doc = doc;
	s->waiting_tail = &s->waiting;
	d->shadow = s;
	return s;
}

bool shadow_load(struct hubgate *h, const struct state_entry *e)
{
	struct device *d = device_table_find(h->devices, e->key, strlen(e->key));
	struct shadow_doc *doc = NULL;

	IN_ROOM(ROOM_BROKER);
	if (!d || d->shadow)
		return d != NULL;
	if (shadow_doc_decode(e->value, e->len, &doc) != ST_OK) {
		log_line(&h->log, LOG_ERROR,
		         "%s: its stored shadow cannot be read; it is fetched again from the hub", e->key);
		h->shadows->rebuilt = true;
	} else if (!add_shadow(h, d, doc)) {
		log_line(&h->log, LOG_ERROR, "%s: no memory for its shadow", e->key);
	} else {
		d->stored = true;
		/* The hub gave it out, to nobody but a gateway that it is bound to. */
		d->proven |= shadow_doc_synced(doc);
		shadow_note_dirty(h, d->shadow);
		presence_say_again(h, d);
	}
	return true;
}

void shadow_loaded(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	h->shadows->rebuilt |= h->state && state_was_damaged(h->state);
}

static void topic_of(const struct device *d, const char *tree, char out[SHADOW_TOPIC_MAX])
{
	snprintf(out, SHADOW_TOPIC_MAX, "%s%s/%s", tree, d->product_id, d->device_name);
}

bool shadow_is_result(const char *filter)
{
	IN_ROOM(ROOM_BROKER);
	return strncmp(filter, SHADOW_RESULT_TREE, strlen(SHADOW_RESULT_TREE)) == 0;
}

enum status shadow_tell(struct hubgate *h, const struct device *d)
{
	char topic[SHADOW_TOPIC_MAX];
	enum status st;

	IN_ROOM(ROOM_BROKER);
	if (!d->shadow)
		return ST_OK;
	topic_of(d, SHADOW_RESULT_TREE, topic);
	st = uplink_shadow_follow(h->uplink, d->client_id, topic);
	if (st == ST_OK)
		st = uplink_shadow_dirty(h->uplink, d->client_id, d->shadow->dirty);
	return st;
}

enum status shadow_follow(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (d->shadow)
		return ST_OK;
	if (!add_shadow(h, d, NULL))
		return ST_NOMEM;
	if (shadow_tell(h, d) != ST_OK)
		presence_say_again(h, d);
	return ST_OK;
}

/* --- answers --- */

enum status shadow_persist(struct hubgate *h, const struct shadow *s)
{
	struct buf *stored = &h->shadows->stored;
	enum status st;

	if (s->device->standing != STANDING_OWN)
		return ST_OK; /* it is stored when the device is proven to be ours */
	buf_reset(stored);
	st = shadow_doc_encode(s->doc, stored);
	if (st == ST_OK && h->state)
		st = state_put(h->state, STATE_SHADOW, s->device->client_id, stored->data, stored->len);
	return st;
}

void shadow_keep(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (d->shadow && shadow_persist(h, d->shadow) != ST_OK)
		metric_add(&h->metrics, M_SHADOW_FAILED, 1); /* its next change stores it */
}

void shadow_forget(struct hubgate *h, struct device *d, bool stored)
{
	IN_ROOM(ROOM_BROKER);
	if (!d->shadow)
		return;
	if (stored && h->state)
		state_put(h->state, STATE_SHADOW, d->client_id, NULL,
		          0); /* without room it stays, unused */
	shadow_retire(h, d);
	free_shadow(d);
}

static void publish(struct hubgate *h, const struct shadow *s, const char *tree,
                    const struct buf *text)
{
	char topic[SHADOW_TOPIC_MAX];

	if (text->len == 0)
		return;
	if (text->len > SHADOW_SDK_BYTES)
		metric_add(&h->metrics, M_SHADOW_LARGE, 1);
	topic_of(s->device, tree, topic);
	publish_on_lan(topic, text->data, text->len, 0, false);
}

void shadow_send_delta(struct hubgate *h, const struct shadow *s)
{
	struct buf *text = &h->shadows->reply;

	buf_reset(text);
	if (shadow_doc_delta(s->doc, text))
		publish(h, s, SHADOW_RESULT_TREE, text);
}

/* The answer is in shadows.reply. true: the document changed. */
static bool decide(struct hubgate *h, struct shadow *s, bool app, const void *payload, size_t len)
{
	struct buf *reply = &h->shadows->reply;
	int64_t now_ms = clocks_realtime_ms();
	enum shadow_done done;
	enum status st;

	buf_reset(reply);
	done = (app ? shadow_doc_app_request : shadow_doc_request)(s->doc, payload, len, now_ms, reply);
	metric_add(&h->metrics, done == SHADOW_SILENT ? M_SHADOW_MUTE : M_SHADOW_REQUESTS, 1);
	if (done == SHADOW_SILENT)
		limiter_log_refusal(h, s->device->client_id, "$shadow/operation",
		                    "the request is no JSON object, so there is nobody to answer");
	if (done != SHADOW_CHANGED)
		return false;
	st = shadow_persist(h, s);
	if (st == ST_OK) {
		shadow_doc_keep(s->doc);
		return true;
	}
	shadow_doc_undo(s->doc);
	metric_add(&h->metrics, M_SHADOW_FAILED, 1);
	limiter_log(h, LIMITED_REFUSALS, LOG_ERROR, s->device->client_id, "its shadow is not stored",
	            "%s: its shadow cannot be stored (%s): the update is refused", s->device->client_id,
	            status_text(st));
	buf_reset(reply);
	shadow_doc_failed(s->doc, payload, len, now_ms, reply);
	return false;
}

static void answer(struct hubgate *h, struct shadow *s, bool app, const void *payload, size_t len)
{
	bool changed = decide(h, s, app, payload, len);

	s->warm = true;
	publish(h, s, app ? SHADOW_APP_TREE "result/" : SHADOW_RESULT_TREE, &h->shadows->reply);
	if (!changed)
		return;
	if (app)
		shadow_send_delta(h, s);
	else
		shadow_stir(h, s); /* what an application set locally does not travel */
}

/* --- the first document --- */

/* A device that asks before its shadow was ever seen here gets the hub's, if that comes soon. */
static bool must_wait(const struct hubgate *h, const struct shadow *s)
{
	return !s->warm && !shadow_doc_synced(s->doc) && h->config->shadow.cold_wait_ms > 0 &&
	       uplink_ready(h->uplink) && s->waiting_count < SHADOW_WAITING_MAX;
}

static bool wait_for_hub(struct hubgate *h, struct shadow *s, bool app, const void *payload,
                         size_t len)
{
	struct waiting *w = malloc(sizeof(*w) + len);

	if (!w)
		return false;
	*w = (struct waiting){ .app = app, .len = len };
	if (len > 0)
		memcpy(w->payload, payload, len);
	*s->waiting_tail = w;
	s->waiting_tail = &w->next;
	if (s->waiting_count++ == 0)
		s->wait_until_ms = hubgate_now_ms() + h->config->shadow.cold_wait_ms;
	shadow_stir(h, s);
	return true;
}

void shadow_answer_waiting(struct hubgate *h, struct shadow *s)
{
	struct waiting *w = s->waiting;

	s->waiting = NULL;
	shadow_forget_waiting(s);
	while (w) {
		struct waiting *next = w->next;

		answer(h, s, w->app, w->payload, w->len);
		free(w);
		w = next;
	}
}

static void take(struct hubgate *h, struct device *d, bool app, const void *payload, size_t len)
{
	struct shadow *s;

	if (shadow_follow(h, d) != ST_OK)
		return; /* no memory: the device asks again */
	s = d->shadow;
	if (must_wait(h, s) && wait_for_hub(h, s, app, payload, len))
		return;
	if (s->waiting)
		shadow_answer_waiting(h, s);
	answer(h, s, app, payload, len);
}

void shadow_request(struct hubgate *h, struct device *d, const void *payload, size_t len)
{
	IN_ROOM(ROOM_BROKER);
	take(h, d, false, payload, len);
}

void shadow_app_request(struct hubgate *h, const char *topic, const void *payload, size_t len)
{
	const char *rest = topic + strlen(SHADOW_APP_TREE), *slash = strchr(rest, '/');
	char client_id[CLIENT_ID_MAX + 1];
	struct device *d = NULL;

	IN_ROOM(ROOM_BROKER);
	if (slash && snprintf(client_id, sizeof(client_id), "%.*s%s", (int)(slash - rest), rest,
	                      slash + 1) < (int)sizeof(client_id))
		d = device_table_find(h->devices, client_id, strlen(client_id));
	if (d && slash - rest == PRODUCT_ID_LEN)
		take(h, d, true, payload, len);
	else
		limiter_log_refusal(h, "a local application", topic, "no such device here");
}

bool shadow_is(const struct device *d, uint64_t *version, bool *dirty)
{
	const struct shadow *s = d->shadow;

	IN_ROOM(ROOM_BROKER);
	if (!s)
		return false;
	*version = shadow_doc_version(s->doc);
	*dirty = s->dirty;
	return true;
}
