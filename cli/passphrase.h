/* passphrase.h - asks for the passphrase of an export, or reads it from a file.
 */
#ifndef HUBGATE_CLI_PASSPHRASE_H
#define HUBGATE_CLI_PASSPHRASE_H

#include "cli/cli.h"

enum {
	PASSPHRASE_MIN = 12, /* of a new one */
	PASSPHRASE_MAX = 1023
};

/* file NULL: from the terminal, without echo, twice when it is a new one. Of a file the first line
 * counts, and others may not be able to read it. CLI_OK: the caller wipes out; CLI_FAILED: told. */
int passphrase_get(const struct cli_command *c, const char *file, bool is_new,
                   char out[PASSPHRASE_MAX + 1]);

#endif
