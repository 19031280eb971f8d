/* From segments to items: every live record once, in the order of sequence. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clocks.h"
#include "core/base/room.h"
#include "shadowstore/journal/journal_reader_impl.h"

enum {
	SEARCH_BYTES = 2 * RECORD_BYTES_MAX, /* looked through at once behind damage */
	SECTOR_BYTES = 4096,                 /* that a disk does not give */
	READ_TRY_MS = 3000,                  /* then it is skipped */
};

/* --- the end of what earlier runs left --- */

struct account { /* messages of earlier runs */
	uint64_t lost, again;
};

/* Under the lock. The account said how many there are; what was found says how many can be
 * delivered. Fewer: the disk lost them. More: ends were lost, they are delivered again. */
static struct account close_account(struct journal *j)
{
	uint64_t said = j->queued_before, found = j->reader->found_before;
	const struct account a = { .lost = said > found ? said - found : 0,
		                       .again = found > said ? found - said : 0 };
	uint64_t again = a.again;

	j->ended[JOURNAL_DROP_DAMAGED] += a.lost;
	for (int i = 0; i < JOURNAL_ENDS && again > 0; i++) {
		uint64_t part = again < j->ended[i] ? again : j->ended[i];

		j->ended[i] -= part;
		again -= part;
	}
	j->caught_up = true;
	return a;
}

static void tell_account(const struct log *log, const struct account *a)
{
	if (a->lost > 0)
		log_line(log, LOG_ERROR,
		         "%" PRIu64
		         " messages are lost: the disk did not give them back (counted as damaged)",
		         a->lost);
	else if (a->again > 0)
		log_line(log, LOG_WARN, "%" PRIu64 " messages will perhaps be sent a second time",
		         a->again);
}

/* Under the lock. Records of a segment of this run that could not be read back. */
static void count_gap(struct journal *j, struct segment *s, uint64_t next)
{
	uint64_t lost = s->own && next > j->scanned_seq ? next - j->scanned_seq : 0;

	j->ended[JOURNAL_DROP_DAMAGED] += lost;
	s->live -= lost < s->live ? lost : s->live;
}

/* Under the lock. All of s was read. */
static void pass_through(struct journal *j, struct segment *s, uint64_t next)
{
	count_gap(j, s, next);
	s->through = true;
	segment_trim(s);
	if (next > j->scanned_seq)
		j->scanned_seq = next;
}

/* The segment to read on in; NULL: caught up. *size: how far it may be read, *limit: sequences in
 * it are below. */
static struct segment *find_work(struct journal *j, uint64_t *size, uint64_t *limit)
{
	struct segment *s = NULL;
	struct account account = { 0, 0 };
	bool through = false, before = false;

	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < j->segment_count && !s; i++) {
		struct segment *x = j->segments[i];

		if (x->through)
			continue;
		*limit = i + 1 < j->segment_count ? j->segments[i + 1]->first_seq : j->next_seq;
		if (x->scanned < x->size) {
			s = x;
		} else if (x->closed) {
			pass_through(j, x, *limit);
			through = true;
		}
	}
	if (s) {
		*size = s->size;
		before = !s->own;
	} else {
		j->reader_idle = true;
	}
	if (!before && !j->caught_up)
		account = close_account(j);
	pthread_mutex_unlock(&j->lock);
	tell_account(j->reader->log, &account);
	if (!before)
		runs_free(&j->reader->ended_before);
	if (through)
		journal_tidy(j);
	return s;
}

/* --- damage --- */

/* A disk that hiccups is asked again for a while: true. */
static bool ask_again(struct journal *j, const struct segment *s)
{
	struct journal_reader *reader = j->reader;
	int error = errno;
	int64_t now_ms = clocks_boottime_ms();

	if (reader->unread_seq == s->first_seq && reader->unread_at == s->scanned)
		return now_ms - reader->unread_ms < READ_TRY_MS;
	reader->unread_seq = s->first_seq;
	reader->unread_at = s->scanned;
	reader->unread_ms = now_ms;
	log_line(reader->log, LOG_ERROR,
	         "%s/%016" PRIx64 ".seg cannot be read at byte %" PRIu64 ": %s; tried again", j->dir,
	         s->first_seq, s->scanned, strerror(error));
	return true;
}

/* The disk may give tomorrow what it does not give now: the bytes get a second name, so that they
 * stay when the segment goes. */
static void keep_unreadable(const struct journal *j, const struct segment *s)
{
	char name[SEGMENT_NAME_MAX], path[PATH_BYTES + 64], kept[PATH_BYTES + 64];

	segment_name(s->first_seq, name);
	snprintf(path, sizeof(path), "%s/%s", j->dir, name);
	snprintf(kept, sizeof(kept), "%s/%s.damaged-1", j->dir, name);
	if (link(path, kept) == 0 || errno == EEXIST)
		log_line(j->reader->log, LOG_ERROR,
		         "%s: what cannot be read of it is skipped; it stays as %s", path, kept);
	else
		log_line(j->reader->log, LOG_ERROR,
		         "%s: what cannot be read of it is skipped, and it cannot be "
		         "kept: %s",
		         path, strerror(errno));
}

/* From *at on to the next record that can be read, or to the end. *unreadable: the disk did not
 * give all of what lies between. */
static enum status search(struct journal *j, const struct segment *s, uint64_t size, uint64_t last,
                          uint64_t *at, bool *unreadable)
{
	uint64_t jump = SECTOR_BYTES;

	while (*at < size) {
		const unsigned char *bytes;
		size_t avail = 0, pos = 0, again = RECORD_BYTES_MAX;
		enum status st =
			block_read(&j->reader->scan, s->file, *at, size, SEARCH_BYTES, &bytes, &avail);

		if (st == ST_IO) { /* somewhere in there: what stands before it */
			again = 0;
			*unreadable = true;
			st = block_read(&j->reader->scan, s->file, *at, size, 1, &bytes, &avail);
		}
		if (st == ST_NOMEM)
			return st;
		if (st == ST_OK && segment_find_record(bytes, avail, j->scanned_seq, last, &pos)) {
			*at += pos;
			return ST_OK;
		}
		if (st == ST_OK) {
			*at = *at + avail >= size ? size : *at + avail - again;
		} else {
			/* Each try may take the disk seconds: a bad region is left in few steps. */
			*at = (*at / SECTOR_BYTES) * SECTOR_BYTES + jump;
			jump *= 2;
		}
	}
	*at = size;
	return ST_OK;
}

static enum status skip_damage(struct journal *j, struct segment *s, uint64_t size, uint64_t limit,
                               bool unreadable)
{
	uint64_t from = s->scanned, at = s->scanned + !unreadable, last = limit - 1;
	enum status st;

	if (last - s->first_seq > SEGMENT_SEQS_MAX)
		last = s->first_seq + SEGMENT_SEQS_MAX;
	st = search(j, s, size, last, &at, &unreadable);
	if (st != ST_OK)
		return st;
	if (unreadable)
		keep_unreadable(j, s);
	if (!s->damaged)
		log_line(j->reader->log, LOG_ERROR,
		         "%s/%016" PRIx64 ".seg is damaged at byte %" PRIu64 ": %" PRIu64 " bytes skipped",
		         j->dir, s->first_seq, from, at - from);
	s->damaged = true;
	pthread_mutex_lock(&j->lock);
	s->scanned = at;
	pthread_mutex_unlock(&j->lock);
	return ST_OK;
}

/* --- records --- */

static void copy_text(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	out[len] = '\0';
}

static bool ended_before(const struct journal_reader *reader, uint64_t seq)
{
	const struct run *r = runs_at(&reader->ended_before, seq);

	return r && r->first <= seq;
}

/* Under the lock. */
static enum status take_in(struct journal *j, struct segment *s, const struct record *r,
                           size_t size)
{
	enum status st = segment_add_slot(s, r->seq, s->scanned);

	if (st != ST_OK)
		return st;
	if (!s->own) { /* its append was counted by another process */
		s->live++;
		s->live_bytes += size;
		j->live_bytes += size;
		j->reader->found_before++;
	}
	if (!s->own) {
		struct share *share = journal_share_of(j, j->reader->device);

		if (share) {
			share->messages++;
			share->bytes += size;
		}
	}
	return ST_OK;
}

/* ST_OK: *out is filled; ST_AGAIN: skipped; else nothing moved. */
static enum status take_record(struct journal *j, struct segment *s, const struct record *r,
                               size_t size, struct journal_item *out)
{
	struct journal_reader *reader = j->reader;
	bool known = r->seq < j->scanned_seq || (!s->own && ended_before(reader, r->seq));
	enum status st = ST_AGAIN;

	copy_text(reader->device, r->key, r->key_len);
	copy_text(reader->topic, r->topic, r->topic_len);
	pthread_mutex_lock(&j->lock);
	if (!known)
		st = take_in(j, s, r, size);
	if (st == ST_OK || known) {
		count_gap(j, s, r->seq);
		s->scanned += size;
		if (r->seq >= j->scanned_seq)
			j->scanned_seq = r->seq + 1;
	}
	pthread_mutex_unlock(&j->lock);
	*out = (struct journal_item){
		.seq = r->seq,
		.device = reader->device,
		.topic = reader->topic,
		.bytes = (uint32_t)size,
		.qos = (r->flags & RECORD_QOS1) != 0,
		.latest = (r->flags & RECORD_LATEST) != 0,
	};
	return st;
}

static enum status decode_at(struct journal *j, const struct segment *s, uint64_t size,
                             struct record *r, size_t *record_bytes)
{
	const unsigned char *bytes;
	size_t avail;
	enum status st =
		block_read(&j->reader->scan, s->file, s->scanned, size, RECORD_HEAD_BYTES, &bytes, &avail);

	if (st != ST_OK)
		return st;
	st = record_decode(bytes, avail, r, record_bytes);
	if (st != ST_AGAIN)
		return st;
	if (s->scanned + *record_bytes > size)
		return ST_MALFORMED;
	st = block_read(&j->reader->scan, s->file, s->scanned, size, *record_bytes, &bytes, &avail);
	if (st != ST_OK)
		return st;
	st = record_decode(bytes, avail, r, record_bytes);
	return st == ST_AGAIN ? ST_MALFORMED : st;
}

static bool fits(const struct segment *s, const struct record *r, uint64_t limit)
{
	return r->type == RECORD_MESSAGE && r->seq >= s->first_seq && r->seq < limit &&
	       r->seq - s->first_seq <= SEGMENT_SEQS_MAX;
}

enum status journal_reader_next(struct journal *j, struct journal_item *out)
{
	IN_ROOM(ROOM_UPLINK);
	for (;;) {
		uint64_t size = 0, limit = 0;
		struct segment *s = find_work(j, &size, &limit);
		struct record r;
		size_t bytes;
		enum status st;

		if (!s)
			return ST_EMPTY;
		st = decode_at(j, s, size, &r, &bytes);
		if (st == ST_NOMEM || (st == ST_IO && ask_again(j, s)))
			return st;
		if (st == ST_OK && !fits(s, &r, limit))
			st = ST_MALFORMED;
		if (st == ST_OK)
			st = take_record(j, s, &r, bytes, out);
		else
			st = skip_damage(j, s, size, limit, st == ST_IO) == ST_OK ? ST_AGAIN : ST_NOMEM;
		if (st != ST_AGAIN)
			return st;
	}
}
