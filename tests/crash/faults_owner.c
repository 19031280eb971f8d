/* Somebody else at the same store, or at the same disk. */
#include "tests/crash/faults.h"
#include "tests/crash/starts.h"
#include "tests/crash/world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	REFUSAL_MS = 6000, /* it waits 3 s for a broker that is stopping */
	STALL_MS = 1000,
};

/* The second broker must not serve while the first does. */
static bool refused_by_owner(struct world *w, struct start *s)
{
	char *pid = text_fmt("%d", (int)lan_pid(w->lan));
	bool failed = start_failed(s, REFUSAL_MS);
	int lines = start_lines(s, pid);

	free(pid);
	return (failed && lines > 0) ||
	       world_broken(w, "a second broker on the same store %s, and %d lines name the first",
	                    failed ? "failed" : "did not end by itself with a failure", lines);
}

bool fault_second_broker(struct world *w)
{
	struct start s;
	bool ok;

	if (world_below(w, 2) == 1 && !world_wan_down(w))
		return false;
	world_pause(w, 100, 300);
	ok = start_begin(w, &s, port_free(), "") && refused_by_owner(w, &s);
	start_end(&s);
	return ok && world_wan_up(w);
}

/* The old one is stopping when the new one starts: it waits its turn. */
bool fault_handover(struct world *w)
{
	struct start s;
	int port = port_free(), status;
	bool ok;

	world_pause(w, 100, 300);
	if (!start_begin(w, &s, port, ""))
		return false;
	world_pause(w, 100, 500);
	lan_stop(w->lan);
	w->kills += 2;
	ok = port_await(s.proc, port, NULL, WAIT_MS) ||
	     world_broken(w, "a broker does not take over from one that stops");
	world_pause(w, 100, 300);
	proc_signal(s.proc, SIGTERM);
	if (ok && (proc_wait(s.proc, WAIT_MS, &status) < 0 || status != 0))
		ok = world_broken(w, "the second broker did not end well");
	start_end(&s);
	return ok && world_restart(w);
}

/* --- the disk is full, and not by us --- */

/* As much as fits, to the last byte. */
static bool fill(const char *path)
{
	static const char bytes[65536];
	FILE *f = fopen(path, "we");
	size_t piece = sizeof bytes;

	if (!f)
		return false;
	setvbuf(f, NULL, _IONBF, 0);
	while (piece > 0) {
		if (fwrite(bytes, 1, piece, f) < piece)
			piece /= 2;
	}
	fclose(f);
	return true;
}

bool fault_foreign_full(struct world *w)
{
	char *foreign = text_fmt("%s/foreign", disk_dir());
	struct world_numbers n;
	bool stalled, ok;

	ok = world_wan_down(w);
	world_pause(w, 500, 900);
	stalled = ok && fill(foreign) && disk_await_stall(w, STALL_MS, WAIT_MS);
	ok = ok && world_numbers(w, &n);
	remove(foreign);
	free(foreign);
	if (!ok)
		return false;
	if (n.bound > 0)
		return world_broken(w, "somebody else filled the disk, and %.0f messages were dropped",
		                    n.bound);
	if (!stalled)
		return world_broken(w, "the disk is full and publishers are still acknowledged");
	world_pause(w, 200, 500);
	return world_wan_up(w);
}
