/* The line of shadows that have something to do with the hub: what each wants, at most
 * SHADOW_ASKED_MAX at a time, gets that can wait two a second. The uplink's pacer does the rest. */
#include <stdio.h>
#include <string.h>

#include "core/base/clocks.h"
#include "core/base/room.h"
#include "core/hub/region.h"
#include "plugin/base/limiter.h"
#include "plugin/base/timer.h"
#include "plugin/devices/presence.h"
#include "plugin/services/shadow_impl.h"

enum {
	CODE_TEXT_MAX = 64 + REGION_HINT_MAX
};

/* --- the line --- */

static void join_line(struct hubgate *h, struct shadow *s)
{
	if (s->in_line)
		return;
	s->in_line = true;
	LINE_PUT(&h->shadows->line, s);
}

static void leave_line(struct hubgate *h, struct shadow *s)
{
	if (!s->in_line)
		return;
	s->in_line = false;
	LINE_REMOVE(&h->shadows->line, s);
}

static void note_due(struct hubgate *h, int64_t due_ms)
{
	if (due_ms < h->shadows->due_ms)
		h->shadows->due_ms = due_ms;
}

/* --- what the uplink knows --- */

static void note_asked(struct hubgate *h, struct shadow *s)
{
	bool asked = shadow_sync_asked(s->doc);

	if (asked != s->asked)
		h->shadows->asked += asked ? 1 : (size_t)-1;
	s->asked = asked;
}

bool shadow_note_dirty(struct hubgate *h, struct shadow *s)
{
	bool dirty = shadow_sync_dirty(s->doc);

	if (dirty == s->dirty)
		return false;
	h->shadows->dirty += dirty ? 1 : (size_t)-1;
	metric_set(&h->metrics, M_SHADOW_DIRTY, h->shadows->dirty);
	s->dirty = dirty;
	return true;
}

static void tell_dirty(struct hubgate *h, struct shadow *s)
{
	if (shadow_note_dirty(h, s) &&
	    uplink_shadow_dirty(h->uplink, s->device->client_id, s->dirty) != ST_OK)
		presence_say_again(h, s->device);
}

/* --- asking --- */

static enum status ask(struct hubgate *h, struct shadow *s, enum shadow_want want, int64_t now_ms)
{
	struct buf *text = &h->shadows->reply;
	char topic[SHADOW_TOPIC_MAX];
	enum status st;

	buf_reset(text);
	st = shadow_sync_request(s->doc, want, now_ms, text);
	if (st == ST_OK && want == SHADOW_WANT_UPDATE)
		st = shadow_persist(h, s);
	if (st == ST_OK) {
		snprintf(topic, sizeof(topic), "$shadow/operation/%s/%s", s->device->product_id,
		         s->device->device_name);
		st = uplink_shadow_send(h->uplink, s->device->client_id, topic, text->data, text->len);
	}
	if (st == ST_OK)
		metric_add(&h->metrics, M_SHADOW_SENT, 1);
	else if (st == ST_TOOBIG)
		limiter_log(h, LIMITED_REFUSALS, LOG_ERROR, s->device->client_id, "large attribute",
		            "%s: an attribute of its shadow is too large for a message to the hub (16384 "
		            "bytes); it stays on the LAN until it changes",
		            s->device->client_id);
	else if (st != ST_EMPTY)
		shadow_sync_failed(s->doc, now_ms); /* the disk or a mailbox is full: later */
	return st;
}

/* Sends what s wants, if its turn allows. Its next time is noted; without one it leaves. */
static void serve(struct hubgate *h, struct shadow *s, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;
	enum shadow_want want = shadow_sync_wants(s->doc, now_ms, &due_ms);

	note_asked(h, s);
	if (want == SHADOW_WANT_LOOK && now_ms < h->shadows->look_ms) {
		due_ms = h->shadows->look_ms;
	} else if (want != SHADOW_WANT_NOTHING && h->shadows->asked >= SHADOW_ASKED_MAX) {
		join_line(h, s); /* an answer makes room */
		return;
	} else if (want != SHADOW_WANT_NOTHING) {
		if (want == SHADOW_WANT_LOOK)
			h->shadows->look_ms = now_ms + SHADOW_LOOK_MS;
		ask(h, s, want, now_ms);
		shadow_sync_wants(s->doc, now_ms, &due_ms);
		note_asked(h, s);
	}
	if (s->waiting && s->wait_until_ms < due_ms)
		due_ms = s->wait_until_ms;
	tell_dirty(h, s);
	note_due(h, due_ms);
	if (due_ms == INT64_MAX && !s->asked)
		leave_line(h, s);
	else
		join_line(h, s);
}

void shadow_stir(struct hubgate *h, struct shadow *s)
{
	int64_t before_ms = h->shadows->due_ms;

	serve(h, s, hubgate_now_ms());
	if (h->shadows->due_ms < before_ms)
		timer_ring_by(h, h->shadows->due_ms);
}

int64_t shadow_due(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->shadows->due_ms;
}

void shadow_run(struct hubgate *h, int64_t now_ms)
{
	struct shadow *next;

	IN_ROOM(ROOM_BROKER);
	if (now_ms < h->shadows->due_ms)
		return;
	h->shadows->due_ms = INT64_MAX;
	for (struct shadow *s = h->shadows->line.first; s; s = next) {
		next = s->next;
		if (s->waiting && now_ms >= s->wait_until_ms)
			shadow_answer_waiting(h, s);
		serve(h, s, now_ms);
	}
}

/* --- devices that go and come back --- */

void shadow_retire(struct hubgate *h, struct device *d)
{
	struct shadow *s = d->shadow;

	IN_ROOM(ROOM_BROKER);
	if (!s)
		return;
	shadow_forget_waiting(s);
	shadow_sync_ready(s->doc, false);
	note_asked(h, s);
	if (s->dirty)
		metric_set(&h->metrics, M_SHADOW_DIRTY, --h->shadows->dirty);
	s->dirty = false;
	leave_line(h, s);
}

void shadow_return(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (d->shadow)
		shadow_note_dirty(h, d->shadow); /* presence_renew() tells the uplink */
}

/* --- hearing --- */

void shadow_message(struct hubgate *h, struct device *d, const struct uplink_down *down)
{
	struct shadow *s = d->shadow;
	struct shadow_effect effect;
	char code[CODE_TEXT_MAX], hint[REGION_HINT_MAX];
	int64_t now_ms = hubgate_now_ms();

	IN_ROOM(ROOM_BROKER);
	if (!s)
		return; /* subscribed in an earlier life: nobody waits for it */
	shadow_sync_message(s->doc, down->payload, down->len, clocks_realtime_ms(), now_ms, &effect);
	if (effect.changed && shadow_persist(h, s) != ST_OK)
		metric_add(&h->metrics, M_SHADOW_FAILED, 1); /* it is asked for again after a restart */
	/* The hub pushes nothing to a device that connects: it asks, and was told nothing else yet. */
	if (effect.delta && (s->warm || !effect.first))
		shadow_send_delta(h, s);
	if (effect.refused) {
		snprintf(code, sizeof(code), "the hub refused it with %lld, tried again in a minute%s",
		         (long long)effect.refused,
		         region_hint(region_limits(h->config->hub.region), REGION_ATTRIBUTES,
		                     shadow_doc_attributes(s->doc), hint));
		limiter_log_refusal(h, d->client_id, "$shadow/operation", code);
	}
	if (shadow_doc_synced(s->doc) && s->waiting)
		shadow_answer_waiting(h, s);
	note_due(h, now_ms); /* room for others that wait */
	note_asked(h, s);
	shadow_stir(h, s);
}

void shadow_news(struct hubgate *h, const struct uplink_down *news)
{
	struct device *d = device_table_find(h->devices, news->topic, strlen(news->topic));
	struct shadow *s = d ? d->shadow : NULL;

	IN_ROOM(ROOM_BROKER);
	if (!s)
		return;
	if (news->kind == UPLINK_SHADOW_AWAY)
		shadow_sync_ready(s->doc, false);
	else if (!shadow_sync_is_ready(s->doc))
		shadow_sync_ready(s->doc, true);
	if (news->kind == UPLINK_SHADOW_SENT)
		shadow_sync_sent(s->doc, hubgate_now_ms());
	note_due(h, hubgate_now_ms());
	note_asked(h, s);
	shadow_stir(h, s);
}
