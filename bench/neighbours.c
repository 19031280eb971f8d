/* What the trouble of some costs the others: devices that are wrong for ever, names that the hub
 * does not know, a hub that closes on it; in the steady case, after the link was cut, and after a
 * kill -9 and a restart. The others send at a rate that the hub allows. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include "bench/gen_wire.h"
#include "bench/measure.h"
#include "bench/scene.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	OTHERS = 10,
	OTHERS_RATE = 10, /* per second, all together */
	CROWD = 500,
	NEWCOMERS = 3, /* each logs in for the first time in one of the conditions */
	HUB_RATE = 25,
	PAYLOAD = 128,
	SECONDS = 20,
	SECONDS_QUICK = 8,
	BEFORE_MS = 4000,  /* of trouble, before anybody looks ... */
	GATHER_MS = 90000, /* ... and until its devices are online: 500 take 40 s of the rate */
	LATE_MS = 2000,    /* what comes later than that after the end does not count */
	CUT_MS = 3000,
	RECONNECT_MS = 60000,
	CLOSED_MS = 40000, /* until the hub has closed three times, 5 s and more apart */
	ONLINE_MS = 30000,
	FIRST_LOGIN_MS = 5000,
	NAMES_PER_MINUTE = 2500,
};

enum {
	FIRST_NEWCOMER = OTHERS,
	FIRST_BAD = OTHERS + NEWCOMERS,
};

static const struct trouble {
	const char *name;
	uint32_t clients;
	double rate; /* of all of them; 0: as fast as PUBACKs come */
	enum cloud_forbidden forbidden;
	bool names; /* an anonymous client speaks for ever new devices */
} troubles[] = {
	{ "500 with an undeclared topic", CROWD, 50, CLOUD_SILENT, false },
	{ "one floods an undeclared topic", 1, 500, CLOUD_SILENT, false },
	{ "the hub closes on a topic", 3, 3, CLOUD_CLOSES, false },
	{ "2,500 unknown names a minute", 0, 0, CLOUD_SILENT, true },
};

/* --- those in trouble, in a thread of their own --- */

struct street {
	const struct trouble *trouble;
	int port;
	atomic_bool ends;
	pthread_t thread;
};

/* Again and again, as the broker may be killed meanwhile. */
static void wrong_for_ever(struct street *s)
{
	const struct gen_opts opts = { s->port, FIRST_BAD, s->trouble->clients };
	const struct gen_work w = { .topic = CLOUD_UNDECLARED + 1,
		                        .qos = 1,
		                        .payload = PAYLOAD,
		                        .each = CLOUD_SEQS - 1,
		                        .rate = s->trouble->rate,
		                        .window = 10,
		                        .timeout_ms = 1000 };

	while (!atomic_load(&s->ends)) {
		struct gen *g = gen_open(&opts);
		struct gen_result r;

		if (!g)
			poll(NULL, 0, 200);
		while (g && !atomic_load(&s->ends) && (gen_run(g, &w, &r) || r.written > 0))
			;
		gen_close(g);
	}
}

/* One client, and in each message a name never heard before. */
static void ever_new_names(struct street *s)
{
	unsigned name = 0;

	while (!atomic_load(&s->ends)) {
		struct packets w = { 0 };
		int fd = wire_dial(s->port);

		wire_connect(&w, "scanner", NULL, NULL);
		while (fd >= 0 && !atomic_load(&s->ends) &&
		       send(fd, w.data, w.len, MSG_NOSIGNAL) == (ssize_t)w.len) {
			char topic[32];

			packets_drop(&w, w.len);
			snprintf(topic, sizeof(topic), "ble/%08x", name++ * 2654435761u);
			wire_message(&w, topic, "{\"rssi\":-70}");
			poll(NULL, 0, 60000 / NAMES_PER_MINUTE);
		}
		if (fd >= 0)
			close(fd);
		packets_fini(&w);
		poll(NULL, 0, 200);
	}
}

static void *live_in(void *arg)
{
	struct street *s = arg;

	if (s->trouble->names)
		ever_new_names(s);
	else
		wrong_for_ever(s);
	return NULL;
}

/* --- the others --- */

static void row(struct bench *b, const struct trouble *t, const char *when, const char *what,
                const char *unit, double value, enum bar_kind kind, double bar)
{
	char text[128];

	snprintf(text, sizeof(text), "%s, %s: %s", t->name, when, what);
	scene_row(b, "neighbours", text, unit, value, kind, bar);
}

static bool online_within(const struct scene *s, uint32_t device, int ms)
{
	const struct cloud_device *d = &cloud_counts(s->cloud)->device[device];
	int64_t end_ns = gen_clock_ns() + ms * INT64_C(1000000);

	while (!atomic_load(&d->online) && gen_clock_ns() < end_ns)
		poll(NULL, 0, 5);
	return atomic_load(&d->online);
}

static bool all_online(const struct scene *s)
{
	bool all = true;

	for (uint32_t i = 0; i < OTHERS; i++)
		all &= online_within(s, i, ONLINE_MS);
	return all;
}

static void first_login(struct bench *b, const struct scene *s, const struct trouble *t,
                        const char *when, uint32_t newcomer)
{
	const struct gen_opts opts = { side_port(s->side), FIRST_NEWCOMER + newcomer, 1 };
	int64_t start_ns = gen_clock_ns();
	struct gen *g = gen_open(&opts);
	bool ok = g && online_within(s, opts.first, ONLINE_MS);

	row(b, t, when, "a first login is online after", "ms",
	    ok ? (double)(gen_clock_ns() - start_ns) / 1e6 : 1e9, BAR_AT_MOST, FIRST_LOGIN_MS);
	gen_close(g);
}

static void measure(struct bench *b, struct scene *s, const struct trouble *t, const char *when)
{
	uint32_t each = OTHERS_RATE * (uint32_t)(b->quick ? SECONDS_QUICK : SECONDS) / OTHERS;
	const struct gen_work w = { .run = cloud_new_run(s->cloud),
		                        .qos = 1,
		                        .payload = PAYLOAD,
		                        .each = each,
		                        .rate = OTHERS_RATE,
		                        .window = 100,
		                        .timeout_ms = 60000 };
	const struct cloud_counts *n = cloud_counts(s->cloud);
	struct gen_result r;
	double least = each;

	if (w.run == 0 || !gen_run(s->gen, &w, &r)) {
		table_failed(b->table, "neighbours", "the others were stopped");
		return;
	}
	poll(NULL, 0, LATE_MS);
	for (uint32_t i = 0; i < OTHERS; i++) {
		double distinct = atomic_load(&n->device[i].distinct);

		least = distinct < least ? distinct : least;
	}
	row(b, t, when, "least that another one delivers", "%", least / each * 100, BAR_AT_LEAST, 95);
	row(b, t, when, "delay of the others, p95", "ms",
	    measure_quantile_ns((int64_t *)(uintptr_t)n->latency_ns, atomic_load(&n->latencies), 0.95) /
	        1e6,
	    BAR_AT_MOST, 1000);
}

static bool steady(struct scene *s)
{
	return all_online(s);
}

static bool cut(struct scene *s)
{
	const _Atomic uint32_t *connects = &cloud_counts(s->cloud)->connects;
	uint32_t before = atomic_load(connects);
	int64_t end_ns;

	if (!cloud_set(s->cloud, CLOUD_DOWN))
		return false;
	poll(NULL, 0, CUT_MS);
	if (!cloud_set(s->cloud, CLOUD_UP))
		return false;
	end_ns = gen_clock_ns() + RECONNECT_MS * INT64_C(1000000);
	while (atomic_load(connects) == before && gen_clock_ns() < end_ns)
		poll(NULL, 0, 5);
	return atomic_load(connects) > before && all_online(s);
}

static bool kill_and_restart(struct scene *s)
{
	gen_close(s->gen);
	s->gen = NULL;
	side_kill(s->side);
	return side_start_again(s->side) >= 0 && scene_connect(s, 0, OTHERS) && all_online(s);
}

static void conditions(struct bench *b, struct scene *s, const struct trouble *t)
{
	static const struct {
		const char *name;
		bool (*begin)(struct scene *s);
	} each[NEWCOMERS] = { { "steady", steady },
		                  { "after a cut link", cut },
		                  { "after kill -9", kill_and_restart } };

	cloud_await_online(s->cloud, OTHERS + t->clients, t->forbidden == CLOUD_SILENT ? GATHER_MS : 0);
	poll(NULL, 0, t->forbidden == CLOUD_CLOSES ? CLOSED_MS : BEFORE_MS);
	for (uint32_t i = 0; i < NEWCOMERS; i++) {
		if (!each[i].begin(s)) {
			table_failed(b->table, "neighbours", each[i].name);
			return;
		}
		first_login(b, s, t, each[i].name, i);
		measure(b, s, t, each[i].name);
	}
}

static void beside(struct bench *b, const struct trouble *t)
{
	const struct cloud_opts cloud = { .refused = -1, .forbidden = t->forbidden };
	const struct side_opts side = {
		.kind = SIDE_PLUGIN,
		.window = 20,
		.rate_up = HUB_RATE,
		.devices = FIRST_BAD + t->clients,
		.mappings = t->names ? "{\"client\":\"scanner\",\"product_id\":\"" GEN_PRODUCT "\","
		                       "\"device\":\"x{mac}\",\"up\":\"ble/{mac}\"}"
		                     : NULL,
	};
	struct street street = { .trouble = t };
	struct scene s;

	if (scene_open(&s, b, "neighbours", &cloud, &side, OTHERS)) {
		street.port = side_port(s.side);
		if (pthread_create(&street.thread, NULL, live_in, &street) == 0) {
			conditions(b, &s, t);
			atomic_store(&street.ends, true);
			pthread_join(street.thread, NULL);
		} else {
			table_failed(b->table, "neighbours", "no thread");
		}
	}
	scene_close(&s);
}

void bench_neighbours(struct bench *b)
{
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++)
		beside(b, &troubles[i]);
}
