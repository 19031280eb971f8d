/* clock.h - whether the wall clock can be believed.
 * Room:  any; one owner. Pure: times come in.
 * Why:   a gateway without a battery starts in 1970, and a wrong clock must neither drop messages
 *        for their age nor refuse a login for its expiry (docs/architecture.md 4 "Clock").
 * Times: milliseconds; wall since 1970, mono of a clock that nobody sets.
 */
#ifndef HUBGATE_CLOCK_H
#define HUBGATE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CLOCK_AGREES_MS = 30000,
	CLOCK_CONTRADICTS_MS = 300000,
	CLOCK_JUMP_MS = 60000,
};

enum clock_hub {
	CLOCK_HUB_SILENT,
	CLOCK_HUB_AGREES,
	CLOCK_HUB_CONTRADICTS
};

struct clock_trust { /* zeroed before first use */
	bool started;
	int64_t base_ms; /* wall - mono when last looked */
	bool kernel;     /* says that it is synchronised */
	bool jumped;     /* since the hub last said something: the kernel's word is not enough */
	enum clock_hub hub;
};

/* Regularly, at least before clock_trusted(). true: the wall clock jumped since the last call. */
bool clock_look(struct clock_trust *c, int64_t wall_ms, int64_t mono_ms, bool kernel_synchronised);
/* The hub's time: asked and answered at these wall times. Answers that took longer than
 * CLOCK_AGREES_MS say nothing. */
void clock_hub_said(struct clock_trust *c, int64_t hub_ms, int64_t asked_ms, int64_t answered_ms);
bool clock_trusted(const struct clock_trust *c);

#endif
