#include "bridge/doorbell/doorbell_search.h"

#include <stdio.h>
#include <string.h>

#include "core/base/room.h"

static bool is_good(const struct search *s, const char *text, bool tls)
{
	return s->has_good && s->good.tls == tls && strcmp(s->good.at.text, text) == 0;
}

static struct search_memo *find_memo(struct search *s, const char *text, bool tls)
{
	for (size_t i = 0; i < 2 * LISTENERS_MAX; i++) {
		if (s->memos[i].tls == tls && strcmp(s->memos[i].text, text) == 0)
			return &s->memos[i];
	}
	return NULL;
}

static void remember(struct search *s, const char *text, bool tls, int64_t now_ms)
{
	struct search_memo *m = find_memo(s, text, tls);

	if (!m) {
		m = &s->memos[s->memo_next];
		s->memo_next = (s->memo_next + 1) % (2 * LISTENERS_MAX);
		snprintf(m->text, sizeof m->text, "%s", text);
		m->tls = tls;
	}
	m->not_before_ms = now_ms + (is_good(s, text, tls) ? SEARCH_KNOWN_MS : SEARCH_UNKNOWN_MS);
}

void doorbell_search_init(struct search *s, const struct listener *only,
                          const struct listener_hint *hints, size_t count)
{
	memset(s, 0, sizeof *s);
	s->hint_count = count < LISTENER_HINTS_MAX ? count : LISTENER_HINTS_MAX;
	if (s->hint_count > 0)
		memcpy(s->hints, hints, s->hint_count * sizeof *hints);
	if (!only)
		return;
	s->fixed = true;
	s->list[0] = *only;
	s->count = 1;
}

bool doorbell_search_shut(const struct search *s)
{
	IN_ROOM(ROOM_UPLINK);
	return s->count > 0 && s->closed == 2 * s->count;
}

static bool leave_out(const struct search *s, const struct listener *l, bool tls)
{
	if (s->fixed || l->kind == LISTENER_UNIX)
		return false;
	for (size_t i = 0; i < s->hint_count; i++) {
		if (s->hints[i].port == l->port)
			return s->hints[i].way != (tls ? LISTENER_TLS : LISTENER_PLAIN);
	}
	return false;
}

static void good_first(struct search *s)
{
	struct listener good;

	for (size_t i = 1; s->has_good && i < s->count; i++) {
		if (strcmp(s->list[i].text, s->good.at.text) != 0)
			continue;
		good = s->list[i];
		memmove(&s->list[1], &s->list[0], i * sizeof s->list[0]);
		s->list[0] = good;
		return;
	}
}

void doorbell_search_begin(struct search *s)
{
	IN_ROOM(ROOM_UPLINK);
	s->next = s->closed = 0;
	if (s->fixed)
		return;
	s->count = listeners_find(s->list, LISTENERS_MAX);
	good_first(s);
}

bool doorbell_search_next(struct search *s, int64_t now_ms, struct candidate *out)
{
	IN_ROOM(ROOM_UPLINK);
	while (s->next < 2 * s->count) {
		const struct listener *l = &s->list[s->next / 2];
		bool tls = (s->next % 2 == 1) != is_good(s, l->text, true);
		const struct search_memo *m = find_memo(s, l->text, tls);

		s->next++;
		if (leave_out(s, l, tls)) {
			s->closed++;
			continue;
		}
		if (m && now_ms < m->not_before_ms)
			continue;
		out->at = *l;
		out->tls = tls;
		return true;
	}
	return false;
}

void doorbell_search_failed(struct search *s, const struct candidate *c, enum search_failure why,
                            int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	if (why != SEARCH_UNREACHABLE)
		remember(s, c->at.text, c->tls, now_ms);
	if (why == SEARCH_REFUSED)
		remember(s, c->at.text, !c->tls, now_ms);
	if (why == SEARCH_UNREACHABLE && s->next % 2 == 1)
		s->next++; /* what refuses a connection needs no second one in TLS */
}

void doorbell_search_worked(struct search *s, const struct candidate *c)
{
	struct search_memo *m = find_memo(s, c->at.text, c->tls);

	IN_ROOM(ROOM_UPLINK);
	if (m)
		m->not_before_ms = 0;
	s->good = *c;
	s->has_good = true;
}
