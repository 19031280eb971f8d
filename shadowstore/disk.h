/* disk.h - the DISK room: what may wait for the disk, so that nobody else does. Two threads: one
 * syncs messages and waits for nothing else, one does the rest.
 * Room:  BROKER.
 */
#ifndef HUBGATE_DISK_H
#define HUBGATE_DISK_H

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "shadowstore/journal/journal_disk.h"
#include "shadowstore/state/state.h"

struct disk; /* opaque */

struct disk_conf {
	struct journal *journal; /* borrowed; NULL: none, as state */
	struct state *state;
	struct metrics *metrics; /* borrowed; NULL: none */
	uint32_t flush_ms;       /* pause between two rounds of state while there is work; 0: 200 */
};

struct disk_log {
	enum log_level level;
	char line[LOG_LINE_MAX];
};

enum status disk_new(const struct disk_conf *conf, struct disk **out); /* ST_OK; ST_NOMEM; ST_IO */
enum status disk_start(struct disk *d);                                /* ST_OK; ST_IO: no thread */
/* One last round, which syncs and folds nothing, at most wait_ms. false: a thread hangs in the
 * kernel and is left behind, so journal and state must not be closed. d NULL is fine. */
bool disk_stop(struct disk *d, uint32_t wait_ms);
/* Stopped, and before journal and state are closed: it takes its wake functions back. NULL is
 * fine. */
void disk_free(struct disk *d);
/* DISK's second thread calls run(ctx) soon, once: what waits for files. Everything ctx points at is
 * DISK's until run() hands it back. When DISK ends before, run is not called. ST_OK; ST_FULL. */
enum status disk_ask(struct disk *d, void (*run)(void *ctx), void *ctx);
/* Lines of this room, for BROKER to write. ST_OK; ST_EMPTY. */
enum status disk_take_log(struct disk *d, struct disk_log *out);

#endif
