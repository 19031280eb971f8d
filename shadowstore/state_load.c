#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shadowstore/state_impl.h"

#define DB_NAME "state.db"

static bool db_is_there(const struct state *s)
{
	struct stat st;

	return fstatat(s->root, DB_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* --- the database --- */

/* Where only trying again helps. Everything else makes the database useless, and the broker is not
 * to stay down for that. */
static bool is_passing(const struct state_db *db)
{
	int rc = db->rc & 0xff;

	return rc == SQLITE_NOMEM || rc == SQLITE_BUSY || rc == SQLITE_LOCKED || rc == SQLITE_FULL;
}

static enum status refuse_db(struct state *s, const struct state_db *db, size_t kept,
                             const struct log *log)
{
	char aside[STATE_NAME_MAX];
	enum status st;

	if (is_passing(db)) {
		log_line(log, LOG_ERROR, "%s: %s", s->db_path, db->why);
		errno = (db->rc & 0xff) == SQLITE_FULL ? ENOSPC : EBUSY;
		return db->rc == SQLITE_NOMEM ? ST_NOMEM : ST_IO;
	}
	st = state_set_aside(s->root, DB_NAME, aside, sizeof(aside));
	if (st != ST_OK)
		return st;
	log_line(
		log, LOG_ERROR,
		"%s is damaged (%s): set aside as %s and begun anew with the %zu entries that could be "
		"read; subscriptions that are missing are learned again from the devices, shadows "
		"fetched again from the hub",
		s->db_path, db->why, aside, kept);
	return ST_OK;
}

static enum status load_db(struct state *s, struct state_map *m, const struct log *log,
                           bool *rebuild)
{
	struct state_db_report report = { 0 };
	struct state_db db;
	enum status st;

	if (!db_is_there(s))
		return ST_OK;
	st = state_db_open(&db, s->db_path);
	if (st == ST_OK)
		st = state_db_load(&db, m, &s->folded, &report);
	state_db_close(&db);
	s->damaged |= report.damaged > 0;
	if (report.damaged > 0)
		log_line(log, LOG_ERROR,
		         "%s: %zu of %zu entries are damaged and not used; subscriptions are learned again "
		         "from the devices, shadows fetched again from the hub",
		         s->db_path, report.damaged, report.rows);
	if (st == ST_OK || st == ST_NOMEM)
		return st;
	*rebuild = true;
	s->damaged = true;
	return refuse_db(s, &db, m->entries.count, log);
}

/* --- the logs --- */

static enum status replay(void *ctx, const struct record *r)
{
	struct state_map *m = ctx;
	const void *value = r->flags & RECORD_DELETED ? NULL : r->payload;

	return state_map_put(m, r->kind, r->key, r->key_len, value, r->payload_len);
}

static void tell(const struct log *log, uint64_t number, const struct state_log_report *report)
{
	char name[STATE_NAME_MAX];

	state_log_name(number, name);
	if (state_log_is_damaged(report))
		log_line(log, LOG_ERROR,
		         "state/%s is damaged (%s, %zu bytes not readable): the %zu changes that can be "
		         "read are used",
		         name, report->alien ? "of another version" : "checksums do not fit",
		         report->skipped + report->torn, report->records);
	else if (report->torn > 0)
		log_line(log, LOG_WARN,
		         "state/%s: the last %zu bytes are not a whole change and not used; the %zu before "
		         "are",
		         name, report->torn, report->records);
}

static enum status load_log(struct state *s, struct state_map *m, uint64_t number,
                            const struct log *log)
{
	struct state_log_report report;
	size_t from = number == s->folded.log ? (size_t)s->folded.end : 0;
	enum status st;

	if (number < s->folded.log) {
		char name[STATE_NAME_MAX];

		/* Folded; the end came between that and its deletion. */
		state_log_name(number, name);
		unlinkat(s->dir, name, 0);
		return ST_OK;
	}
	st = state_log_read(s->dir, number, from, 0, replay, m, &report);
	s->damaged |= st == ST_OK && state_log_is_damaged(&report);
	if (st == ST_OK)
		tell(log, number, &report);
	return st;
}

enum status state_load(struct state *s, struct state_map *m, const struct log *log, bool *rebuild)
{
	uint64_t *numbers = NULL;
	size_t count = 0;
	enum status st = load_db(s, m, log, rebuild);

	if (st == ST_OK)
		st = state_log_list(s->dir, &numbers, &count);
	if (st != ST_OK)
		return st;
	s->tail.log = s->folded.log;
	for (size_t i = 0; i < count && st == ST_OK; i++) {
		st = load_log(s, m, numbers[i], log);
		if (numbers[i] > s->tail.log)
			s->tail.log = numbers[i];
	}
	free(numbers);
	s->tail = (struct state_pos){ s->tail.log + 1, 0 };
	return st;
}
