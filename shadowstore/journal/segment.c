#include "shadowstore/journal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shadowstore/file/store_file.h"

static const char kind[] = "SEG";

void segment_name(uint64_t first_seq, char out[SEGMENT_NAME_MAX])
{
	snprintf(out, SEGMENT_NAME_MAX, "%016" PRIx64 ".seg", first_seq);
}

bool segment_name_parse(const char *name, uint64_t *first_seq)
{
	char again[SEGMENT_NAME_MAX];

	if (strlen(name) != 20)
		return false;
	*first_seq = strtoull(name, NULL, 16);
	segment_name(*first_seq, again);
	return *first_seq != 0 && strcmp(name, again) == 0;
}

/* A link never takes the place of a file that is there. False: no spare, or no links here. */
static bool take_spare(const char *dir, const char *path)
{
	char spare[4200];

	snprintf(spare, sizeof(spare), "%s/" SEGMENT_SPARE, dir);
	return link(spare, path) == 0 && unlink(spare) == 0;
}

void segment_discard(const char *dir, struct segment *s)
{
	char path[4200], name[SEGMENT_NAME_MAX];
	int error = errno;

	segment_name(s->first_seq, name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	segment_free(s);
	errno = error;
}

static enum status segment_new(const char *dir, uint64_t first_seq, int flags, struct segment **out)
{
	char path[4200], name[SEGMENT_NAME_MAX];
	struct segment *s = calloc(1, sizeof(*s));

	if (s)
		s->file = calloc(1, sizeof(*s->file));
	if (!s || !s->file) {
		free(s);
		return ST_NOMEM;
	}
	segment_name(first_seq, name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	s->first_seq = first_seq;
	s->file->refs = 1;
	if (flags & O_CREAT && take_spare(dir, path))
		flags &= ~(O_CREAT | O_EXCL);
	s->file->fd = store_file_open(AT_FDCWD, path, flags);
	if (s->file->fd < 0) {
		int error = errno;

		segment_free(s);
		errno = error;
		return ST_IO;
	}
	*out = s;
	return ST_OK;
}

enum status segment_create(const char *dir, uint64_t first_seq, const uint8_t *boot_id,
                           struct segment **out)
{
	struct record_file header = { .first_seq = first_seq };
	uint8_t bytes[RECORD_FILE_BYTES];
	struct segment *s;
	enum status st = segment_new(dir, first_seq, O_RDWR | O_CREAT | O_EXCL, &s);
	bool broken;

	if (st != ST_OK)
		return segment_no_room(errno) ? ST_NOSPACE : st;
	memcpy(header.kind, kind, sizeof(kind));
	memcpy(header.boot_id, boot_id, sizeof(header.boot_id));
	memcpy(s->boot_id, boot_id, sizeof(s->boot_id));
	record_put_file(&header, bytes);
	st = segment_write(s, bytes, sizeof(bytes), &broken);
	if (st != ST_OK) {
		segment_discard(dir, s);
		return st;
	}
	s->size = s->scanned = sizeof(bytes);
	s->own = true;
	*out = s;
	return ST_OK;
}

enum status segment_open(const char *dir, uint64_t first_seq, struct segment **out, bool *header_ok)
{
	uint8_t bytes[RECORD_FILE_BYTES];
	struct record_file header;
	struct segment *s;
	struct stat info;
	enum status st = segment_new(dir, first_seq, O_RDWR, &s);
	ssize_t n;

	if (st != ST_OK)
		return st;
	n = pread(s->file->fd, bytes, sizeof(bytes), 0);
	if (n < 0 || fstat(s->file->fd, &info) != 0) {
		segment_free(s);
		return ST_IO;
	}
	*header_ok =
		record_get_file(bytes, (size_t)n, kind, &header) == ST_OK && header.first_seq == first_seq;
	if (*header_ok)
		memcpy(s->boot_id, header.boot_id, sizeof(s->boot_id));
	s->size = (uint64_t)info.st_size;
	s->scanned = s->size < RECORD_FILE_BYTES ? s->size : RECORD_FILE_BYTES;
	s->closed = true;
	*out = s;
	return ST_OK;
}

void segment_file_unref(struct segment_file *f)
{
	if (--f->refs > 0)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

void segment_free(struct segment *s)
{
	if (!s)
		return;
	segment_file_unref(s->file);
	free(s->slots);
	free(s);
}

bool segment_no_room(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

enum status segment_write(const struct segment *s, const void *bytes, size_t len, bool *broken)
{
	ssize_t n = pwrite(s->file->fd, bytes, len, (off_t)s->size);
	int error = n < 0 ? errno : ENOSPC; /* a short write: the rest did not fit */

	*broken = false;
	if (n == (ssize_t)len)
		return ST_OK;
	if (n > 0 && ftruncate(s->file->fd, (off_t)s->size) != 0)
		*broken = true;
	errno = error;
	return segment_no_room(error) ? ST_NOSPACE : ST_IO;
}

enum status segment_add_slot(struct segment *s, uint64_t seq, uint64_t offset)
{
	if (s->slot_count == s->slot_size) {
		size_t size = s->slot_size + s->slot_size / 4 + 64;
		struct slot *slots = realloc(s->slots, size * sizeof(*slots));

		if (!slots)
			return ST_NOMEM;
		s->slots = slots;
		s->slot_size = size;
	}
	s->slots[s->slot_count++] = (struct slot){
		.delta = (uint32_t)(seq - s->first_seq),
		.place = (uint32_t)offset & 0x7fffffff,
	};
	return ST_OK;
}

size_t segment_slot_from(const struct segment *s, uint64_t seq)
{
	size_t low = 0, high = s->slot_count;
	uint64_t delta = seq > s->first_seq ? seq - s->first_seq : 0;

	if (delta < high && s->slots[delta].delta == delta) /* none was left out before it */
		return (size_t)delta;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->slots[mid].delta < delta)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct slot *segment_slot(const struct segment *s, uint64_t seq)
{
	size_t at = segment_slot_from(s, seq);

	return seq >= s->first_seq && at < s->slot_count && s->slots[at].delta == seq - s->first_seq
	           ? &s->slots[at]
	           : NULL;
}

void segment_trim(struct segment *s)
{
	struct slot *slots;

	if (s->slot_count == 0 || s->slot_count == s->slot_size)
		return;
	slots = realloc(s->slots, s->slot_count * sizeof(*slots));
	if (!slots)
		return;
	s->slots = slots;
	s->slot_size = s->slot_count;
}

bool segment_find_record(const unsigned char *bytes, size_t len, uint64_t low, uint64_t high,
                         size_t *at)
{
	struct record r;
	size_t size;

	for (; *at + RECORD_HEAD_BYTES <= len; ++*at) {
		uint64_t seq = 0;

		/* Cheap looks first: a checksum at every byte would take a while. */
		if (bytes[*at + 8] != RECORD_MESSAGE)
			continue;
		for (size_t i = 8; i > 0; i--)
			seq = seq << 8 | bytes[*at + RECORD_SEQ_AT + i - 1];
		if (seq >= low && seq <= high && record_decode(bytes + *at, len - *at, &r, &size) == ST_OK)
			return true;
	}
	return false;
}
