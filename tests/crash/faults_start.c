/* Starts that fail, and stops in the midst of things: neither loses a message. */
#include "tests/crash/faults.h"
#include "tests/crash/power.h"
#include "tests/crash/starts.h"
#include "tests/crash/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FAILING_STARTS = 6,
	STOPS = 2,
	STOP_MS = 2500, /* P: two seconds, and the broker's own work */
};

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

/* --- somebody else's failure, after hubgate began --- */

static int take_port(int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof in) != 0 || listen(fd, 1) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static bool one_failing_start(struct world *w, const char *more)
{
	struct start s;
	bool ok = start_begin(w, &s, 0, more) && start_failed(&s, WAIT_MS);

	start_end(&s);
	return ok || world_broken(w, "a start that has to fail crashed, hung, or worked");
}

bool fault_failing_starts(struct world *w)
{
	bool ok = true;
	int fd;

	if (!world_wan_down(w))
		return false;
	world_pause(w, 200, 600);
	world_kill(w);
	fd = take_port(lan_port(w->lan));
	if (fd < 0)
		return world_broken(w, "the port cannot be taken: %s", strerror(errno));
	for (int i = 0; ok && i < FAILING_STARTS; i++)
		ok = one_failing_start(w, i % 2 == 0 ? "" : "plugin /nonexistent/later.so");
	close(fd);
	return ok && world_restart(w) && world_wan_up(w);
}

bool fault_stops_under_load(struct world *w)
{
	for (int i = 0; i < STOPS; i++) {
		bool down = world_below(w, 2) == 1;
		int ms;

		if (down && !world_wan_down(w))
			return false;
		world_pause(w, 200, 600);
		ms = lan_stop(w->lan);
		w->kills++;
		if (ms < 0 || ms > STOP_MS)
			return world_broken(w, "a stop under load took %d ms (-1: it ended badly)", ms);
		if (!world_restart(w) || (down && !world_wan_up(w)))
			return false;
	}
	return true;
}
