/* The file of ends and marks, DIR/journal/acks: a header (kind "ACK") and records.
 *   RECORD_END   seq = first of a run, payload = last of it (8 bytes), kind = enum journal_end;
 *                seq 0: payload = how many ended so before the file was written anew;
 *                kind ENDED_COUNTED: a run that is in those counts already
 *   RECORD_MARK  key = client id that the hub may show online; RECORD_DELETED: not any more
 * A run reaches at most SEQ_STEP above what is known when it is read, counts are below what was
 * given away: more is damage. UPLINK appends with one write() and writes the file anew when it has
 * become long: acks.tmp, then rename. Not synced: a power cut may repeat deliveries, it loses none.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/room.h"
#include "shadowstore/file/store_file.h"
#include "shadowstore/journal/journal_reader_impl.h"

enum {
	ENDED_COUNTED = 0xffff,
	RENEW_BYTES = 256 << 10, /* of growth; and not before it is four times what it was */
	RENEW_FACTOR = 4,
	RESERVE_BYTES = 256 << 10,  /* of the disk, beyond the end; half of it at least */
	ACKS_BYTES_MAX = 512 << 20, /* of one file in memory */
};

#define SEQ_STEP (UINT64_C(1) << 32) /* more than any store holds at once */

struct mark {
	struct table_node node;
	char client_id[];
};

/* --- numbers in payloads --- */

static void put_u64(uint8_t out[8], uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get_u64(const uint8_t *at)
{
	uint64_t value = 0;

	for (int i = 7; i >= 0; i--)
		value = value << 8 | at[i];
	return value;
}

/* --- marks --- */

static bool same_client(const struct table_node *node, const void *key)
{
	return strcmp(table_entry(node, struct mark, node)->client_id, key) == 0;
}

static enum status set_mark(struct acks *a, const char *client_id, bool online)
{
	size_t len = strlen(client_id);
	uint64_t hash = table_hash(0, client_id, len);
	struct table_node *n = table_find(&a->marks, hash, same_client, client_id);
	struct mark *m;

	if ((n != NULL) == online)
		return ST_OK;
	if (!online) {
		table_remove(&a->marks, n);
		free(table_entry(n, struct mark, node));
		return ST_OK;
	}
	m = calloc(1, sizeof(*m) + len + 1);
	if (!m)
		return ST_NOMEM;
	memcpy(m->client_id, client_id, len + 1);
	if (table_add(&a->marks, &m->node, hash) == ST_OK)
		return ST_OK;
	free(m);
	return ST_NOMEM;
}

/* --- writing --- */

static void path_of(const struct journal *j, const char *name, char out[PATH_BYTES + 16])
{
	snprintf(out, PATH_BYTES + 16, "%s/%s", j->dir, name);
}

static enum status put_end(struct buf *out, uint16_t kind, uint64_t first, uint64_t last)
{
	uint8_t payload[8];
	const struct record r = {
		.type = RECORD_END,
		.kind = kind,
		.seq = first,
		.payload = payload,
		.payload_len = sizeof(payload),
	};

	put_u64(payload, last);
	return record_encode(out, &r);
}

static enum status put_mark(struct buf *out, const char *client_id, bool online)
{
	const struct record r = {
		.type = RECORD_MARK,
		.flags = online ? 0 : RECORD_DELETED,
		.key = client_id,
		.key_len = strlen(client_id),
	};

	return record_encode(out, &r);
}

/* Room for the next ends, so that a disk that is full does not forget them. */
static void reserve_ahead(struct acks *a)
{
	if (a->size + RESERVE_BYTES / 2 <= a->reserved)
		return;
	/* Some file systems reserve nothing, and a full disk does not: it goes without. */
	a->reserved = a->size + RESERVE_BYTES;
	(void)!fallocate(a->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)a->reserved);
}

static enum status append(struct acks *a)
{
	ssize_t n = pwrite(a->fd, a->out.data, a->out.len, (off_t)a->size);

	if (n == (ssize_t)a->out.len) {
		a->size += a->out.len;
		reserve_ahead(a);
		return ST_OK;
	}
	if (n >= 0)
		errno = ENOSPC;
	return ST_IO; /* the next write goes over what is half there */
}

static int by_seq(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static enum status put_batch(struct acks *a)
{
	enum status st = ST_OK;

	qsort(a->batch, a->batch_count, sizeof(a->batch[0]), by_seq);
	for (size_t i = 0, next; i < a->batch_count && st == ST_OK; i = next) {
		for (next = i + 1; next < a->batch_count && a->batch[next].end == a->batch[i].end &&
		                   a->batch[next].seq == a->batch[next - 1].seq + 1;
		     next++)
			;
		st = put_end(&a->out, (uint16_t)a->batch[i].end, a->batch[i].seq, a->batch[next - 1].seq);
	}
	return st;
}

/* --- written anew --- */

/* Under the lock: what ended in a segment is everything but its live slots, as far as it was
 * scanned; behind that, what earlier runs said. */
static enum status put_segment(const struct journal *j, struct buf *out, const struct segment *s,
                               uint64_t end_seq)
{
	uint64_t from = s->first_seq, scanned_to = s->through ? end_seq : from;
	const struct runs *before = &j->reader->ended_before;
	enum status st = ST_OK;

	if (!s->through && j->scanned_seq > from)
		scanned_to = j->scanned_seq < end_seq ? j->scanned_seq : end_seq;
	for (size_t i = 0; i < s->slot_count && st == ST_OK; i++) {
		uint64_t seq = s->first_seq + s->slots[i].delta;

		if (s->slots[i].ended)
			continue;
		if (seq > from)
			st = put_end(out, ENDED_COUNTED, from, seq - 1);
		from = seq + 1;
	}
	if (scanned_to > j->scanned_seq)
		scanned_to = j->scanned_seq;
	if (st == ST_OK && scanned_to > from)
		st = put_end(out, ENDED_COUNTED, from, scanned_to - 1);
	for (const struct run *r = runs_at(before, scanned_to);
	     st == ST_OK && r && r < before->at + before->count && r->first < end_seq; r++)
		st = put_end(out, ENDED_COUNTED, r->first > scanned_to ? r->first : scanned_to,
		             r->last < end_seq ? r->last : end_seq - 1);
	return st;
}

static enum status put_counts(struct journal *j, struct buf *out)
{
	enum status st = ST_OK;

	pthread_mutex_lock(&j->lock);
	for (int i = 0; i < JOURNAL_ENDS && st == ST_OK; i++)
		st = put_end(out, (uint16_t)i, 0, j->ended[i]);
	for (size_t i = 0; i < j->segment_count && st == ST_OK; i++)
		st = put_segment(j, out, j->segments[i],
		                 i + 1 < j->segment_count ? j->segments[i + 1]->first_seq : UINT64_MAX);
	pthread_mutex_unlock(&j->lock);
	return st;
}

static enum status put_all(struct journal *j, struct buf *out)
{
	struct record_file header = { .first_seq = 1 };
	uint8_t bytes[RECORD_FILE_BYTES];
	struct table *marks = &j->reader->acks.marks;
	struct table_at at;
	enum status st;

	memcpy(header.kind, "ACK", 4);
	memcpy(header.boot_id, j->boot_id, sizeof(header.boot_id));
	pthread_mutex_lock(&j->lock);
	header.first_seq = j->next_seq;
	pthread_mutex_unlock(&j->lock);
	record_put_file(&header, bytes);
	st = buf_add(out, bytes, sizeof(bytes));
	if (st == ST_OK)
		st = put_counts(j, out);
	for (struct table_node *n = table_first(marks, &at); n && st == ST_OK;
	     n = table_next(marks, &at))
		st = put_mark(out, table_entry(n, struct mark, node)->client_id, true);
	return st;
}

static enum status renew(struct journal *j)
{
	char tmp[PATH_BYTES + 16], path[PATH_BYTES + 16];
	struct acks *a = &j->reader->acks;
	struct buf all = BUF_MAX(ACKS_BYTES_MAX);
	enum status st = put_all(j, &all);
	int fd = -1;

	path_of(j, "acks.tmp", tmp);
	path_of(j, "acks", path);
	if (st == ST_OK) {
		fd = store_file_create_tmp(AT_FDCWD, tmp);
		st = fd < 0 ? ST_IO : ST_OK;
	}
	errno = ENOSPC; /* of a write that is cut short */
	if (st == ST_OK && write(fd, all.data, all.len) != (ssize_t)all.len)
		st = ST_IO;
	if (st == ST_OK && rename(tmp, path) != 0)
		st = ST_IO;
	if (st == ST_OK) {
		if (a->fd >= 0)
			close(a->fd);
		a->fd = fd;
		a->size = a->renewed_size = all.len;
		a->reserved = 0;
		reserve_ahead(a);
	} else if (fd >= 0) {
		int error = errno;

		close(fd);
		unlink(tmp);
		errno = error;
	}
	buf_free(&all);
	return st;
}

static void renew_when_long(struct journal *j)
{
	struct acks *a = &j->reader->acks;

	if (a->size < a->renewed_size * RENEW_FACTOR + RENEW_BYTES)
		return;
	if (renew(j) != ST_OK)
		a->renewed_size = a->size; /* the old one goes on; not at once again */
}

/* The messages are gone from memory whether or not it could be written: a full disk would never
 * become free otherwise. */
static void settle_batch(struct journal *j)
{
	struct acks *a = &j->reader->acks;

	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < a->batch_count; i++) {
		struct segment *s = journal_segment_of(j, a->batch[i].seq);

		if (!s)
			continue;
		s->live--;
		s->live_bytes -= a->batch[i].bytes < s->live_bytes ? a->batch[i].bytes : s->live_bytes;
	}
	pthread_mutex_unlock(&j->lock);
	a->batch_count = 0;
	journal_tidy(j);
}

void journal_reader_flush(struct journal *j)
{
	struct acks *a = &j->reader->acks;
	enum status st;

	IN_ROOM(ROOM_UPLINK);
	if (a->batch_count == 0)
		return;
	buf_reset(&a->out);
	st = put_batch(a);
	if (st == ST_OK)
		st = append(a);
	if (st != ST_OK && !a->failed)
		log_line(j->reader->log, LOG_ERROR,
		         "%s/acks cannot be written: %s; after a restart some messages will be sent again",
		         j->dir, strerror(errno));
	a->failed = st != ST_OK;
	settle_batch(j);
	renew_when_long(j);
}

enum status journal_reader_mark(struct journal *j, const char *client_id, bool online)
{
	struct acks *a = &j->reader->acks;
	enum status st = set_mark(a, client_id, online);

	IN_ROOM(ROOM_UPLINK);
	if (st != ST_OK)
		return st;
	buf_reset(&a->out);
	st = put_mark(&a->out, client_id, online);
	return st == ST_OK ? append(a) : st;
}

void journal_reader_marks(struct journal *j, void (*fn)(void *ctx, const char *client_id),
                          void *ctx)
{
	struct table *marks = &j->reader->acks.marks;
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	for (struct table_node *n = table_first(marks, &at); n; n = table_next(marks, &at))
		fn(ctx, table_entry(n, struct mark, node)->client_id);
}

/* --- reading at open --- */

struct reading {
	struct journal *j;
	uint64_t *next_seq;  /* above all that is known so far */
	uint64_t renewed_to; /* next_seq when the file was written anew; 0: its header is damaged */
	uint64_t ended;      /* of all kinds, so far */
	size_t good;         /* bytes up to the end of the last record */
	unsigned damaged;    /* places */
};

/* Whatever stands in the file, the account stays below RECORD_SEQ_MAX. */
static enum status count_ended(struct reading *r, uint16_t kind, uint64_t n)
{
	if (kind >= JOURNAL_ENDS || n >= RECORD_SEQ_MAX - r->ended)
		return ST_MALFORMED;
	r->ended += n;
	r->j->ended[kind] += n;
	return ST_OK;
}

static bool run_is_possible(const struct reading *r, uint64_t first, uint64_t last)
{
	if (last < first || last > RECORD_SEQ_MAX)
		return false;
	return r->renewed_to == 0 || last < *r->next_seq + SEQ_STEP;
}

static enum status take_end(struct reading *r, const struct record *rec)
{
	enum status st = ST_OK;
	uint64_t last;

	if (rec->payload_len != 8)
		return ST_MALFORMED;
	last = get_u64(rec->payload);
	if (rec->seq == 0)
		return r->renewed_to > 0 && last >= r->renewed_to ? ST_MALFORMED
		                                                  : count_ended(r, rec->kind, last);
	if (!run_is_possible(r, rec->seq, last))
		return ST_MALFORMED;
	if (rec->kind != ENDED_COUNTED)
		st = count_ended(r, rec->kind, last - rec->seq + 1);
	if (st != ST_OK)
		return st;
	if (last >= *r->next_seq)
		*r->next_seq = last + 1;
	return runs_add(&r->j->reader->ended_before, rec->seq, last);
}

static enum status take_mark(struct acks *a, const struct record *r)
{
	char client_id[JOURNAL_MARK_MAX];

	if (r->key_len == 0 || r->key_len >= sizeof(client_id))
		return ST_MALFORMED;
	memcpy(client_id, r->key, r->key_len);
	client_id[r->key_len] = '\0';
	return set_mark(a, client_id, !(r->flags & RECORD_DELETED));
}

/* The place of the next record that can be read, len when none can. */
static size_t resync(const unsigned char *bytes, size_t at, size_t len)
{
	struct record r;
	size_t size;

	for (at++; at + RECORD_HEAD_BYTES <= len; at++) {
		if ((bytes[at + 8] == RECORD_END || bytes[at + 8] == RECORD_MARK) &&
		    record_decode(bytes + at, len - at, &r, &size) == ST_OK)
			return at;
	}
	return len;
}

static enum status take_records(struct reading *r, const unsigned char *bytes, size_t len)
{
	size_t at = RECORD_FILE_BYTES, size;
	struct record rec;

	while (at + RECORD_HEAD_BYTES <= len) {
		enum status st = record_decode(bytes + at, len - at, &rec, &size);

		if (st == ST_OK)
			st = rec.type == RECORD_END    ? take_end(r, &rec)
			     : rec.type == RECORD_MARK ? take_mark(&r->j->reader->acks, &rec)
			                               : ST_MALFORMED;
		if (st == ST_NOMEM)
			return st;
		if (st == ST_OK) {
			at += size;
			r->good = at;
		} else {
			at = resync(bytes, at, len);
			r->damaged++;
		}
	}
	r->damaged += at < len;
	return ST_OK;
}

static enum status take_bytes(struct reading *r, const struct buf *b)
{
	struct record_file header;

	if (b->len == 0)
		return ST_OK;
	if (record_get_file(b->data, b->len, "ACK", &header) != ST_OK)
		r->damaged++; /* what stands behind the header is still worth reading */
	else
		r->renewed_to = header.first_seq;
	if (r->renewed_to > *r->next_seq)
		*r->next_seq = r->renewed_to;
	return take_records(r, b->data, b->len);
}

static enum status load(struct reading *r, struct buf *bytes)
{
	int fd = r->j->reader->acks.fd;
	struct stat info;
	enum status st = fstat(fd, &info) == 0 ? ST_OK : ST_IO;

	if (st == ST_OK)
		st = store_file_read(fd, (size_t)info.st_size, bytes);
	return st == ST_OK ? take_bytes(r, bytes) : st;
}

/* Where nothing could be read the file is not written over. */
static enum status keep_useless(const struct reading *r, const struct buf *bytes, int dir,
                                const struct log *log)
{
	char aside[32];

	/* Zeros: a power cut took its bytes. */
	if (r->good > RECORD_FILE_BYTES || bytes->len <= RECORD_FILE_BYTES ||
	    store_file_is_blank(bytes->data, bytes->len))
		return ST_OK;
	if (store_file_set_aside(dir, "acks", aside, sizeof(aside)) != ST_OK)
		return ST_IO;
	log_line(log, LOG_ERROR,
	         "%s/acks cannot be read: set aside as %s; messages delivered before may be sent again",
	         r->j->dir, aside);
	return ST_OK;
}

static enum status read_acks(struct journal *j, int dir, const struct log *log, uint64_t *next_seq)
{
	struct reading r = { .j = j, .next_seq = next_seq, .good = RECORD_FILE_BYTES };
	struct buf bytes = BUF_MAX(SIZE_MAX / 2);
	enum status st = load(&r, &bytes);

	if (st == ST_OK)
		st = keep_useless(&r, &bytes, dir, log);
	buf_free(&bytes);
	if (r.damaged > 0)
		log_line(log, LOG_WARN,
		         "%s/acks is damaged in %u places: messages delivered before may be sent again, "
		         "counts may be lower",
		         j->dir, r.damaged);
	j->reader->acks.size = r.good;
	return st;
}

enum status journal_acks_open(struct journal *j, int dir, const struct log *log, uint64_t *next_seq)
{
	struct acks *a = &j->reader->acks;
	enum status st;

	a->out = (struct buf)BUF_MAX(1 << 20);
	a->fd = store_file_open(dir, "acks", O_RDWR | O_CREAT);
	if (a->fd < 0)
		return store_file_refuse(log, j->dir, "acks", "opened");
	st = read_acks(j, dir, log, next_seq);
	if (st == ST_IO)
		store_file_refuse(log, j->dir, "acks", "read");
	if (st != ST_OK)
		return st;
	runs_sort(&j->reader->ended_before);
	reserve_ahead(a);
	if (a->size > RECORD_FILE_BYTES)
		return ST_OK;
	st = renew(j); /* a new file gets its header */
	return st == ST_IO ? store_file_refuse(log, j->dir, "acks", "written") : st;
}

void journal_acks_close(struct acks *a)
{
	struct table_at at;

	if (a->fd >= 0)
		close(a->fd);
	buf_free(&a->out);
	for (struct table_node *n = table_first(&a->marks, &at); n; n = table_next(&a->marks, &at)) {
		table_remove(&a->marks, n);
		free(table_entry(n, struct mark, node));
	}
	table_fini(&a->marks);
}
