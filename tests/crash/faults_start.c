/* A disk that cannot be read when the broker starts. */
#include "tests/crash/faults.h"
#include "tests/crash/power.h"
#include "tests/crash/starts.h"
#include "tests/crash/world.h"

#include <errno.h>
#include <stdio.h>

/* --- the disk cannot be read --- */

static bool refused(struct world *w, unsigned call, const char *path)
{
	bool ok;
	unsigned hits;

	snprintf(w->note, sizeof w->note, "%s", path);
	power_fault(call, EIO, path, DISKSHIM_ALL);
	ok = start_refused(w);
	hits = power_fault_hits();
	power_fault(0, 0, "", 0);
	return ok && (hits > 0 || world_broken(w, "the start did not come to %s", path));
}

/* The queue waits in the store, the starts that cannot read it are refused, the next one has it. */
static bool fail_at_start(struct world *w, unsigned call, const char *const paths[])
{
	if (!world_wan_down(w))
		return false;
	world_pause(w, 200, 600);
	world_kill(w);
	for (; *paths; paths++) {
		if (!refused(w, call, *paths))
			return false;
	}
	w->note[0] = '\0';
	return world_restart(w) && world_wan_up(w);
}

bool fault_readdir_at_start(struct world *w)
{
	static const char *const paths[] = { "store/journal", "store/state", NULL };

	return fail_at_start(w, DISKSHIM_READDIR, paths);
}

bool fault_open_at_start(struct world *w)
{
	static const char *const paths[] = {
		".seg", "journal/acks", "store/journal", "store/state", "state.db", NULL,
	};

	return fail_at_start(w, DISKSHIM_OPEN, paths);
}

bool fault_read_at_start(struct world *w)
{
	static const char *const paths[] = { ".seg", "journal/acks", "store/state/", "state.db", NULL };

	return fail_at_start(w, DISKSHIM_READ, paths);
}
