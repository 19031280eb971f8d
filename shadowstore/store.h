/* store.h - store.dir itself: made, checked, and owned by one broker at a time.
 * Room:  BROKER, at start and end. Waits for the disk, and for an owner that is stopping.
 * Keeps: while a store is open no other store_open() with a lock succeeds on that directory, of
 *        this process or another, as far as the file system has locks. The lock ends with the
 *        process, however it ends.
 * Files: DIR/lock, one line of text: whose it is. The lock is flock(2) on it, and on DIR for those
 *        who delete it (docs/decisions/0007-one-owner.md).
 */
#ifndef HUBGATE_STORE_H
#define HUBGATE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"

enum {
	STORE_WAIT_MS = 3000 /* longer than a broker with hubgate takes to stop */
};

struct store; /* opaque */

struct store_conf { /* borrowed during the call */
	const char *dir;
	bool lock;            /* false: no lock, and a warning */
	bool others_are_none; /* a container: directories writable for others are only warned about */
	uint32_t wait_ms;     /* for the lock */
	bool to_import; /* one that was moved away, or where an import is under way, is opened too */
	const struct log *log;
};

/* Caller owns *out. Makes the directory (0700, its parent must exist), and journal and state in it.
 * Those that others may write are closed to them. What stands in the place of a file of the store
 * and is none is refused; so is a store of a newer format, one that was moved away, and one whose
 * import is not finished (shadowstore/store_format.h). Older programs are kept out from here on.
 * ST_OK; ST_DENIED: in use, open to others, or not to be used by this program; ST_IO (errno);
 * ST_NOMEM. All but the last are logged in one line that says what to do. */
enum status store_open(const struct store_conf *conf, struct store **out);
int store_dir(const struct store *s); /* its descriptor, borrowed */
/* Everything in it is closed, by all rooms. NULL is fine. */
void store_close(struct store *s);

#endif
