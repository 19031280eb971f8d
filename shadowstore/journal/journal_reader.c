#include "shadowstore/journal/journal_reader.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clocks.h"
#include "core/base/room.h"
#include "shadowstore/journal/journal_reader_impl.h"

struct journal_reader *journal_reader_new(void)
{
	struct journal_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->acks.fd = -1;
	table_init(&r->acks.marks);
	return r;
}

void journal_reader_free(struct journal_reader *r)
{
	if (!r)
		return;
	journal_acks_close(&r->acks);
	runs_free(&r->ended_before);
	block_free(&r->scan);
	block_free(&r->load);
	free(r);
}

void journal_reader_log(struct journal *j, const struct log *log)
{
	IN_ROOM(ROOM_UPLINK);
	j->reader->log = log;
}

uint64_t journal_reader_position(const struct journal *j)
{
	IN_ROOM(ROOM_UPLINK);
	return j->scanned_seq > 0 ? j->scanned_seq - 1 : 0;
}

/* --- load --- */

struct place { /* of one record, its file held */
	struct segment_file *file;
	uint64_t offset, file_size;
	uint8_t boot_id[RECORD_BOOT_BYTES];
};

static enum status hold_place(struct journal *j, uint64_t seq, struct place *out)
{
	const struct slot *slot = NULL;
	const struct segment *s;

	pthread_mutex_lock(&j->lock);
	s = journal_segment_of(j, seq);
	if (s)
		slot = segment_slot(s, seq);
	if (slot && !slot->ended) {
		out->file = s->file;
		out->file->refs++;
		out->offset = slot->place;
		out->file_size = s->size;
		memcpy(out->boot_id, s->boot_id, sizeof(out->boot_id));
	} else {
		slot = NULL;
	}
	pthread_mutex_unlock(&j->lock);
	return slot ? ST_OK : ST_NOTFOUND;
}

static void release_place(struct journal *j, const struct place *p)
{
	pthread_mutex_lock(&j->lock);
	segment_file_unref(p->file);
	pthread_mutex_unlock(&j->lock);
}

/* What was just handed out is often still in the block it was scanned from. */
static enum status read_record(struct journal_reader *reader, const struct place *p,
                               struct record *r)
{
	struct block *scan = &reader->scan, *load = &reader->load;
	bool scanned =
		scan->file_id == p->file->id && p->offset >= scan->at && p->offset < scan->at + scan->len;
	size_t want = RECORD_HEAD_BYTES, avail, size;
	const unsigned char *bytes;
	enum status st;

	if (p->offset < RECORD_FILE_BYTES)
		return ST_MALFORMED; /* compaction could not read it */
	st = block_read(scanned ? scan : load, p->file, p->offset, p->file_size, want, &bytes, &avail);
	if (st == ST_OK)
		st = record_decode(bytes, avail, r, &size);
	if (st == ST_AGAIN && p->offset + size <= p->file_size) {
		st = block_read(load, p->file, p->offset, p->file_size, size, &bytes, &avail);
		if (st == ST_OK)
			st = record_decode(bytes, avail, r, &size);
	}
	return st == ST_AGAIN ? ST_MALFORMED : st;
}

enum status journal_reader_load(struct journal *j, uint64_t seq, const struct record_now *now,
                                struct journal_view *out)
{
	struct journal_reader *reader = j->reader;
	struct place p;
	struct record r;
	enum status st = hold_place(j, seq, &p);

	IN_ROOM(ROOM_UPLINK);
	if (st != ST_OK)
		return st;
	st = read_record(reader, &p, &r);
	release_place(j, &p);
	if (st == ST_OK && r.seq != seq)
		st = ST_MALFORMED;
	if (st != ST_OK)
		return st;
	memcpy(reader->load_topic, r.topic, r.topic_len);
	reader->load_topic[r.topic_len] = '\0';
	*out = (struct journal_view){
		.topic = reader->load_topic,
		.payload = r.payload,
		.len = r.payload_len,
		.qos = (r.flags & RECORD_QOS1) != 0,
		.age_ms = now ? record_age_ms(&r, p.boot_id, now) : -1,
	};
	return ST_OK;
}

/* --- end --- */

static void give_back_share(struct journal *j, const char *device, uint32_t bytes)
{
	struct share *s = journal_find_share(j, device);

	if (!s)
		return;
	s->messages -= s->messages > 0;
	s->bytes -= bytes < s->bytes ? bytes : s->bytes;
	journal_leave_share(j, s);
}

void journal_reader_end(struct journal *j, uint64_t seq, const char *device, uint32_t bytes,
                        enum journal_end end)
{
	struct acks *a = &j->reader->acks;
	struct segment *s;
	struct slot *slot = NULL;

	IN_ROOM(ROOM_UPLINK);
	if (a->batch_count == ENDS_MAX)
		journal_reader_flush(j);
	pthread_mutex_lock(&j->lock);
	s = journal_segment_of(j, seq);
	if (s)
		slot = segment_slot(s, seq);
	if (slot && !slot->ended) {
		slot->ended = 1;
		j->ended[end]++;
		j->live_bytes -= bytes < j->live_bytes ? bytes : j->live_bytes;
		give_back_share(j, device, bytes);
		a->batch[a->batch_count++] = (struct end){ seq, bytes, end };
	}
	pthread_mutex_unlock(&j->lock);
}

/* --- bounds --- */

/* Messages over so many eighths of the bounds, under that policy. */
static uint64_t over_eighths(struct journal *j, enum journal_policy policy, unsigned eighths)
{
	uint64_t queued, most, bound, by_count = 0, by_bytes = 0;
	bool drops;

	pthread_mutex_lock(&j->lock);
	drops = j->caught_up && j->lim.policy == policy;
	queued = journal_queued(j);
	most = j->lim.max_messages * eighths / 8;
	bound = eighths < 8 ? atomic_load(&j->bound_bytes) / 8 * eighths : atomic_load(&j->bound_bytes);
	if (drops && queued > most)
		by_count = queued - most;
	if (drops && queued > 0 && j->live_bytes > bound)
		by_bytes = (j->live_bytes - bound) / (j->live_bytes / queued + 1) + 1;
	pthread_mutex_unlock(&j->lock);
	return by_bytes > by_count ? by_bytes : by_count;
}

uint64_t journal_reader_excess(struct journal *j)
{
	IN_ROOM(ROOM_UPLINK);
	return over_eighths(j, JOURNAL_DROP_OLDEST, 8);
}

uint64_t journal_reader_pressed(struct journal *j)
{
	IN_ROOM(ROOM_UPLINK);
	return over_eighths(j, JOURNAL_REFUSE, 7);
}

bool journal_reader_over_share(struct journal *j, uint64_t messages, uint64_t bytes)
{
	bool over;

	IN_ROOM(ROOM_UPLINK);
	pthread_mutex_lock(&j->lock);
	over = j->lim.policy == JOURNAL_DROP_OLDEST && journal_over_share(j, messages, bytes);
	pthread_mutex_unlock(&j->lock);
	return over;
}

void journal_reader_now(const struct journal *j, bool clock_trusted, struct record_now *out)
{
	IN_ROOM(ROOM_UPLINK);
	*out = (struct record_now){ .boot_id = j->boot_id, .clock_trusted = clock_trusted };
	out->boot_ms = clocks_boottime_ms();
	out->wall_ms = clocks_realtime_ms();
}
