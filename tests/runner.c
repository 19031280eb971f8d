#include "tests/runner.h"

#include <CUnit/Basic.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct test_suite *suites;
static char **wanted;
static int wanted_count;
static int tickets = -1; /* of --beside: a file that grows by a byte for each test that was taken */
static void (*clear_up)(void);

void runner_add(struct test_suite *suite)
{
	struct test_suite **at = &suites;

	while (*at && strcmp((*at)->name, suite->name) < 0)
		at = &(*at)->next;
	suite->next = *at;
	*at = suite;
}

void runner_after_each(void (*clear)(void))
{
	clear_up = clear;
}

int runner_rounds(int whole)
{
	const char *soak = getenv("HUBGATE_SOAK");

	return soak && strcmp(soak, "1") == 0 ? whole : whole / 10;
}

static bool is_wanted(const char *full_name)
{
	for (int i = 0; i < wanted_count; i++) {
		if (strstr(full_name, wanted[i]))
			return true;
	}
	return wanted_count == 0;
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Runs one test as a CUnit test of its own; true when it passed. */
static bool run_one(CU_pSuite suite, const struct test_case *c, const char *full_name)
{
	CU_pTest test = CU_add_test(suite, c->name, c->run);
	double start = seconds_now();
	CU_pFailureRecord fail;
	bool passed;

	if (!test) {
		fprintf(stderr, "%s: %s\n", full_name, CU_get_error_msg());
		return false;
	}
	CU_run_test(suite, test);
	if (clear_up)
		clear_up();
	passed = CU_get_number_of_failures() == 0;
	printf("%-4s %s (%.2f s)\n", passed ? "ok" : "FAIL", full_name, seconds_now() - start);
	for (fail = CU_get_failure_list(); fail; fail = fail->pNext)
		printf("     %s:%u: %s\n", fail->strFileName, fail->uiLineNumber, fail->strCondition);
	fflush(stdout);
	return passed;
}

/* The number of the next test that none of the programs beside this one took, this one's from now
 * on: where the file ends after an appended byte no two of them see alike. */
static off_t take_ticket(void)
{
	if (write(tickets, "", 1) == 1)
		return lseek(tickets, 0, SEEK_CUR) - 1;
	perror("--beside");
	exit(EXIT_FAILURE);
}

static int run_all(const char *count_file)
{
	unsigned passed = 0, failed = 0;
	off_t number = 0, mine = tickets < 0 ? 0 : take_ticket();
	char full_name[256];

	for (struct test_suite *s = suites; s; s = s->next) {
		CU_pSuite suite = CU_add_suite(s->name, NULL, NULL);

		for (size_t i = 0; suite && i < s->count; i++) {
			snprintf(full_name, sizeof full_name, "%s.%s", s->name, s->cases[i].name);
			if (!is_wanted(full_name) || number++ != mine)
				continue;
			if (run_one(suite, &s->cases[i], full_name))
				passed++;
			else
				failed++;
			mine = tickets < 0 ? number : take_ticket();
		}
	}
	if (count_file) {
		FILE *f = fopen(count_file, "w");

		if (!f || fprintf(f, "%u %u\n", passed, failed) < 0 || fclose(f) != 0) {
			perror(count_file);
			return EXIT_FAILURE;
		}
	} else {
		printf("%u passed, %u failed\n", passed, failed);
	}
	return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void list_all(void)
{
	for (struct test_suite *s = suites; s; s = s->next) {
		for (size_t i = 0; i < s->count; i++)
			printf("%s.%s\n", s->name, s->cases[i].name);
	}
}

static bool open_tickets(const char *path)
{
	tickets = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (tickets >= 0)
		return true;
	perror(path);
	return false;
}

int main(int argc, char **argv)
{
	const char *count_file = NULL;
	int at = 1, rc;

	if (at < argc && strcmp(argv[at], "--list") == 0) {
		list_all();
		return EXIT_SUCCESS;
	}
	if (at + 1 < argc && strcmp(argv[at], "--count") == 0) {
		count_file = argv[at + 1];
		at += 2;
	}
	if (at + 1 < argc && strcmp(argv[at], "--beside") == 0) {
		if (!open_tickets(argv[at + 1]))
			return EXIT_FAILURE;
		at += 2;
	}
	wanted = argv + at;
	wanted_count = argc - at;
	signal(SIGPIPE, SIG_IGN); /* clients that write to a broker that was killed */
	if (CU_initialize_registry() != CUE_SUCCESS)
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_SILENT);
	CU_set_error_action(CUEA_IGNORE);
	rc = run_all(count_file);
	CU_cleanup_registry();
	return rc;
}
