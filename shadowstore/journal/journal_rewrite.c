/* A segment's live records in a new file that takes the place of the old one: SEGMENT.tmp, fsync,
 * rename, fsync of the directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "shadowstore/file/store_file.h"
#include "shadowstore/journal/block.h"
#include "shadowstore/journal/journal_disk_impl.h"

struct copy { /* of a segment's live records */
	struct segment *segment;
	struct segment_file *from;
	uint64_t from_size, first_seq;
	uint8_t boot_id[RECORD_BOOT_BYTES];
	struct slot *slots; /* owned: old places, then new ones */
	size_t count;
	size_t waiting;          /* of these, not known to be on the disk */
	bool doubtful;           /* the old file is: what cannot be read of it is gone */
	struct segment_file *to; /* owned */
	uint64_t to_size;
};

static enum status begin_copy(struct journal *j, struct segment *s, struct copy *c)
{
	memset(c, 0, sizeof(*c));
	pthread_mutex_lock(&j->lock);
	c->slots = malloc((s->slot_count + 1) * sizeof(*c->slots));
	for (size_t i = 0; c->slots && i < s->slot_count; i++) {
		if (s->slots[i].ended)
			continue;
		c->slots[c->count++] = s->slots[i];
		c->waiting += s->first_seq + s->slots[i].delta >= s->synced_seq;
	}
	s->busy = c->slots != NULL;
	if (c->slots) {
		c->segment = s;
		c->doubtful = s->suspect;
		c->from = s->file;
		c->from->refs++;
		c->from_size = s->size;
		c->first_seq = s->first_seq;
		memcpy(c->boot_id, s->boot_id, sizeof(c->boot_id));
	}
	pthread_mutex_unlock(&j->lock);
	return c->slots ? ST_OK : ST_NOMEM;
}

static void end_copy(struct journal *j, struct copy *c)
{
	pthread_mutex_lock(&j->lock);
	c->segment->busy = false;
	segment_file_unref(c->from);
	pthread_mutex_unlock(&j->lock);
	if (c->to)
		segment_file_unref(c->to);
	free(c->slots);
}

static enum status write_all(int fd, struct buf *out, uint64_t *at)
{
	ssize_t n = pwrite(fd, out->data, out->len, (off_t)*at);

	if (n != (ssize_t)out->len) {
		errno = n < 0 ? errno : ENOSPC;
		return segment_no_room(errno) ? ST_NOSPACE : ST_IO;
	}
	*at += out->len;
	buf_reset(out);
	return ST_OK;
}

/* A record that cannot be read any more keeps its slot with place 0: loading it says so. A read
 * error may pass, so it ends a copy that can wait. */
static enum status copy_record(struct copy *c, struct slot *slot, struct block *b, struct buf *out)
{
	size_t avail, size = RECORD_HEAD_BYTES;
	const unsigned char *bytes;
	struct record r;
	enum status st;

	if (slot->place < RECORD_FILE_BYTES)
		return ST_OK;
	st = block_read(b, c->from, slot->place, c->from_size, size, &bytes, &avail);
	if (st == ST_OK)
		st = record_decode(bytes, avail, &r, &size);
	if (st == ST_AGAIN) {
		st = block_read(b, c->from, slot->place, c->from_size, size, &bytes, &avail);
		if (st == ST_OK)
			st = record_decode(bytes, avail, &r, &size);
	}
	if (st == ST_NOMEM || (st == ST_IO && !c->doubtful))
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
		st = segment_no_room(errno) ? ST_NOSPACE : ST_IO;
	buf_free(&out);
	block_free(&block);
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
	s->synced_seq = UINT64_MAX; /* all of it */
	s->suspect = false;
	s->trimmed = true;
	pthread_mutex_unlock(&j->lock);
	free(old_slots);
	c->slots = NULL;
	c->to = NULL;
}

static enum status begin_file(struct copy *c, const char *tmp)
{
	c->to = calloc(1, sizeof(*c->to));
	if (!c->to)
		return ST_NOMEM;
	c->to->refs = 1;
	c->to->fd = store_file_create_tmp(AT_FDCWD, tmp);
	if (c->to->fd >= 0)
		return ST_OK;
	return segment_no_room(errno) ? ST_NOSPACE : ST_IO;
}

/* Under its name for good. After a failure the old file may be gone: then only memory knows of the
 * new one, and it stays the one to read. */
static enum status put_in_place(struct journal *j, struct copy *c, const char *tmp,
                                const char *path)
{
	if (rename(tmp, path) != 0)
		return segment_no_room(errno) ? ST_NOSPACE : ST_IO;
	if (journal_sync_dir(j) != ST_OK) {
		pthread_mutex_lock(&j->lock);
		j->dir_dirty = true;
		pthread_mutex_unlock(&j->lock);
	}
	swap(j, c);
	return ST_OK;
}

enum status journal_rewrite(struct journal *j, struct segment *s, uint64_t *count)
{
	char path[PATH_BYTES + 64], tmp[PATH_BYTES + 64], name[SEGMENT_NAME_MAX];
	struct copy c;
	enum status st = begin_copy(j, s, &c);

	if (st != ST_OK)
		return st;
	segment_name(s->first_seq, name);
	snprintf(path, sizeof(path), "%s/%s", j->dir, name);
	snprintf(tmp, sizeof(tmp), "%s/%s.tmp", j->dir, name);
	st = begin_file(&c, tmp);
	if (st == ST_OK)
		st = copy_records(&c);
	if (st == ST_OK)
		st = put_in_place(j, &c, tmp, path);
	if (st != ST_OK) {
		int error = errno;

		unlink(tmp);
		errno = error;
	}
	*count = c.waiting;
	end_copy(j, &c);
	return st;
}
