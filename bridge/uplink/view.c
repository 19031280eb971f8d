#include "bridge/uplink/view.h"

#include <stdio.h>
#include <string.h>

#include "bridge/uplink/uplink_impl.h"
#include "core/base/room.h"
#include "shadowstore/journal/journal_reader.h"

enum {
	LOOK_MS = 1000,
};

void view_init(struct view *v)
{
	pthread_mutex_init(&v->lock, NULL);
	v->shown.oldest_ms = UPLINK_VIEW_UNKNOWN;
}

void view_fini(struct view *v)
{
	pthread_mutex_destroy(&v->lock);
}

void view_get(struct view *v, struct uplink_view *out)
{
	pthread_mutex_lock(&v->lock);
	*out = v->shown;
	pthread_mutex_unlock(&v->lock);
}

void view_moved(struct view *v, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	pthread_mutex_lock(&v->lock);
	v->shown.since_ms = now_ms;
	pthread_mutex_unlock(&v->lock);
}

void view_reason(struct view *v, const char *reason, const char *fix)
{
	IN_ROOM(ROOM_UPLINK);
	pthread_mutex_lock(&v->lock);
	snprintf(v->shown.reason, sizeof(v->shown.reason), "%s", reason);
	snprintf(v->shown.fix, sizeof(v->shown.fix), "%s", fix);
	pthread_mutex_unlock(&v->lock);
}

/* --- what waits longest --- */

static uint64_t oldest_seq(const struct uplink *u)
{
	struct table_at at;
	uint64_t oldest = 0;

	for (struct table_node *n = table_first(&u->gateway.devices, &at); n;
	     n = table_next(&u->gateway.devices, &at)) {
		uint64_t seq = outbox_oldest(&table_entry(n, struct subdev, node)->outbox);

		if (seq != 0 && (oldest == 0 || seq < oldest))
			oldest = seq;
	}
	return oldest;
}

/* When it was accepted, by CLOCK_MONOTONIC, as far as that can be known. */
static int64_t accepted_ms(struct uplink *u, uint64_t seq, int64_t now_ms)
{
	struct journal_view view;
	struct record_now now;

	journal_reader_now(u->conf.journal, atomic_load(&u->mail.clock_trusted), &now);
	if (journal_reader_load(u->conf.journal, seq, &now, &view) != ST_OK || view.age_ms < 0)
		return UPLINK_VIEW_UNKNOWN;
	return now_ms - view.age_ms;
}

static void look_at_oldest(struct uplink *u, int64_t now_ms)
{
	struct view *v = &u->view;
	uint64_t seq = oldest_seq(u);
	int64_t oldest_ms;

	if (seq == v->seq && v->shown.oldest_ms != UPLINK_VIEW_UNKNOWN)
		return;
	v->seq = seq;
	oldest_ms = seq == 0 ? UPLINK_VIEW_UNKNOWN : accepted_ms(u, seq, now_ms);
	pthread_mutex_lock(&v->lock);
	v->shown.oldest_ms = oldest_ms;
	pthread_mutex_unlock(&v->lock);
}

/* --- suspect topics --- */

static void look_at_suspects(struct uplink *u)
{
	char topics[UPLINK_VIEW_SUSPECTS][UPLINK_VIEW_TOPIC_MAX];
	const struct permissions *p = &u->permissions;
	struct view *v = &u->view;
	size_t count = 0;

	if (p->suspect == 0 && v->suspect == 0)
		return;
	v->suspect = p->suspect;
	for (size_t i = 0; i < PERMISSION_IDS && count < UPLINK_VIEW_SUSPECTS; i++) {
		if (p->keys[i] && p->keys[i]->state == PERMISSION_SUSPECT)
			snprintf(topics[count++], UPLINK_VIEW_TOPIC_MAX, "%s", p->keys[i]->text);
	}
	pthread_mutex_lock(&v->lock);
	memcpy(v->shown.suspects, topics, count * sizeof(topics[0]));
	v->shown.suspect_count = count;
	pthread_mutex_unlock(&v->lock);
}

void view_run(struct uplink *u, int64_t now_ms)
{
	struct view *v = &u->view;

	IN_ROOM(ROOM_UPLINK);
	v->due |= u->worked || u->permissions.suspect != v->suspect;
	if (!v->due || now_ms < v->look_ms)
		return;
	v->due = false;
	v->look_ms = now_ms + LOOK_MS;
	if (u->conf.journal)
		look_at_oldest(u, now_ms);
	look_at_suspects(u);
}

int64_t view_due_ms(const struct view *v)
{
	IN_ROOM(ROOM_UPLINK);
	return v->due ? v->look_ms : INT64_MAX;
}
