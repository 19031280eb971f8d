/* state_impl.h - what the parts of the state store share:
 *   state.c       life, put: the log that is written
 *   state_load.c  what stands on the disk, at start
 *   state_fold.c  room DISK: sync, fold, delete
 *   state_log.c   log files: names, lists, reading
 *   state_db.c    the SQLite file
 *   state_map.c   entries in memory, while loading
 * Room: BROKER or DISK, one of them at a time per object, except where a member of struct state
 *       says otherwise.
 */
#ifndef HUBGATE_STATE_IMPL_H
#define HUBGATE_STATE_IMPL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "core/base/buf.h"
#include "core/base/table.h"
#include "core/journal/record.h"
#include "shadowstore/state/state.h"

enum {
	STATE_LOG_ROLL = 256 * 1024,       /* a put over this begins a new log */
	STATE_LOG_MAX = 8 * 1024 * 1024,   /* where no new log can be made */
	STATE_READ_MAX = 16 * 1024 * 1024, /* of a log file, whatever its size */
	STATE_FOLD_MS = 10000,
	STATE_WHY_MAX = 200,
};

struct state_pos { /* everything before it, in all logs */
	uint64_t log, end;
};

struct state {
	bool damaged;  /* not all could be read at start */
	int root, dir; /* DIR and DIR/state; never change */
	char *db_path;
	uint32_t flush_ms, fold_ms;
	void (*wake)(void *ctx);
	void *wake_ctx;

	/* BROKER */
	int fd;                /* of log tail.log; -1: not begun */
	bool torn;             /* a write failed and could not be cut back: begin a new log */
	struct state_pos tail; /* where the next record goes */
	uint64_t seq;          /* of the last record in the log */
	struct buf record;

	/* shared */
	pthread_mutex_t lock; /* of written, held for a copy */
	struct state_pos written;
	atomic_bool work;   /* DISK was woken and has not run */
	atomic_bool vanish; /* the log's file is gone or in doubt: begin a new one */

	/* DISK */
	struct state_pos synced, folded;
	bool old_db;      /* state.db is of an older version: the next round brings it to this one */
	int64_t dirty_ms; /* since when the open log waits for its fold; 0: does not */
	bool sync_fails, fold_fails;
	int doubt; /* errno of a sync that failed: the logs cannot be trusted to be on the disk */
	bool doubt_told;
};

struct state_pos state_written(struct state *s); /* any room */

/* --- state_map.c --- */

struct state_map {
	struct table entries;
};

struct state_map_entry {
	struct table_node node;
	uint16_t kind;
	void *value; /* owned */
	size_t len;
	size_t key_len;
	char key[];
};

void state_map_init(struct state_map *m);
void state_map_fini(struct state_map *m);
/* Copies. value NULL: removed. ST_OK; ST_NOMEM. */
enum status state_map_put(struct state_map *m, uint16_t kind, const char *key, size_t key_len,
                          const void *value, size_t len);

/* --- state_log.c --- */

enum {
	STATE_NAME_MAX = 32 /* of a log, without its folder */
};

/* Of a log that the database names; one that is found is at most so much above the one before it.
 * So numbers fit into SQLite, whose integers have a sign, and there is always a next one. */
#define STATE_LOG_NUMBER_MAX RECORD_SEQ_MAX
#define STATE_LOG_STEP       (UINT64_C(1) << 32)

struct state_log_report {
	size_t records;
	size_t size;    /* bytes looked at, from the file's start */
	size_t skipped; /* damaged bytes with readable records behind them */
	size_t torn;    /* bytes at the end that are no record */
	bool header;    /* the file's header is damaged */
	bool alien;     /* another kind or version: not read */
	bool cut;       /* over STATE_READ_MAX: the rest was not read */
};

/* More than a torn tail. */
bool state_log_is_damaged(const struct state_log_report *report);
void state_log_name(uint64_t number, char out[STATE_NAME_MAX]);
bool state_log_is_name(const char *name);
/* Numbers of the logs in dir, ascending. Caller frees *out. ST_OK; ST_IO; ST_NOMEM. */
enum status state_log_list(int dir, uint64_t **out, size_t *count);
/* Calls on_record for every whole record of state in bytes from..to of the log (to 0: all there
 * is). It may stop with a status. ST_OK; ST_NOTFOUND: no such file; ST_IO (errno); ST_NOMEM; what
 * on_record said. */
typedef enum status state_record_fn(void *ctx, const struct record *r);
enum status state_log_read(int dir, uint64_t number, size_t from, size_t to,
                           state_record_fn *on_record, void *ctx, struct state_log_report *report);

/* --- state_db.c --- */

enum stmt {
#define STMT(name, text) name,
#include "shadowstore/state/stmt.tbl"
#undef STMT
	STMTS
};

struct state_db {
	sqlite3 *handle;
	sqlite3_stmt *stmts[STMTS]; /* prepared when first used */
	int version;                /* of the file: 1 until the next commit, or this one's */
	int rc;                     /* of SQLite, of the last failure */
	char why[STATE_WHY_MAX];    /* set by every function below that fails */
};

/* Opens path, making it when it is missing. db is to be closed in any case. Each function: ST_OK;
 * ST_MALFORMED: read, and not usable as it is; ST_IO: cannot be read or written (try again later);
 * ST_NOMEM. */
enum status state_db_open(struct state_db *db, const char *path);
bool state_db_is_old(const struct state_db *db);
void state_db_close(struct state_db *db); /* rolls back what was not committed */
/* Brings a database of an older version to this one, in the same transaction. */
enum status state_db_begin(struct state_db *db);
enum status state_db_put(struct state_db *db, const struct record *r);
/* The transaction ends; everything before pos is in the database. */
enum status state_db_commit(struct state_db *db, const struct state_pos *pos);

struct state_db_report {
	size_t rows, damaged; /* of rows; their values are not in the map */
};

/* Adds all rows to m, as far as readable, and says what is folded. Entries that do not fit their
 * checksum are moved to another table. ST_MALFORMED also for rows that vanished. */
enum status state_db_load(struct state_db *db, struct state_map *m, struct state_pos *folded,
                          struct state_db_report *report);

/* --- state_load.c --- */

/* Fills m from the disk, sets s->folded and s->tail. *rebuild: what is in m does not stand in a
 * database any more and is to be put again. ST_OK; ST_IO (errno; logged); ST_NOMEM. */
enum status state_load(struct state *s, struct state_map *m, const struct log *log, bool *rebuild);

#endif
