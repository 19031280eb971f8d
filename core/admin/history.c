#include "core/admin/history.h"

#include <inttypes.h>

static uint32_t bounded(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static uint64_t grown(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

bool history_add(struct history *h, int64_t now_ms, const struct history_now *now)
{
	uint64_t steps, in, out;

	if (h->began_ms == 0) {
		h->began_ms = now_ms;
		h->accepted = now->accepted;
		h->delivered = now->delivered;
	}
	steps = (uint64_t)((now_ms - h->began_ms) / HISTORY_STEP_MS);
	if (now_ms <= h->began_ms || steps == 0)
		return false;
	in = grown(h->accepted, now->accepted);
	out = grown(h->delivered, now->delivered);
	for (uint64_t left = steps; left > 0; left--) {
		struct history_point *p = &h->at[h->made++ % HISTORY_POINTS];

		*p = (struct history_point){ bounded(in / left), bounded(out / left), bounded(now->queued),
			                         now->round_trip_ms };
		in -= in / left;
		out -= out / left;
	}
	h->began_ms += (int64_t)steps * HISTORY_STEP_MS;
	h->accepted = now->accepted;
	h->delivered = now->delivered;
	return true;
}

size_t history_count(const struct history *h)
{
	return h->made < HISTORY_POINTS ? (size_t)h->made : HISTORY_POINTS;
}

const struct history_point *history_at(const struct history *h, size_t i)
{
	return &h->at[(h->made - history_count(h) + i) % HISTORY_POINTS];
}

/* --- as JSON --- */

static const struct {
	const char *name;
	size_t offset;
} series[] = {
	{ "in", offsetof(struct history_point, in) },
	{ "out", offsetof(struct history_point, out) },
	{ "queued", offsetof(struct history_point, queued) },
	{ "round_trip_ms", offsetof(struct history_point, round_trip_ms) },
};

static enum status put_series(const struct history *h, size_t which, struct buf *out)
{
	enum status st = buf_addf(out, ",\"%s\":[", series[which].name);

	for (size_t i = 0; i < history_count(h) && st == ST_OK; i++) {
		const char *point = (const char *)history_at(h, i);
		uint32_t value = *(const uint32_t *)(const void *)(point + series[which].offset);

		if (value == HISTORY_NONE)
			st = buf_addf(out, "%snull", i ? "," : "");
		else
			st = buf_addf(out, "%s%" PRIu32, i ? "," : "", value);
	}
	return st == ST_OK ? buf_add_text(out, "]") : st;
}

enum status history_put(const struct history *h, struct buf *out)
{
	enum status st = buf_addf(out, "{\"step_s\":%d", HISTORY_STEP_MS / 1000);

	for (size_t i = 0; i < sizeof(series) / sizeof(series[0]) && st == ST_OK; i++)
		st = put_series(h, i, out);
	return st == ST_OK ? buf_add_text(out, "}") : st;
}
