/* Memory: what waiting messages and idle devices cost, and how a million of them start. */
#include <poll.h>

#include "bench/measure.h"
#include "bench/scene.h"

enum {
	PUBLISHERS = 50,
	BACKLOG = 100000,
	MILLION = 1000000,
	IDLE = 500,
	SCAN_MS = 10000, /* for the scan in the background */
	PAYLOAD = 128
};

static bool fill(struct scene *s, uint32_t messages)
{
	struct gen_work w = { .qos = 1,
		                  .payload = PAYLOAD,
		                  .each = messages / PUBLISHERS,
		                  .window = 20,
		                  .timeout_ms = 120000 };
	struct gen_result r;

	w.run = cloud_new_run(s->cloud);
	return w.run > 0 && gen_run(s->gen, &w, &r);
}

static double megabytes(const struct scene *s)
{
	return (double)measure_rss(side_pid(s->side)) / 1e6;
}

static void idle(struct bench *b)
{
	const struct side_opts side = { .kind = SIDE_PLUGIN, .window = 20, .devices = IDLE };
	const struct side_opts bridge = { .kind = SIDE_BRIDGE, .window = 20 };
	struct result row = { "memory", "500 idle devices", "MB", 0, 0, 0, BAR_NONE, 0 };
	struct scene s;

	if (scene_open(&s, b, "memory", NULL, &side, 0)) {
		row.plugin = -megabytes(&s);
		scene_connect(&s, 0, IDLE);
		cloud_await_online(s.cloud, IDLE, BENCH_GATHER_MS);
		row.plugin += megabytes(&s);
		scene_row(b, "memory", "500 idle devices log in: added", "MB", row.plugin, BAR_AT_MOST, 8);
	}
	scene_close(&s);
	if (scene_open(&s, b, "memory", NULL, &bridge, 0)) {
		row.bridge = -megabytes(&s);
		scene_connect(&s, 0, IDLE);
		row.bridge += megabytes(&s);
		table_add(b->table, &row);
	}
	scene_close(&s);
}

void bench_memory(struct bench *b)
{
	const struct side_opts side = { .kind = SIDE_PLUGIN,
		                            .window = BENCH_WINDOW,
		                            .devices = PUBLISHERS };
	struct scene s;
	double before;

	if (scene_open(&s, b, "memory", NULL, &side, PUBLISHERS)) {
		/* Once through first: buffers have their size, threads their stacks. */
		fill(&s, BACKLOG / 100);
		cloud_await(s.cloud, BACKLOG / 100, 2000);
		before = megabytes(&s);
		cloud_set(s.cloud, CLOUD_DOWN);
		if (fill(&s, BACKLOG))
			scene_row(b, "memory", "backlog of 100,000: added", "MB", megabytes(&s) - before,
			          BAR_AT_MOST, 10);
		else
			table_failed(b->table, "memory", "the backlog was not taken");
	}
	scene_close(&s);
	idle(b);
}

/* Start time and memory are judged only when the messages are there. */
static void restart_full(struct bench *b, struct scene *s)
{
	enum bar_kind kind;
	double queued;
	int ms;

	side_kill(s->side);
	ms = side_start_again(s->side);
	if (ms < 0) {
		table_failed(b->table, "million", "the broker did not start again");
		return;
	}
	poll(NULL, 0, SCAN_MS);
	queued = side_metric(s->side, "messages_queued");
	kind = queued >= MILLION ? BAR_AT_MOST : BAR_NONE;
	scene_row(b, "million", "1,000,000 queued, kill -9, start: still queued", "msg", queued,
	          BAR_AT_LEAST, MILLION);
	scene_row(b, "million", "start with what is queued: LAN accepted after", "ms", ms, kind, 1000);
	scene_row(b, "million", "start with what is queued: resident", "MB", megabytes(s), kind, 48);
}

void bench_million(struct bench *b)
{
	const struct side_opts side = { .kind = SIDE_PLUGIN,
		                            .window = BENCH_WINDOW,
		                            .devices = PUBLISHERS };
	struct scene s;

	if (scene_open(&s, b, "million", NULL, &side, PUBLISHERS)) {
		if (cloud_set(s.cloud, CLOUD_DOWN) && fill(&s, MILLION))
			restart_full(b, &s);
		else
			table_failed(b->table, "million", "the backlog was not taken");
	}
	scene_close(&s);
}
