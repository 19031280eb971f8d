/* What earlier runs left: the list of segments, what of it ended, and the next sequence. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shadowstore/journal_impl.h"

/* --- runs --- */

void runs_free(struct runs *r)
{
	free(r->at);
	*r = (struct runs){ NULL, 0, 0 };
}

enum status runs_add(struct runs *r, uint64_t first, uint64_t last)
{
	if (r->count > 0 && r->at[r->count - 1].last + 1 == first) {
		r->at[r->count - 1].last = last;
		return ST_OK;
	}
	if (r->count == r->size) {
		size_t size = r->size * 2 + 64;
		struct run *at = realloc(r->at, size * sizeof(*at));

		if (!at)
			return ST_NOMEM;
		r->at = at;
		r->size = size;
	}
	r->at[r->count++] = (struct run){ first, last };
	return ST_OK;
}

static int by_first(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

void runs_sort(struct runs *r)
{
	size_t kept = 0;

	if (r->count == 0)
		return;
	qsort(r->at, r->count, sizeof(r->at[0]), by_first);
	for (size_t i = 1; i < r->count; i++) {
		if (r->at[i].first > r->at[kept].last + 1)
			r->at[++kept] = r->at[i];
		else if (r->at[i].last > r->at[kept].last)
			r->at[kept].last = r->at[i].last;
	}
	r->count = kept + 1;
}

const struct run *runs_at(const struct runs *r, uint64_t seq)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->at[mid].last < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->count ? &r->at[low] : NULL;
}

/* --- the directory --- */

static void forget_file(const struct journal *j, const char *name)
{
	char path[PATH_BYTES + 300];

	snprintf(path, sizeof(path), "%s/%s", j->dir, name);
	unlink(path);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static enum status take_file(struct journal *j, const struct log *log, const char *name)
{
	struct segment *s = NULL;
	uint64_t first_seq;
	bool header_ok;
	enum status st;

	if (ends_with(name, ".tmp"))
		forget_file(j, name); /* of a compaction or a renewal that was cut short */
	if (!segment_name_parse(name, &first_seq))
		return ST_OK;
	st = segment_open(j->dir, first_seq, &s, &header_ok);
	if (st == ST_IO) {
		log_line(log, LOG_ERROR, "%s/%s cannot be read: %s; its messages are left out", j->dir,
		         name, strerror(errno));
		return ST_OK;
	}
	if (st != ST_OK)
		return st;
	if (!header_ok)
		log_line(log, LOG_WARN, "%s/%s has a damaged header; what can be read behind it is used",
		         j->dir, name);
	st = journal_add_segment(j, s);
	if (st != ST_OK)
		segment_free(s);
	return st;
}

static int by_first_seq(const void *a, const void *b)
{
	const struct segment *const *x = a, *const *y = b;

	return (*x)->first_seq < (*y)->first_seq ? -1 : (*x)->first_seq > (*y)->first_seq;
}

static enum status list_segments(struct journal *j, const struct log *log)
{
	DIR *dir = opendir(j->dir);
	enum status st = ST_OK;
	struct dirent *e;

	if (!dir)
		return ST_IO;
	while (st == ST_OK && (e = readdir(dir)) != NULL)
		st = take_file(j, log, e->d_name);
	closedir(dir);
	if (j->segment_count > 0)
		qsort(j->segments, j->segment_count, sizeof(struct segment *), by_first_seq);
	return st;
}

/* --- the newest segment --- */

struct tail {
	uint64_t last_seq; /* 0: no record */
	uint64_t end;      /* bytes up to the end of the last whole record */
};

static enum status find_tail(struct journal *j, const struct segment *s, struct tail *out)
{
	uint64_t at = RECORD_FILE_BYTES, high = s->first_seq + s->size / RECORD_HEAD_BYTES;
	const unsigned char *bytes;
	size_t avail, pos, size;
	struct record r;
	enum status st;

	*out = (struct tail){ 0, RECORD_FILE_BYTES };
	while (at < s->size) {
		st =
			block_get(&j->scan, s->file, at, s->size, 2 * (size_t)RECORD_BYTES_MAX, &bytes, &avail);
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

static void drop_newest(struct journal *j, bool unlink_it)
{
	struct segment *s = j->segments[--j->segment_count];
	char name[SEGMENT_NAME_MAX];

	segment_name(s->first_seq, name);
	if (unlink_it)
		forget_file(j, name);
	segment_free(s);
}

/* Looks at the newest segment, cuts what a power cut left half written, and learns the next
 * sequence. A file without a single record says nothing. */
static enum status read_tail(struct journal *j, const struct log *log)
{
	while (j->segment_count > 0) {
		struct segment *s = j->segments[j->segment_count - 1];
		struct tail tail;
		enum status st = find_tail(j, s, &tail);

		if (st != ST_OK)
			return st;
		if (tail.last_seq == 0) {
			if (s->size > RECORD_FILE_BYTES)
				log_line(log, LOG_WARN, "%s: the newest segment holds no readable record", j->dir);
			drop_newest(j, true);
			continue;
		}
		if (tail.end < s->size) {
			log_line(log, LOG_WARN, "%s: cut %" PRIu64 " bytes that were not written whole", j->dir,
			         s->size - tail.end);
			if (ftruncate(s->file->fd, (off_t)tail.end) != 0)
				return ST_IO;
			s->size = tail.end;
		}
		if (tail.last_seq >= j->next_seq)
			j->next_seq = tail.last_seq + 1;
		return ST_OK;
	}
	return ST_OK;
}

enum status journal_recover(struct journal *j, const struct log *log)
{
	uint64_t ended = 0;
	int64_t wall_ms;
	enum status st = list_segments(j, log);

	if (st == ST_OK)
		st = read_tail(j, log);
	if (st == ST_OK)
		st = acks_open(j, log, &j->next_seq);
	for (int i = 0; i < JOURNAL_ENDS; i++)
		ended += j->ended[i];
	if (ended >= j->next_seq)
		j->next_seq = ended + 1;
	j->queued_before = journal_queued(j);
	j->scanned_seq = j->segment_count > 0 ? j->segments[0]->first_seq : j->next_seq;
	if (j->queued_before > 0 && st == ST_OK)
		log_line(log, LOG_NOTE, "%" PRIu64 " messages of earlier runs wait for the hub",
		         j->queued_before);
	j->scan.file_id = 0;
	j->reader_idle = true;
	j->caught_up = j->segment_count == 0 && j->queued_before == 0;
	j->settled_seq = j->scanned_seq;
	if (j->segment_count > 0) { /* a kill may have come before their sync */
		j->marks[0].seq = j->settled_seq;
		journal_now(&j->marks[0].at_ms, &wall_ms);
		j->mark_count = 1;
	}
	return st;
}
