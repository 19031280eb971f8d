#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/checksum.h"
#include "core/journal/record_v1.h"
#include "shadowstore/file/store_file.h"
#include "shadowstore/state/state_impl.h"

enum {
	SCHEMA_VERSION = 2,
	OLD_VERSION = 1, /* checksums by core/journal/record_v1 */
	PATH_SIZE = 4200,
};

static const char *const texts[STMTS] = {
#define STMT(name, text) [name] = text,
#include "shadowstore/state/stmt.tbl"
#undef STMT
};

/* --- one statement --- */

static enum status failed(struct state_db *db, int rc)
{
	db->rc = rc;
	snprintf(db->why, sizeof(db->why), "%s",
	         db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc));
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* our texts are right, so a table is not what it was */
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG: /* a length that nobody wrote */
	case SQLITE_SCHEMA:
		return ST_MALFORMED;
	case SQLITE_NOMEM:
		return ST_NOMEM;
	default:
		return ST_IO;
	}
}

static enum status malformed(struct state_db *db, const char *why)
{
	db->rc = SQLITE_CORRUPT;
	snprintf(db->why, sizeof(db->why), "%s", why);
	return ST_MALFORMED;
}

static enum status prepare(struct state_db *db, enum stmt which, sqlite3_stmt **out)
{
	int rc = SQLITE_OK;

	if (!db->stmts[which])
		rc = sqlite3_prepare_v2(db->handle, texts[which], -1, &db->stmts[which], NULL);
	*out = db->stmts[which];
	return rc == SQLITE_OK ? ST_OK : failed(db, rc);
}

/* To its end; first, if any, gets the first column of the last row. */
static enum status finish(struct state_db *db, sqlite3_stmt *stmt, int64_t *first)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (first)
			*first = sqlite3_column_int64(stmt, 0);
	}
	if (rc != SQLITE_DONE) {
		enum status st = failed(db, rc);

		sqlite3_reset(stmt);
		return st;
	}
	sqlite3_reset(stmt);
	return ST_OK;
}

static enum status run(struct state_db *db, enum stmt which, int64_t *first)
{
	sqlite3_stmt *stmt;
	enum status st = prepare(db, which, &stmt);

	return st == ST_OK ? finish(db, stmt, first) : st;
}

static enum status run_all(struct state_db *db, const enum stmt *which, size_t count)
{
	enum status st = ST_OK;

	for (size_t i = 0; i < count && st == ST_OK; i++)
		st = run(db, which[i], NULL);
	return st;
}

/* --- checksums --- */

static record_sum_fn *sum_of(int version)
{
	return version == OLD_VERSION ? record_v1_sum : checksum;
}

static uint32_t sum_numbers(record_sum_fn *sum, const uint64_t *numbers, size_t count)
{
	uint32_t so_far = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[8];

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)(numbers[i] >> (8 * k));
		so_far = sum(so_far, bytes, sizeof(bytes));
	}
	return so_far;
}

static uint32_t sum_entry(record_sum_fn *sum, uint64_t kind, const void *key, size_t key_len,
                          const void *value, size_t len)
{
	const uint64_t numbers[] = { kind, key_len, len };
	uint32_t so_far = sum_numbers(sum, numbers, 3);

	so_far = sum(so_far, key, key_len);
	return len > 0 ? sum(so_far, value, len) : so_far;
}

static uint32_t sum_meta(record_sum_fn *sum, uint64_t log, uint64_t end, uint64_t entries)
{
	const uint64_t numbers[] = { log, end, entries };

	return sum_numbers(sum, numbers, 3);
}

/* entry_sum(kind, key, value, version) of STMT_LIFT. */
static void on_entry_sum(sqlite3_context *ctx, int count, sqlite3_value **values)
{
	const void *key = sqlite3_value_text(values[1]), *value = sqlite3_value_blob(values[2]);

	(void)count;
	sqlite3_result_int64(ctx, sum_entry(sum_of(sqlite3_value_int(values[3])),
	                                    (uint64_t)sqlite3_value_int64(values[0]), key ? key : "",
	                                    (size_t)sqlite3_value_bytes(values[1]), value,
	                                    (size_t)sqlite3_value_bytes(values[2])));
}

/* --- opening --- */

static enum status check_schema(struct state_db *db)
{
	static const enum stmt make[] = { STMT_BEGIN,     STMT_MAKE_ENTRY,  STMT_MAKE_DAMAGED,
		                              STMT_MAKE_META, STMT_SET_VERSION, STMT_COMMIT };
	int64_t version = 0, objects = 0;
	enum status st = run(db, STMT_VERSION, &version);

	if (st == ST_OK)
		st = run(db, STMT_OBJECTS, &objects);
	db->version = version == OLD_VERSION ? OLD_VERSION : SCHEMA_VERSION;
	if (st != ST_OK || version == db->version)
		return st;
	if (version != 0 || objects != 0)
		return malformed(db, "its schema is of another version, or another program's");
	return run_all(db, make, sizeof(make) / sizeof(make[0]));
}

static enum status unusable(struct state_db *db, const char *name)
{
	const char *file = strrchr(name, '/');

	db->rc = SQLITE_CANTOPEN;
	snprintf(db->why, sizeof(db->why), "%.80s: %s", file ? file + 1 : name, store_file_why(errno));
	return ST_IO;
}

/* SQLite would make the file readable for others (its journal takes the mode of the file), and wait
 * for ever at a FIFO. */
static enum status check_files(struct state_db *db, const char *path)
{
	static const char *const companions[] = { "-journal", "-wal", "-shm" };
	char name[PATH_SIZE];
	int fd = store_file_open(AT_FDCWD, path, O_RDWR | O_CREAT);

	if (fd < 0)
		return unusable(db, path);
	close(fd);
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, companions[i]);
		if (store_file_check(AT_FDCWD, name) == ST_IO)
			return unusable(db, name);
	}
	return ST_OK;
}

static enum status add_function(struct state_db *db)
{
	int rc = sqlite3_create_function(db->handle, "entry_sum", 4,
	                                 SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
	                                 on_entry_sum, NULL, NULL);

	return rc == SQLITE_OK ? ST_OK : failed(db, rc);
}

enum status state_db_open(struct state_db *db, const char *path)
{
	static const enum stmt settings[] = { STMT_EXTRA, STMT_CELLS, STMT_UNTRUSTED };
	enum status st;
	int rc;

	memset(db, 0, sizeof(*db));
	st = check_files(db, path);
	if (st != ST_OK)
		return st;
	rc = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return failed(db, rc);
	sqlite3_extended_result_codes(db->handle, 1);
	st = run_all(db, settings, sizeof(settings) / sizeof(settings[0]));
	if (st == ST_OK)
		st = add_function(db);
	if (st == ST_OK)
		st = check_schema(db);
	/* A header of the future makes SQLite refuse to write, as missing rights do. */
	if (st == ST_OK && sqlite3_db_readonly(db->handle, "main") == 1 && access(path, W_OK) == 0)
		st = malformed(db, "its header asks for a newer SQLite");
	return st;
}

void state_db_close(struct state_db *db)
{
	for (size_t i = 0; i < STMTS; i++)
		sqlite3_finalize(db->stmts[i]);
	sqlite3_close(db->handle);
	memset(db->stmts, 0, sizeof(db->stmts));
	db->handle = NULL;
}

/* --- writing --- */

bool state_db_is_old(const struct state_db *db)
{
	return db->version == OLD_VERSION;
}

/* Until the commit it may be rolled back: db->version stays. An entry that does not fit its
 * checksum does not fit the new one. */
enum status state_db_begin(struct state_db *db)
{
	enum status st = run(db, STMT_BEGIN, NULL);

	if (st == ST_OK && state_db_is_old(db))
		st = run(db, STMT_LIFT, NULL);
	if (st == ST_OK && state_db_is_old(db))
		st = run(db, STMT_SET_VERSION, NULL);
	return st;
}

enum status state_db_put(struct state_db *db, const struct record *r)
{
	bool deleted = r->flags & RECORD_DELETED;
	sqlite3_stmt *stmt;
	enum status st = prepare(db, deleted ? STMT_DELETE : STMT_PUT, &stmt);

	if (st != ST_OK)
		return st;
	sqlite3_bind_int64(stmt, 1, r->kind);
	sqlite3_bind_text(stmt, 2, r->key, (int)r->key_len, SQLITE_STATIC);
	if (!deleted) {
		/* A NULL pointer would bind NULL, which is no value. */
		sqlite3_bind_blob(stmt, 3, r->payload_len > 0 ? r->payload : "", (int)r->payload_len,
		                  SQLITE_STATIC);
		sqlite3_bind_int64(
			stmt, 4, sum_entry(checksum, r->kind, r->key, r->key_len, r->payload, r->payload_len));
	}
	st = finish(db, stmt, NULL);
	sqlite3_clear_bindings(stmt);
	return st;
}

enum status state_db_commit(struct state_db *db, const struct state_pos *pos)
{
	int64_t entries = 0;
	sqlite3_stmt *stmt;
	enum status st = run(db, STMT_COUNT, &entries);

	if (st == ST_OK)
		st = prepare(db, STMT_SET_META, &stmt);
	if (st != ST_OK)
		return st;
	sqlite3_bind_int64(stmt, 1, (int64_t)pos->log);
	sqlite3_bind_int64(stmt, 2, (int64_t)pos->end);
	sqlite3_bind_int64(stmt, 3, entries);
	sqlite3_bind_int64(stmt, 4, sum_meta(checksum, pos->log, pos->end, (uint64_t)entries));
	st = finish(db, stmt, NULL);
	if (st == ST_OK)
		st = run(db, STMT_COMMIT, NULL);
	if (st == ST_OK)
		db->version = SCHEMA_VERSION;
	return st;
}

/* --- loading --- */

static enum status load_meta(struct state_db *db, struct state_pos *folded, uint64_t *entries)
{
	uint64_t log, end;
	bool fits;
	sqlite3_stmt *stmt;
	enum status st = prepare(db, STMT_META, &stmt);
	int rc;

	*folded = (struct state_pos){ 0 };
	*entries = 0;
	if (st != ST_OK)
		return st;
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW) {
		sqlite3_reset(stmt);
		return rc == SQLITE_DONE ? ST_OK : failed(db, rc);
	}
	log = (uint64_t)sqlite3_column_int64(stmt, 0);
	end = (uint64_t)sqlite3_column_int64(stmt, 1);
	*entries = (uint64_t)sqlite3_column_int64(stmt, 2);
	fits = sqlite3_column_int64(stmt, 3) == sum_meta(sum_of(db->version), log, end, *entries);
	sqlite3_reset(stmt);
	if (!fits || log > STATE_LOG_NUMBER_MAX || end > STATE_LOG_NUMBER_MAX)
		return malformed(db, "what it says about itself does not fit its checksum");
	*folded = (struct state_pos){ log, end };
	return ST_OK;
}

static enum status load_row(const struct state_db *db, sqlite3_stmt *row, struct state_map *m,
                            struct buf *damaged, struct state_db_report *report)
{
	record_sum_fn *sum = sum_of(db->version);
	int64_t kind = sqlite3_column_int64(row, 0), rowid = sqlite3_column_int64(row, 4);
	const char *key = (const char *)sqlite3_column_text(row, 1);
	size_t key_len = (size_t)sqlite3_column_bytes(row, 1);
	const void *value = sqlite3_column_blob(row, 2);
	size_t len = (size_t)sqlite3_column_bytes(row, 2);

	report->rows++;
	if (key && kind > 0 && kind <= UINT16_MAX && !memchr(key, '\0', key_len) &&
	    sqlite3_column_int64(row, 3) == sum_entry(sum, (uint64_t)kind, key, key_len, value, len))
		return state_map_put(m, (uint16_t)kind, key, key_len, value ? value : "", len);
	report->damaged++;
	return buf_add(damaged, &rowid, sizeof(rowid));
}

/* Out of the way, or the same complaint would come at every start. */
static enum status move_damaged(struct state_db *db, const struct buf *rowids,
                                const struct state_pos *folded)
{
	static const enum stmt moves[] = { STMT_KEEP_DAMAGED, STMT_DROP_DAMAGED };
	enum status st = state_db_begin(db);

	for (size_t at = 0; at < rowids->len && st == ST_OK; at += sizeof(int64_t)) {
		for (size_t i = 0; i < 2 && st == ST_OK; i++) {
			sqlite3_stmt *stmt;
			int64_t rowid;

			memcpy(&rowid, rowids->data + at, sizeof(rowid));
			st = prepare(db, moves[i], &stmt);
			if (st != ST_OK)
				break;
			sqlite3_bind_int64(stmt, 1, rowid);
			st = finish(db, stmt, NULL);
		}
	}
	return st == ST_OK ? state_db_commit(db, folded) : st;
}

static enum status load_rows(struct state_db *db, struct state_map *m, struct buf *damaged,
                             struct state_db_report *report)
{
	sqlite3_stmt *row;
	enum status st = prepare(db, STMT_ALL, &row);
	int rc = SQLITE_ROW;

	while (st == ST_OK && (rc = sqlite3_step(row)) == SQLITE_ROW)
		st = load_row(db, row, m, damaged, report);
	if (st == ST_OK && rc != SQLITE_DONE)
		st = failed(db, rc);
	if (row)
		sqlite3_reset(row);
	return st;
}

enum status state_db_load(struct state_db *db, struct state_map *m, struct state_pos *folded,
                          struct state_db_report *report)
{
	struct buf damaged = BUF_MAX(SIZE_MAX / 2);
	uint64_t entries;
	enum status meta = load_meta(db, folded, &entries), st;

	memset(report, 0, sizeof(*report));
	st = meta == ST_OK || meta == ST_MALFORMED ? load_rows(db, m, &damaged, report) : meta;
	if (st == ST_OK && meta == ST_OK && report->rows != entries)
		st = malformed(db, "entries are missing from it");
	if (st == ST_OK)
		st = meta;
	if (st == ST_OK && damaged.len > 0)
		st = move_damaged(db, &damaged, folded);
	buf_free(&damaged);
	return st;
}
