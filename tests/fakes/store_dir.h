/* store_dir.h - directories for stores, removed when their test ends.
 */
#ifndef HUBGATE_TESTS_STORE_DIR_H
#define HUBGATE_TESTS_STORE_DIR_H

#include <stddef.h>

/* A new one, for this test. Static. */
const char *store_dir_new(void);
/* Calls fn for every file of DIR/journal, "." and ".." left out. */
void store_dir_each(const char *dir, void (*fn)(void *ctx, const char *path), void *ctx);
/* A copy of DIR/journal as a new directory: what a killed process leaves. */
const char *store_dir_copy(const char *dir);
size_t store_dir_bytes(const char *dir, const char *suffix);

/* What may stand in the place of a file and is none. */
enum store_dir_odd {
	ODD_FIFO,
	ODD_FOLDER,
	ODD_LINK, /* to nothing */
	ODD_LINK_TO_FILE,
	ODD_SOCKET,
	ODD_DEVICE, /* where we may not make one: ODD_FIFO */
	ODDS
};

/* Takes the place of path, which may be missing; its directory is there. */
void store_dir_put_odd(const char *path, enum store_dir_odd kind);

#endif
