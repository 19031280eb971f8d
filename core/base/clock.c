#include "core/base/clock.h"

#include <stdlib.h>

bool clock_look(struct clock_trust *c, int64_t wall_ms, int64_t mono_ms, bool kernel_synchronised)
{
	int64_t base_ms = wall_ms - mono_ms;
	bool jumped = c->started && llabs(base_ms - c->base_ms) > CLOCK_JUMP_MS;

	c->started = true;
	c->base_ms = base_ms; /* a slow correction is no jump */
	c->kernel = kernel_synchronised;
	if (jumped) {
		c->jumped = true;
		c->hub = CLOCK_HUB_SILENT;
	}
	return jumped;
}

void clock_hub_said(struct clock_trust *c, int64_t hub_ms, int64_t asked_ms, int64_t answered_ms)
{
	int64_t took_ms = answered_ms - asked_ms, off_ms;

	if (took_ms < 0 || took_ms > CLOCK_AGREES_MS)
		return;
	off_ms = llabs(hub_ms - (asked_ms + took_ms / 2));
	if (off_ms <= CLOCK_AGREES_MS)
		c->hub = CLOCK_HUB_AGREES;
	else if (off_ms >= CLOCK_CONTRADICTS_MS)
		c->hub = CLOCK_HUB_CONTRADICTS;
	if (c->hub == CLOCK_HUB_AGREES)
		c->jumped = false;
}

bool clock_trusted(const struct clock_trust *c)
{
	if (c->hub == CLOCK_HUB_CONTRADICTS)
		return false;
	return c->hub == CLOCK_HUB_AGREES || (c->kernel && !c->jumped);
}
