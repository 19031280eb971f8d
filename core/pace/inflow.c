#include "core/pace/inflow.h"

bool inflow_due(const struct inflow *f, int64_t now_ms)
{
	return !f->started || now_ms - f->began_ms >= INFLOW_WINDOW_MS;
}

enum inflow_event inflow_window(struct inflow *f, int64_t now_ms, uint64_t accepted,
                                uint64_t delivered, uint32_t rate_up)
{
	double seconds = (double)(now_ms - f->began_ms) / 1000;
	bool over, said = f->over;

	if (f->started && seconds > 0) {
		f->in = (double)(accepted - f->accepted) / seconds;
		f->out = (double)(delivered - f->delivered) / seconds;
	}
	over = f->started && rate_up > 0 && f->in > rate_up;
	f->started = true;
	f->began_ms = now_ms;
	f->accepted = accepted;
	f->delivered = delivered;
	f->over = over;
	if (over && (!said || now_ms - f->said_ms >= INFLOW_REPEAT_MS)) {
		f->said_ms = now_ms;
		return INFLOW_OVER;
	}
	return said && !over ? INFLOW_WITHIN : INFLOW_NOTHING;
}

uint32_t inflow_drain_s(const struct inflow *f, uint64_t queued, uint32_t rate_up)
{
	double spare = (rate_up > 0 ? rate_up : f->out) - f->in, seconds;

	if (queued == 0)
		return 0;
	if (spare <= 0)
		return INFLOW_NEVER;
	seconds = (double)queued / spare;
	return seconds >= INFLOW_NEVER ? INFLOW_NEVER : (uint32_t)seconds + 1;
}
