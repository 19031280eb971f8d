#include "shadowstore/state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/room.h"
#include "shadowstore/file/store_file.h"
#include "shadowstore/state/state_impl.h"

/* --- life --- */

static enum status open_dirs(struct state *s, const char *dir, const struct log *log)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return store_file_refuse(log, dir, NULL, "made");
	s->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0)
		return store_file_refuse(log, dir, NULL, "used");
	s->dir = store_file_dir(s->root, "state");
	if (s->dir < 0)
		return store_file_refuse(log, dir, "state", "used");
	return asprintf(&s->db_path, "%s/state.db", dir) < 0 ? ST_NOMEM : ST_OK;
}

static enum status new_state(const struct state_conf *conf, struct state **out)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return ST_NOMEM;
	s->root = s->dir = s->fd = -1;
	s->flush_ms = conf->flush_ms;
	s->fold_ms = conf->fold_ms > 0 ? conf->fold_ms : STATE_FOLD_MS;
	s->record = (struct buf)BUF_MAX(RECORD_BYTES_MAX);
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return ST_OK;
}

/* What could be read of a damaged database goes into the log, so that the new one gets it. */
static void put_again(struct state *s, const struct state_map *m, const struct log *log)
{
	enum status st = ST_OK;
	struct table_at at;

	for (struct table_node *n = table_first(&m->entries, &at); n && st == ST_OK;
	     n = table_next(&m->entries, &at)) {
		const struct state_map_entry *e = table_entry(n, const struct state_map_entry, node);

		st = state_put(s, (enum state_kind)e->kind, e->key, e->value, e->len);
	}
	if (st != ST_OK)
		log_line(log, LOG_ERROR, "%s: not all that could be read was written again: %s", s->db_path,
		         status_text(st));
}

/* Devices first: the rest belongs to them. */
static void hand_out(const struct state_map *m, bool devices,
                     void (*on_entry)(void *ctx, const struct state_entry *entry), void *ctx)
{
	struct table_at at;

	for (struct table_node *n = table_first(&m->entries, &at); n;
	     n = table_next(&m->entries, &at)) {
		const struct state_map_entry *e = table_entry(n, const struct state_map_entry, node);
		const struct state_entry entry = { (enum state_kind)e->kind, e->key, e->value, e->len };

		if ((entry.kind == STATE_DEVICE) == devices)
			on_entry(ctx, &entry);
	}
}

enum status state_open(const struct state_conf *conf,
                       void (*on_entry)(void *ctx, const struct state_entry *entry), void *ctx,
                       struct state **out)
{
	struct state_map m;
	struct state *s;
	bool rebuild = false;
	enum status st = new_state(conf, &s);

	if (st != ST_OK)
		return st;
	state_map_init(&m);
	st = open_dirs(s, conf->dir, conf->log);
	if (st == ST_OK)
		st = state_load(s, &m, conf->log, &rebuild);
	if (st == ST_OK) {
		s->written = s->synced = s->tail;
		atomic_store(&s->work, true); /* older logs wait for their fold */
		if (rebuild)
			put_again(s, &m, conf->log);
		for (int pass = 0; on_entry && pass < 2; pass++)
			hand_out(&m, pass == 0, on_entry, ctx);
		*out = s;
	}
	state_map_fini(&m);
	if (st != ST_OK) {
		int why = errno;

		state_close(s);
		errno = why;
	}
	return st;
}

bool state_was_damaged(const struct state *s)
{
	IN_ROOM(ROOM_BROKER);
	return s->damaged;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static bool all_synced(const struct state *s)
{
	return s->synced.log == s->written.log && s->synced.end == s->written.end;
}

void state_close(struct state *s)
{
	if (!s)
		return;
	if (s->fd >= 0 && !all_synced(s) && fdatasync(s->fd) == 0)
		fsync(s->dir);
	close_fd(s->fd);
	close_fd(s->dir);
	close_fd(s->root);
	buf_free(&s->record);
	pthread_mutex_destroy(&s->lock);
	free(s->db_path);
	free(s);
}

/* --- put --- */

struct state_pos state_written(struct state *s)
{
	struct state_pos pos;

	pthread_mutex_lock(&s->lock);
	pos = s->written;
	pthread_mutex_unlock(&s->lock);
	return pos;
}

static void publish(struct state *s)
{
	pthread_mutex_lock(&s->lock);
	s->written = s->tail;
	pthread_mutex_unlock(&s->lock);
	if (!atomic_exchange(&s->work, true) && s->wake)
		s->wake(s->wake_ctx);
}

static enum status refusal(int why)
{
	return why == ENOSPC || why == EDQUOT || why == EFBIG ? ST_NOSPACE : ST_IO;
}

/* All of it, or a status. */
static enum status write_at(int fd, const void *bytes, size_t len, uint64_t at)
{
	ssize_t done;

	do {
		done = pwrite(fd, bytes, len, (off_t)at);
	} while (done < 0 && errno == EINTR);
	if (done == (ssize_t)len)
		return ST_OK;
	if (done >= 0)
		errno = ENOSPC; /* cut short by a limit that the next write would name */
	return refusal(errno);
}

static enum status begin_log(struct state *s)
{
	const struct record_file head = { .kind = "STA", .first_seq = 1 };
	uint64_t number = s->tail.log + (s->fd >= 0);
	uint8_t bytes[RECORD_FILE_BYTES];
	char name[STATE_NAME_MAX];
	enum status st;
	int fd;

	state_log_name(number, name);
	fd = store_file_create(s->dir, name);
	if (fd < 0)
		return refusal(errno);
	record_put_file(&head, bytes);
	st = write_at(fd, bytes, sizeof(bytes), 0);
	if (st == ST_OK && s->flush_ms == 0 && fsync(s->dir) != 0)
		st = ST_IO;
	if (st != ST_OK) {
		int why = errno;

		close(fd);
		unlinkat(s->dir, name, 0);
		errno = why;
		return st;
	}
	close_fd(s->fd);
	s->fd = fd;
	s->torn = false;
	s->seq = 0;
	s->tail = (struct state_pos){ number, RECORD_FILE_BYTES };
	atomic_store(&s->vanish, false);
	return ST_OK;
}

static enum status have_log(struct state *s)
{
	bool vanished = atomic_load(&s->vanish);
	enum status st;

	if (s->fd >= 0 && !s->torn && !vanished && s->tail.end < STATE_LOG_ROLL)
		return ST_OK;
	st = begin_log(s);
	/* A log that is too long is better than none. */
	if (st != ST_OK && s->fd >= 0 && !s->torn && !vanished && s->tail.end < STATE_LOG_MAX)
		st = ST_OK;
	return st;
}

static enum status append(struct state *s)
{
	enum status st = write_at(s->fd, s->record.data, s->record.len, s->tail.end);

	if (st == ST_OK && s->flush_ms == 0 && fdatasync(s->fd) != 0)
		st = ST_IO;
	if (st != ST_OK) {
		int why = errno;

		s->torn = ftruncate(s->fd, (off_t)s->tail.end) != 0;
		errno = why;
		return st;
	}
	s->tail.end += s->record.len;
	s->seq++;
	return ST_OK;
}

static enum status encode(struct state *s, enum state_kind kind, const char *key, const void *value,
                          size_t len)
{
	const struct record r = {
		.type = RECORD_STATE,
		.flags = value ? 0 : RECORD_DELETED,
		.kind = (uint16_t)kind,
		.seq = s->seq + 1,
		.key = key,
		.key_len = strlen(key),
		.payload = value,
		.payload_len = value ? len : 0,
	};

	buf_reset(&s->record);
	return r.key_len == 0 ? ST_TOOBIG : record_encode(&s->record, &r);
}

enum status state_put(struct state *s, enum state_kind kind, const char *key, const void *value,
                      size_t len)
{
	enum status st;

	IN_ROOM(ROOM_BROKER);
	st = have_log(s);
	if (st == ST_OK)
		st = encode(s, kind, key, value, len);
	if (st == ST_OK)
		st = append(s);
	if (st == ST_OK)
		publish(s);
	return st;
}

void state_disk_wake(struct state *s, void (*wake)(void *ctx), void *ctx)
{
	IN_ROOM(ROOM_BROKER);
	s->wake = wake;
	s->wake_ctx = ctx;
}
