/* The plugin and the native bridge side by side: rounds interleaved, every ratio of one pair of
 * rounds, the median of these. */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/gen.h"
#include "bench/measure.h"

enum {
	ROUNDS_MAX = 15,
	TIMEOUT_MS = 30000,
	QUIET_MS = 1500,
	MESSAGES = 10000,
	FAR_MESSAGES = 3000,
	LATENCY_RATE = 500,
	LATENCY_SECONDS = 2,
	QOS0_BACKLOG = 500
};

struct cell {
	bool tls;
	int qos;
	uint32_t publishers;
	size_t payload;
};

/* Broker, cloud and publishers of one side. */
struct lane {
	struct cloud *cloud;
	struct side *side;
	struct gen *gen;
};

struct figure { /* of one round */
	double rate, cpu_us, lost, p50_us, p99_us, unacked;
};

struct pair {
	const struct cell *cell;
	struct lane lane[2]; /* plugin, bridge */
	struct figure of[2][ROUNDS_MAX];
};

static bool lane_open(struct lane *l, const struct bench *b, const struct cell *c,
                      enum side_kind kind, int delay_ms)
{
	const struct cloud_opts cloud = { .cert = c->tls ? b->cert : NULL,
		                              .key = b->key,
		                              .delay_ms = delay_ms,
		                              .window = delay_ms ? BENCH_WINDOW : 0,
		                              .refused = -1 };
	struct side_opts side = { .kind = kind, .window = BENCH_WINDOW, .devices = c->publishers };
	struct gen_opts gen = { .clients = c->publishers };

	l->cloud = cloud_start(&cloud);
	if (!l->cloud)
		return false;
	side.cloud_port = cloud_port(l->cloud);
	side.ca = c->tls ? b->ca : NULL;
	l->side = side_start(&side);
	if (!l->side)
		return false;
	gen.port = side_port(l->side);
	l->gen = gen_open(&gen);
	return l->gen &&
	       (kind != SIDE_PLUGIN || cloud_await_online(l->cloud, c->publishers, BENCH_GATHER_MS));
}

static void lane_close(struct lane *l)
{
	gen_close(l->gen);
	side_stop(l->side);
	cloud_stop(l->cloud);
	memset(l, 0, sizeof(*l));
}

static void latencies(const struct cloud_counts *n, struct figure *f)
{
	static int64_t copy[CLOUD_LATENCIES];
	size_t count = atomic_load(&n->latencies);

	memcpy(copy, n->latency_ns, count * sizeof(copy[0]));
	f->p50_us = measure_quantile_ns(copy, count, 0.5) / 1000;
	f->p99_us = measure_quantile_ns(copy, count, 0.99) / 1000;
}

static bool round_of(struct lane *l, const struct gen_work *work, struct figure *f)
{
	const struct cloud_counts *n = cloud_counts(l->cloud);
	int64_t cpu_ns = measure_cpu_ns(side_pid(l->side));
	struct gen_work w = *work;
	struct gen_result r;
	uint64_t distinct;

	w.run = cloud_new_run(l->cloud);
	w.cloud = l->cloud;
	if (w.run == 0)
		return false;
	gen_run(l->gen, &w, &r);
	cloud_await(l->cloud, r.written, QUIET_MS);
	distinct = atomic_load(&n->distinct);
	if (distinct == 0)
		return false;
	f->rate = (double)distinct * 1e9 / (double)(atomic_load(&n->last_ns) - r.start_ns);
	f->cpu_us = (double)(measure_cpu_ns(side_pid(l->side)) - cpu_ns) / 1000 / (double)distinct;
	f->lost = (double)(r.written - distinct);
	f->unacked = atomic_load(&n->unacked);
	latencies(n, f);
	return true;
}

static bool rounds_of(const struct bench *b, struct pair *p, const struct gen_work *work)
{
	struct figure warm;

	if (!round_of(&p->lane[0], work, &warm) || !round_of(&p->lane[1], work, &warm))
		return false;
	for (int n = 0; n < b->rounds; n++) {
		int first = n % 2; /* neither always comes second */

		if (!round_of(&p->lane[first], work, &p->of[first][n]) ||
		    !round_of(&p->lane[!first], work, &p->of[!first][n]))
			return false;
	}
	return true;
}

static double value(const struct figure *f, size_t offset)
{
	double v;

	memcpy(&v, (const char *)f + offset, sizeof(v));
	return v;
}

/* Medians of both sides, and of the ratios of the rounds. */
static void add_row(struct bench *b, const struct pair *p, size_t offset, struct result r)
{
	double samples[3][ROUNDS_MAX];
	size_t rounds = (size_t)b->rounds;

	for (size_t n = 0; n < rounds; n++) {
		samples[0][n] = value(&p->of[0][n], offset);
		samples[1][n] = value(&p->of[1][n], offset);
		samples[2][n] = samples[1][n] > 0 ? samples[0][n] / samples[1][n] : 0;
	}
	r.plugin = measure_quantile(samples[0], rounds, 0.5);
	r.bridge = measure_quantile(samples[1], rounds, 0.5);
	r.ratio = measure_quantile(samples[2], rounds, 0.5);
	table_add(b->table, &r);
}

static void add(struct bench *b, const struct pair *p, const char *bench, const char *figure,
                const char *unit, size_t offset, enum bar_kind kind, double bar)
{
	const struct cell *c = p->cell;
	char what[96];

	snprintf(what, sizeof(what), "%s QoS %d, %2u pub, %4zu B: %s", c->tls ? "TLS" : "TCP", c->qos,
	         c->publishers, c->payload, figure);
	add_row(
		b, p, offset,
		(struct result){ .bench = bench, .what = what, .unit = unit, .kind = kind, .bar = bar });
}

/* Losses of all rounds, not their median: one is enough to matter. */
static void add_lost(struct bench *b, const struct pair *p, const char *bench)
{
	double lost[2] = { 0, 0 };
	char what[96];

	for (int n = 0; n < b->rounds; n++) {
		lost[0] += p->of[0][n].lost;
		lost[1] += p->of[1][n].lost;
	}
	snprintf(what, sizeof(what), "%s QoS %d, %2u pub, %4zu B: lost by %s",
	         p->cell->tls ? "TLS" : "TCP", p->cell->qos, p->cell->publishers, p->cell->payload,
	         "hubgate");
	table_add(b->table, &(struct result){ bench, what, "msg", lost[0], -1, 0,
	                                      p->cell->qos ? BAR_AT_MOST : BAR_NONE, 0 });
	if (lost[1] > 0) {
		strcpy(strstr(what, "hubgate"), "bridge");
		table_add(b->table, &(struct result){ bench, what, "msg", lost[1], -1, 0, BAR_NONE, 0 });
	}
}

static bool pair_open(struct bench *b, struct pair *p, const struct cell *c, const char *bench,
                      int delay_ms)
{
	memset(p, 0, sizeof(*p));
	p->cell = c;
	if (lane_open(&p->lane[0], b, c, SIDE_PLUGIN, delay_ms) &&
	    lane_open(&p->lane[1], b, c, SIDE_BRIDGE, delay_ms))
		return true;
	table_failed(b->table, bench, "a side did not start");
	return false;
}

static void pair_close(struct pair *p)
{
	lane_close(&p->lane[0]);
	lane_close(&p->lane[1]);
}

static void forward_cell(struct bench *b, const struct cell *c, const char *bench, int delay_ms)
{
	static struct pair p;
	uint32_t messages = delay_ms ? FAR_MESSAGES : MESSAGES;
	struct gen_work w = { .qos = c->qos,
		                  .payload = c->payload,
		                  .each = messages / c->publishers,
		                  .window = c->publishers == 1 ? 200 : 20,
		                  .backlog = QOS0_BACKLOG,
		                  .timeout_ms = TIMEOUT_MS };
	enum bar_kind least = c->qos ? BAR_AT_LEAST : BAR_NONE;
	enum bar_kind most = c->qos && !delay_ms ? BAR_AT_MOST : BAR_NONE;

	if (pair_open(b, &p, c, bench, delay_ms)) {
		if (rounds_of(b, &p, &w)) {
			add(b, &p, bench, "delivered", "1/s", offsetof(struct figure, rate), least,
			    c->tls ? 1.0 : 0.8);
			add(b, &p, bench, "CPU per message", "us", offsetof(struct figure, cpu_us), most,
			    c->tls ? 1.1 : 1.4);
			if (delay_ms)
				add(b, &p, bench, "most unacknowledged", "msg", offsetof(struct figure, unacked),
				    BAR_NONE, 0);
			add_lost(b, &p, bench);
		} else {
			table_failed(b->table, bench, "a round did not deliver");
		}
	}
	pair_close(&p);
}

static void latency_cell(struct bench *b, const struct cell *c)
{
	static struct pair p;
	struct gen_work w = { .qos = c->qos,
		                  .payload = c->payload,
		                  .each = LATENCY_RATE * LATENCY_SECONDS / c->publishers,
		                  .rate = LATENCY_RATE,
		                  .window = 100,
		                  .timeout_ms = TIMEOUT_MS };

	if (pair_open(b, &p, c, "latency", 0)) {
		if (rounds_of(b, &p, &w)) {
			add(b, &p, "latency", "p50 at 500/s", "us", offsetof(struct figure, p50_us),
			    BAR_AT_MOST, 1.1);
			add(b, &p, "latency", "p99 at 500/s", "us", offsetof(struct figure, p99_us), BAR_NONE,
			    0);
		} else {
			table_failed(b->table, "latency", "a round did not deliver");
		}
	}
	pair_close(&p);
}

void bench_forward(struct bench *b)
{
	static const struct cell quick[] = { { true, 1, 50, 128 }, { false, 1, 50, 128 } };
	static const uint32_t publishers[] = { 50, 1 };
	static const size_t payloads[] = { 128, 1024 };

	if (b->quick) {
		for (size_t i = 0; i < sizeof(quick) / sizeof(quick[0]); i++)
			forward_cell(b, &quick[i], "forward", 0);
		return;
	}
	for (int i = 0; i < 16; i++) {
		struct cell c = { i & 8, !(i & 4), publishers[i >> 1 & 1], payloads[i & 1] };

		forward_cell(b, &c, "forward", 0);
	}
}

void bench_distance(struct bench *b)
{
	static const struct cell cells[] = { { true, 1, 50, 128 }, { false, 1, 50, 128 } };

	for (size_t i = 0; i < (b->quick ? 1 : 2); i++)
		forward_cell(b, &cells[i], "distance", 25);
}

void bench_latency(struct bench *b)
{
	static const struct cell cells[] = {
		{ true, 1, 50, 128 }, { false, 1, 50, 128 }, { true, 0, 50, 128 }, { false, 0, 50, 128 }
	};

	for (size_t i = 0; i < (b->quick ? 1 : sizeof(cells) / sizeof(cells[0])); i++)
		latency_cell(b, &cells[i]);
}
