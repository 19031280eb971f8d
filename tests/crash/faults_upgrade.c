/* A store of format 1, and kills and cut power while it is brought to this one. */
#include "tests/crash/faults.h"
#include "tests/crash/power.h"
#include "tests/crash/starts.h"
#include "tests/crash/world.h"
#include "tests/fakes/store_age.h"

#include <poll.h>

enum {
	KILLS = 6,
	STEP_MS = 12, /* each comes a little later than the one before */
	POWER_CUTS = 4,
	SYNC_MS = 20, /* of each file: the cuts come between */
};

static bool kill_a_start(struct world *w, int n)
{
	struct start s;
	bool ok = start_begin(w, &s, 0, "");

	world_pause(w, (unsigned)(n * STEP_MS), (unsigned)((n + 1) * STEP_MS));
	start_end(&s);
	w->kills++;
	return ok;
}

bool fault_upgrade(struct world *w)
{
	world_pause(w, 300, 600);
	if (!world_wan_down(w))
		return false;
	world_pause(w, 800, 1500);
	world_kill(w);
	if (!store_age(w->store))
		return world_broken(w, "the store cannot be made one of format 1");
	for (int n = 0; n < KILLS; n++) {
		if (!kill_a_start(w, n))
			return false;
	}
	return world_restart(w) && world_wan_up(w);
}

/* Until it brings files along, or has nothing more to bring. */
static bool await_upgrade(struct world *w, const struct start *s)
{
	int64_t end_ms = now_ms() + WAIT_MS;

	while (start_lines(s, "are brought to format") == 0 &&
	       start_lines(s, "wait for the hub") == 0) {
		if (now_ms() > end_ms)
			return world_broken(w, "a start says nothing of its store");
		poll(NULL, 0, 1);
	}
	return true;
}

static bool cut_a_start(struct world *w)
{
	struct start s;
	bool ok;

	power_on(w);
	ok = start_begin(w, &s, 0, "") && await_upgrade(w, &s);
	world_pause(w, 0, 4 * SYNC_MS);
	ok = ok && power_cut_begin(w);
	start_end(&s);
	w->kills++;
	return ok && power_cut_end(w);
}

bool fault_upgrade_power_cut(struct world *w)
{
	world_pause(w, 300, 600);
	if (!world_wan_down(w))
		return false;
	world_pause(w, 800, 1500);
	if (!power_cut(w))
		return false;
	if (!store_age(w->store))
		return world_broken(w, "the store cannot be made one of format 1");
	atomic_store(&power_disk()->sync_ms, SYNC_MS);
	for (int n = 0; n < POWER_CUTS; n++) {
		if (!cut_a_start(w))
			return false;
	}
	return world_restart(w) && world_wan_up(w);
}
