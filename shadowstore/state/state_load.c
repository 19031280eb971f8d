#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shadowstore/file/store_file.h"
#include "shadowstore/file/store_upgrade.h"
#include "shadowstore/state/state_impl.h"

#define DB_NAME "state.db"

/* --- the database --- */

/* What can be read and makes no sense is useless, and the broker is not to stay down for that. What
 * cannot be read now (a disk error, missing rights, a lock, no memory) is not replaced. */
static enum status refuse_db(struct state *s, const struct state_db *db, enum status st,
                             size_t kept, const struct log *log)
{
	char aside[STATE_NAME_MAX];

	if (st == ST_IO) {
		log_line(log, LOG_ERROR, "not started: %s cannot be read: %s", s->db_path, db->why);
		errno = (db->rc & 0xff) == SQLITE_FULL ? ENOSPC : EIO;
		return st;
	}
	if (store_file_set_aside(s->root, DB_NAME, aside, sizeof(aside)) != ST_OK)
		return store_file_refuse(log, s->db_path, NULL, "set aside");
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

	st = store_file_check(s->root, DB_NAME);
	if (st != ST_OK)
		return st == ST_NOTFOUND ? ST_OK : store_file_refuse(log, s->db_path, NULL, "read");
	st = state_db_open(&db, s->db_path);
	if (st == ST_OK)
		st = state_db_load(&db, m, &s->folded, &report);
	s->old_db = st == ST_OK && state_db_is_old(&db);
	state_db_close(&db);
	s->damaged |= report.damaged > 0;
	if (report.damaged > 0)
		log_line(log, LOG_ERROR,
		         "%s: %zu of %zu entries are damaged and not used; subscriptions are learned again "
		         "from the devices, shadows fetched again from the hub",
		         s->db_path, report.damaged, report.rows);
	if (st == ST_OK || st == ST_NOMEM)
		return st;
	*rebuild = s->damaged = st == ST_MALFORMED;
	return refuse_db(s, &db, st, m->entries.count, log);
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

/* name NULL: the folder itself. */
static enum status refuse_log(const struct state *s, const char *name, const struct log *log)
{
	int error = errno;
	char *folder = strdup(s->db_path);
	char *end = folder ? strrchr(folder, '.') : NULL; /* DIR/state.db and DIR/state */

	if (end)
		*end = '\0';
	errno = error;
	store_file_refuse(log, folder ? folder : "state", name, "read");
	free(folder);
	errno = error;
	return ST_IO;
}

static enum status load_log(struct state *s, struct state_map *m, uint64_t number,
                            const struct log *log)
{
	struct state_log_report report;
	size_t from = number == s->folded.log ? (size_t)s->folded.end : 0;
	char name[STATE_NAME_MAX];
	enum status st;

	state_log_name(number, name);
	if (store_file_check(s->dir, name) == ST_IO)
		return refuse_log(s, name, log);
	if (number < s->folded.log) {
		/* Folded; the end came between that and its deletion. */
		unlinkat(s->dir, name, 0);
		return ST_OK;
	}
	st = state_log_read(s->dir, number, from, 0, replay, m, &report);
	s->damaged |= st == ST_OK && state_log_is_damaged(&report);
	if (st == ST_OK)
		tell(log, number, &report);
	return st == ST_IO || st == ST_NOTFOUND ? refuse_log(s, name, log) : st;
}

static bool is_nobodys(const struct state *s, uint64_t number, const struct log *log)
{
	char name[STATE_NAME_MAX];

	if (number <= s->tail.log || number - s->tail.log < STATE_LOG_STEP)
		return false;
	state_log_name(number, name);
	log_line(log, LOG_WARN, "state/%s: no log can have that number; it is not used", name);
	return true;
}

static enum status upgrade_logs(const struct state *s, const struct log *log)
{
	char *folder = strndup(s->db_path, strlen(s->db_path) - strlen(".db")); /* DIR/state */
	enum status st = folder ? store_upgrade(s->dir, folder, state_log_is_name, log) : ST_NOMEM;
	int error = errno;

	free(folder);
	errno = error;
	return st;
}

enum status state_load(struct state *s, struct state_map *m, const struct log *log, bool *rebuild)
{
	uint64_t *numbers = NULL;
	size_t count = 0;
	enum status st = load_db(s, m, log, rebuild);

	if (st == ST_OK)
		st = upgrade_logs(s, log);
	if (st != ST_OK)
		return st;
	st = state_log_list(s->dir, &numbers, &count);
	if (st == ST_IO)
		return refuse_log(s, NULL, log);
	if (st != ST_OK)
		return st;
	s->tail.log = s->folded.log;
	for (size_t i = 0; i < count && st == ST_OK; i++) {
		if (is_nobodys(s, numbers[i], log))
			continue;
		st = load_log(s, m, numbers[i], log);
		if (numbers[i] > s->tail.log)
			s->tail.log = numbers[i];
	}
	free(numbers);
	s->tail = (struct state_pos){ s->tail.log + 1, 0 };
	return st;
}
