/* Disks that are slow or fail, and cut power: what was acknowledged longer ago than store.flush_ms
 * and two syncs is there. */
#include "tests/crash/faults.h"
#include "tests/crash/power.h"
#include "tests/crash/world.h"

#include <errno.h>
#include <stdlib.h>

enum {
	CUTS = 3,
	SLOW_SYNC_MS = 300,
	WRITEBACK = 50, /* of 1,000 writes */
	WORD_MS = 5000  /* from the end of a fault to the word that all is written */
};

/* The hub has what it took; the rest is for the disk to keep. */
static bool cut_once(struct world *w, bool down, unsigned from_ms, unsigned to_ms)
{
	if (down && !world_wan_down(w))
		return false;
	world_pause(w, from_ms, to_ms);
	return power_cut(w) && world_restart(w) && (!down || world_wan_up(w));
}

bool fault_power_cut(struct world *w)
{
	for (int i = 0; i < CUTS; i++) {
		if (!cut_once(w, i == 0 || world_below(w, 2) == 1, 100, 900))
			return false;
	}
	world_pause(w, 100, 300);
	return true;
}

/* The kernel writes some pages, and the names of files, before it is asked to. */
bool fault_power_cut_writeback(struct world *w)
{
	atomic_store(&power_disk()->seed, world_below(w, 1000000));
	atomic_store(&power_disk()->writeback, WRITEBACK);
	return fault_power_cut(w);
}

bool fault_slow_sync(struct world *w)
{
	atomic_store(&power_disk()->sync_ms, SLOW_SYNC_MS);
	for (int i = 0; i < CUTS; i++) {
		if (!cut_once(w, true, 1000, 3000))
			return false;
	}
	return true;
}

/* "works again" alone is not the truth: the kernel may have dropped what it could not write. */
static void await_written_again(struct world *w)
{
	char *log = text_fmt("%s/mosquitto.log", lan_dir(w->lan));
	bool said = file_await(log, "written again", NULL, WORD_MS);

	free(log);
	if (!said)
		world_broken(w, "a sync failed, and the log does not say that records were written again%s",
		             lan_log_has(w->lan, "works again") ? ", but that it works again" : "");
}

/* The queue waits on the disk alone; what was written before the fault has its bound behind it when
 * the power goes. */
static bool fail_syncs(struct world *w, int times, unsigned from_ms, unsigned to_ms)
{
	if (!world_wan_down(w))
		return false;
	world_pause(w, 100, 600);
	power_fault(DISKSHIM_SYNC, EIO, ".seg", times);
	world_pause(w, from_ms, to_ms);
	if (power_fault_hits() == 0)
		return world_broken(w, "no segment was synced while syncs fail");
	power_fault(0, 0, "", 0);
	await_written_again(w); /* and in any case: what is there? */
	world_pause(w, 300, 900);
	return power_cut(w) && world_restart(w) && world_wan_up(w);
}

bool fault_sync_fails_once(struct world *w)
{
	return fail_syncs(w, 1, 500, 700);
}

bool fault_sync_fails_for_a_while(struct world *w)
{
	return fail_syncs(w, DISKSHIM_ALL, 800, 2500);
}
