#include "tests/crash/faults.h"

#include "tests/crash/power.h"
#include "tests/crash/world.h"

#include <stdlib.h>

static bool kill_and_restart(struct world *w)
{
	return world_kill(w) && world_restart(w);
}

static bool kill_wan_up(struct world *w)
{
	for (unsigned n = 1 + world_below(w, 2); n > 0; n--) {
		world_pause(w, 50, 800);
		if (!kill_and_restart(w))
			return false;
	}
	world_pause(w, 100, 600);
	return true;
}

static bool kill_wan_down(struct world *w)
{
	world_pause(w, 0, 300);
	if (!world_wan_down(w) || !kill_wan_up(w))
		return false;
	return world_wan_up(w);
}

static bool flap(struct world *w)
{
	switch (world_below(w, 4)) {
	case 0:
		return world_wan_down(w);
	case 1:
		return world_wan_up(w);
	case 2:
		return world_break(w, "cut");
	default:
		return kill_and_restart(w);
	}
}

static bool kill_wan_flapping(struct world *w)
{
	for (int i = 0; i < 5; i++) {
		world_pause(w, 50, 500);
		if (!flap(w))
			return false;
	}
	world_pause(w, 0, 300);
	return kill_and_restart(w) && world_wan_up(w);
}

/* The queue is on its way to the hub when the broker dies. */
static bool kill_while_draining(struct world *w)
{
	struct seen_counts c;

	if (!world_wan_down(w))
		return false;
	world_pause(w, 600, 1200);
	seen_counts(w->seen, &c);
	if (!world_wan_up(w) || !seen_await_more(w->seen, c.received, WAIT_MS))
		return world_broken(w, "nothing arrived after the outage");
	world_pause(w, 0, 400);
	return kill_and_restart(w);
}

/* Before the start before has read what it found. */
static bool kill_in_a_row(struct world *w)
{
	world_pause(w, 300, 600);
	for (int i = 0; i < 3; i++) {
		if (!kill_and_restart(w))
			return false;
		world_pause(w, 0, 120);
	}
	return true;
}

static bool kill_with_hub(struct world *w)
{
	world_pause(w, 100, 600);
	world_hub_kill(w);
	world_pause(w, 0, 200);
	if (!kill_and_restart(w))
		return false;
	world_pause(w, 0, 300);
	return world_hub_restart(w);
}

static bool hub_kill(struct world *w)
{
	world_pause(w, 100, 600);
	world_hub_kill(w);
	world_pause(w, 100, 800);
	return world_hub_restart(w);
}

static bool link_cut(struct world *w)
{
	world_pause(w, 100, 600);
	return world_break(w, "cut");
}

static bool link_reset(struct world *w)
{
	world_pause(w, 100, 600);
	return world_break(w, "reset");
}

/* The link says nothing for a while and then goes on. */
static bool link_silent(struct world *w)
{
	world_pause(w, 100, 500);
	if (!world_fault(w, "blackhole"))
		return false;
	world_pause(w, 500, 2000);
	w->breaks++; /* hubgate may give it up meanwhile */
	return world_wan_up(w);
}

/* The hub is gone and nobody said so: hubgate has to find out. */
static bool link_half_open(struct world *w)
{
	world_pause(w, 100, 500);
	if (!world_fault(w, "blackhole"))
		return false;
	if (!lan_log_await(w->lan, "the link is dead", 2 * WAIT_MS))
		return world_broken(w, "a half-open link was not noticed in 20 s");
	w->breaks++;
	world_pause(w, 0, 500);
	return world_break(w, "reset") && world_wan_up(w);
}

static bool lost_pubacks(struct world *w)
{
	char *cmd = text_fmt("{\"cmd\":\"drop_puback\",\"count\":%u}", 1 + world_below(w, 15));
	bool ok;

	world_pause(w, 100, 400);
	ok = sim_do(w->sim, cmd);
	free(cmd);
	world_pause(w, 100, 500);
	return (ok && sim_do(w->sim, "{\"cmd\":\"drop_puback\",\"count\":0}") &&
	        world_break(w, "cut")) ||
	       world_broken(w, "the simulator does not obey");
}

#define SMALL_STORE "\"max_bytes\":16777216,\"policy\":"

/* With updates of shadows, so that the disk has state to keep as well. */
#define ON_SHIM .prepare = power_prepare, .store_dir = power_store, .shadow = 10
#define CUT     .loss = LOSS_POWER_CUT

const struct scenario scenarios[] = {
	{ .name = "kill_wan_up", .disturb = kill_wan_up, .brief = true },
	{ .name = "kill_wan_down", .disturb = kill_wan_down, .brief = true },
	{ .name = "kill_wan_flapping", .disturb = kill_wan_flapping },
	{ .name = "kill_while_draining", .disturb = kill_while_draining, .rate_up = 800 },
	{ .name = "kill_in_a_row", .disturb = kill_in_a_row },
	{ .name = "kill_with_hub", .disturb = kill_with_hub },
	{ .name = "kill_commands", .disturb = fault_commands, .devices = EAR_ACCOUNT, .brief = true },
	{ .name = "hub_kill", .disturb = hub_kill, .brief = true },
	{ .name = "link_cut", .disturb = link_cut },
	{ .name = "link_reset", .disturb = link_reset },
	{ .name = "link_silent", .disturb = link_silent },
	{ .name = "link_half_open", .disturb = link_half_open },
	{ .name = "lost_pubacks", .disturb = lost_pubacks, .brief = true },
	{ .name = "torn_tail", .disturb = fault_torn_tail, .loss = LOSS_CUT, .brief = true },
	{ .name = "damage", .disturb = fault_damage, .loss = LOSS_DAMAGED, .brief = true },
	{ .name = "disk_full_refuse",
	  .disturb = fault_disk_full,
	  .prepare = disk_small,
	  .store_dir = disk_dir,
	  .store = SMALL_STORE "\"refuse\"",
	  .rate = 300,
	  .pad = 4000 },
	{ .name = "disk_full_drop_oldest",
	  .disturb = fault_disk_full,
	  .prepare = disk_small,
	  .store_dir = disk_dir,
	  .store = SMALL_STORE "\"drop_oldest\"",
	  .loss = LOSS_DROPPED,
	  .rate = 300,
	  .pad = 4000 },
	{ .name = "stops",
	  .disturb = fault_stops,
	  .prepare = stops_prepare,
	  .devices = ",{\"product_id\":\"" LOAD_PRODUCT "\",\"device_name\":\"new\"}",
	  .patch = stops_patch,
	  .conf = stops_conf,
	  .brief = true },
	{ .name = "failing_starts",
	  .disturb = fault_failing_starts,
	  .prepare = starts_prepare,
	  .patch = stops_patch,
	  .devices = ",{\"product_id\":\"" LOAD_PRODUCT "\",\"device_name\":\"new\"}",
	  .brief = true },
	{ .name = "readonly_start", .disturb = fault_readonly_start, .prepare = disk_plain_user },
	{ .name = "readonly_later",
	  .disturb = fault_readonly_later,
	  .prepare = disk_plain_user,
	  .store = SMALL_STORE "\"drop_oldest\"",
	  .rate = 300,
	  .pad = 4000 },
	{ .name = "disk_full_foreign",
	  .disturb = fault_foreign_full,
	  .prepare = disk_large,
	  .store_dir = disk_store,
	  .store = SMALL_STORE "\"refuse\"",
	  .rate = 300,
	  .pad = 1000 },
	{ .name = "disk_full_foreign_drop_oldest",
	  .disturb = fault_foreign_full,
	  .prepare = disk_large,
	  .store_dir = disk_store,
	  .store = SMALL_STORE "\"drop_oldest\"",
	  .rate = 300,
	  .pad = 1000,
	  .brief = true },
	{ .name = "second_broker", .disturb = fault_second_broker, .brief = true },
	{ .name = "kill_upgrade",
	  .disturb = fault_upgrade,
	  .rate = 300,
	  .pad = 1000,
	  .shadow = 10,
	  .brief = true },
	{ .name = "power_cut_upgrade",
	  .disturb = fault_upgrade_power_cut,
	  ON_SHIM,
	  CUT,
	  .rate = 300,
	  .pad = 1000 },
	{ .name = "handover", .disturb = fault_handover },
	{ .name = "readdir_fails_at_start", .disturb = fault_readdir_at_start, ON_SHIM, .brief = true },
	{ .name = "open_fails_at_start", .disturb = fault_open_at_start, ON_SHIM },
	{ .name = "read_fails_at_start", .disturb = fault_read_at_start, ON_SHIM, .brief = true },
	{ .name = "power_cut", .disturb = fault_power_cut, ON_SHIM, CUT, .brief = true },
	{ .name = "power_cut_writeback", .disturb = fault_power_cut_writeback, ON_SHIM, CUT },
	{ .name = "power_cut_flush_0",
	  .disturb = fault_power_cut,
	  ON_SHIM,
	  CUT,
	  .flush_ms = FLUSH_BEFORE_ACK },
	{ .name = "sync_fails_once", .disturb = fault_sync_fails_once, ON_SHIM, CUT, .brief = true },
	{ .name = "sync_fails_for_a_while", .disturb = fault_sync_fails_for_a_while, ON_SHIM, CUT },
	{ .name = "slow_sync_flush_200", .disturb = fault_slow_sync, ON_SHIM, CUT },
	{ .name = "slow_sync_flush_50", .disturb = fault_slow_sync, ON_SHIM, CUT, .flush_ms = 50 },
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
