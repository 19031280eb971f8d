#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shadowstore/file/store_file.h"
#include "shadowstore/state/state_impl.h"

enum {
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
	return strcmp(name, again) == 0;
}

bool state_log_is_name(const char *name)
{
	uint64_t ignored;

	return parse_name(name, &ignored);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static enum status add_number(void *ctx, const char *name)
{
	uint64_t number;

	return parse_name(name, &number) ? buf_add(ctx, &number, sizeof(number)) : ST_OK;
}

enum status state_log_list(int dir, uint64_t **out, size_t *count)
{
	struct buf list = BUF_MAX(SIZE_MAX / 2);
	enum status st = store_file_list(dir, add_number, &list);

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
	enum status read;
	size_t want;

	if (fstat(fd, &st) != 0)
		return ST_IO;
	want = to > 0 && to < (size_t)st.st_size ? to : (size_t)st.st_size;
	report->cut = want > STATE_READ_MAX;
	if (report->cut)
		want = STATE_READ_MAX;
	read = store_file_read(fd, want, out);
	report->size = out->len;
	return read;
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
	fd = store_file_open(dir, name, O_RDONLY);
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
