/* What must be on the disk by when. A message that waits is synced flush_ms after it was appended;
 * one that ended before that never is. settled_seq walks over what has ended or is on the disk, and
 * stops at the oldest message that is neither: its age says when the next sync is due.
 *
 * A sync that fails leaves nobody knowing what of the file is on the disk: the kernel may have
 * marked pages clean that never got there, and a second sync would succeed without them. So the
 * segment is closed, and what waits in it is written again to a new file. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clocks.h"
#include "core/base/room.h"
#include "shadowstore/journal/journal_disk_impl.h"

enum {
	SYNCS_MAX = 64, /* files of one round */
	RETRY_MIN_MS = 500,
	RETRY_MAX_MS = 5000, /* a disk that works again shall not wait long */
	AGAIN_MS = 20,       /* until the reader has gone through a segment, or BROKER has appended */
	SLOW_MS = 1000,      /* a sync this long is worth a line ... */
	CALM_MS = 60000,     /* ... and none for so long another */
};

void journal_sync_open(struct journal *j)
{
	struct journal_syncing *sync = &j->disk->sync;

	sync->settled_seq = j->scanned_seq;
	if (j->segment_count > 0) { /* a kill may have come before their sync */
		j->marks[0] = (struct time_mark){ sync->settled_seq, clocks_boottime_ms() };
		j->mark_count = 1;
	}
}

/* --- what is settled; under the lock --- */

static uint64_t end_seq(const struct journal *j, size_t index)
{
	return index + 1 < j->segment_count ? j->segments[index + 1]->first_seq : j->next_seq;
}

/* The first sequence at or behind seq, below end, that a sync of s would have to care for. */
static uint64_t first_waiting(const struct journal *j, const struct segment *s, uint64_t seq,
                              uint64_t end)
{
	uint64_t known = s->through || j->scanned_seq > end ? end : j->scanned_seq;
	size_t at;

	if (seq < s->synced_seq)
		seq = s->synced_seq;
	at = segment_slot_from(s, seq);
	while (at < s->slot_count && s->slots[at].ended)
		at++;
	if (at < s->slot_count)
		seq = s->first_seq + s->slots[at].delta;
	else if (seq < known)
		seq = known; /* what has no slot was no message, and what is behind is not read yet */
	return seq < end ? seq : end;
}

static void settle(struct journal *j)
{
	uint64_t *settled = &j->disk->sync.settled_seq;
	uint64_t seq = *settled, found;

	for (size_t i = journal_segment_behind(j, seq); seq < j->next_seq; i++) {
		const struct segment *s = i > 0 ? j->segments[i - 1] : NULL;
		uint64_t end = i > 0                  ? end_seq(j, i - 1)
		               : i < j->segment_count ? j->segments[i]->first_seq
		                                      : j->next_seq;

		found = s ? first_waiting(j, s, seq, end) : end;
		seq = found;
		if (found < end)
			break;
	}
	*settled = seq;
	if (seq >= j->next_seq)
		j->mark_count = 0;
	while (j->mark_count > 1 && j->marks[(j->mark_first + 1) % TIME_MARKS].seq <= seq) {
		j->mark_first = (j->mark_first + 1) % TIME_MARKS;
		j->mark_count--;
	}
}

int64_t journal_sync_wait_ms(struct journal *j)
{
	const struct journal_syncing *sync = &j->disk->sync;
	int64_t due_ms = -1, now_ms = clocks_boottime_ms();

	IN_ROOM(ROOM_DISK);
	pthread_mutex_lock(&j->lock);
	settle(j);
	if (j->mark_count > 0) {
		due_ms = j->marks[j->mark_first].at_ms + j->flush_ms;
		if (due_ms < sync->retry_ms)
			due_ms = sync->retry_ms;
		due_ms = due_ms > now_ms ? due_ms - now_ms : 0;
	}
	pthread_mutex_unlock(&j->lock);
	return due_ms;
}

/* --- one round --- */

struct round {
	struct segment_file *files[SYNCS_MAX]; /* held */
	bool failed[SYNCS_MAX];
	size_t count;
	uint64_t upto;
	bool dir;
	int error; /* errno of the last failure, 0: none */
};

/* What ended is not worth a sync; what the reader has not gone through is all alive. */
static bool has_waiting(const struct journal *j, size_t index)
{
	const struct segment *s = j->segments[index];
	uint64_t end = end_seq(j, index), settled = j->disk->sync.settled_seq;
	uint64_t from = settled > s->first_seq ? settled : s->first_seq;

	return !s->suspect && s->synced_seq < end && first_waiting(j, s, from, end) < end;
}

static void collect(struct journal *j, struct round *r)
{
	*r = (struct round){ .count = 0 };
	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < j->segment_count && r->count < SYNCS_MAX; i++) {
		if (!has_waiting(j, i))
			continue;
		r->files[r->count] = j->segments[i]->file;
		r->files[r->count++]->refs++;
	}
	r->upto = j->next_seq;
	r->dir = j->dir_dirty && r->count > 0;
	if (r->dir)
		j->dir_dirty = false;
	pthread_mutex_unlock(&j->lock);
}

static void sync_files(struct journal *j, struct round *r)
{
	for (size_t i = 0; i < r->count; i++) {
		r->failed[i] = fdatasync(r->files[i]->fd) != 0;
		if (r->failed[i])
			r->error = errno;
	}
	if (r->dir && journal_sync_dir(j) != ST_OK)
		r->error = errno;
	else
		r->dir = false;
}

/* Under the lock. NULL: deleted or written anew meanwhile. */
static struct segment *segment_with(const struct journal *j, const struct segment_file *file)
{
	for (size_t i = 0; i < j->segment_count; i++) {
		if (j->segments[i]->file == file)
			return j->segments[i];
	}
	return NULL;
}

/* Segments whose sync failed hold nothing new from here on. */
static void take_results(struct journal *j, struct round *r)
{
	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < r->count; i++) {
		struct segment *s = segment_with(j, r->files[i]);

		if (s && r->failed[i])
			s->suspect = true;
		else if (s && s->synced_seq < r->upto && !r->dir)
			s->synced_seq = r->upto;
		segment_file_unref(r->files[i]);
	}
	j->dir_dirty |= r->dir;
	j->syncs.done += r->count > 0;
	j->syncs.failures += r->error != 0;
	pthread_mutex_unlock(&j->lock);
}

/* --- segments of which a sync failed --- */

/* ST_OK: *out is one to be written anew, closed and busy; ST_AGAIN: not yet; ST_EMPTY. */
static enum status take_suspect(struct journal *j, struct segment **out)
{
	enum status st = ST_EMPTY;

	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < j->segment_count && st != ST_OK; i++) {
		struct segment *s = j->segments[i];

		if (!s->suspect)
			continue;
		st = ST_AGAIN;
		if (s == j->tail && !j->appending)
			journal_close_tail(j);
		if (!s->closed || s->busy || s->scanned < s->size)
			continue;
		s->busy = true;
		*out = s;
		st = ST_OK;
	}
	pthread_mutex_unlock(&j->lock);
	return st;
}

/* ST_OK: none is left; ST_AGAIN; else as journal_rewrite(). */
static enum status rewrite_suspects(struct journal *j, uint64_t *rewritten)
{
	struct segment *s = NULL;
	enum status st;
	uint64_t count;

	while ((st = take_suspect(j, &s)) == ST_OK) {
		st = journal_rewrite(j, s, &count);
		if (st == ST_NOSPACE && journal_space_release(j))
			continue;
		if (st != ST_OK)
			return st;
		*rewritten += count;
	}
	return st == ST_EMPTY ? ST_OK : st;
}

/* --- what the log is told --- */

static void tell_failed(struct journal *j, const struct log *log, int error)
{
	struct journal_syncing *sync = &j->disk->sync;

	if (!sync->failed)
		log_line(log, LOG_ERROR,
		         "%s: the disk does not sync (%s): it may have lost what it was given; until the "
		         "messages that wait stand in new files, a power cut loses them",
		         j->dir, strerror(error));
	sync->failed = true;
}

static void tell_mended(struct journal *j, const struct log *log)
{
	struct journal_syncing *sync = &j->disk->sync;

	if (sync->mending > 0)
		log_line(log, LOG_NOTE,
		         "%s: %" PRIu64 " messages that waited were written again after the failed sync, "
		         "and are on the disk",
		         j->dir, sync->mending);
	else
		log_line(log, LOG_NOTE, "%s: nothing that waits was lost by the failed sync", j->dir);
	sync->mending = 0;
	sync->failed = false;
	sync->retry_ms = sync->pause_ms = 0;
}

static void tell_time(struct journal *j, const struct log *log, int64_t took_ms, int64_t now_ms)
{
	struct journal_syncing *sync = &j->disk->sync;

	pthread_mutex_lock(&j->lock);
	j->syncs.last_ms = (uint32_t)took_ms;
	if (took_ms > j->syncs.longest_ms)
		j->syncs.longest_ms = (uint32_t)took_ms;
	pthread_mutex_unlock(&j->lock);
	if (took_ms >= SLOW_MS) {
		sync->slow_ms = now_ms;
		if (!sync->slow)
			log_line(log, LOG_WARN,
			         "%s: the disk took %" PRId64 " ms to sync: a power cut may lose what was "
			         "accepted in store.flush_ms %" PRIu32 " ms and two such syncs",
			         j->dir, took_ms, j->flush_ms);
		sync->slow = true;
	} else if (sync->slow && now_ms - sync->slow_ms >= CALM_MS) {
		log_line(log, LOG_NOTE, "%s: the disk syncs in %" PRId64 " ms again", j->dir, took_ms);
		sync->slow = false;
	}
}

/* --- all of it --- */

static void try_later(struct journal_syncing *sync, int64_t now_ms)
{
	int64_t pause_ms = 2 * sync->pause_ms;

	sync->pause_ms = pause_ms < RETRY_MIN_MS   ? RETRY_MIN_MS
	                 : pause_ms > RETRY_MAX_MS ? RETRY_MAX_MS
	                                           : pause_ms;
	sync->retry_ms = now_ms + sync->pause_ms;
}

static void mend(struct journal *j, const struct log *log, int64_t now_ms)
{
	struct journal_syncing *sync = &j->disk->sync;
	uint64_t rewritten = 0;
	enum status st = rewrite_suspects(j, &rewritten);

	pthread_mutex_lock(&j->lock);
	j->syncs.rewritten += rewritten;
	pthread_mutex_unlock(&j->lock);
	sync->mending += rewritten;
	if (st == ST_OK)
		tell_mended(j, log);
	else if (st == ST_AGAIN)
		sync->retry_ms = now_ms + AGAIN_MS;
	else
		try_later(sync, now_ms);
}

void journal_sync_run(struct journal *j, const struct log *log)
{
	struct journal_syncing *sync = &j->disk->sync;
	int64_t start_ms = clocks_boottime_ms(), end_ms;
	struct round r;

	IN_ROOM(ROOM_DISK);
	if (journal_sync_wait_ms(j) != 0)
		return;
	collect(j, &r);
	sync_files(j, &r);
	take_results(j, &r);
	end_ms = clocks_boottime_ms();
	if (r.count > 0)
		tell_time(j, log, end_ms - start_ms, end_ms);
	if (r.error != 0)
		tell_failed(j, log, r.error);
	if (r.dir)
		try_later(sync, end_ms);
	else if (sync->failed)
		mend(j, log, end_ms);
}

void journal_sync_all(struct journal *j)
{
	struct round r;

	IN_ROOM(ROOM_DISK);
	collect(j, &r);
	sync_files(j, &r);
	take_results(j, &r);
}
