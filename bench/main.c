/* hubgate's benchmarks: bench [quick] [name...]. Prints a table, writes results.json beside the
 * program; exit status 0 when no bar was missed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/gen.h"
#include "bench/measure.h"
#include "tests/harness/harness.h"

static const struct {
	const char *name;
	void (*run)(struct bench *b);
	bool quick; /* part of the quick subset */
} benches[] = {
	{ "forward", bench_forward, true },  { "distance", bench_distance, true },
	{ "latency", bench_latency, true },  { "outage", bench_outage, false },
	{ "kill", bench_kill, false },       { "rate", bench_rate, false },
	{ "fair", bench_fair, true },        { "disk", bench_disk, true },
	{ "sync", bench_sync, true },        { "callbacks", bench_callbacks, true },
	{ "memory", bench_memory, true },    { "shadow", bench_shadow, true },
	{ "million", bench_million, false }, { "reconnect", bench_reconnect, false },
	{ "shadows", bench_shadows, false }, { "neighbours", bench_neighbours, false },
	{ "rrpc", bench_rrpc, true },        { "downloads", bench_downloads, false },
};

enum {
	COUNT = sizeof(benches) / sizeof(benches[0]),
	ROUNDS = 7,
	ROUNDS_QUICK = 3
};

static bool wanted(int i, char *const names[], bool quick)
{
	if (!names[0])
		return !quick || benches[i].quick;
	for (; *names; names++) {
		if (strcmp(*names, benches[i].name) == 0)
			return true;
	}
	return false;
}

/* What else runs here, in the last minute: a figure of a busy machine says more of that. */
static double say_load(const char *when)
{
	double load = -1;

	getloadavg(&load, 1);
	printf("load %s: %.2f, on %ld processors\n", when, load, sysconf(_SC_NPROCESSORS_ONLN));
	return load;
}

static int run(struct bench *b, char *const names[])
{
	char *path = text_fmt("%s/bench/results.json", build_dir());
	int64_t start_ns = gen_clock_ns(), stolen_ms = measure_stolen_ms();
	struct table_machine machine = { .load_before = say_load("before") };
	int missed;

	for (int i = 0; i < COUNT; i++) {
		if (wanted(i, names, b->quick))
			benches[i].run(b);
	}
	machine.load_after = say_load("after");
	machine.stolen_ms = measure_stolen_ms() - stolen_ms;
	machine.seconds = (double)(gen_clock_ns() - start_ns) / 1e9;
	table_write(b->table, path, &machine);
	missed = table_short(b->table);
	printf("%d of %d bars missed; the host stole %lld ms; %s\n", missed, table_bars(b->table),
	       (long long)machine.stolen_ms, path);
	free(path);
	return missed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
	struct bench b = { .table = table_new(), .rounds = ROUNDS };
	char *dir = dir_make(), *ca = text_fmt("%s/ca.pem", dir);
	char *cert = text_fmt("%s/server.pem", dir), *key = text_fmt("%s/server.key", dir);
	struct rlimit files;
	int rc = EXIT_FAILURE, at = 1;

	b.ca = ca;
	b.cert = cert;
	b.key = key;
	if (argc > 1 && strcmp(argv[1], "quick") == 0) {
		b.quick = true;
		b.rounds = ROUNDS_QUICK;
		at++;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (b.table && certs_make(dir, "bench"))
		rc = run(&b, argv + at);
	table_free(b.table);
	dir_remove(dir);
	free(ca);
	free(cert);
	free(key);
	free(dir);
	return rc;
}
