/* What the other tests rely on: a fault that hubgate finds in itself fails the program that saw it,
 * whatever its tests say. */
#include "tests/harness/harness.h"
#include "tests/port.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(void)
{
	_exit(EXIT_SUCCESS); /* what this program does at its end is not the child's to do */
}

/* A program whose broker has this line in its log; it thinks that all went well. */
static void run_program(const char *line, void (*end)(struct lan *l))
{
	struct lan_opts opts = { .no_plugin = true };
	struct lan *lan = lan_start(&opts);
	char *path = lan ? text_fmt("%s/mosquitto.log", lan_dir(lan)) : NULL;
	FILE *log = path ? fopen(path, "ae") : NULL;

	atexit(leave);
	if (!log || !freopen("/dev/null", "w", stderr))
		_exit(2);
	fprintf(log, "%s\n", line);
	fclose(log);
	free(path);
	end(lan);
	lan_free(lan);
	exit(EXIT_SUCCESS);
}

static int exit_code(const char *line, void (*end)(struct lan *l))
{
	pid_t child;
	int status = -1;

	fflush(NULL);
	child = fork();
	if (child == 0)
		run_program(line, end);
	CU_ASSERT_FATAL(child > 0);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void nothing(struct lan *l)
{
	(void)l;
}

static void restart(struct lan *l)
{
	lan_restart(l);
}

static void a_line_in_which_hubgate_accuses_itself_fails_the_program(void)
{
	static const char line[] =
		"1732000000: hubgate: internal: UPLINK was rung and did not hear it; it hears again";

	CU_ASSERT_EQUAL(exit_code(line, nothing), EXIT_FAILURE);
	CU_ASSERT_EQUAL(exit_code(line, lan_kill), EXIT_FAILURE);
	CU_ASSERT_EQUAL(exit_code(line, restart), EXIT_FAILURE);
	CU_ASSERT_EQUAL(exit_code("1732000000: hubgate: doorbell: works over x (plain)", nothing),
	                EXIT_SUCCESS);
}

/* In a process of its own, as another suite's. */
static bool held_elsewhere(int port)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(port_hold(port));
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static void a_port_that_was_picked_is_nobody_elses(void)
{
	int ports[PORT_HELD];

	for (int i = 0; i < PORT_HELD; i++) {
		ports[i] = port_free();
		for (int k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(ports[k], ports[i]);
	}
	for (int i = 0; i < PORT_HELD; i += 16)
		CU_ASSERT(held_elsewhere(ports[i]));
}

SUITE(e00_harness, TEST(a_port_that_was_picked_is_nobody_elses),
      TEST(a_line_in_which_hubgate_accuses_itself_fails_the_program))
