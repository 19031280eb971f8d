/* 1,500 devices with news in their shadows after an outage and a restart of the broker, at the
 * hub's rate, against the simulator: when does it have them all, and with how many updates? */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/asker.h"
#include "bench/gen.h"
#include "bench/scene.h"
#include "tests/harness/harness.h"

enum {
	DEVICES = 1500,
	DEVICES_QUICK = 150,
	CHANGES = 3, /* of each shadow during the outage */
	HUB_RATE = 25,
	SETUP_MS = 120000,
	LONGEST_MS = 400000,
	LOOK_MS = 200,
	RUN_MS = 60000,
	AFTER_MS = 5000 /* for updates too many */
};

struct world {
	struct sim *sim;
	struct lan *lan;
	struct asker *devices;
	uint32_t count;
};

/* A list of objects, one per device, text before and after each number. Caller frees. */
static char *each(uint32_t count, const char *before, const char *after)
{
	size_t room = count * (strlen(before) + strlen(after) + 8) + 1, len = 0;
	char *text = malloc(room);

	for (uint32_t i = 0; text && i < count; i++)
		len +=
			(size_t)snprintf(text + len, room - len, "%s%sd%04u%s", i ? "," : "", before, i, after);
	return text;
}

static char *sim_config(uint32_t count)
{
	char *accounts = each(count, "{\"product_id\":\"" GEN_PRODUCT "\",\"device_name\":\"",
	                      "\",\"secret\":\"" GEN_SECRET "\"}");
	char *bound = each(count,
	                   "{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"" GEN_PRODUCT
	                   "\",\"device_name\":\"",
	                   "\"}");
	char *text = text_fmt("{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	                      "\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"gateway\":true},%s],"
	                      "\"bound\":[%s],\"limits\":{\"connect_s\":1,\"rate_up\":100000}}",
	                      accounts, bound);

	free(accounts);
	free(bound);
	return text;
}

static char *patch(uint32_t count, int rate_up)
{
	char *devices = each(count, "{\"product_id\":\"" GEN_PRODUCT "\",\"device_name\":\"",
	                     "\",\"secret\":\"" GEN_SECRET "\"}");
	char *text = text_fmt("{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1,\"rate_up\":%d},"
	                      "\"metrics\":{\"sys_interval_s\":1},\"devices\":[%s]}",
	                      rate_up, devices);

	free(devices);
	return text;
}

static bool report(struct world *w, uint32_t each_device)
{
	const struct asker_work work = {
		.update = true, .window = 1, .total = w->count * each_device, .timeout_ms = RUN_MS
	};
	struct asker_result r;

	return asker_run(w->devices, &work, &r);
}

static bool await_updates(struct world *w, double updates, int timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms;

	while (sim_stat(w->sim, "shadow.updates") < updates) {
		if (now_ms() > end_ms)
			return false;
		poll(NULL, 0, LOOK_MS);
	}
	return true;
}

/* Every shadow is at the hub, then the hub goes away and the devices go on. */
static bool prepare(struct world *w)
{
	char *config = sim_config(w->count), *slow = patch(w->count, HUB_RATE);
	char *fast = patch(w->count, 0);
	const struct sim_opts so = { .config = config };
	struct lan_opts lo = { .patch = fast };
	bool ok = false;

	w->sim = sim_start(&so);
	if (w->sim) {
		lo.hub_port = sim_port(w->sim);
		w->lan = lan_start(&lo);
	}
	if (w->lan)
		w->devices = asker_open(lan_port(w->lan), w->count);
	ok = w->devices && report(w, 1) && await_updates(w, w->count, SETUP_MS) &&
	     sim_do(w->sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}") &&
	     sim_do(w->sim, "{\"cmd\":\"cut\"}") && report(w, CHANGES);
	asker_close(w->devices);
	w->devices = NULL;
	ok = ok && lan_configure(w->lan, slow) && lan_restart(w->lan);
	if (ok)
		w->devices = asker_open(lan_port(w->lan), w->count);
	ok = ok && w->devices && report(w, 1);
	free(config);
	free(slow);
	free(fast);
	return ok;
}

void bench_shadows(struct bench *b)
{
	struct world w = { .count = b->quick ? DEVICES_QUICK : DEVICES };
	/* Each is brought online, its answers are subscribed (the broker was restarted for the other
	 * rate, which is harder than an outage alone) and updated once. */
	double needs_s = 3.0 * w.count / HUB_RATE, updates, took_s;
	int64_t start_ms;

	if (prepare(&w)) {
		updates = sim_stat(w.sim, "shadow.updates");
		sim_do(w.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}");
		sim_skip_events(w.sim);
		sim_await_event(w.sim, RUN_MS, "ev", "connect", NULL);
		start_ms = now_ms();
		if (!await_updates(&w, updates + w.count, LONGEST_MS))
			table_failed(b->table, "shadows", "not all shadows reached the hub");
		took_s = (double)(now_ms() - start_ms) / 1000;
		scene_row(b, "shadows", "dirty after an outage, 25/s: all at the hub after", "s", took_s,
		          BAR_AT_MOST, 1.2 * needs_s);
		poll(NULL, 0, AFTER_MS);
		scene_row(b, "shadows", "dirty after an outage: updates per device", "",
		          (sim_stat(w.sim, "shadow.updates") - updates) / w.count, BAR_AT_MOST, 1);
		scene_row(b, "shadows", "most updates of one device, setup included", "",
		          sim_stat(w.sim, "shadow.per_device_max"), BAR_AT_MOST, 2);
	} else {
		table_failed(b->table, "shadows", "the devices could not be set up");
	}
	asker_close(w.devices);
	lan_free(w.lan);
	sim_stop(w.sim);
}
