#include "plugin/base/parts.h"

#include "core/base/room.h"
#include "plugin/base/context.h"

enum {
	RETRY_MS = 1000
};

enum status parts_open(struct parts *p, struct hubgate *h)
{
	enum status st = ST_OK;

	while (p->opened < p->count && st == ST_OK) {
		const struct part *part = &p->at[p->opened++];

		if (part->open)
			st = part->open(h);
	}
	if (st != ST_OK)
		parts_close(p, h);
	return st;
}

static bool start_one(struct parts *p, struct hubgate *h)
{
	const struct part *part = &p->at[p->started];
	enum status st = part->start ? part->start(h) : ST_OK;

	if (st == ST_OK) {
		p->started++;
		return true;
	}
	if (p->retry_ms == 0)
		log_line(&h->log, LOG_ERROR,
		         "%s cannot start: %s; tried again every second, see to the limits of threads and "
		         "memory",
		         part->name, status_text(st));
	p->retry_ms = hubgate_now_ms() + RETRY_MS;
	return false;
}

void parts_start(struct parts *p, struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	if (p->started == p->opened || (p->retry_ms > 0 && hubgate_now_ms() < p->retry_ms))
		return;
	while (p->started < p->opened && start_one(p, h))
		;
	if (p->started == p->opened && p->retry_ms > 0)
		log_line(&h->log, LOG_NOTE, "all has started");
}

void parts_run(const struct parts *p, struct hubgate *h, int64_t now_ms)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < p->count; i++) {
		if (p->at[i].run)
			p->at[i].run(h, now_ms);
	}
}

int64_t parts_due(const struct parts *p, const struct hubgate *h)
{
	int64_t soonest_ms = INT64_MAX;

	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < p->count; i++) {
		int64_t due_ms = p->at[i].due ? p->at[i].due(h) : INT64_MAX;

		if (due_ms < soonest_ms)
			soonest_ms = due_ms;
	}
	return soonest_ms;
}

static bool stop_one(const struct part *part, struct hubgate *h, int64_t until_ms)
{
	int64_t left_ms = until_ms - hubgate_now_ms();

	if (!part->stop || part->stop(h, left_ms > 0 ? (uint32_t)left_ms : 0))
		return true;
	log_line(&h->log, LOG_WARN,
	         "%s hangs and is left behind; nothing acknowledged is lost, the next start puts it in "
	         "order",
	         part->name);
	return false;
}

bool parts_stop(struct parts *p, struct hubgate *h)
{
	int64_t begin_ms = hubgate_now_ms();
	bool all = true;

	IN_ROOM(ROOM_BROKER);
	for (size_t i = p->opened; i-- > 0;)
		all &= stop_one(&p->at[i], h, begin_ms + p->at[i].by_ms);
	return all;
}

void parts_close(struct parts *p, struct hubgate *h)
{
	while (p->opened > 0) {
		const struct part *part = &p->at[--p->opened];

		if (part->close)
			part->close(h);
	}
	p->started = 0;
}
