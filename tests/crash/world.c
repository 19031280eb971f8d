#include "tests/crash/world.h"

#include "tests/crash/faults.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATEWAY "GWPRODUCT1/gw1"
#define SYS     "$SYS/broker/hubgate/"

enum {
	ACK_WAIT_MS = 15000,
	DRAIN_WAIT_MS = 30000,
	QUIET_MS = 300,
};

bool world_broken(struct world *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!w->why[0])
		vsnprintf(w->why, sizeof w->why, fmt, ap);
	va_end(ap);
	return false;
}

/* xorshift64* */
unsigned world_below(struct world *w, unsigned bound)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (unsigned)((w->random * UINT64_C(2685821657736338717)) >> 33) % bound;
}

void world_pause(struct world *w, unsigned from_ms, unsigned to_ms)
{
	poll(NULL, 0, (int)(from_ms + world_below(w, to_ms - from_ms + 1)));
}

/* --- setting up --- */

static char *accounts(bool with_bound)
{
	char *text = strdup("");

	for (int dev = 1; dev <= LOAD_DEVICES; dev++) {
		char *more =
			with_bound ? text_fmt("%s%s{\"gateway\":\"" GATEWAY "\",\"product_id\":\"" LOAD_PRODUCT
		                          "\",\"device_name\":\"dev%d\"}",
		                          text, dev > 1 ? "," : "", dev)
					   : text_fmt("%s%s{\"product_id\":\"" LOAD_PRODUCT
		                          "\",\"device_name\":\"dev%d\",\"secret\":\"%s\"}",
		                          text, dev > 1 ? "," : "", dev, load_secret(dev));

		free(text);
		text = more;
	}
	return text;
}

/* Starts refusing, so that nothing arrives before somebody watches. */
static struct sim *start_sim(void)
{
	char *devices = accounts(false), *bound = accounts(true);
	char *config =
		text_fmt("{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	             "\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"gateway\":true},%s" EAR_ACCOUNT "],"
	             "\"bound\":[%s,{\"gateway\":\"" GATEWAY "\",\"product_id\":\"" LOAD_PRODUCT "\","
	             "\"device_name\":\"" EAR "\"}],\"fault\":\"refuse\","
	             "\"limits\":{\"connect_s\":0,\"rate_up\":1000000}}",
	             devices, bound);
	const struct sim_opts o = { .config = config };
	struct sim *s = sim_start(&o);

	free(devices);
	free(bound);
	free(config);
	return s;
}

static struct lan *start_lan(const struct world *w)
{
	const struct scenario *sc = w->scenario;
	char *devices = accounts(false), *more = sc->patch ? sc->patch() : strdup("");
	char *conf = sc->conf ? sc->conf() : NULL;
	char *dir = sc->store_dir ? text_fmt("\"dir\":\"%s\",", sc->store_dir()) : strdup("");
	char *store = sc->store ? strdup(sc->store) : text_fmt("\"flush_ms\":%d", power_flush_ms(sc));
	char *patch =
		text_fmt("{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1,\"rate_up\":%d,"
	             "\"window\":%d,\"request_timeout_s\":1,\"connect_timeout_s\":1,\"keepalive\":5},"
	             "\"store\":{%s%s},\"presence\":{\"grace_ms\":3000},"
	             "\"metrics\":{\"sys_interval_s\":1},\"devices\":[%s%s]%s}",
	             sc->rate_up, WINDOW_UP, dir, store, devices, sc->devices ? sc->devices : "", more);
	const struct lan_opts o = { .hub_port = sim_port(w->sim), .patch = patch, .extra_conf = conf };
	struct lan *l = lan_start(&o);

	free(devices);
	free(more);
	free(conf);
	free(dir);
	free(store);
	free(patch);
	return l;
}

static bool start_load(struct world *w)
{
	const struct scenario *sc = w->scenario;
	const struct load_opts o = {
		.port = lan_port(w->lan),
		.window = WINDOW_LAN,
		.rate = sc->rate ? sc->rate : 150,
		.pad = sc->pad ? sc->pad : 100,
		.shadow = sc->shadow,
	};

	w->load = load_start(&o);
	return (w->load && seen_await_more(w->seen, 0, WAIT_MS)) ||
	       world_broken(w, "nothing arrived at the hub before the fault");
}

static bool watch_hub(struct world *w)
{
	return seen_attach(w->seen, sim_admin_port(w->sim)) &&
	       sim_do(w->sim, "{\"cmd\":\"events\",\"publish\":false}") && world_fault(w, "none");
}

bool world_open(struct world *w, const struct scenario *sc, uint64_t seed)
{
	*w = (struct world){ .scenario = sc, .random = seed * 2 + 1 };
	for (int i = 0; i < 8; i++) /* neighbouring seeds part */
		world_below(w, 2);
	w->may_miss = calloc(LOAD_DEVICES + 1, sizeof *w->may_miss);
	w->seen = seen_new();
	w->sim = start_sim();
	if (!w->may_miss || !w->seen || !w->sim || !watch_hub(w))
		return world_broken(w, "the simulator cannot be set up");
	power_preload();
	w->lan = start_lan(w);
	if (!w->lan)
		return world_broken(w, "the broker cannot be set up");
	w->store = sc->store_dir ? strdup(sc->store_dir()) : text_fmt("%s/store", lan_dir(w->lan));
	return start_load(w);
}

void world_close(struct world *w)
{
	load_free(w->load);
	lan_free(w->lan);
	seen_free(w->seen);
	sim_stop(w->sim);
	free(w->store);
	free(w->may_miss);
}

/* --- what happens to it --- */

bool world_kill(struct world *w)
{
	lan_kill(w->lan);
	w->kills++;
	return true;
}

bool world_restart(struct world *w)
{
	power_on(w);
	return lan_restart(w->lan) || world_broken(w, "the broker does not start again");
}

bool world_fault(struct world *w, const char *mode)
{
	char *cmd = text_fmt("{\"cmd\":\"fault\",\"mode\":\"%s\"}", mode);
	bool ok = sim_do(w->sim, cmd);

	free(cmd);
	return ok || world_broken(w, "the simulator does not obey");
}

bool world_break(struct world *w, const char *cmd)
{
	char *text = text_fmt("{\"cmd\":\"%s\",\"client\":\"" GATEWAY "\"}", cmd);
	bool ok = sim_do(w->sim, text);

	free(text);
	w->breaks++;
	return ok || world_broken(w, "the simulator does not obey");
}

bool world_wan_down(struct world *w)
{
	return world_fault(w, "refuse") && world_break(w, "reset");
}

bool world_wan_up(struct world *w)
{
	return world_fault(w, "none");
}

bool world_hub_kill(struct world *w)
{
	sim_kill(w->sim);
	seen_detach(w->seen, true);
	w->breaks++;
	return true;
}

bool world_hub_restart(struct world *w)
{
	return (sim_restart(w->sim) && watch_hub(w)) ||
	       world_broken(w, "the simulator does not start again");
}

/* --- and how it ends --- */

static bool read_number(struct dev *d, const char *name, double *out)
{
	char *topic = text_fmt(SYS "%s", name);
	const struct dev_message *m;

	do /* the retained ones are of the time before the question */
		m = dev_await_message(d, topic, WAIT_MS);
	while (m && m->retain);
	free(topic);
	if (m)
		*out = atof(m->payload);
	return m != NULL;
}

bool world_numbers(struct world *w, struct world_numbers *out)
{
	const struct {
		const char *name;
		double *at;
	} table[] = {
		{ "messages_accepted_total", &out->accepted },
		{ "messages_delivered_total", &out->delivered },
		{ "messages_superseded_total", &out->superseded },
		{ "messages_queued", &out->queued },
		{ "messages_dropped_bound_total", &out->bound },
		{ "messages_dropped_suspect_total", &out->suspect },
		{ "messages_dropped_unacknowledged_total", &out->poison },
		{ "messages_dropped_age_total", &out->age },
		{ "messages_dropped_damaged_total", &out->damaged },
	};
	struct dev *d = client_connect(lan_port(w->lan), NULL);
	bool ok = d && dev_subscribe(d, SYS "#", 0) == 0;

	for (size_t i = 0; ok && i < sizeof table / sizeof table[0]; i++)
		ok = read_number(d, table[i].name, table[i].at);
	dev_disconnect(d);
	return ok || world_broken(w, "hubgate does not publish its numbers");
}

bool world_settle(struct world *w, struct world_numbers *out)
{
	int64_t end_ms = now_ms() + DRAIN_WAIT_MS;

	if (!load_finish(w->load, ACK_WAIT_MS))
		return world_broken(w, "healed, and publishers are still not acknowledged");
	do {
		if (!world_numbers(w, out))
			return false;
		if (out->queued == 0)
			return seen_await_quiet(w->seen, QUIET_MS, WAIT_MS) ||
			       world_broken(w, "the hub does not get quiet");
	} while (now_ms() < end_ms);
	return world_broken(w, "healed, and %.0f messages are still queued", out->queued);
}
