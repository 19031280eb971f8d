#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct cli_command *const commands[] = { &init_command, &check_command,
	                                                  &credentials_command, &export_command,
	                                                  &import_command };

enum {
	COMMANDS = sizeof commands / sizeof commands[0]
};

static void list(FILE *to)
{
	fprintf(to, "Usage: hubgate COMMAND [OPTION ...]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-14s %s\n", commands[i]->name, commands[i]->does);
	fprintf(to, "  %-14s %s\n\n", "version", "print the version");
	fprintf(to, "hubgate COMMAND --help tells the options and gives examples.\n"
	            "Exit codes: 0 done; 1 could not be done, or something is wrong; 2 wrong usage.\n");
}

static int version(void)
{
	printf("hubgate %s\n", HUBGATE_VERSION);
	return CLI_OK;
}

/* What was printed must have arrived: a full disk behind > is no success. */
static int close_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	perror("hubgate: standard output");
	return CLI_FAILED;
}

static int run(const struct cli_command *c, int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(c->help, stdout);
		return CLI_OK;
	}
	return c->run(argc, argv);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		list(stdout);
		return close_output(CLI_OK);
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0)
		return close_output(version());
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return close_output(run(commands[i], argc - 1, argv + 1));
	}
	if (*name)
		fprintf(stderr, "hubgate: no command is called '%s'\n\n", name);
	list(stderr);
	return CLI_USAGE;
}
