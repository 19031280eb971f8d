/* The hub's rate, and what one bad device does to the others. */
#include <poll.h>

#include "bench/measure.h"
#include "bench/scene.h"

enum {
	PUBLISHERS = 50,
	HUB_RATE = 25,
	HOLD_MS = 40000, /* longer than a dead link may stay unnoticed */
	HOLD_QUICK_MS = 8000,
	AFTER_MS = 12000,
	CONNECT_GAP_MS = 5000,
	FAIR_RATE = 500,
	FAIR_SECONDS = 10,
	FLOOD = 2000,
	DISK_EACH = 2000,
	DISK_EACH_QUICK = 400,
	PAYLOAD = 128,
	SYNC_PUBLISHERS = 5,
	SYNC_ANSWER_MS = 50,
	SYNC_SECONDS = 40,
	SYNC_SECONDS_QUICK = 10,
};

/* Shortest time between two connects, in milliseconds. */
static double closest_connects(const struct cloud_counts *n)
{
	uint32_t count = atomic_load(&n->connects);
	double closest = 1e9;

	for (uint32_t i = 1; i < count && i < CLOUD_CONNECTS; i++) {
		double gap = (double)(n->connect_ns[i] - n->connect_ns[i - 1]) / 1e6;

		closest = gap < closest ? gap : closest;
	}
	return closest;
}

void bench_rate(struct bench *b)
{
	const struct side_opts side = {
		.kind = SIDE_PLUGIN, .window = 20, .rate_up = HUB_RATE, .devices = PUBLISHERS
	};
	struct gen_work w = {
		.qos = 1, .payload = PAYLOAD, .each = 40, .window = 40, .timeout_ms = 10000
	};
	const struct cloud_counts *n;
	struct gen_result r;
	struct scene s;

	if (scene_open(&s, b, "rate", NULL, &side, PUBLISHERS)) {
		n = cloud_counts(s.cloud);
		w.run = cloud_new_run(s.cloud);
		if (w.run > 0 && gen_run(s.gen, &w, &r)) {
			poll(NULL, 0, AFTER_MS);
			cloud_set(s.cloud, CLOUD_HELD);
			poll(NULL, 0, b->quick ? HOLD_QUICK_MS : HOLD_MS);
			cloud_set(s.cloud, CLOUD_UP);
			poll(NULL, 0, AFTER_MS);
			scene_row(b, "rate", "rate_up 25, black hole: most sent in a second", "msg",
			          atomic_load(&n->sent_per_s), BAR_AT_MOST, 26);
			scene_row(b, "rate", "rate_up 25, black hole: most at the hub in a second", "msg",
			          atomic_load(&n->taken_per_s), BAR_AT_MOST, 30);
			if (atomic_load(&n->connects) > 1)
				scene_row(b, "rate", "rate_up 25, black hole: closest two connects", "ms",
				          closest_connects(n), BAR_AT_LEAST, CONNECT_GAP_MS);
		} else {
			table_failed(b->table, "rate", "the publishers were stopped");
		}
	}
	scene_close(&s);
}

void bench_fair(struct bench *b)
{
	const struct side_opts side = {
		.kind = SIDE_PLUGIN, .window = BENCH_WINDOW, .rate_up = FAIR_RATE, .devices = PUBLISHERS
	};
	struct gen_work w = { .qos = 1,
		                  .payload = PAYLOAD,
		                  .each = CLOUD_SEQS - 1,
		                  .rate = FAIR_RATE,
		                  .flood = FLOOD,
		                  .window = 500,
		                  .timeout_ms = FAIR_SECONDS * 1000 };
	const struct cloud_counts *n;
	double least = 1e9, share;
	struct gen_result r;
	struct scene s;

	if (scene_open(&s, b, "fair", NULL, &side, PUBLISHERS)) {
		n = cloud_counts(s.cloud);
		w.run = cloud_new_run(s.cloud);
		gen_run(s.gen, &w, &r); /* ends with its time */
		/* Of what was delivered: a rate that is not reached is another matter. */
		share = (double)atomic_load(&n->distinct) / PUBLISHERS;
		for (int i = 1; i < PUBLISHERS; i++) {
			double part = atomic_load(&n->device[i].distinct) / share;

			least = part < least ? part : least;
		}
		scene_row(b, "fair", "one floods, rate_up 500: delivered", "1/s",
		          share * PUBLISHERS / FAIR_SECONDS, BAR_NONE, 0);
		scene_row(b, "fair", "one floods: least part of its fair share of 49", "%", least * 100,
		          BAR_AT_LEAST, 90);
	}
	scene_close(&s);
}

void bench_disk(struct bench *b)
{
	const struct cloud_opts cloud = { .refused = 0 };
	const struct side_opts side = { .kind = SIDE_PLUGIN,
		                            .window = BENCH_WINDOW,
		                            .devices = PUBLISHERS };
	struct gen_work w = { .qos = 1, .payload = 1024, .window = 20, .timeout_ms = 60000 };
	struct gen_result r;
	struct scene s;
	double live, disk;

	w.each = b->quick ? DISK_EACH_QUICK : DISK_EACH;
	if (scene_open(&s, b, "disk", &cloud, &side, PUBLISHERS)) {
		w.run = cloud_new_run(s.cloud);
		gen_run(s.gen, &w, &r);
		cloud_await(s.cloud, (uint64_t)w.each * (PUBLISHERS - 1), 5000);
		poll(NULL, 0, 2500); /* two publications of the metrics, and time to compact */
		live = side_metric(s.side, "queued_bytes");
		disk = (double)measure_disk(side_store(s.side));
		scene_row(b, "disk", "one unbound, 49 flow: live", "MB", live / 1e6, BAR_NONE, 0);
		scene_row(b, "disk", "one unbound, 49 flow: on disk (0: kept in memory)", "MB", disk / 1e6,
		          live > 0 && disk > 0 ? BAR_AT_MOST : BAR_NONE, 2 * live / 1e6);
	}
	scene_close(&s);
}

/* A quiet gateway and a hub that answers: the disk of a small machine is not to wear for it. */
void bench_sync(struct bench *b)
{
	const struct cloud_opts cloud = { .delay_ms = SYNC_ANSWER_MS / 2, .refused = -1 };
	const struct side_opts side = {
		.kind = SIDE_PLUGIN, .window = 20, .rate_up = 0, .devices = SYNC_PUBLISHERS
	};
	struct gen_work w = {
		.qos = 1, .payload = PAYLOAD, .rate = HUB_RATE, .window = 20, .timeout_ms = 120000
	};
	double seconds = b->quick ? SYNC_SECONDS_QUICK : SYNC_SECONDS, messages = seconds * HUB_RATE;
	struct gen_result r;
	struct scene s;
	double syncs;
	int64_t written;

	w.each = (uint32_t)messages / SYNC_PUBLISHERS;
	if (scene_open(&s, b, "sync", &cloud, &side, SYNC_PUBLISHERS)) {
		w.run = cloud_new_run(s.cloud);
		syncs = side_metric(s.side, "store_syncs_total");
		written = measure_written(side_pid(s.side));
		gen_run(s.gen, &w, &r);
		poll(NULL, 0, 1500); /* a publication of the metrics */
		written = measure_written(side_pid(s.side)) - written;
		syncs = side_metric(s.side, "store_syncs_total") - syncs;
		scene_row(b, "sync", "25/s, hub answers in 50 ms: syncs", "1/s", syncs / seconds,
		          BAR_AT_MOST, 1);
		scene_row(b, "sync", "25/s, hub answers in 50 ms: written per message", "bytes",
		          (double)written / messages, BAR_AT_MOST, 1500);
	}
	scene_close(&s);
}
