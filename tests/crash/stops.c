/* Starts that fail, and stops under load: by signal and by exit() inside the broker, while a
 * registration hangs, on a disk whose syncs are slow. */
#include "tests/crash/faults.h"
#include "tests/crash/world.h"

#include <arpa/inet.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PRODUCT_SECRET "hzvf5LF9S0isvBhDSauWMaIk"

enum {
	STARTS = 20,
	STOPS = 10,
	STOP_MAX_MS = 2500, /* 2 s, on a machine that is busy */
	STATUS_MAX = 98,    /* above: sanitizers */
	LATE_STATUS = 7,    /* of tests/tools/late_plugin.c */
	SYNC_MS = 150,
};

static int silent_port;

/* A port where nobody is ever answered, for registrations and for listeners that want it. It is the
 * run's process's until that ends. */
static bool listen_silently(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	silent_port = port_free();
	at.sin_port = htons((uint16_t)silent_port);
	return bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, SOMAXCONN) == 0;
}

/* Caller frees. */
static char *built(const char *name)
{
	char *relative = text_fmt("%s/%s", build_dir(), name), *path = realpath(relative, NULL);

	free(relative);
	return path;
}

enum ready stops_prepare(const char **why)
{
	const char *before = getenv("HUBGATE_PRELOAD");
	char *slow = built("slowsync.so"), *late = built("late_plugin.so");
	char *all = text_fmt("%s%s%s", before ? before : "", before ? " " : "", slow ? slow : "");
	char *ms = text_fmt("%d", SYNC_MS);
	bool ok = slow && late && listen_silently();

	*why = "slowsync.so, late_plugin.so or a port is missing";
	setenv("HUBGATE_PRELOAD", all, 1);
	setenv("HUBGATE_SLOWSYNC", ms, 1);
	free(slow);
	free(late);
	free(all);
	free(ms);
	return ok ? READY : NOT_READY;
}

enum ready starts_prepare(const char **why)
{
	*why = "no port";
	return listen_silently() ? READY : NOT_READY;
}

/* A device without a secret: hubgate asks for it at once, again and again, in vain. */
char *stops_patch(void)
{
	return text_fmt(
		",\"lan\":{\"acl\":\"allow\"},\"hub\":{\"register_url\":"
		"\"http://127.0.0.1:%d/device/register\"},\"products\":[{\"product_id\":\"" LOAD_PRODUCT
		"\",\"product_secret\":\"" PRODUCT_SECRET "\",\"register\":true}]",
		silent_port);
}

char *stops_conf(void)
{
	char *late = built("late_plugin.so"), *conf = text_fmt("plugin %s", late);

	free(late);
	return conf;
}

/* --- stops --- */

static bool exit_inside(struct world *w)
{
	struct dev *c = client_connect(lan_port(w->lan), NULL);
	bool asked = c && dev_publish(c, "late/exit", "now", 0);
	int status = asked ? lan_await_end(w->lan) : -1;

	dev_disconnect(c);
	return (WIFEXITED(status) && WEXITSTATUS(status) == LATE_STATUS) ||
	       world_broken(w, "exit() inside the broker ended with status 0x%x", (unsigned)status);
}

static bool terminate(struct world *w, int *slowest_ms)
{
	int ms = lan_stop(w->lan);

	if (ms > *slowest_ms)
		*slowest_ms = ms;
	return (ms >= 0 && ms <= STOP_MAX_MS) || world_broken(w, "a stop took %d ms (-1: badly)", ms);
}

bool fault_stops(struct world *w)
{
	int exits = 0, slowest_ms = 0;

	for (int i = 0; i < STOPS; i++) {
		bool inside = world_below(w, 4) == 0;

		world_pause(w, 0, 900);
		exits += inside;
		w->breaks++; /* what the hub has not acknowledged by then goes again */
		if (!(inside ? exit_inside(w) : terminate(w, &slowest_ms)) || !world_restart(w))
			return false;
	}
	snprintf(w->note, sizeof w->note, "%d stops, %d of them exit(), slowest %d ms", STOPS, exits,
	         slowest_ms);
	return true;
}

/* --- starts --- */

/* mosquitto.conf with more lines, or without hubgate.json. Caller frees. */
static char *failing_conf(const struct world *w, int way)
{
	char *good = text_fmt("%s/mosquitto.conf", lan_dir(w->lan)), *text = file_read(good);
	char *path = text_fmt("%s/failing.conf", lan_dir(w->lan)), *late = built("late_plugin.so");
	char *at = strstr(text, "hubgate.json"), *bad;

	if (way == 0)
		bad = text_fmt("%s\nlistener %d 127.0.0.1\n", text, silent_port);
	else if (way == 1)
		bad = text_fmt("%s\nplugin %s\nplugin_opt_how fail\n", text, late);
	else
		bad = text_fmt("%.*snone.json%s", (int)(at - text), text, at + strlen("hubgate.json"));
	file_write(path, bad, 0600);
	free(good);
	free(text);
	free(late);
	free(bad);
	return path;
}

static bool fails_well(struct world *w, int way)
{
	static char debian[] = "/usr/sbin/mosquitto", in_path[] = "mosquitto", flag[] = "-c";
	char *conf = failing_conf(w, way), *log = text_fmt("%s/failing.log", lan_dir(w->lan));
	char *argv[] = { access(debian, X_OK) == 0 ? debian : in_path, flag, conf, NULL };
	struct proc *p = proc_start(argv, NULL, log);
	int status = 0, ms = p ? proc_wait(p, WAIT_MS, &status) : -1;
	bool ok = ms >= 0 && WIFEXITED(status) && WEXITSTATUS(status) > 0 &&
	          WEXITSTATUS(status) <= STATUS_MAX;

	proc_free(p);
	free(conf);
	free(log);
	return ok || world_broken(w, "a start that should fail (way %d) ended %s, status 0x%x", way,
	                          ms >= 0 ? "by itself" : "not", (unsigned)status);
}

/* The store has messages that wait, and keeps them. */
bool fault_failing_starts(struct world *w)
{
	int slowest_ms = 0;

	world_pause(w, 100, 300);
	if (!world_wan_down(w))
		return false;
	world_pause(w, 100, 300);
	if (!terminate(w, &slowest_ms))
		return false;
	for (int i = 0; i < STARTS; i++) {
		if (!fails_well(w, i % 3))
			return false;
	}
	snprintf(w->note, sizeof w->note, "%d starts that failed", STARTS);
	return world_restart(w) && world_wan_up(w);
}
