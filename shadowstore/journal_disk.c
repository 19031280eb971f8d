/* What may take its time: sync, delete, compact. */
#include "shadowstore/journal_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shadowstore/journal_impl.h"
#include "shadowstore/store_file.h"

enum {
	COMPACT_DEAD_MIN = 64 << 10, /* less is not worth a file */
	SYNCS_MAX = 64,              /* files of one round */
};

void journal_disk_wake(struct journal *j, void (*wake)(void *ctx), void *ctx)
{
	j->wake = wake;
	j->wake_ctx = ctx;
}

static void path_of(const struct journal *j, const struct segment *s, const char *suffix,
                    char out[PATH_BYTES + 64])
{
	char name[SEGMENT_NAME_MAX];

	segment_name(s->first_seq, name);
	snprintf(out, PATH_BYTES + 64, "%s/%s%s", j->dir, name, suffix);
}

static void unref(struct journal *j, struct segment_file *f)
{
	pthread_mutex_lock(&j->lock);
	segment_file_unref(f);
	pthread_mutex_unlock(&j->lock);
}

static enum status sync_dir(const struct journal *j)
{
	int fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum status st;

	if (fd < 0)
		return ST_IO;
	st = fsync(fd) == 0 ? ST_OK : ST_IO;
	close(fd);
	return st;
}

/* --- sync --- */

static enum status sync_segments(struct journal *j)
{
	struct segment_file *files[SYNCS_MAX];
	size_t count = 0;
	bool dir;
	enum status st = ST_OK;

	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < j->segment_count && count < SYNCS_MAX; i++) {
		struct segment *s = j->segments[i];

		if (!s->dirty)
			continue;
		s->dirty = false;
		s->file->refs++;
		files[count++] = s->file;
	}
	dir = j->dir_dirty;
	j->dir_dirty = false;
	pthread_mutex_unlock(&j->lock);
	for (size_t i = 0; i < count; i++) {
		if (fdatasync(files[i]->fd) != 0)
			st = ST_IO;
		unref(j, files[i]);
	}
	if (dir && sync_dir(j) != ST_OK)
		st = ST_IO;
	return st;
}

/* --- delete --- */

/* Takes one dead segment out of the list; NULL: none. */
static struct segment *take_dead(struct journal *j)
{
	struct segment *dead = NULL;
	size_t i;

	pthread_mutex_lock(&j->lock);
	for (i = 0; i < j->segment_count; i++)
		if (j->segments[i]->through && j->segments[i]->live == 0)
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
		char path[PATH_BYTES + 64];

		path_of(j, s, "", path);
		unlink(path);
		pthread_mutex_lock(&j->lock); /* a reader may hold the file */
		segment_free(s);
		pthread_mutex_unlock(&j->lock);
	}
}

/* --- compact --- */

struct copy { /* of a segment's live records */
	struct segment *segment;
	struct segment_file *from;
	uint64_t from_size, first_seq;
	uint8_t boot_id[RECORD_BOOT_BYTES];
	struct slot *slots; /* owned: old places, then new ones */
	size_t count;
	struct segment_file *to; /* owned */
	uint64_t to_size;
};

static bool mostly_dead(const struct segment *s)
{
	uint64_t live = s->live_bytes + RECORD_FILE_BYTES;

	return s->through && s->live > 0 && live < s->size / 2 && s->size - live >= COMPACT_DEAD_MIN;
}

/* ST_OK: *c is begun; ST_EMPTY: nothing to compact. */
static enum status begin_copy(struct journal *j, struct copy *c)
{
	struct segment *s = NULL;
	enum status st = ST_EMPTY;

	memset(c, 0, sizeof(*c));
	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < j->segment_count && !s; i++)
		s = mostly_dead(j->segments[i]) ? j->segments[i] : NULL;
	if (s) {
		c->slots = malloc((s->slot_count + 1) * sizeof(*c->slots));
		st = c->slots ? ST_OK : ST_NOMEM;
	}
	for (size_t i = 0; st == ST_OK && i < s->slot_count; i++) {
		if (!s->slots[i].ended)
			c->slots[c->count++] = s->slots[i];
	}
	if (st == ST_OK) {
		c->segment = s;
		c->from = s->file;
		c->from->refs++;
		c->from_size = s->size;
		c->first_seq = s->first_seq;
		memcpy(c->boot_id, s->boot_id, sizeof(c->boot_id));
	}
	pthread_mutex_unlock(&j->lock);
	return st;
}

static enum status write_all(int fd, struct buf *out, uint64_t *at)
{
	ssize_t n = pwrite(fd, out->data, out->len, (off_t)*at);

	if (n != (ssize_t)out->len) {
		errno = n < 0 ? errno : ENOSPC;
		return ST_IO;
	}
	*at += out->len;
	buf_reset(out);
	return ST_OK;
}

/* A record that cannot be read any more keeps its slot with place 0: loading it says so. */
static enum status copy_record(struct copy *c, struct slot *slot, struct block *b, struct buf *out)
{
	size_t avail, size = RECORD_HEAD_BYTES;
	const unsigned char *bytes;
	struct record r;
	enum status st;

	if (slot->place < RECORD_FILE_BYTES)
		return ST_OK;
	st = block_get(b, c->from, slot->place, c->from_size, size, &bytes, &avail);
	if (st == ST_OK)
		st = record_decode(bytes, avail, &r, &size);
	if (st == ST_AGAIN) {
		st = block_get(b, c->from, slot->place, c->from_size, size, &bytes, &avail);
		if (st == ST_OK)
			st = record_decode(bytes, avail, &r, &size);
	}
	if (st == ST_NOMEM)
		return st;
	if (st != ST_OK) {
		slot->place = 0;
		return ST_OK;
	}
	if (out->len >= BLOCK_BYTES) {
		st = write_all(c->to->fd, out, &c->to_size);
		if (st != ST_OK)
			return st;
	}
	slot->place = (uint32_t)(c->to_size + out->len) & 0x7fffffff;
	return buf_add(out, bytes, size);
}

static enum status copy_records(struct copy *c)
{
	struct record_file header = { .kind = "SEG", .first_seq = c->first_seq };
	struct buf out = BUF_MAX(BLOCK_BYTES + RECORD_BYTES_MAX);
	struct block block = { .file_id = 0 };
	uint8_t bytes[RECORD_FILE_BYTES];
	enum status st;

	memcpy(header.boot_id, c->boot_id, sizeof(header.boot_id));
	record_put_file(&header, bytes);
	st = buf_add(&out, bytes, sizeof(bytes));
	for (size_t i = 0; i < c->count && st == ST_OK; i++)
		st = copy_record(c, &c->slots[i], &block, &out);
	if (st == ST_OK)
		st = write_all(c->to->fd, &out, &c->to_size);
	if (st == ST_OK && fsync(c->to->fd) != 0)
		st = ST_IO;
	buf_free(&out);
	free(block.data);
	return st;
}

/* What ended while it was copied has ended in the copy too. Only DISK takes segments away, so it is
 * still in the list. */
static void swap(struct journal *j, struct copy *c)
{
	struct segment *s = c->segment;
	struct slot *old_slots;

	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < c->count; i++) {
		const struct slot *old = segment_slot(s, s->first_seq + c->slots[i].delta);

		c->slots[i].ended = old ? old->ended : 1;
	}
	old_slots = s->slots;
	c->to->id = ++j->next_file_id;
	segment_file_unref(s->file);
	s->file = c->to;
	s->slots = c->slots;
	s->slot_count = s->slot_size = c->count;
	s->size = s->scanned = c->to_size;
	j->dir_dirty = true;
	pthread_mutex_unlock(&j->lock);
	free(old_slots);
	c->slots = NULL;
	c->to = NULL;
}

static enum status compact_one(struct journal *j)
{
	char path[PATH_BYTES + 64], tmp[PATH_BYTES + 64];
	struct copy c;
	enum status st = begin_copy(j, &c);

	if (st != ST_OK)
		return st;
	path_of(j, c.segment, "", path);
	path_of(j, c.segment, ".tmp", tmp);
	c.to = calloc(1, sizeof(*c.to));
	st = c.to ? ST_OK : ST_NOMEM;
	if (st == ST_OK) {
		c.to->refs = 1;
		c.to->fd = store_file_create_tmp(AT_FDCWD, tmp);
		st = c.to->fd < 0 ? ST_IO : copy_records(&c);
	}
	if (st == ST_OK && rename(tmp, path) != 0)
		st = ST_IO;
	if (st == ST_OK)
		swap(j, &c);
	else
		unlink(tmp);
	unref(j, c.from);
	if (c.to)
		segment_file_unref(c.to);
	free(c.slots);
	return st;
}

/* --- the round --- */

static void tell(const struct log *log, bool *failed, enum status st, const char *what,
                 const char *dir)
{
	if (st == ST_IO && !*failed)
		log_line(log, LOG_ERROR, "%s: %s: %s; tried again", dir, what, strerror(errno));
	else if (st == ST_OK && *failed)
		log_line(log, LOG_NOTE, "%s: %s: works again", dir, what);
	*failed = st == ST_IO;
}

enum status journal_disk_run(struct journal *j, const struct log *log)
{
	enum status sync, compact;

	/* First the flag, then the work: what comes in between wakes us once more. */
	atomic_store(&j->work, false);
	delete_dead(j);
	sync = sync_segments(j);
	tell(log, &j->sync_failed, sync, "messages cannot be synced to the disk", j->dir);
	do {
		compact = compact_one(j);
	} while (compact == ST_OK);
	compact = compact == ST_EMPTY ? ST_OK : compact;
	tell(log, &j->compact_failed, compact, "a segment cannot be compacted", j->dir);
	return sync == ST_IO || compact == ST_IO ? ST_IO : ST_OK;
}
