#include "shadowstore/dead_letter.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/room.h"
#include "core/base/utf8.h"
#include "shadowstore/file/store_file.h"

#define FILE_NAME "dead-letter.jsonl"

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
	return renameat(dir, FILE_NAME, dir, FILE_NAME ".1") == 0 ? ST_OK : ST_IO;
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
	st = add_line(fd, letter);
	error = errno;
	close(fd);
	errno = error;
	return st;
}
