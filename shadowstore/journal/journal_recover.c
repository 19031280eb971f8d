/* What earlier runs left: the list of segments, what of it ended, and the next sequence. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shadowstore/file/store_file.h"
#include "shadowstore/file/store_upgrade.h"
#include "shadowstore/journal/block.h"
#include "shadowstore/journal/journal_impl.h"

enum {
	SEGMENT_FILE_MAX = 128 << 20, /* of one that is read */
};

/* --- the directory --- */

struct opening {
	struct journal *j;
	const struct log *log;
	int dir;
	bool refused;       /* it was logged why */
	struct block block; /* of the newest segment */
};

/* An error is never taken for an end: what cannot be read may be read tomorrow, so nothing is
 * begun in its place. */
static enum status refuse(struct opening *o, const char *name, const char *done)
{
	o->refused = true;
	return store_file_refuse(o->log, o->j->dir, name, done);
}

static enum status remove_file(struct opening *o, const char *name)
{
	o->j->dir_dirty = true;
	return unlinkat(o->dir, name, 0) == 0 || errno == ENOENT ? ST_OK : refuse(o, name, "removed");
}

/* What a compaction or a renewal that was cut short has left. */
static bool is_our_tmp(const char *name)
{
	size_t len = strlen(name), stem = len - strlen(".tmp");
	char segment[SEGMENT_NAME_MAX];
	uint64_t ignored;

	if (len <= strlen(".tmp") || stem >= sizeof(segment) || strcmp(name + stem, ".tmp") != 0)
		return false;
	memcpy(segment, name, stem);
	segment[stem] = '\0';
	return strcmp(segment, "acks") == 0 || segment_name_parse(segment, &ignored);
}

static enum status take_segment(struct opening *o, const char *name, uint64_t first_seq)
{
	struct segment *s = NULL;
	bool header_ok;
	enum status st = segment_open(o->j->dir, first_seq, &s, &header_ok);

	if (st != ST_OK)
		return st == ST_IO ? refuse(o, name, "read") : st;
	if (!header_ok)
		log_line(o->log, LOG_WARN, "%s/%s has a damaged header; what can be read behind it is used",
		         o->j->dir, name);
	if (s->size > SEGMENT_FILE_MAX) {
		log_line(o->log, LOG_WARN, "%s/%s is longer than any segment; its end is not used",
		         o->j->dir, name);
		s->size = SEGMENT_FILE_MAX;
	}
	st = journal_add_segment(o->j, s);
	if (st != ST_OK)
		segment_free(s);
	return st;
}

static enum status take_file(void *ctx, const char *name)
{
	struct opening *o = ctx;
	uint64_t first_seq;

	if (is_our_tmp(name))
		return remove_file(o, name);
	if (!segment_name_parse(name, &first_seq))
		return ST_OK;
	if (first_seq <= RECORD_SEQ_MAX)
		return take_segment(o, name, first_seq);
	log_line(o->log, LOG_WARN, "%s/%s: no segment can have that number; it is not used", o->j->dir,
	         name);
	return ST_OK;
}

static bool holds_records(const char *name)
{
	uint64_t ignored;

	return strcmp(name, "acks") == 0 || segment_name_parse(name, &ignored);
}

static int by_first_seq(const void *a, const void *b)
{
	const struct segment *const *x = a, *const *y = b;

	return (*x)->first_seq < (*y)->first_seq ? -1 : (*x)->first_seq > (*y)->first_seq;
}

static enum status list_segments(struct opening *o)
{
	struct journal *j = o->j;
	enum status st = store_file_list(o->dir, take_file, o);

	if (st == ST_IO && !o->refused)
		return refuse(o, NULL, "read");
	if (st == ST_OK && j->segment_count > 0)
		qsort(j->segments, j->segment_count, sizeof(struct segment *), by_first_seq);
	return st;
}

/* --- the newest segment --- */

struct tail {
	uint64_t last_seq; /* 0: no record */
	uint64_t end;      /* bytes up to the end of the last whole record */
};

static enum status find_tail(struct block *b, const struct segment *s, struct tail *out)
{
	uint64_t at = RECORD_FILE_BYTES, high = s->first_seq + SEGMENT_SEQS_MAX;
	const unsigned char *bytes;
	size_t avail, pos, size;
	struct record r;
	enum status st;

	*out = (struct tail){ 0, RECORD_FILE_BYTES };
	while (at < s->size) {
		st = block_read(b, s->file, at, s->size, 2 * (size_t)RECORD_BYTES_MAX, &bytes, &avail);
		if (st != ST_OK)
			return st;
		pos = 0;
		while (segment_find_record(bytes, avail, s->first_seq, high, &pos) &&
		       record_decode(bytes + pos, avail - pos, &r, &size) == ST_OK) {
			pos += size;
			out->end = at + pos;
			if (r.seq > out->last_seq)
				out->last_seq = r.seq;
		}
		/* A record may begin in this block and end in the next. */
		if (at + avail >= s->size)
			break;
		at = out->end > at ? out->end : at + avail - RECORD_BYTES_MAX;
	}
	return ST_OK;
}

/* What a crash leaves of a segment that was just begun: a piece of a header, or one with zeros
 * behind it. A header that is good says up to where numbers were given away: *first_seq, else 0. */
static enum status holds_nothing(struct block *b, const struct segment *s, bool *out,
                                 uint64_t *first_seq)
{
	struct record_file header;
	const unsigned char *bytes;
	size_t avail, skip;
	enum status st;

	*out = true;
	*first_seq = 0;
	if (s->size < RECORD_FILE_BYTES)
		return ST_OK;
	for (uint64_t at = 0; at < s->size && *out; at += avail) {
		st = block_read(b, s->file, at, s->size, RECORD_FILE_BYTES, &bytes, &avail);
		if (st != ST_OK)
			return st;
		skip = 0;
		if (at == 0 && record_get_file(bytes, avail, "SEG", &header) == ST_OK &&
		    header.first_seq == s->first_seq) {
			skip = RECORD_FILE_BYTES;
			*first_seq = s->first_seq;
		}
		*out = store_file_is_blank(bytes + skip, avail - skip);
	}
	return ST_OK;
}

static enum status set_newest_aside(struct opening *o, const char *name)
{
	char aside[SEGMENT_NAME_MAX * 2];

	if (store_file_set_aside(o->dir, name, aside, sizeof(aside)) != ST_OK)
		return refuse(o, name, "set aside");
	o->j->dir_dirty = true;
	log_line(o->log, LOG_ERROR,
	         "%s/%s holds bytes and no message that can be read: set aside as %s; messages that "
	         "were in it are lost",
	         o->j->dir, name, aside);
	return ST_OK;
}

/* The newest segment, without a record that can be read. */
static enum status leave_newest(struct opening *o, const char *name)
{
	struct journal *j = o->j;
	struct segment *s = j->segments[j->segment_count - 1];
	uint64_t first_seq;
	bool nothing;
	enum status st = holds_nothing(&o->block, s, &nothing, &first_seq);

	if (st != ST_OK)
		return st == ST_IO ? refuse(o, name, "read") : st;
	st = nothing ? remove_file(o, name) : set_newest_aside(o, name);
	if (first_seq > j->next_seq)
		j->next_seq = first_seq;
	j->segment_count--;
	segment_free(s);
	return st;
}

static enum status cut_tail(struct opening *o, struct segment *s, const char *name, uint64_t end)
{
	log_line(o->log, LOG_WARN, "%s/%s: cut %" PRIu64 " bytes that were not written whole",
	         o->j->dir, name, s->size - end);
	if (ftruncate(s->file->fd, (off_t)end) != 0)
		return refuse(o, name, "cut");
	s->size = end;
	return ST_OK;
}

/* Looks at the newest segment that has a record, cuts what a power cut left half written, and
 * learns the next sequence. */
static enum status read_tail(struct opening *o)
{
	struct journal *j = o->j;
	struct tail tail = { 0, 0 };
	enum status st = ST_OK;

	while (j->segment_count > 0 && tail.last_seq == 0 && st == ST_OK) {
		struct segment *s = j->segments[j->segment_count - 1];
		char name[SEGMENT_NAME_MAX];

		segment_name(s->first_seq, name);
		st = find_tail(&o->block, s, &tail);
		if (st == ST_IO)
			return refuse(o, name, "read");
		if (st == ST_OK && tail.last_seq == 0)
			st = leave_newest(o, name);
		else if (st == ST_OK && tail.end < s->size)
			st = cut_tail(o, s, name, tail.end);
	}
	if (tail.last_seq >= j->next_seq)
		j->next_seq = tail.last_seq + 1;
	return st;
}

static enum status read_all(struct journal *j, const struct log *log)
{
	struct opening o = { .j = j, .log = log, .dir = store_file_dir(AT_FDCWD, j->dir) };
	enum status st;

	if (o.dir < 0)
		return refuse(&o, NULL, "used");
	st = store_upgrade(o.dir, j->dir, holds_records, log);
	if (st == ST_OK)
		st = list_segments(&o);
	if (st == ST_OK)
		st = read_tail(&o);
	if (st == ST_OK)
		st = journal_acks_open(j, o.dir, log, &j->next_seq);
	block_free(&o.block);
	close(o.dir);
	return st;
}

enum status journal_recover(struct journal *j, const struct log *log)
{
	uint64_t ended = 0;
	enum status st = read_all(j, log);

	for (int i = 0; i < JOURNAL_ENDS; i++)
		ended += j->ended[i];
	if (ended >= j->next_seq)
		j->next_seq = ended + 1;
	j->queued_before = journal_queued(j);
	j->scanned_seq = j->segment_count > 0 ? j->segments[0]->first_seq : j->next_seq;
	if (j->queued_before > 0 && st == ST_OK)
		log_line(log, LOG_NOTE, "%" PRIu64 " messages of earlier runs wait for the hub",
		         j->queued_before);
	j->reader_idle = true;
	j->caught_up = j->segment_count == 0 && j->queued_before == 0;
	return st;
}
