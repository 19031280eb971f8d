/* A store of format 1, and kills while it is brought to this one. */
#include "tests/crash/faults.h"
#include "tests/crash/starts.h"
#include "tests/crash/world.h"
#include "tests/fakes/store_age.h"

enum {
	KILLS = 6,
	STEP_MS = 12, /* each comes a little later than the one before */
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
