/* state.h - what hubgate remembers besides messages: small values under (kind, key).
 * Room:  BROKER, except where a function says otherwise.
 * Keeps: a value put with ST_OK survives kill -9 and restart; a power cut loses at most the last
 *        flush_ms and what came during a round of DISK (sync, fold, compaction). The values
 * themselves live with their owners in memory: state is where they come from at start. Files:
 * DIR/state/N.log (core/journal/record.h) hold the changes since the last fold, DIR/state.db
 * (SQLite) the rest. SQLite is read at start only and written by DISK only.
 */
#ifndef HUBGATE_STATE_H
#define HUBGATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"

enum state_kind {           /* numbers stand in files: never change one */
	STATE_SUBSCRIPTION = 1, /* key: client id, space, filter; value: one byte, the QoS */
	STATE_SHADOW = 2,       /* key: client id; value: see shadow store */
	STATE_CONFIG = 3,       /* key: product id; value: last remote configuration */
	STATE_SECRET_HINT = 4,  /* reserved */
	STATE_DEVICE = 5,       /* key: client id; value: one byte, plugin/services/gateway_service */
	STATE_LOGIN = 6,        /* key: {pid}{dname}; value: MQTT client id of its newest login */
	STATE_MAPPED = 10,      /* key: {pid}{dname}; value: see plugin/devices/mapped */
};

struct state; /* opaque */

struct state_entry { /* borrowed during the call; key is NUL-terminated */
	enum state_kind kind;
	const char *key;
	const void *value;
	size_t len;
};

struct state_conf {
	const char *dir;
	uint32_t flush_ms;     /* 0: put syncs before it returns */
	uint32_t fold_ms;      /* how long a change may stand in the open log only; 0: 10 s */
	const struct log *log; /* used during open only */
};

/* Caller owns *out. Loads everything and calls on_entry once per (kind, key) that has a value,
 * those of STATE_DEVICE first, else in no order. A damaged database or log is set aside
 * (NAME.damaged-N), logged with what it means, and everything readable is used. ST_OK; ST_IO
 * (errno): something cannot be read or is no file, one line of the log names it, and nothing is
 * begun in its place; ST_NOMEM. */
enum status state_open(const struct state_conf *conf,
                       void (*on_entry)(void *ctx, const struct state_entry *entry), void *ctx,
                       struct state **out);
/* Something that stood here could not be read: what is missing may have been there. */
bool state_was_damaged(const struct state *s);
/* Other rooms have ended. Syncs what DISK has not synced. NULL is fine. */
void state_close(struct state *s);

/* One write(), and now and then a new log file. value NULL: the key has no value any more. ST_OK;
 * ST_NOSPACE; ST_IO (errno); ST_TOOBIG: over RECORD_BYTES_MAX, or an empty key;
 * ST_NOMEM. On any but ST_OK nothing changed. */
enum status state_put(struct state *s, enum state_kind kind, const char *key, const void *value,
                      size_t len);

/* wake(ctx) is called in BROKER when there is work for DISK after there was none. */
void state_disk_wake(struct state *s, void (*wake)(void *ctx), void *ctx);
/* Room DISK: syncs, folds closed logs into SQLite and deletes them, folds the open one when its
 * changes are older than fold_ms. ST_OK; ST_IO, ST_NOMEM: logged once per change of state, tried
 * again next time. Takes no lock that a put waits for while it does. */
enum status state_disk_run(struct state *s, const struct log *log);
/* Room DISK: syncs and no more. ST_OK; ST_IO, logged as above. */
enum status state_disk_sync(struct state *s, const struct log *log);
/* Room DISK: in how many ms it wants to run again even if nobody wakes it; -1: not. */
int64_t state_disk_wait_ms(struct state *s);

#endif
