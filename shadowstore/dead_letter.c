#include "shadowstore/dead_letter.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/room.h"
#include "core/base/table.h"
#include "core/base/utf8.h"
#include "shadowstore/file/store_file.h"

#define FILE_NAME "dead-letter.jsonl"
#define OLD_NAME  FILE_NAME ".1"
#define NEW_NAME  FILE_NAME ".new"

enum {
	READ_MAX = 8 << 20, /* of one file */
	ID_BITS = 48,       /* exact in a double, as JSON has numbers */
};

static pthread_mutex_t files = PTHREAD_MUTEX_INITIALIZER;

static cJSON *payload_of(const struct dead_letter *l, const char **name)
{
	char *text = malloc(l->len / 3 * 4 + 5); /* Base64 with its NUL, longer than the text */
	cJSON *node = NULL;

	if (!text)
		return NULL;
	if (utf8_ok(l->payload, l->len)) {
		*name = "payload";
		memcpy(text, l->payload ? l->payload : "", l->len);
		text[l->len] = '\0';
	} else {
		*name = "payload_base64";
		EVP_EncodeBlock((unsigned char *)text, l->payload, (int)l->len);
	}
	node = cJSON_CreateString(text);
	free(text);
	return node;
}

static char *line_of(const struct dead_letter *l)
{
	const char *name = NULL;
	cJSON *payload = payload_of(l, &name), *line = cJSON_CreateObject();
	char when[32], *text = NULL;
	struct tm utc;

	gmtime_r(&l->time, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (payload && line && cJSON_AddStringToObject(line, "time", when) &&
	    cJSON_AddStringToObject(line, "product_id", l->product_id) &&
	    cJSON_AddStringToObject(line, "device_name", l->device_name) &&
	    cJSON_AddStringToObject(line, "topic", l->topic) &&
	    cJSON_AddStringToObject(line, "reason", l->reason) &&
	    cJSON_AddNumberToObject(line, "qos", l->qos) &&
	    cJSON_AddItemToObject(line, name, payload)) {
		payload = NULL;
		text = cJSON_PrintUnformatted(line);
	}
	cJSON_Delete(payload);
	cJSON_Delete(line);
	return text;
}

/* A line that did not fit whole is taken back: the file stays lines. */
static enum status append(int fd, const char *line, off_t size)
{
	size_t len = strlen(line);
	char *whole = malloc(len + 1);
	enum status st = ST_OK;

	if (!whole)
		return ST_NOMEM;
	memcpy(whole, line, len);
	whole[len] = '\n';
	errno = ENOSPC; /* of a write that is cut short */
	if (write(fd, whole, len + 1) != (ssize_t)(len + 1)) {
		int error = errno;

		st = ST_IO;
		(void)!ftruncate(fd, size);
		errno = error;
	}
	free(whole);
	return st;
}

/* ST_IO also when there is no second file to move the first to: the bound holds. */
static enum status make_room(int dir)
{
	struct stat info;

	if (fstatat(dir, FILE_NAME, &info, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? ST_OK : ST_IO;
	if (info.st_size <= DEAD_LETTER_BYTES)
		return ST_OK;
	return renameat(dir, FILE_NAME, dir, OLD_NAME) == 0 ? ST_OK : ST_IO;
}

static enum status add_line(int dir, const struct dead_letter *letter)
{
	enum status st = make_room(dir);
	int fd = st == ST_OK ? store_file_open(dir, FILE_NAME, O_WRONLY | O_APPEND | O_CREAT) : -1;
	struct stat info;
	char *line;

	if (fd < 0)
		return ST_IO;
	line = line_of(letter);
	st = fstat(fd, &info) != 0 ? ST_IO : !line ? ST_NOMEM : append(fd, line, info.st_size);
	cJSON_free(line);
	close(fd);
	return st;
}

enum status dead_letter_add(const char *dir, const struct dead_letter *letter)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	enum status st;

	IN_ROOM(ROOM_UPLINK);
	if (fd < 0)
		return ST_IO;
	pthread_mutex_lock(&files);
	st = add_line(fd, letter);
	error = errno;
	pthread_mutex_unlock(&files);
	close(fd);
	errno = error;
	return st;
}

/* --- reading, dropping --- */

uint64_t dead_letter_id(const char *line, size_t len)
{
	uint64_t id = table_hash(0, line, len) & ((UINT64_C(1) << ID_BITS) - 1);

	return id ? id : 1;
}

/* ST_OK, also when there is none; ST_IO (errno); ST_NOMEM. */
static enum status read_file(int dir, const char *name, struct buf *out)
{
	int fd = store_file_open(dir, name, O_RDONLY);
	struct stat info;
	enum status st;
	int error;

	if (fd < 0)
		return errno == ENOENT ? ST_OK : ST_IO;
	st = fstat(fd, &info) == 0 ? ST_OK : ST_IO;
	if (st == ST_OK)
		st = store_file_read(fd, (size_t)info.st_size, out);
	error = errno;
	close(fd);
	errno = error;
	return st;
}

/* The line that begins at *at, which moves behind it. False: no whole one. */
static bool next_line(const struct buf *text, size_t *at, const char **line, size_t *len)
{
	const char *begin, *end;

	if (*at >= text->len)
		return false;
	begin = (const char *)text->data + *at;
	end = memchr(begin, '\n', text->len - *at);
	if (!end)
		return false;
	*line = begin;
	*len = (size_t)(end - begin);
	*at += *len + 1;
	return true;
}

static const char *const names[] = { OLD_NAME, FILE_NAME };

static enum status read_in(int dir, dead_letter_fn *each, void *ctx)
{
	enum status st = ST_OK;
	bool more = true;

	for (size_t i = 0; i < 2 && st == ST_OK && more; i++) {
		struct buf text = BUF_MAX(READ_MAX);
		const char *line;
		size_t at = 0, len;

		st = read_file(dir, names[i], &text);
		while (st == ST_OK && more && next_line(&text, &at, &line, &len))
			more = each(ctx, dead_letter_id(line, len), line, len);
		buf_free(&text);
	}
	return st;
}

enum status dead_letter_read(const char *dir, dead_letter_fn *each, void *ctx)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	enum status st;

	IN_ROOM(ROOM_DISK);
	if (fd < 0)
		return ST_IO;
	pthread_mutex_lock(&files);
	st = read_in(fd, each, ctx);
	error = errno;
	pthread_mutex_unlock(&files);
	close(fd);
	errno = error;
	return st;
}

/* In the place of the file, which is whole at any time. */
static enum status write_file(int dir, const char *name, const struct buf *text)
{
	int fd = text->len > 0 ? store_file_create_tmp(dir, NEW_NAME) : -1;
	bool ok;

	if (text->len == 0)
		return unlinkat(dir, name, 0) == 0 || errno == ENOENT ? ST_OK : ST_IO;
	if (fd < 0)
		return ST_IO;
	errno = ENOSPC; /* of a write that is cut short */
	ok = write(fd, text->data, text->len) == (ssize_t)text->len;
	close(fd);
	return ok && renameat(dir, NEW_NAME, dir, name) == 0 ? ST_OK : ST_IO;
}

static enum status drop_in(int dir, const char *name, dead_letter_fn *drop, void *ctx,
                           size_t *count)
{
	struct buf text = BUF_MAX(READ_MAX), kept = BUF_MAX(READ_MAX);
	enum status st = read_file(dir, name, &text);
	const char *line;
	size_t at = 0, len, dropped = 0;

	while (st == ST_OK && next_line(&text, &at, &line, &len)) {
		if (drop(ctx, dead_letter_id(line, len), line, len))
			dropped++;
		else
			st = buf_add(&kept, line, len + 1);
	}
	if (st == ST_OK && dropped > 0)
		st = write_file(dir, name, &kept);
	if (st == ST_OK)
		*count += dropped;
	buf_free(&text);
	buf_free(&kept);
	return st;
}

enum status dead_letter_drop(const char *dir, dead_letter_fn *drop, void *ctx, size_t *count)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	enum status st = ST_OK;

	IN_ROOM(ROOM_DISK);
	*count = 0;
	if (fd < 0)
		return ST_IO;
	pthread_mutex_lock(&files);
	for (size_t i = 0; i < 2 && st == ST_OK; i++)
		st = drop_in(fd, names[i], drop, ctx, count);
	error = errno;
	pthread_mutex_unlock(&files);
	close(fd);
	errno = error;
	return st;
}
