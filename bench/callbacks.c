/* What the LAN feels in every state of the cloud: time in callbacks, PUBLISH to PUBACK. */
#include <poll.h>
#include <stdio.h>

#include "bench/measure.h"
#include "bench/scene.h"

enum {
	PUBLISHERS = 50,
	RATE = 500,
	SECONDS = 5,
	DRAIN = 100000,
	PAYLOAD = 128,
	LISTS = 20,
	COMMANDS = 20000,
	/* Histogram bounds are powers of two: this is the one at a millisecond. */
	BAR_US = 1024
};

enum state {
	HEALTHY,
	UNRESOLVABLE,
	BLACK_HOLE,
	DRAINING,
	LISTED,
	CHANGED,
	COMMANDED,
	STATES
};

static const char *const names[STATES] = { "healthy",
	                                       "unresolvable",
	                                       "black-holed",
	                                       "draining 100,000",
	                                       "list of 1,500 devices, 20 times",
	                                       "3,000 changes",
	                                       "20,000 commands" };

static bool enter(struct scene *s, enum state state)
{
	struct gen_work w = {
		.qos = 1, .payload = PAYLOAD, .each = DRAIN / PUBLISHERS, .window = 20, .timeout_ms = 60000
	};
	struct gen_result r;

	switch (state) {
	case HEALTHY:
	case UNRESOLVABLE:
		return true;
	case BLACK_HOLE:
		return cloud_set(s->cloud, CLOUD_HELD);
	case DRAINING:
		if (!cloud_set(s->cloud, CLOUD_DOWN))
			return false;
		w.run = cloud_new_run(s->cloud);
		return gen_run(s->gen, &w, &r) && cloud_set(s->cloud, CLOUD_UP);
	case LISTED:
		for (int i = 0; i < LISTS; i++) {
			if (!cloud_tell(s->cloud, CLOUD_LIST, CLOUD_DEVICES))
				return false;
		}
		return true;
	case CHANGED:
		return cloud_tell(s->cloud, CLOUD_CHANGES, 2 * CLOUD_DEVICES);
	case COMMANDED:
		return cloud_tell(s->cloud, CLOUD_COMMANDS, COMMANDS);
	case STATES:
		break;
	}
	return false;
}

static void report(struct bench *b, struct scene *s, enum state state, const struct gen_result *r)
{
	char what[80];

	snprintf(what, sizeof(what), "%s: p99.9 in callbacks, upper bound", names[state]);
	scene_row(b, "callbacks", what, "us", side_callback_us(s->side, "p999"), BAR_AT_MOST, BAR_US);
	snprintf(what, sizeof(what), "%s: longest callback", names[state]);
	scene_row(b, "callbacks", what, "us", side_callback_us(s->side, "max"), BAR_NONE, 0);
	snprintf(what, sizeof(what), "%s: LAN publish to PUBACK, p50", names[state]);
	scene_row(b, "callbacks", what, "us", measure_quantile_ns(r->ack_ns, r->acks, 0.5) / 1000,
	          BAR_NONE, 0);
	snprintf(what, sizeof(what), "%s: LAN publish to PUBACK, p99", names[state]);
	scene_row(b, "callbacks", what, "us", measure_quantile_ns(r->ack_ns, r->acks, 0.99) / 1000,
	          BAR_NONE, 0);
}

static void in_state(struct bench *b, enum state state)
{
	const struct side_opts side = { .kind = SIDE_PLUGIN,
		                            .window = BENCH_WINDOW,
		                            /* slow enough that draining lasts */
		                            .rate_up = state == DRAINING ? 10000 : 0,
		                            .devices = state >= LISTED ? CLOUD_DEVICES : PUBLISHERS,
		                            .hub_host = state == UNRESOLVABLE ? "hub.invalid" : NULL };
	struct gen_work w = { .qos = 1,
		                  .payload = PAYLOAD,
		                  .each = RATE * SECONDS / PUBLISHERS,
		                  .rate = RATE,
		                  .window = 100,
		                  .timeout_ms = 30000 };
	struct gen_result r;
	struct scene s;

	if (scene_open(&s, b, "callbacks", NULL, &side, PUBLISHERS)) {
		if (enter(&s, state) && (w.run = cloud_new_run(s.cloud)) > 0 && gen_run(s.gen, &w, &r)) {
			poll(NULL, 0, 1500); /* until the metrics are published again */
			report(b, &s, state, &r);
		} else {
			table_failed(b->table, "callbacks", names[state]);
		}
	}
	scene_close(&s);
}

void bench_callbacks(struct bench *b)
{
	for (enum state state = HEALTHY; state < STATES; state++)
		in_state(b, state);
}
