/* DISK's part. BROKER goes on appending to the open log meanwhile: what is folded of it is what
 * stood there when the round began, and the database says how far that was. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clocks.h"
#include "core/base/room.h"
#include "shadowstore/file/store_file.h"
#include "shadowstore/state/state_impl.h"

enum {
	RETRY_MS = 1000
};

/* --- sync --- */

static enum status sync_log(struct state *s, uint64_t number, const struct log *log)
{
	char name[STATE_NAME_MAX];
	int fd, rc;

	state_log_name(number, name);
	fd = store_file_open(s->dir, name, O_RDONLY);
	if (fd < 0 && errno == ENOENT) {
		/* Somebody deleted it. What BROKER appends would go nowhere. */
		log_line(log, LOG_ERROR,
		         "state/%s was deleted by somebody: its changes are lost at the next start", name);
		atomic_store(&s->vanish, true);
		return ST_OK;
	}
	if (fd < 0)
		return ST_IO;
	rc = fdatasync(fd);
	if (rc != 0)
		s->doubt = errno;
	close(fd);
	return rc == 0 ? ST_OK : ST_IO;
}

static enum status sync_logs(struct state *s, const struct state_pos *to, const struct log *log)
{
	bool begun = to->log != s->synced.log || s->synced.end == 0;
	enum status st = ST_OK;

	if (to->log == s->synced.log && to->end == s->synced.end)
		return ST_OK;
	for (uint64_t n = s->synced.log; n <= to->log && st == ST_OK; n++)
		st = sync_log(s, n, log);
	if (st == ST_OK && begun && fsync(s->dir) != 0) {
		s->doubt = errno;
		st = ST_IO;
	}
	if (st == ST_OK)
		s->synced = *to;
	return st;
}

/* After a failed sync the kernel may take pages for written that are not, and the next sync would
 * say nothing of it. So what the logs hold goes into the database, which syncs on its own, and a
 * new log is begun. */
static void note_doubt(struct state *s, enum status folded, const struct state_pos *to,
                       const struct log *log)
{
	if (s->doubt != 0 && !s->doubt_told)
		log_line(log, LOG_ERROR,
		         "state: the disk does not sync (%s): it may have lost what it was given; it is "
		         "written again to %s",
		         strerror(s->doubt), s->db_path);
	s->doubt_told = s->doubt != 0;
	if (s->doubt == 0 || folded != ST_OK)
		return;
	log_line(log, LOG_NOTE, "state: what the failed sync may have lost is in %s now", s->db_path);
	atomic_store(&s->vanish, true);
	s->synced = *to;
	s->doubt = 0;
	s->doubt_told = false;
}

/* --- fold --- */

static enum status fold_record(void *ctx, const struct record *r)
{
	return state_db_put(ctx, r);
}

/* One transaction. end 0: a closed log, to its end. */
static enum status fold_log(struct state *s, struct state_db *db, uint64_t number, uint64_t end,
                            struct state_log_report *report)
{
	struct state_pos pos = { number, 0 };
	size_t from = number == s->folded.log ? (size_t)s->folded.end : 0;
	enum status st = state_db_begin(db);

	if (st == ST_OK)
		st = state_log_read(s->dir, number, from, (size_t)end, fold_record, db, report);
	if (st != ST_OK)
		return st;
	pos.end = end > 0 ? end : report->size;
	st = state_db_commit(db, &pos);
	if (st == ST_OK)
		s->folded = pos;
	return st;
}

static enum status remove_log(struct state *s, uint64_t number,
                              const struct state_log_report *report, const struct log *log)
{
	char name[STATE_NAME_MAX], aside[STATE_NAME_MAX * 2];

	state_log_name(number, name);
	if (!state_log_is_damaged(report))
		return unlinkat(s->dir, name, 0) == 0 || errno == ENOENT ? ST_OK : ST_IO;
	if (store_file_set_aside(s->dir, name, aside, sizeof(aside)) != ST_OK)
		return ST_IO;
	log_line(log, LOG_WARN, "state/%s is damaged: what can be read of it is used, it stays as %s",
	         name, aside);
	return ST_OK;
}

static enum status fold_closed(struct state *s, struct state_db *db, uint64_t open_log,
                               const struct log *log)
{
	struct state_log_report report;
	uint64_t *numbers = NULL;
	size_t count = 0;
	enum status st = state_log_list(s->dir, &numbers, &count);

	for (size_t i = 0; i < count && st == ST_OK && numbers[i] < open_log; i++) {
		memset(&report, 0, sizeof(report));
		if (numbers[i] >= s->folded.log)
			st = fold_log(s, db, numbers[i], 0, &report);
		if (st == ST_OK)
			st = remove_log(s, numbers[i], &report, log);
		else if (st == ST_NOTFOUND)
			st = ST_IO; /* it was there a moment ago: look again */
	}
	free(numbers);
	if (st == ST_OK)
		s->folded = (struct state_pos){ open_log, 0 };
	return st;
}

static enum status fold_open(struct state *s, struct state_db *db, const struct state_pos *to)
{
	struct state_log_report report;
	enum status st = fold_log(s, db, to->log, to->end, &report);

	if (st == ST_OK || st == ST_NOTFOUND) {
		s->folded = *to; /* not found: sync_log() has said it */
		s->dirty_ms = 0;
		st = ST_OK;
	}
	return st;
}

/* Of an older version, and no log waits. */
static enum status lift_db(struct state *s, struct state_db *db)
{
	enum status st = state_db_begin(db);

	return st == ST_OK ? state_db_commit(db, &s->folded) : st;
}

static enum status fold(struct state *s, struct state_db *db, const struct state_pos *to,
                        bool open_too, const struct log *log)
{
	enum status st = state_db_open(db, s->db_path);

	if (st == ST_OK && state_db_is_old(db))
		st = lift_db(s, db);
	if (st == ST_OK)
		s->old_db = false;
	if (st == ST_OK && to->log > s->folded.log)
		st = fold_closed(s, db, to->log, log);
	if (st == ST_OK && open_too)
		st = fold_open(s, db, to);
	return st;
}

/* --- a database that went bad while in use --- */

static enum status refill(struct state *s, struct state_db *db, const struct state_map *m)
{
	enum status st = state_db_open(db, s->db_path);
	struct table_at at;

	if (st == ST_OK)
		st = state_db_begin(db);
	for (struct table_node *n = table_first(&m->entries, &at); n && st == ST_OK;
	     n = table_next(&m->entries, &at)) {
		const struct state_map_entry *e = table_entry(n, const struct state_map_entry, node);
		const struct record r = {
			.kind = e->kind,
			.key = e->key,
			.key_len = e->key_len,
			.payload = e->value,
			.payload_len = e->len,
		};

		st = state_db_put(db, &r);
	}
	return st == ST_OK ? state_db_commit(db, &s->folded) : st;
}

static enum status replace_db(struct state *s, struct state_db *db, const struct log *log)
{
	struct state_db_report report;
	char aside[STATE_NAME_MAX], why[STATE_WHY_MAX];
	struct state_pos ignored;
	struct state_map m;
	enum status st;

	memcpy(why, db->why, sizeof(why));
	state_map_init(&m);
	state_db_close(db);
	if (state_db_open(db, s->db_path) == ST_OK)
		state_db_load(db, &m, &ignored, &report);
	state_db_close(db);
	st = store_file_set_aside(s->root, "state.db", aside, sizeof(aside));
	if (st == ST_OK) {
		log_line(log, LOG_ERROR,
		         "%s is damaged (%s): set aside as %s and begun anew with the %zu entries that "
		         "could be read; subscriptions that are missing are learned again from the "
		         "devices, shadows fetched again from the hub",
		         s->db_path, why, aside, m.entries.count);
		st = refill(s, db, &m);
	}
	state_map_fini(&m);
	return st;
}

/* --- rounds --- */

/* Says so when it begins and when it ends. */
static void note(bool *fails, enum status st, const char *what, const char *why,
                 const struct log *log)
{
	if (st != ST_OK && !*fails)
		log_line(log, LOG_ERROR, "%s: %s; tried again every second", what, why);
	else if (st == ST_OK && *fails)
		log_line(log, LOG_NOTE, "%s: works again", what);
	*fails = st != ST_OK;
}

static bool open_is_due(struct state *s, const struct state_pos *to)
{
	if (to->log == s->folded.log && to->end <= s->folded.end)
		return false;
	if (to->end <= RECORD_FILE_BYTES)
		return false;
	if (s->dirty_ms == 0)
		s->dirty_ms = clocks_monotonic_ms();
	return clocks_monotonic_ms() - s->dirty_ms >= s->fold_ms;
}

static enum status sync_to(struct state *s, const struct state_pos *to, const struct log *log)
{
	enum status st;

	if (s->doubt != 0)
		return ST_OK; /* the fold will tell */
	st = sync_logs(s, to, log);
	if (s->doubt == 0)
		note(&s->sync_fails, st, "state cannot be written to the disk", strerror(errno), log);
	return st;
}

enum status state_disk_sync(struct state *s, const struct log *log)
{
	struct state_pos to = state_written(s);

	IN_ROOM(ROOM_DISK);
	return sync_to(s, &to, log);
}

enum status state_disk_run(struct state *s, const struct log *log)
{
	struct state_pos to;
	struct state_db db;
	enum status synced, folded = ST_OK;
	bool open_too;

	IN_ROOM(ROOM_DISK);
	atomic_store(&s->work, false);
	to = state_written(s);
	synced = sync_to(s, &to, log);
	open_too = open_is_due(s, &to) || (s->doubt != 0 && to.end > RECORD_FILE_BYTES);
	if (open_too || s->old_db || to.log > s->folded.log) {
		folded = fold(s, &db, &to, open_too, log);
		if (folded == ST_MALFORMED)
			folded = replace_db(s, &db, log);
		note(&s->fold_fails, folded, s->db_path, db.rc != SQLITE_OK ? db.why : strerror(errno),
		     log);
		state_db_close(&db);
	}
	note_doubt(s, folded, &to, log);
	if (synced == ST_OK && folded == ST_OK && s->doubt == 0)
		return ST_OK;
	return synced == ST_NOMEM || folded == ST_NOMEM ? ST_NOMEM : ST_IO;
}

int64_t state_disk_wait_ms(struct state *s)
{
	struct state_pos to = state_written(s);
	int64_t due_ms;

	IN_ROOM(ROOM_DISK);
	if (s->sync_fails || s->fold_fails || s->doubt != 0)
		return RETRY_MS;
	if (to.log > s->folded.log)
		return 0;
	if (to.end <= s->folded.end || to.end <= RECORD_FILE_BYTES)
		return -1;
	due_ms = s->dirty_ms + s->fold_ms - clocks_monotonic_ms();
	return s->dirty_ms == 0 || due_ms < 0 ? 0 : due_ms;
}
