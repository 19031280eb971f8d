#include "bridge/gateway/latest.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/list.h"
#include "core/base/room.h"

static bool idle(const struct latest_topic *t, int64_t now_ms)
{
	return t->seq == 0 && t->next_ms <= now_ms;
}

/* A place for one more: a topic that has nothing to say gives way. */
static void forget_one(struct latest *l, int64_t now_ms)
{
	for (struct latest_topic **at = &l->topics; *at; at = &(*at)->next) {
		struct latest_topic *t = *at;

		if (!idle(t, now_ms))
			continue;
		*at = t->next;
		free(t);
		l->count--;
		return;
	}
}

static struct latest_topic *topic_of(struct latest *l, const char *topic, int64_t now_ms)
{
	size_t size = strlen(topic) + 1;
	struct latest_topic *t = l->topics;

	while (t && strcmp(t->topic, topic) != 0)
		t = t->next;
	if (t)
		return t;
	if (l->count >= LATEST_TOPICS_MAX)
		forget_one(l, now_ms);
	if (l->count >= LATEST_TOPICS_MAX)
		return NULL;
	t = calloc(1, sizeof(*t) + size);
	if (!t)
		return NULL;
	memcpy(t->topic, topic, size);
	LIST_PUSH(&l->topics, t);
	l->count++;
	return t;
}

struct latest_verdict latest_take(struct latest *l, const char *topic, uint32_t interval_ms,
                                  uint64_t seq, int64_t now_ms)
{
	struct latest_topic *t = topic_of(l, topic, now_ms);
	struct latest_verdict v = { 0, false };

	IN_ROOM(ROOM_UPLINK);
	if (!t)
		return v;
	v.superseded = t->seq;
	v.hold = interval_ms > 0 && now_ms < t->next_ms;
	t->seq = seq;
	t->held = v.hold;
	t->interval_ms = interval_ms;
	return v;
}

void latest_sent(struct latest *l, uint64_t seq, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	for (struct latest_topic *t = l->topics; t; t = t->next) {
		if (t->seq != seq)
			continue;
		t->seq = 0;
		t->held = false;
		t->next_ms = now_ms + t->interval_ms;
		return;
	}
}

uint64_t latest_release(struct latest *l, int64_t now_ms, int64_t *due_ms)
{
	IN_ROOM(ROOM_UPLINK);
	for (struct latest_topic *t = l->topics; t; t = t->next) {
		if (!t->held)
			continue;
		if (t->next_ms <= now_ms) {
			t->held = false;
			return t->seq;
		}
		if (t->next_ms < *due_ms)
			*due_ms = t->next_ms;
	}
	return 0;
}

void latest_fini(struct latest *l)
{
	struct latest_topic *t;

	while (LIST_TAKE(&l->topics, t))
		free(t);
	l->count = 0;
}
