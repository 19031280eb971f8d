/* An outage at 500 messages per second, the plugin beside bridges with the broker's own settings
 * and with tuned ones; the broker lives, or is killed while messages wait. */
#include <stdio.h>

#include "bench/scene.h"

enum {
	PUBLISHERS = 50,
	RATE = 500,
	OUTAGE_S = 20,
	OUTAGE_QUICK_S = 5,
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

/* Carried out on one side: publish before, in and (alive) after the outage. */
static bool outage(struct bench *b, struct scene *s, bool killed)
{
	uint32_t seconds = b->quick ? OUTAGE_QUICK_S : OUTAGE_S, run = cloud_new_run(s->cloud);
	struct gen_result r;

	if (run == 0 || !cloud_set(s->cloud, CLOUD_DOWN) || !publish(s, run, seconds, &r))
		return false;
	if (killed) {
		side_kill(s->side);
		if (side_start_again(s->side) < 0)
			return false;
	}
	if (!cloud_set(s->cloud, CLOUD_UP))
		return false;
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
