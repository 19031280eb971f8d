#include "shadowstore/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clocks.h"
#include "core/base/room.h"
#include "shadowstore/file/store_file.h"
#include "shadowstore/journal/journal_impl.h"

enum {
	SEGMENT_BYTES_MIN = 256 << 10,
	SEGMENT_BYTES_MAX = 64 << 20,
	SEGMENT_BYTES_EARLY = 512 << 10, /* mostly dead, a tail is closed from here on */
	SEGMENTS_IN_BOUND = 64,          /* a full store has about so many */
	TIME_MARK_PARTS = 16,            /* of flush_ms: the grain of the marks */
	/* A tail of which less than a quarter is alive is closed early, so that what is
	 * on the disk follows what is alive. */
	DEAD_FACTOR = 4,
};

struct journal_writer { /* what BROKER alone has */
	struct buf record;  /* that is being appended */
	int64_t record_ms;  /* its time, CLOCK_BOOTTIME */
};

const char *journal_end_text(enum journal_end end)
{
	static const char *const texts[] = {
#define X(name, text) [name] = text,
		JOURNAL_ENDS_TABLE(X)
#undef X
	};

	return (size_t)end < JOURNAL_ENDS ? texts[end] : "unknown";
}

/* --- append --- */

static enum status encode(struct journal_writer *w, const struct journal_msg *msg, uint64_t seq)
{
	struct record r = {
		.type = RECORD_MESSAGE,
		.flags = (uint8_t)((msg->qos > 0 ? RECORD_QOS1 : 0) | (msg->latest ? RECORD_LATEST : 0) |
		                   (msg->clock_trusted ? RECORD_CLOCK_TRUSTED : 0)),
		.seq = seq,
		.key = msg->device,
		.key_len = strlen(msg->device),
		.topic = msg->topic,
		.topic_len = strlen(msg->topic),
		.payload = msg->payload,
		.payload_len = msg->len,
	};

	r.boot_ms = clocks_boottime_ms();
	r.wall_ms = clocks_realtime_ms();
	w->record_ms = r.boot_ms;
	buf_reset(&w->record);
	return record_encode(&w->record, &r);
}

static bool tail_is_done(const struct journal *j)
{
	if (j->tail->size >= j->segment_bytes)
		return true;
	return j->tail->size >= SEGMENT_BYTES_EARLY &&
	       j->tail->live_bytes < j->tail->size / DEAD_FACTOR;
}

/* From here to end_append() the tail is BROKER's alone. */
static enum status begin_append(struct journal *j, const struct journal_msg *msg)
{
	enum status st;
	bool closed = false;

	pthread_mutex_lock(&j->lock);
	st = journal_room_for(j, msg, j->writer->record.len);
	if (st == ST_OK && j->tail && tail_is_done(j)) {
		journal_close_tail(j);
		closed = true;
	}
	j->appending = st == ST_OK;
	pthread_mutex_unlock(&j->lock);
	if (closed)
		journal_tidy(j);
	return st;
}

static enum status sync_new(const struct journal *j)
{
	return j->flush_ms > 0 ? ST_OK : journal_sync_dir(j);
}

static enum status need_tail(struct journal *j)
{
	struct segment *s;
	enum status st;

	if (j->tail)
		return ST_OK;
	st = segment_create(j->dir, j->next_seq, j->boot_id, &s);
	if (st != ST_OK)
		return st;
	st = sync_new(j);
	pthread_mutex_lock(&j->lock);
	if (st == ST_OK)
		st = journal_add_segment(j, s);
	if (st == ST_OK)
		j->tail = s;
	j->spare = false; /* used, or not there */
	j->space.wants_spare = true;
	j->dir_dirty = true;
	pthread_mutex_unlock(&j->lock);
	if (st != ST_OK)
		segment_discard(j->dir, s);
	journal_tidy(j); /* a new spare */
	return st;
}

/* *broken: nothing more may be appended to the tail, the scan ends at its last whole record. */
static enum status write_out(struct journal *j, bool *broken)
{
	const struct buf *record = &j->writer->record;
	enum status st = need_tail(j);

	if (st != ST_OK)
		return st;
	st = segment_write(j->tail, record->data, record->len, broken);
	if (st != ST_OK || j->flush_ms > 0 || fdatasync(j->tail->file->fd) == 0)
		return st;
	/* After a failed sync nothing is known of the file's pages. */
	*broken = true;
	(void)!ftruncate(j->tail->file->fd, (off_t)j->tail->size);
	return ST_IO;
}

/* Under the lock. The next one will have the name of a tail without a record. */
static struct segment *leave_broken(struct journal *j)
{
	struct segment *s = j->tail;

	journal_close_tail(j);
	if (!s || s->first_seq != j->next_seq)
		return NULL;
	j->segment_count--;
	return s;
}

static void end_append(struct journal *j, bool broken, bool no_space)
{
	struct segment *empty = NULL;

	pthread_mutex_lock(&j->lock);
	j->appending = false;
	if (broken)
		empty = leave_broken(j);
	if (no_space) {
		j->disk_full = true;
		j->space.refused_ms = j->writer->record_ms;
		j->space.refused++;
	}
	pthread_mutex_unlock(&j->lock);
	if (empty)
		segment_discard(j->dir, empty);
	if (broken || no_space)
		journal_tidy(j);
}

/* Under the lock. A mark says that what is appended from here on is no older. */
static void mark_time(struct journal *j, int64_t at_ms)
{
	const struct time_mark *last = &j->marks[(j->mark_first + j->mark_count - 1) % TIME_MARKS];

	if (j->mark_count == TIME_MARKS ||
	    (j->mark_count > 0 && at_ms - last->at_ms < j->flush_ms / TIME_MARK_PARTS))
		return;
	j->marks[(j->mark_first + j->mark_count++) % TIME_MARKS] =
		(struct time_mark){ j->next_seq, at_ms };
}

static void publish(struct journal *j, const char *device, bool *was_idle)
{
	uint64_t bytes = j->writer->record.len;
	struct share *s;

	pthread_mutex_lock(&j->lock);
	s = journal_share_of(j, device);
	if (s) {
		s->messages++;
		s->bytes += bytes;
		s->last_seq = j->next_seq;
	}
	j->tail->size += bytes;
	j->tail->live++;
	j->tail->live_bytes += bytes;
	j->live_bytes += bytes;
	mark_time(j, j->writer->record_ms);
	j->next_seq++;
	if (j->flush_ms == 0)
		j->tail->synced_seq = j->next_seq;
	j->disk_full = false;
	j->appending = false;
	if (was_idle)
		*was_idle = j->reader_idle;
	j->reader_idle = false;
	pthread_mutex_unlock(&j->lock);
	if (j->flush_ms > 0)
		journal_sync_soon(j);
}

enum status journal_append(struct journal *j, const struct journal_msg *msg, uint64_t *seq,
                           bool *was_idle)
{
	enum status st = encode(j->writer, msg, j->next_seq);
	bool broken = false;

	IN_ROOM(ROOM_BROKER);
	if (was_idle)
		*was_idle = false;
	if (st == ST_OK)
		st = begin_append(j, msg);
	if (st == ST_OK)
		st = write_out(j, &broken);
	if (st != ST_OK) {
		end_append(j, broken, st == ST_NOSPACE);
		return st;
	}
	if (seq)
		*seq = j->next_seq;
	publish(j, msg->device, was_idle);
	return ST_OK;
}

bool journal_device_waits(struct journal *j, const char *device, uint64_t *messages,
                          uint64_t *last_seq)
{
	const struct share *s;
	bool known;

	IN_ROOM(ROOM_BROKER);
	pthread_mutex_lock(&j->lock);
	s = journal_find_share(j, device);
	*messages = s ? s->messages : 0;
	if (last_seq)
		*last_seq = s ? s->last_seq : 0;
	known = j->caught_up;
	pthread_mutex_unlock(&j->lock);
	return known;
}

/* Where one with so many messages belongs among those that are there. */
static size_t place_of(const struct journal_waiting *all, size_t count, uint64_t messages)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all[middle].messages >= messages)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool journal_most(struct journal *j, struct journal_waiting *out, size_t max, size_t *count)
{
	struct table_at at;
	bool known;

	IN_ROOM(ROOM_BROKER);
	*count = 0;
	pthread_mutex_lock(&j->lock);
	for (struct table_node *n = table_first(&j->shares, &at); n; n = table_next(&j->shares, &at)) {
		const struct share *s = table_entry(n, struct share, node);
		size_t place = place_of(out, *count, s->messages);

		if (s->messages == 0 || place == max)
			continue;
		*count += *count < max;
		memmove(&out[place + 1], &out[place], (*count - place - 1) * sizeof(out[0]));
		out[place].messages = s->messages;
		snprintf(out[place].device, sizeof(out[place].device), "%s", s->device);
	}
	known = j->caught_up;
	pthread_mutex_unlock(&j->lock);
	return known;
}

void journal_set_limits(struct journal *j, const struct journal_limits *lim)
{
	IN_ROOM(ROOM_BROKER);
	pthread_mutex_lock(&j->lock);
	j->lim = *lim;
	j->lim.flush_ms = j->flush_ms;
	if (j->space.target > lim->max_bytes)
		j->space.target = lim->max_bytes;
	if (j->space.target == lim->max_bytes)
		j->space.squeezed = false;
	if (!j->space.squeezed)
		atomic_store(&j->bound_bytes, j->space.target);
	j->space.wants_look = true;
	pthread_mutex_unlock(&j->lock);
	journal_tidy(j);
}

void journal_counts(struct journal *j, struct journal_counts *out)
{
	pthread_mutex_lock(&j->lock);
	*out = (struct journal_counts){
		.accepted = j->next_seq - 1,
		.queued = journal_queued(j),
		.queued_bytes = j->live_bytes,
		.bound_bytes = atomic_load(&j->bound_bytes),
		.disk_full = j->disk_full,
		.syncs = j->syncs.done,
		.sync_failures = j->syncs.failures,
		.rewritten = j->syncs.rewritten,
		.sync_ms = j->syncs.last_ms,
		.sync_longest_ms = j->syncs.longest_ms,
	};
	memcpy(out->ended, j->ended, sizeof(out->ended));
	for (size_t i = 0; i < j->segment_count; i++)
		out->disk_bytes += j->segments[i]->size;
	pthread_mutex_unlock(&j->lock);
}

/* --- life --- */

static struct journal_writer *writer_new(void)
{
	struct journal_writer *w = calloc(1, sizeof(*w));

	if (w)
		w->record = (struct buf)BUF_MAX(RECORD_BYTES_MAX);
	return w;
}

static void writer_free(struct journal_writer *w)
{
	if (w)
		buf_free(&w->record);
	free(w);
}

static void read_boot_id(uint8_t out[RECORD_BOOT_BYTES])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[40] = "";
	size_t digit = 0;

	memset(out, 0, RECORD_BOOT_BYTES);
	if (fd < 0)
		return; /* then every boot is the same: ages count by CLOCK_BOOTTIME alone */
	if (read(fd, text, sizeof(text) - 1) > 0) {
		for (const char *at = text; *at && digit < 2 * (size_t)RECORD_BOOT_BYTES; at++) {
			int value = *at >= '0' && *at <= '9'   ? *at - '0'
			            : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10
			                                       : -1;

			if (value >= 0) {
				out[digit / 2] = (uint8_t)(out[digit / 2] << 4 | value);
				digit++;
			}
		}
	}
	close(fd);
}

static uint32_t segment_bytes_for(uint64_t max_bytes)
{
	uint64_t bytes = max_bytes / SEGMENTS_IN_BOUND;

	return (uint32_t)(bytes < SEGMENT_BYTES_MIN   ? SEGMENT_BYTES_MIN
	                  : bytes > SEGMENT_BYTES_MAX ? SEGMENT_BYTES_MAX
	                                              : bytes);
}

enum status journal_open(const char *dir, const struct journal_limits *lim, const struct log *log,
                         struct journal **out)
{
	struct journal *j = calloc(1, sizeof(*j));
	enum status st;

	if (!j)
		return ST_NOMEM;
	j->lim = *lim;
	j->flush_ms = lim->flush_ms;
	j->segment_bytes = segment_bytes_for(lim->max_bytes);
	atomic_init(&j->bound_bytes, lim->max_bytes);
	j->next_seq = 1;
	table_init(&j->shares);
	pthread_mutex_init(&j->lock, NULL);
	read_boot_id(j->boot_id);
	j->writer = writer_new();
	j->reader = journal_reader_new();
	st = j->writer && j->reader ? ST_OK : ST_NOMEM;
	if (st == ST_OK &&
	    snprintf(j->dir, sizeof(j->dir), "%s/journal", dir) >= (int)sizeof(j->dir) - 64) {
		errno = ENAMETOOLONG;
		st = store_file_refuse(log, dir, "journal", "used");
	}
	if (st == ST_OK)
		st = journal_recover(j, log);
	if (st == ST_OK)
		st = journal_disk_open(j, log);
	if (st != ST_OK) {
		int error = errno;

		journal_close(j);
		errno = error;
		return st;
	}
	*out = j;
	return ST_OK;
}

/* What UPLINK and DISK, which ended, have not written. */
static void write_all(struct journal *j)
{
	enum room from = room_enter(ROOM_UPLINK);

	if (j->reader)
		journal_reader_flush(j);
	room_enter(ROOM_DISK);
	if (j->disk)
		journal_sync_all(j);
	room_enter(from);
}

void journal_close(struct journal *j)
{
	struct table_at at;

	if (!j)
		return;
	write_all(j);
	for (size_t i = 0; i < j->segment_count; i++)
		segment_free(j->segments[i]);
	free(j->segments);
	writer_free(j->writer);
	journal_reader_free(j->reader);
	journal_disk_close(j);
	for (struct table_node *n = table_first(&j->shares, &at); n; n = table_next(&j->shares, &at)) {
		table_remove(&j->shares, n);
		free(table_entry(n, struct share, node));
	}
	table_fini(&j->shares);
	pthread_mutex_destroy(&j->lock);
	free(j);
}
