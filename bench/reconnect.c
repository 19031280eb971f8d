/* 1,500 devices come back to a hub that kept the session, with telemetry waiting, at the hub's
 * rate: when is its presence the LAN's, and does telemetry get its half meanwhile? */
#include <poll.h>

#include "bench/scene.h"

enum {
	DEVICES = CLOUD_DEVICES,
	DEVICES_QUICK = 150,
	EACH = 3,
	HUB_RATE = 25,
	PAYLOAD = 128,
	LONGEST_S = 200
};

static void report(struct bench *b, const struct scene *s, uint32_t devices)
{
	int64_t start_ns = gen_clock_ns();
	bool all = cloud_await_online(s->cloud, devices, LONGEST_S * 1000);
	double seconds = (double)(gen_clock_ns() - start_ns) / 1e9;
	/* The rate counts from the connection, which may come some seconds after the cloud. */
	const struct cloud_counts *n = cloud_counts(s->cloud);
	int64_t since_ns = n->connect_ns[(atomic_load(&n->connects) - 1) % CLOUD_CONNECTS];
	double connected = (double)(gen_clock_ns() - since_ns) / 1e9;
	double delivered = (double)atomic_load(&n->distinct);

	scene_row(b, "reconnect", "cold, 25/s: presence equals the LAN's after", "s",
	          all ? seconds : 1e9, BAR_AT_MOST,
	          150.0 * devices / DEVICES + 10 * (devices < DEVICES));
	scene_row(b, "reconnect", "cold, 25/s: telemetry's part of the rate meanwhile", "%",
	          delivered / connected / HUB_RATE * 100, BAR_AT_LEAST, 50);
}

void bench_reconnect(struct bench *b)
{
	const struct cloud_opts cloud = { .knows = true, .refused = -1 };
	uint32_t devices = b->quick ? DEVICES_QUICK : DEVICES;
	const struct side_opts side = {
		.kind = SIDE_PLUGIN, .window = 20, .rate_up = HUB_RATE, .devices = devices
	};
	struct gen_work w = {
		.qos = 1, .payload = PAYLOAD, .each = EACH, .window = EACH, .timeout_ms = 30000
	};
	struct gen_result r;
	struct scene s;

	if (scene_open(&s, b, "reconnect", &cloud, &side, 0)) {
		cloud_set(s.cloud, CLOUD_DOWN);
		w.run = cloud_new_run(s.cloud);
		if (scene_connect(&s, 0, devices) && gen_run(s.gen, &w, &r)) {
			cloud_set(s.cloud, CLOUD_UP);
			report(b, &s, devices);
		} else {
			table_failed(b->table, "reconnect", "the devices were not let in");
		}
	}
	scene_close(&s);
}
