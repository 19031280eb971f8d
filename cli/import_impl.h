/* import_impl.h - what the parts of `hubgate import` share:
 *   import.c        arguments, the envelope, the order of things
 *   import_places.c names
 *   import_check.c  reads all of the export and looks at every place, before the first write
 *   import_stage.c  writes it into store.dir/arriving, renames that to arrived (from here on the
 * import is decided), and puts everything into its place
 */
#ifndef HUBGATE_CLI_IMPORT_IMPL_H
#define HUBGATE_CLI_IMPORT_IMPL_H

#include <sys/types.h>

#include "cli/cli.h"
#include "cli/passphrase.h"
#include "cli/sealed_file.h"
#include "shadowstore/store.h"

enum {
	IMPORT_PATH = 4200
};

struct import {
	const char *name, *config_option, *store_option, *user, *passphrase_file;
	bool undo;
	const struct cli_command *command; /* whose complaints they are */

	int fd;
	uint64_t size;
	struct sealed_file file;
	char passphrase[PASSPHRASE_MAX + 1];

	/* By the check. */
	char info[ARCHIVE_INFO_MAX + 1];
	char from_store[IMPORT_PATH], from_config[IMPORT_PATH]; /* where they were */
	char store[IMPORT_PATH], config[IMPORT_PATH];           /* where they come to */
	char *text;                                             /* hubgate.json as it will be; owned */
	size_t text_len;
	uint64_t bytes, files;
	bool no_lock;    /* hubgate.json says store.lock false */
	bool is_decided; /* an import of this file was, and is gone on with */

	bool give; /* to this user; else everything stays the caller's */
	uid_t uid;
	gid_t gid;
	struct store *opened;
};

/* Each: CLI_OK, or CLI_FAILED and told. */
int import_check(struct import *i);
int import_stage(struct import *i);  /* CLI_FAILED: nothing is left of it */
int import_finish(struct import *i); /* CLI_FAILED: the next import goes on with it */

/* Where an entry of kind FILE or BESIDE comes to. */
void import_target(const struct import *i, enum archive_kind kind, const char *path,
                   char out[IMPORT_PATH]);
/* What st of the envelope means. */
int import_broken(const struct import *i, enum status st);
/* The path up to its last slash; "." without one. */
void import_folder_of(const char *path, char out[IMPORT_PATH]);

#endif
