/* arguments.h - the command line of the commands that ask the plugin: their own options, in a table,
 * those of the connection, which are mosquitto_ctrl's, and what stands besides.
 */
#ifndef HUBGATE_CLI_ARGUMENTS_H
#define HUBGATE_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"

enum argument_kind {
	ARGUMENT_FLAG,  /* into a bool */
	ARGUMENT_TEXT,  /* into a const char *; borrowed from argv or the file of options */
	ARGUMENT_NUMBER /* into a long, min..max */
};

struct argument {
	const char *name;
	char letter; /* 0: none; none of h, p, u, P */
	enum argument_kind kind;
	void *into; /* keeps its value when it is not given */
	long min, max;
};

/* NULL, 0: not given. */
struct control_link {
	const char *host, *username, *password, *cafile, *cert, *key, *unix_path, *config, *options;
	long port, timeout_s;
};

struct arguments {
	struct control_link link;
	bool json;
	char **rest; /* what is no option; borrowed */
	int rest_count;
	char *file; /* owned: the file of options */
};

/* How the options of the connection are told, by --help and the man page. */
extern const char arguments_help[];

/* Takes all of the command line. At least `least` and at most `most` texts besides options; `wants`
 * names them in the complaint. CLI_OK: the caller frees; else it was told. */
int arguments_take(const struct cli_command *c, int argc, char **argv, const struct argument *own,
                   size_t count, struct arguments *out);
int arguments_rest(const struct cli_command *c, const struct arguments *a, int least, int most,
                   const char *wants);
void arguments_free(struct arguments *a);

#endif
