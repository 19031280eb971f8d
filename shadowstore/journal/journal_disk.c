/* What may take its time: delete, compact, give room back. */
#include "shadowstore/journal/journal_disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/room.h"
#include "shadowstore/journal/journal_disk_impl.h"

enum {
	COMPACT_DEAD_MIN = 64 << 10, /* less is not worth a file */
};

void journal_disk_wake(struct journal *j, const struct journal_wakes *wakes)
{
	static const struct journal_wakes none;

	j->wakes = wakes ? *wakes : none;
}

enum status journal_disk_open(struct journal *j, const struct log *log)
{
	j->disk = calloc(1, sizeof(*j->disk));
	if (!j->disk)
		return ST_NOMEM;
	journal_sync_open(j);
	return journal_space_open(j, log);
}

void journal_disk_close(struct journal *j)
{
	free(j->disk);
	j->disk = NULL;
}

/* --- delete --- */

/* Takes one dead segment out of the list; NULL: none. */
static struct segment *take_dead(struct journal *j)
{
	struct segment *dead = NULL;
	size_t i;

	pthread_mutex_lock(&j->lock);
	for (i = 0; i < j->segment_count; i++)
		if (j->segments[i]->through && j->segments[i]->live == 0 && !j->segments[i]->busy)
			break;
	if (i < j->segment_count) {
		dead = j->segments[i];
		j->segment_count--;
		memmove(&j->segments[i], &j->segments[i + 1],
		        (j->segment_count - i) * sizeof(struct segment *));
		j->dir_dirty = true;
		j->live_bytes -= dead->live_bytes < j->live_bytes ? dead->live_bytes : j->live_bytes;
	}
	pthread_mutex_unlock(&j->lock);
	return dead;
}

static void delete_dead(struct journal *j)
{
	struct segment *s;

	while ((s = take_dead(j)) != NULL) {
		char path[PATH_BYTES + 64], name[SEGMENT_NAME_MAX];

		segment_name(s->first_seq, name);
		snprintf(path, sizeof(path), "%s/%s", j->dir, name);
		unlink(path);
		pthread_mutex_lock(&j->lock); /* a reader may hold the file */
		segment_free(s);
		pthread_mutex_unlock(&j->lock);
	}
}

/* --- room beyond the end of closed segments --- */

/* Under the lock. NULL: none. */
static struct segment *find_untrimmed(const struct journal *j)
{
	for (size_t i = 0; i < j->segment_count; i++) {
		if (j->segments[i]->closed && !j->segments[i]->trimmed)
			return j->segments[i];
	}
	return NULL;
}

/* NULL: none. The caller gives the file back. */
static struct segment_file *take_untrimmed(struct journal *j, uint64_t *size)
{
	struct segment_file *file = NULL;
	struct segment *s;

	pthread_mutex_lock(&j->lock);
	s = j->trim ? find_untrimmed(j) : NULL;
	j->trim = s != NULL;
	if (s) {
		s->trimmed = true;
		file = s->file;
		file->refs++;
		*size = s->size;
	}
	pthread_mutex_unlock(&j->lock);
	return file;
}

static void trim_closed(struct journal *j)
{
	struct segment_file *file;
	uint64_t size = 0;

	while ((file = take_untrimmed(j, &size)) != NULL) {
		/* What is not given back is missing to others, and no more. */
		(void)!ftruncate(file->fd, (off_t)size);
		pthread_mutex_lock(&j->lock);
		segment_file_unref(file);
		pthread_mutex_unlock(&j->lock);
	}
}

/* --- compact --- */

static bool mostly_dead(const struct segment *s)
{
	uint64_t live = s->live_bytes + RECORD_FILE_BYTES;

	return s->through && !s->busy && !s->suspect && s->live > 0 && live < s->size / 2 &&
	       s->size - live >= COMPACT_DEAD_MIN;
}

/* NULL: none. Busy from here on, as only DISK's other thread would change it. */
static struct segment *take_mostly_dead(struct journal *j)
{
	struct segment *s = NULL;

	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < j->segment_count && !s; i++)
		s = mostly_dead(j->segments[i]) ? j->segments[i] : NULL;
	if (s)
		s->busy = true;
	pthread_mutex_unlock(&j->lock);
	return s;
}

/* ST_EMPTY: nothing to compact. Without room the spare's is used, in another round. */
static enum status compact_one(struct journal *j)
{
	struct segment *s = take_mostly_dead(j);
	uint64_t count;
	enum status st;

	if (!s)
		return ST_EMPTY;
	st = journal_rewrite(j, s, &count);
	return st == ST_NOSPACE && journal_space_release(j) ? ST_OK : st;
}

/* --- the round --- */

static void tell(const struct log *log, bool *failed, enum status st, const char *dir)
{
	bool fails = st == ST_IO || st == ST_NOSPACE;
	int error = errno;

	if (fails && !*failed)
		log_line(log, LOG_ERROR, "%s: a segment cannot be compacted: %s; tried again", dir,
		         strerror(error));
	else if (st == ST_OK && *failed)
		log_line(log, LOG_NOTE, "%s: compacting works again", dir);
	*failed = fails;
}

enum status journal_disk_run(struct journal *j, const struct log *log)
{
	enum status st;

	IN_ROOM(ROOM_DISK);
	delete_dead(j);
	trim_closed(j);
	do {
		st = compact_one(j);
	} while (st == ST_OK);
	st = st == ST_EMPTY ? ST_OK : st;
	tell(log, &j->disk->tidy.compact_failed, st, j->dir);
	journal_space_run(j, log);
	return st == ST_OK || st == ST_NOMEM ? ST_OK : ST_IO;
}
