#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shadowstore/state_impl.h"

enum {
	ASIDE_MAX = 8, /* files set aside under one name */
	PATH_SIZE = 128,
	NUMBER_DIGITS = 16,
};

void state_log_name(uint64_t number, char out[STATE_NAME_MAX])
{
	snprintf(out, STATE_NAME_MAX, "%016" PRIx64 ".log", number);
}

/* --- which are there --- */

static bool parse_name(const char *name, uint64_t *number)
{
	char again[STATE_NAME_MAX];

	*number = strtoull(name, NULL, NUMBER_DIGITS);
	state_log_name(*number, again);
	/* Numbers stand in SQLite, whose integers have a sign. */
	return strcmp(name, again) == 0 && *number < INT64_MAX;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static enum status add_number(struct buf *list, const char *name)
{
	uint64_t number;

	return parse_name(name, &number) ? buf_add(list, &number, sizeof(number)) : ST_OK;
}

enum status state_log_list(int dir, uint64_t **out, size_t *count)
{
	struct buf list = BUF_MAX(SIZE_MAX / 2);
	const struct dirent *entry;
	enum status st = ST_OK;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		if (fd >= 0)
			close(fd);
		return ST_IO;
	}
	errno = 0;
	while (st == ST_OK && (entry = readdir(d)) != NULL)
		st = add_number(&list, entry->d_name);
	if (st == ST_OK && errno != 0)
		st = ST_IO;
	closedir(d);
	if (st != ST_OK) {
		buf_free(&list);
		return st;
	}
	*count = list.len / sizeof(uint64_t);
	*out = (uint64_t *)(void *)list.data;
	if (*count > 0)
		qsort(*out, *count, sizeof(uint64_t), compare_numbers);
	return ST_OK;
}

/* --- reading one --- */

bool state_log_is_damaged(const struct state_log_report *report)
{
	return report->skipped > 0 || report->header || report->alien || report->cut;
}

static enum status read_all(int fd, size_t to, struct buf *out, struct state_log_report *report)
{
	struct stat st;
	unsigned char *at;
	size_t want;
	ssize_t got = 1;

	if (fstat(fd, &st) != 0)
		return ST_IO;
	want = to > 0 && to < (size_t)st.st_size ? to : (size_t)st.st_size;
	report->cut = want > STATE_READ_MAX;
	if (report->cut)
		want = STATE_READ_MAX;
	if (buf_reserve(out, want + 1, &at) != ST_OK)
		return ST_NOMEM;
	while (out->len < want && got > 0) {
		got = pread(fd, out->data + out->len, want - out->len, (off_t)out->len);
		if (got > 0)
			out->len += (size_t)got;
		else if (got < 0 && errno == EINTR)
			got = 1;
	}
	report->size = out->len;
	return got < 0 ? ST_IO : ST_OK;
}

static bool is_state(const struct record *r, uint64_t after_seq)
{
	return r->type == RECORD_STATE && r->seq > after_seq && r->key_len > 0 &&
	       !memchr(r->key, '\0', r->key_len);
}

/* Where no record starts the next byte is tried: the checksum tells. Sequence numbers only grow,
 * so that what looks like a record inside a value is hardly one. */
static enum status scan(const struct buf *b, size_t from, state_record_fn *on_record, void *ctx,
                        struct state_log_report *report)
{
	enum status st = ST_OK;
	uint64_t seq = 0;
	struct record r;
	size_t size;

	for (size_t at = from; at < b->len && st == ST_OK;) {
		if (record_decode(b->data + at, b->len - at, &r, &size) != ST_OK || !is_state(&r, seq)) {
			report->torn++;
			at++;
			continue;
		}
		st = on_record(ctx, &r);
		seq = r.seq;
		at += size;
		report->records++;
		report->skipped += report->torn;
		report->torn = 0;
	}
	return st;
}

enum status state_log_read(int dir, uint64_t number, size_t from, size_t to,
                           state_record_fn *on_record, void *ctx, struct state_log_report *report)
{
	struct buf bytes = BUF_MAX(STATE_READ_MAX + 1);
	char name[STATE_NAME_MAX];
	struct record_file file;
	enum status st;
	int fd;

	memset(report, 0, sizeof(*report));
	state_log_name(number, name);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ST_NOTFOUND : ST_IO;
	st = read_all(fd, to, &bytes, report);
	close(fd);
	if (st == ST_OK && bytes.len < RECORD_FILE_BYTES) {
		report->torn = bytes.len;
	} else if (st == ST_OK) {
		enum status head = record_get_file(bytes.data, bytes.len, "STA", &file);

		report->alien = head == ST_INVALID;
		report->header = head != ST_OK && !report->alien;
		if (!report->alien)
			st = scan(&bytes, from > RECORD_FILE_BYTES ? from : RECORD_FILE_BYTES, on_record, ctx,
			          report);
	}
	buf_free(&bytes);
	return st;
}

/* --- setting aside --- */

static bool is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

enum status state_set_aside(int dir, const char *name, char *out, size_t out_size)
{
	static const char *const companions[] = { "-journal", "-wal", "-shm" };
	char from[PATH_SIZE], to[PATH_SIZE];
	int n = 1;

	snprintf(out, out_size, "%s.damaged-%d", name, n);
	while (n < ASIDE_MAX && is_there(dir, out))
		snprintf(out, out_size, "%s.damaged-%d", name, ++n);
	/* The companions first: a database must never be found with a strange journal. */
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		snprintf(from, sizeof(from), "%s%s", name, companions[i]);
		snprintf(to, sizeof(to), "%s%s", out, companions[i]);
		if (renameat(dir, from, dir, to) == 0)
			continue;
		if (errno != ENOENT)
			return ST_IO;
		unlinkat(dir, to, 0);
	}
	return renameat(dir, name, dir, out) == 0 || errno == ENOENT ? ST_OK : ST_IO;
}
