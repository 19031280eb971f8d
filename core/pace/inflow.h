/* inflow.h - does more come in than may go out, and when will the queue be empty?
 * Room:  any; one owner. Pure.
 * Times: milliseconds of a monotonic clock; rates in messages per second.
 */
#ifndef HUBGATE_INFLOW_H
#define HUBGATE_INFLOW_H

#include <stdbool.h>
#include <stdint.h>

enum {
	INFLOW_WINDOW_MS = 60000,
	INFLOW_REPEAT_MS = 600000,
};

#define INFLOW_NEVER UINT32_MAX /* seconds: it does not become empty */

enum inflow_event {
	INFLOW_NOTHING,
	INFLOW_OVER,   /* since this window, or still after INFLOW_REPEAT_MS: say so */
	INFLOW_WITHIN, /* again */
};

struct inflow { /* zeroed before first use */
	bool started, over;
	int64_t began_ms, said_ms;
	uint64_t accepted, delivered; /* when the window began */
	double in, out;               /* of the last whole window */
};

/* true: a window has ended, call inflow_window() now. */
bool inflow_due(const struct inflow *f, int64_t now_ms);
/* Totals so far. rate_up 0: no budget, never over. */
enum inflow_event inflow_window(struct inflow *f, int64_t now_ms, uint64_t accepted,
                                uint64_t delivered, uint32_t rate_up);
/* Seconds until queued messages have left, if all goes on as in the last window while the hub is
 * there; rate_up 0: at the speed of the last window. INFLOW_NEVER: more comes in. */
uint32_t inflow_drain_s(const struct inflow *f, uint64_t queued, uint32_t rate_up);

#endif
