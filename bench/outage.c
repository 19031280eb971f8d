/* An outage at 500 messages per second, the plugin beside bridges with the broker's own settings
 * and with tuned ones; the broker lives, or is killed while messages wait. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include "bench/scene.h"

enum {
	PUBLISHERS = 50,
	RATE = 500,
	OUTAGE_S = 20,
	OUTAGE_QUICK_S = 5,
	AROUND_S = 2,     /* published before, and after, with the cloud there */
	QUIET_MS = 15000, /* the bridge's pause before it connects again is shorter */
	PAYLOAD = 128
};

static const struct {
	enum side_kind kind;
	const char *name;
} sides[] = {
	{ SIDE_PLUGIN, "hubgate" },
	{ SIDE_BRIDGE_STOCK, "stock bridge" },
	{ SIDE_BRIDGE_KEPT, "tuned bridge" },
};

static bool publish(struct scene *s, uint32_t run, uint32_t seconds, struct gen_result *r)
{
	const struct gen_work w = { .run = run,
		                        .qos = 1,
		                        .payload = PAYLOAD,
		                        .each = RATE * seconds / PUBLISHERS,
		                        .rate = RATE,
		                        .window = 100,
		                        .timeout_ms = (int)seconds * 1000 + 20000 };

	return gen_run(s->gen, &w, r);
}

static void report(struct bench *b, const struct scene *s, const char *bench, int i)
{
	const struct cloud_counts *n = cloud_counts(s->cloud);
	bool judged = sides[i].kind == SIDE_PLUGIN;
	enum bar_kind kind = judged ? BAR_AT_MOST : BAR_NONE;
	char what[80];

	snprintf(what, sizeof(what), "%s: lost of those acknowledged", sides[i].name);
	scene_row(b, bench, what, "msg", scene_lost(s, PUBLISHERS), kind, 0);
	snprintf(what, sizeof(what), "%s: reordered", sides[i].name);
	scene_row(b, bench, what, "msg", (double)atomic_load(&n->reordered), kind, 0);
	snprintf(what, sizeof(what), "%s: duplicates", sides[i].name);
	scene_row(b, bench, what, "msg", (double)atomic_load(&n->duplicates), kind, BENCH_WINDOW);
}

struct weather { /* of a thread of its own, since the publishers want theirs */
	struct cloud *cloud;
	int down_ms; /* negative: for good */
	bool ok;
};

static void *blow(void *arg)
{
	struct weather *w = arg;

	poll(NULL, 0, AROUND_S * 1000);
	w->ok = cloud_set(w->cloud, CLOUD_DOWN);
	if (w->down_ms >= 0) {
		poll(NULL, 0, w->down_ms);
		w->ok = w->ok && cloud_set(w->cloud, CLOUD_UP);
	}
	return NULL;
}

static bool publish_through(struct scene *s, uint32_t seconds, bool heals, struct gen_result *r)
{
	struct weather w = { s->cloud, heals ? (int)seconds * 1000 : -1, false };
	uint32_t run = cloud_new_run(s->cloud);
	pthread_t thread;
	bool ok;

	if (run == 0 || pthread_create(&thread, NULL, blow, &w) != 0)
		return false;
	ok = publish(s, run, seconds + (heals ? 2u : 1u) * AROUND_S, r);
	pthread_join(thread, NULL);
	return ok && w.ok;
}

/* Carried out on one side: publish before, in and (alive) after the outage. */
static bool outage(struct bench *b, struct scene *s, bool killed)
{
	struct gen_result r;

	if (!publish_through(s, b->quick ? OUTAGE_QUICK_S : OUTAGE_S, !killed, &r))
		return false;
	if (killed) {
		side_kill(s->side);
		if (side_start_again(s->side) < 0 || !cloud_set(s->cloud, CLOUD_UP))
			return false;
	}
	cloud_await(s->cloud, r.written, QUIET_MS);
	return true;
}

static void outages(struct bench *b, const char *bench, bool killed)
{
	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		const struct side_opts side = { .kind = sides[i].kind,
			                            .window = BENCH_WINDOW,
			                            .devices = PUBLISHERS };
		struct scene s;

		if (scene_open(&s, b, bench, NULL, &side, PUBLISHERS)) {
			if (outage(b, &s, killed))
				report(b, &s, bench, (int)i);
			else
				table_failed(b->table, bench, sides[i].name);
		}
		scene_close(&s);
	}
}

void bench_outage(struct bench *b)
{
	outages(b, "outage", false);
}

void bench_kill(struct bench *b)
{
	outages(b, "kill", true);
}
