/* crash - kills, cuts, damages, fills the disk, and counts what is left.
 *
 *	crash [--runs N] [--seed S] [--brief] [--count FILE] [PART ...]
 *
 * N runs, in turn over the scenarios whose name holds one of the parts (none given: all). --brief:
 * the scenarios meant for every check, once each. The same seed gives the same schedule. Every run
 * is a process of its own with a directory of its own and a time limit, so that nothing stays
 * behind. Exit code 0: every promise held. */
#include "tests/crash/faults.h"
#include "tests/crash/report.h"
#include "tests/crash/world.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	RUNS = 20,
	RUNS_MAX = 10000,
	RUN_LIMIT_MS = 120000,
	SEEDS = 1000000
};

struct options {
	unsigned runs;
	uint64_t seed;
	bool brief;
	const char *count_file;
	char **parts;
	int part_count;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* --- one run, in its own process --- */

static void play(const struct scenario *sc, uint64_t seed, struct row *row)
{
	struct world_numbers n = { .accepted = 0 };
	struct world w;

	if (world_open(&w, sc, seed) && sc->disturb(&w) && world_settle(&w, &n))
		report_judge(&w, &n, row);
	else
		world_broken(&w, "failed without a reason");
	snprintf(row->note, sizeof row->note, "%s", w.note);
	snprintf(row->why, sizeof row->why, "%s", w.why);
	row->verdict = w.why[0] ? RUN_FAILED : RUN_PASSED;
	world_close(&w);
}

static void run_here(unsigned index, uint64_t seed, int out)
{
	const struct scenario *sc = &scenarios[index];
	struct row row = { .verdict = RUN_FAILED, .scenario = index };
	const char *why = "";
	enum ready ready = sc->prepare ? sc->prepare(&why) : READY;

	if (ready == READY) {
		play(sc, seed, &row);
	} else {
		row.verdict = ready == NOT_PERMITTED ? RUN_SKIPPED : RUN_FAILED;
		snprintf(row.why, sizeof row.why, "skipped: %s", why);
	}
	if (write(out, &row, sizeof row) != (ssize_t)sizeof row)
		exit(EXIT_FAILURE);
}

/* --- and around it --- */

static void await_row(pid_t child, int in, struct row *row)
{
	struct row got;
	struct pollfd fd = { .fd = in, .events = POLLIN };
	int64_t end_ms = now_ms() + RUN_LIMIT_MS;
	int status = 0;

	while (poll(&fd, 1, 100) <= 0 && now_ms() < end_ms && !interrupted) {
	}
	if (fd.revents & POLLIN && read(in, &got, sizeof got) == (ssize_t)sizeof got)
		*row = got;
	else
		kill(child, SIGKILL);
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (now_ms() > end_ms)
			kill(child, SIGKILL);
		poll(NULL, 0, 5);
	}
	if (row->verdict == RUN_PASSED && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
		row->verdict = RUN_FAILED;
		snprintf(row->why, sizeof row->why, "a process did not end well (status 0x%x)",
		         (unsigned)status);
	}
}

static void run(unsigned index, uint64_t seed, struct row *row)
{
	int64_t start_ms = now_ms();
	char *dir = dir_make();
	int ends[2];
	pid_t child;

	*row = (struct row){ .scenario = index, .why = "the run ended without a word" };
	if (!dir || pipe(ends) != 0) {
		free(dir);
		return;
	}
	fflush(NULL);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		close(ends[0]);
		setenv("TMPDIR", dir, 1);
		run_here(index, seed, ends[1]);
		exit(EXIT_SUCCESS);
	}
	close(ends[1]);
	if (child > 0)
		await_row(child, ends[0], row);
	close(ends[0]);
	dir_remove(dir);
	free(dir);
	row->ms = (int)(now_ms() - start_ms);
}

static bool wanted(const struct options *o, const struct scenario *sc)
{
	if (o->brief && !sc->brief)
		return false;
	for (int i = 0; i < o->part_count; i++) {
		if (strstr(sc->name, o->parts[i]))
			return true;
	}
	return o->part_count == 0;
}

static unsigned choose(const struct options *o, unsigned *chosen)
{
	unsigned n = 0;

	for (unsigned i = 0; i < scenario_count; i++) {
		if (wanted(o, &scenarios[i]))
			chosen[n++] = i;
	}
	return n;
}

static void save_counts(const char *path, unsigned good, unsigned bad)
{
	FILE *f = path ? fopen(path, "we") : NULL;

	if (!f)
		return;
	fprintf(f, "%u %u\n", good, bad);
	fclose(f);
}

static int run_all(const struct options *o)
{
	unsigned *chosen = calloc(scenario_count, sizeof *chosen), kinds = choose(o, chosen);
	unsigned runs = kinds == 0 ? 0 : o->brief ? kinds : o->runs, done = 0, good = 0, bad = 0;
	struct row *rows = calloc(runs + 1, sizeof *rows);

	if (runs > 0)
		printf("crash: seed %llu, %u runs\n", (unsigned long long)o->seed, runs);
	for (; done < runs && !interrupted; done++) {
		run(chosen[done % kinds], o->seed * RUNS_MAX + done, &rows[done]);
		report_line(done + 1, &rows[done]);
		good += rows[done].verdict == RUN_PASSED;
		bad += rows[done].verdict == RUN_FAILED;
	}
	if (done > 0)
		report_table(rows, done);
	save_counts(o->count_file, good, bad);
	free(rows);
	free(chosen);
	return bad == 0 && !interrupted ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool option(struct options *o, const char *name, const char *value)
{
	if (strcmp(name, "--runs") == 0)
		o->runs = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(name, "--seed") == 0)
		o->seed = strtoull(value, NULL, 10);
	else if (strcmp(name, "--count") == 0)
		o->count_file = value;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct options o = { .runs = RUNS, .seed = (uint64_t)time(NULL) % SEEDS };
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--brief") == 0) {
			o.brief = true;
		} else if (i + 1 == argc || !option(&o, argv[i], argv[i + 1])) {
			fprintf(stderr, "crash: what is %s?\n", argv[i]);
			return EXIT_FAILURE;
		} else {
			i++;
		}
	}
	if (o.runs > RUNS_MAX)
		o.runs = RUNS_MAX;
	o.parts = argv + i;
	o.part_count = argc - i;
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	return run_all(&o);
}
