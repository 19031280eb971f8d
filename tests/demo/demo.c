/* demo - the main job on real processes, in under a minute.
 *
 * Starts the hub simulator, a LAN broker with the plugin and two devices; shows a
 * timeline; cuts the WAN, kills nothing that was acknowledged, heals it; ends with
 * what was sent and what arrived. Exit status 0 only when all of it happened.
 * KEEP=1 in the environment leaves everything running and says how to play.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/harness.h"

#define PRODUCT "SUBPRODUC1"

enum {
	DEVICES = 2,
	INTERVAL_MS = 250,
	AWAIT_MS = 10000,
	OUTAGE_MESSAGES = 12
};

static const struct {
	const char *name, *secret;
} identities[DEVICES] = {
	{ "dev1", "ZGV2aWNlLW9uZS1wc2stLQ==" },
	{ "dev2", "ZGV2aWNlLXR3by1wc2stLQ==" },
};

struct demo {
	int64_t start_ms;
	struct sim *sim;
	struct lan *lan;
	struct proc *devices[DEVICES];
	char *logs[DEVICES];
	bool failed;
};

static void say(const struct demo *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct demo *d, const char *format, ...)
{
	int64_t ms = now_ms() - d->start_ms;
	va_list args;

	printf("%3d.%03d s  ", (int)(ms / 1000), (int)(ms % 1000));
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

static bool check(struct demo *d, bool ok, const char *what)
{
	if (!ok) {
		say(d, "FAILED: %s", what);
		d->failed = true;
	}
	return ok;
}

static bool start_all(struct demo *d)
{
	const char *base = build_dir();
	const struct sim_opts sim = { .firmware = true };
	struct lan_opts opts = { .patch = NULL };
	int http = port_free();
	/* allow_local: the simulator's files are on this machine. */
	char *patch =
		text_fmt("{\"presence\":{\"grace_ms\":1000},\"hub\":{\"min_reconnect_s\":5},"
	             "\"metrics\":{\"sys_interval_s\":1},\"firmware\":{\"allow_local\":true},"
	             "\"lan\":{\"http\":\"127.0.0.1:%d\",\"http_advertise\":\"127.0.0.1:%d\"}}",
	             http, http);

	d->sim = sim_start(&sim);
	if (!check(d, d->sim != NULL, "the hub simulator starts"))
		return false;
	say(d, "hub simulator on port %d (stands for the cloud)", sim_port(d->sim));
	opts.hub_port = sim_port(d->sim);
	opts.patch = patch;
	d->lan = lan_start(&opts);
	free(patch);
	if (!check(d, d->lan != NULL, "the LAN broker starts"))
		return false;
	say(d, "LAN broker with hubgate on port %d", lan_port(d->lan));
	if (!check(d, lan_log_await(d->lan, "connected to the hub", AWAIT_MS), "the gateway logs in"))
		return false;
	say(d, "gateway GWPRODUCT1/gw1 logged in at the hub");
	for (int i = 0; i < DEVICES; i++) {
		char *program = text_fmt("%s/demo/device", base);
		char *port = text_fmt("%d", lan_port(d->lan));
		char *interval = text_fmt("%d", INTERVAL_MS);
		char product[] = PRODUCT;
		char *name = text_fmt("%s", identities[i].name);
		char *secret = text_fmt("%s", identities[i].secret);
		char *argv[] = { program, port, product, name, secret, interval, NULL };

		d->logs[i] = text_fmt("%s/%s.log", lan_dir(d->lan), identities[i].name);
		d->devices[i] = proc_start(argv, d->logs[i], d->logs[i]);
		free(program);
		free(port);
		free(interval);
		free(name);
		free(secret);
	}
	return true;
}

static bool devices_come_online(struct demo *d)
{
	for (int i = 0; i < DEVICES; i++) {
		char *device = text_fmt(PRODUCT "/%s", identities[i].name);
		bool ok = check(d, file_await(d->logs[i], "login", NULL, AWAIT_MS), "the device logs in");

		if (ok)
			say(d, "%s logged in on the LAN with its hub credentials (process %d)",
			    identities[i].name, (int)proc_pid(d->devices[i]));
		ok = ok && check(d,
		                 sim_await_event(d->sim, AWAIT_MS, "ev", "online", "device", device,
		                                 NULL) != NULL,
		                 "the device comes online at the hub");
		if (ok)
			say(d, "%s is online at the hub, through the gateway", identities[i].name);
		free(device);
		if (!ok)
			return false;
	}
	return true;
}

static bool telemetry_arrives(struct demo *d)
{
	const cJSON *ev =
		sim_await_event(d->sim, AWAIT_MS, "ev", "publish", "topic", PRODUCT "/dev1/event", NULL);

	if (!check(d, ev != NULL, "telemetry arrives at the hub"))
		return false;
	say(d, "telemetry arrived at the hub: dev1 sent %s",
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(ev, "payload")));
	return true;
}

static bool command_arrives(struct demo *d)
{
	if (!check(d,
	           sim_await_event(d->sim, AWAIT_MS, "ev", "subscribe", "filter",
	                           PRODUCT "/dev1/control", NULL) != NULL,
	           "the device's subscription is mirrored at the hub") ||
	    !check(d, sim_publish(d->sim, PRODUCT "/dev1/control", "{\"lamp\":\"on\"}", 1),
	           "the application publishes a command"))
		return false;
	say(d, "application sent a command to dev1: {\"lamp\":\"on\"}");
	if (!check(d, file_await(d->logs[0], "command {\"lamp\":\"on\"}", NULL, AWAIT_MS),
	           "the command arrives at the device"))
		return false;
	say(d, "command arrived at dev1");
	return true;
}

/* The number in the last line of a device's log that starts with word. */
static int last_number(const char *log, const char *word)
{
	char *text = file_read(log), *save = NULL;
	int last = 0;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, word, strlen(word)) == 0)
			last = atoi(line + strlen(word));
	}
	free(text);
	return last;
}

/* The hub cannot be asked now, so it was not. */
static bool shadow_is_answered(struct demo *d)
{
	long offset = 0;
	char *text = file_read(d->logs[0]);

	offset = (long)strlen(text ? text : "");
	free(text);
	proc_signal(d->devices[0], SIGUSR1);
	if (!check(d, file_await(d->logs[0], "shadow {", &offset, AWAIT_MS),
	           "the shadow is answered on the LAN during the outage"))
		return false;
	say(d, "dev1 asked for its shadow: answered on the LAN, with the WAN cut");
	if (!check(d,
	           sim_do(d->sim, "{\"cmd\":\"desire\",\"device\":\"" PRODUCT
	                          "/dev1\",\"desired\":{\"colour\":\"red\"}}"),
	           "the application sets desired"))
		return false;
	say(d, "application set a desired state for dev1 at the hub: {\"colour\":\"red\"}");
	return true;
}

static bool desired_arrives(struct demo *d)
{
	if (!check(d, file_await(d->logs[0], "delta {\"colour\":\"red\"}", NULL, 2 * AWAIT_MS),
	           "the desired state arrives at the device"))
		return false;
	say(d, "desired state arrived at dev1, which reports it and clears it");
	for (int64_t end_ms = now_ms() + AWAIT_MS; now_ms() < end_ms;) {
		cJSON *doc = sim_command(d->sim, "{\"cmd\":\"shadow\",\"device\":\"" PRODUCT "/dev1\"}");
		const char *reported = cJSON_GetStringValue(cJSON_GetObjectItem(doc, "reported"));
		const char *desired = cJSON_GetStringValue(cJSON_GetObjectItem(doc, "desired"));
		bool equal = reported && strstr(reported, "\"red\"") && desired && !strcmp(desired, "{}");

		cJSON_Delete(doc);
		if (equal) {
			say(d, "the hub's shadow of dev1 says the same: reported red, nothing desired");
			return true;
		}
		sim_look_for_event(d->sim, 500, "ev", "shadow", NULL);
	}
	return check(d, false, "the hub's shadow becomes equal");
}

/* The device is told only when the gateway has the file. */
static bool update_is_offered(struct demo *d)
{
	if (!check(d,
	           sim_do(d->sim, "{\"cmd\":\"firmware\",\"name\":\"lamp-2.0\",\"size\":1000000}") &&
	               sim_do(d->sim, "{\"cmd\":\"ota_task\",\"device\":\"" PRODUCT
	                              "/dev2\",\"version\":\"2.0\",\"name\":\"lamp-2.0\"}"),
	           "the application orders an update"))
		return false;
	say(d, "application ordered firmware 2.0 (1 MB) for dev2");
	if (!check(d, lan_log_await(d->lan, "is here", AWAIT_MS), "the gateway downloads the file") ||
	    !check(d, file_await(d->logs[1], "update 2.0", NULL, AWAIT_MS), "the device is told"))
		return false;
	say(d, "the gateway has the file, checked, and told dev2 where it is");
	return true;
}

static bool update_is_installed(struct demo *d)
{
	proc_signal(d->devices[1], SIGUSR2);
	if (!check(d, file_await(d->logs[1], "firmware 2.0 1000000 bytes, MD5 right", NULL, AWAIT_MS),
	           "the device downloads from the gateway during the outage"))
		return false;
	say(d, "dev2 downloaded firmware 2.0 from the gateway, with the WAN cut: the MD5 is right");
	return true;
}

static bool update_is_known(struct demo *d)
{
	const cJSON *ev;

	while ((ev = sim_await_event(d->sim, AWAIT_MS, "ev", "publish", "topic",
	                             "$ota/report/" PRODUCT "/dev2", NULL)) != NULL) {
		const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(ev, "payload"));

		if (text && strstr(text, "\"done\"")) {
			say(d, "the hub heard that dev2 runs firmware 2.0");
			return true;
		}
	}
	return check(d, false, "the hub hears of the update");
}

static bool outage(struct demo *d)
{
	int before[DEVICES];
	char *mark;
	bool ok = true;

	if (!check(d,
	           sim_do(d->sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}") &&
	               sim_do(d->sim, "{\"cmd\":\"cut\"}"),
	           "the WAN is cut"))
		return false;
	say(d, "WAN cut; the devices go on publishing");
	for (int i = 0; i < DEVICES; i++)
		before[i] = last_number(d->logs[i], "acked ");
	for (int i = 0; i < DEVICES && ok; i++) {
		mark = text_fmt("acked %d\n", before[i] + OUTAGE_MESSAGES);
		ok = check(d, file_await(d->logs[i], mark, NULL, AWAIT_MS),
		           "publishes are acknowledged on the LAN during the outage");
		free(mark);
	}
	if (!ok)
		return false;
	say(d, "%d messages acknowledged on the LAN while the hub was away: they are queued",
	    DEVICES * OUTAGE_MESSAGES);
	if (!shadow_is_answered(d) || !update_is_installed(d))
		return false;
	sim_skip_events(d->sim);
	if (!check(d, sim_do(d->sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"), "the WAN comes back"))
		return false;
	say(d, "WAN back");
	if (!check(d, sim_await_event(d->sim, 3 * AWAIT_MS, "ev", "connect", NULL) != NULL,
	           "the gateway comes back by itself"))
		return false;
	say(d, "gateway logged in again by itself");
	return true;
}

/* All that was acknowledged is at the hub, from the hub's own records. */
static bool queue_drains(struct demo *d, int sent[DEVICES], int received[DEVICES])
{
	int64_t end_ms = now_ms() + 2 * AWAIT_MS;
	bool done = false;

	while (!done && now_ms() < end_ms) {
		done = true;
		for (int i = 0; i < DEVICES; i++) {
			char *path = text_fmt("devices." PRODUCT "/%s.received", identities[i].name);
			char *late = text_fmt("devices." PRODUCT "/%s.duplicates", identities[i].name);

			received[i] = (int)(sim_stat(d->sim, path) - sim_stat(d->sim, late));
			done = done && received[i] >= sent[i];
			free(path);
			free(late);
		}
		if (!done)
			sim_look_for_event(d->sim, 100, "ev", "publish", NULL);
	}
	return check(d, done, "every acknowledged message arrives at the hub");
}

static bool devices_leave(struct demo *d, int sent[DEVICES])
{
	for (int i = 0; i < DEVICES; i++)
		proc_signal(d->devices[i], SIGTERM);
	for (int i = 0; i < DEVICES; i++) {
		if (!check(d, proc_wait(d->devices[i], AWAIT_MS, NULL) >= 0, "the device ends"))
			return false;
		sent[i] = last_number(d->logs[i], "sent ");
		check(d, sent[i] == last_number(d->logs[i], "acked "),
		      "every publish was acknowledged on the LAN");
	}
	say(d, "both devices said goodbye");
	return true;
}

static bool offline_at_hub(struct demo *d)
{
	for (int i = 0; i < DEVICES; i++) {
		char *device = text_fmt(PRODUCT "/%s", identities[i].name);
		bool ok = check(
			d, sim_await_event(d->sim, AWAIT_MS, "ev", "offline", "device", device, NULL) != NULL,
			"the device goes offline at the hub");

		if (ok)
			say(d, "%s is offline at the hub", identities[i].name);
		free(device);
		if (!ok)
			return false;
	}
	return true;
}

static void play(const struct demo *d)
{
	char *user = cred_username(PRODUCT, identities[0].name);
	char *password = cred_password(identities[0].secret, user, false);

	printf(
		"\nEverything is still running. In another terminal:\n\n"
		"watch the hub        mosquitto_sub -p %d -u hubsim-admin -P hubsim -t 'hubsim/event'\n"
		"send a command       mosquitto_pub -p %d -u hubsim-admin -P hubsim -t "
		"'" PRODUCT "/dev1/control' -m '{\"lamp\":\"off\"}'\n"
		"be a device          mosquitto_sub -p %d -i " PRODUCT "dev1 -u '%s' -P '%s' -t '" PRODUCT
		"/dev1/control' -v\n"
		"publish as a device  mosquitto_pub -p %d -i " PRODUCT "dev1 -u '%s' -P '%s' -t '" PRODUCT
		"/dev1/event' -q 1 -m '{\"t\":21}'\n"
		"cut the WAN          mosquitto_pub -p %d -u hubsim-admin -P hubsim -t hubsim/control -m "
		"'{\"cmd\":\"fault\",\"mode\":\"blackhole\",\"id\":1}'\n"
		"heal it              the same with \"mode\":\"none\"\n"
		"see the numbers      mosquitto_sub -p %d -t '$SYS/broker/hubgate/#' -v\n"
		"logs and state       %s\n\n"
		"Ctrl-C ends it all.\n",
		sim_admin_port(d->sim), sim_admin_port(d->sim), lan_port(d->lan), user, password,
		lan_port(d->lan), user, password, sim_admin_port(d->sim), lan_port(d->lan),
		lan_dir(d->lan));
	fflush(stdout);
	free(user);
	free(password);
	pause();
}

static void on_interrupt(int sig)
{
	(void)sig; /* ends pause(), then everything is stopped */
}

int main(void)
{
	struct demo d = { .start_ms = now_ms() };
	int sent[DEVICES] = { 0 }, received[DEVICES] = { 0 };
	const char *keep = getenv("KEEP");
	struct sigaction act = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &act, NULL);
	if (start_all(&d) && devices_come_online(&d) && telemetry_arrives(&d) && command_arrives(&d) &&
	    update_is_offered(&d) && outage(&d) && desired_arrives(&d) && update_is_known(&d) &&
	    devices_leave(&d, sent) && queue_drains(&d, sent, received)) {
		say(&d, "queue drained");
		offline_at_hub(&d);
	}
	printf("\n%-8s %10s %10s\n", "device", "sent", "arrived");
	for (int i = 0; i < DEVICES; i++)
		printf("%-8s %10d %10d\n", identities[i].name, sent[i], received[i]);
	printf("%s\n", d.failed ? "FAILED" : "nothing acknowledged was lost");
	if (!d.failed && keep && strcmp(keep, "1") == 0)
		play(&d);
	for (int i = 0; i < DEVICES; i++) {
		proc_free(d.devices[i]);
		free(d.logs[i]);
	}
	lan_free(d.lan);
	sim_stop(d.sim);
	return d.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
