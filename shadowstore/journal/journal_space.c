/* Room on the disk. The bound on bytes follows the disk when that is smaller, so that a store that
 * drops its oldest messages does it at a bound of its own; and a spare file holds the room of the
 * next segment, or of a compaction, so that a full disk stops neither. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/clocks.h"
#include "core/base/room.h"
#include "core/journal/disk_bound.h"
#include "shadowstore/file/store_file.h"
#include "shadowstore/journal/journal_disk_impl.h"

enum {
	LOOK_MS = 30000, /* between two looks at a disk with plenty of room */
	LOOK_SOON_MS = 1000,
	PLENTY = 2,                /* times max_bytes */
	CALM_MS = 10000,           /* without a refusal: there is room again */
	RESERVED_SEGMENTS = 2,     /* the spare, and a compaction */
	SPARE_BYTES_MAX = 4 << 20, /* of a large segment only the beginning is reserved */
};

/* --- the spare --- */

static void spare_path(const struct journal *j, const char *suffix, char out[PATH_BYTES + 64])
{
	snprintf(out, PATH_BYTES + 64, "%s/" SEGMENT_SPARE "%s", j->dir, suffix);
}

static void make_spare(struct journal *j)
{
	char tmp[PATH_BYTES + 64], path[PATH_BYTES + 64];
	off_t bytes = j->segment_bytes < SPARE_BYTES_MAX ? j->segment_bytes : SPARE_BYTES_MAX;
	bool ok;
	int fd;

	spare_path(j, ".tmp", tmp);
	spare_path(j, "", path);
	fd = store_file_create_tmp(AT_FDCWD, tmp);
	if (fd < 0)
		return;
	ok = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes) == 0;
	close(fd);
	if (!ok || rename(tmp, path) != 0) {
		unlink(tmp); /* no room, or a file system that reserves none: it goes without */
		return;
	}
	pthread_mutex_lock(&j->lock);
	j->spare = true;
	pthread_mutex_unlock(&j->lock);
}

bool journal_space_release(struct journal *j)
{
	char path[PATH_BYTES + 64];
	bool had;

	pthread_mutex_lock(&j->lock);
	had = j->spare;
	j->spare = false;
	pthread_mutex_unlock(&j->lock);
	spare_path(j, "", path);
	return had && unlink(path) == 0;
}

/* --- the bound --- */

struct disk_space {
	uint64_t free, own; /* bytes of the disk; of the segments */
	uint64_t max;       /* what the user allows */
	uint64_t target;    /* what the disk allows */
	uint64_t before;
	uint64_t refused;
	bool squeezed, busy, spare; /* busy: messages were refused lately */
};

/* Until everything of earlier runs was read all of it may be alive. */
static uint64_t live_most(const struct journal *j, uint64_t own)
{
	return j->caught_up ? j->live_bytes : own;
}

static bool look(struct journal *j, int64_t now_ms, struct disk_space *r)
{
	struct statvfs disk;

	if (statvfs(j->dir, &disk) != 0)
		return false;
	*r = (struct disk_space){ .free = (uint64_t)disk.f_bavail * disk.f_frsize };
	pthread_mutex_lock(&j->lock);
	r->max = j->lim.max_bytes;
	for (size_t i = 0; i < j->segment_count; i++)
		r->own += j->segments[i]->size;
	r->before = j->space.target;
	r->target = disk_bound(r->max, r->before, r->own + r->free,
	                       (uint64_t)RESERVED_SEGMENTS * j->segment_bytes);
	r->squeezed =
		disk_bound_squeezes(r->max, r->before, r->target, live_most(j, r->own), j->segment_bytes);
	j->space.target = r->target;
	j->space.squeezed = r->squeezed;
	atomic_store(&j->bound_bytes, r->squeezed ? live_most(j, r->own) : r->target);
	r->refused = j->space.refused;
	r->busy = r->refused > 0 && now_ms - j->space.refused_ms < CALM_MS;
	r->spare = j->spare;
	pthread_mutex_unlock(&j->lock);
	return true;
}

/* --- what the log is told --- */

static void tell_bound(const struct journal *j, const struct disk_space *r, const struct log *log)
{
	if (r->target < r->before)
		log_line(log, LOG_WARN,
		         "%s: store.max_bytes %" PRIu64 " is more than the disk has room for (%" PRIu64
		         " bytes are free, %" PRIu64 " used by messages): at most %" PRIu64
		         " bytes of messages are kept",
		         j->dir, r->max, r->free, r->own, r->target);
	else if (r->target > r->before)
		log_line(log, LOG_NOTE,
		         "%s: %" PRIu64 " bytes are free: at most %" PRIu64 " bytes of messages are kept",
		         j->dir, r->free, r->target);
}

static void tell_full(struct journal *j, const struct disk_space *r, const struct log *log)
{
	struct journal_tidying *tidy = &j->disk->tidy;

	if (r->busy && !tidy->told_full) {
		tidy->told_full = true;
		log_line(log, LOG_ERROR,
		         "%s: no room on the disk (%" PRIu64 " bytes are free, or a quota is used up): new "
		         "messages are refused until there is; none that was accepted is dropped",
		         j->dir, r->free);
	} else if (!r->busy && tidy->told_full) {
		tidy->told_full = false;
		log_line(log, LOG_NOTE,
		         "%s: the disk has room again (%" PRIu64 " bytes are free); %" PRIu64
		         " messages were refused",
		         j->dir, r->free, r->refused - tidy->told_refused);
		tidy->told_refused = r->refused;
	}
}

/* --- the round --- */

static bool is_due(struct journal *j, int64_t now_ms)
{
	const struct journal_tidying *tidy = &j->disk->tidy;
	bool due;

	pthread_mutex_lock(&j->lock);
	due = now_ms >= tidy->look_ms || j->space.wants_spare || j->space.wants_look ||
	      (j->disk_full && !tidy->told_full);
	j->space.wants_spare = j->space.wants_look = false;
	pthread_mutex_unlock(&j->lock);
	return due;
}

void journal_space_run(struct journal *j, const struct log *log)
{
	struct journal_tidying *tidy = &j->disk->tidy;
	int64_t now_ms = clocks_boottime_ms();
	struct disk_space r;
	bool soon;

	if (!is_due(j, now_ms))
		return;
	soon = !look(j, now_ms, &r);
	if (!soon) {
		tell_bound(j, &r, log);
		tell_full(j, &r, log);
		soon = tidy->told_full || r.free < PLENTY * r.max;
		if (!r.spare)
			make_spare(j);
	}
	tidy->look_ms = now_ms + (soon ? LOOK_SOON_MS : LOOK_MS);
}

enum status journal_space_open(struct journal *j, const struct log *log)
{
	char path[PATH_BYTES + 64];

	/* A killed process may have begun to use it. */
	spare_path(j, "", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return store_file_refuse(log, j->dir, SEGMENT_SPARE, "removed");
	j->space.target = j->lim.max_bytes;
	journal_space_run(j, log);
	return ST_OK;
}

int64_t journal_disk_wait_ms(struct journal *j)
{
	int64_t wait_ms = j->disk->tidy.look_ms - clocks_boottime_ms();

	IN_ROOM(ROOM_DISK);
	return wait_ms > 0 ? wait_ms : 0;
}
