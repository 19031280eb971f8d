#include "core/export/archive.h"

#include <stdio.h>
#include <string.h>

enum {
	MODE_MAX = 07777
};

#define SIZE_LIMIT (UINT64_C(1) << 50)

static void put(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	for (int i = bytes; i > 0; i--)
		value = value << 8 | at[i - 1];
	return value;
}

void archive_put_head(const struct archive_head *h, uint8_t out[ARCHIVE_HEAD_BYTES])
{
	memset(out, 0, ARCHIVE_HEAD_BYTES);
	out[0] = (uint8_t)h->kind;
	put(out + 2, h->path_len, 2);
	put(out + 4, h->mode & MODE_MAX, 4);
	put(out + 8, h->size, 8);
	put(out + 16, (uint64_t)h->mtime_s, 8);
}

static bool known(uint8_t kind)
{
	return kind == ARCHIVE_INFO || kind == ARCHIVE_CONFIG || kind == ARCHIVE_FILE ||
	       kind == ARCHIVE_BESIDE || kind == ARCHIVE_STORE || kind == ARCHIVE_END;
}

enum status archive_get_head(const uint8_t bytes[ARCHIVE_HEAD_BYTES], struct archive_head *out)
{
	*out = (struct archive_head){
		.kind = (enum archive_kind)bytes[0],
		.path_len = (size_t)get(bytes + 2, 2),
		.mode = (uint32_t)get(bytes + 4, 4),
		.size = get(bytes + 8, 8),
		.mtime_s = (int64_t)get(bytes + 16, 8),
	};
	if (!known(bytes[0]) || out->path_len > ARCHIVE_PATH_MAX || out->mode > MODE_MAX ||
	    out->size > SIZE_LIMIT)
		return ST_MALFORMED;
	return out->kind == ARCHIVE_INFO && out->size > ARCHIVE_INFO_MAX ? ST_MALFORMED : ST_OK;
}

/* No part of it is empty, "." or "..". */
static bool parts_ok(const char *path, size_t len)
{
	for (size_t at = 0, part; at <= len; at += part + 1) {
		const char *slash = memchr(path + at, '/', len - at);

		part = slash ? (size_t)(slash - path) - at : len - at;
		if (part == 0 || (path[at] == '.' && (part == 1 || (part == 2 && path[at + 1] == '.'))))
			return false;
	}
	return true;
}

static bool of_store(const char *path, size_t len)
{
	const char *slash = memchr(path, '/', len);
	size_t folder = slash ? (size_t)(slash - path) : 0;
	bool known_folder = !slash || (folder == 7 && memcmp(path, "journal", 7) == 0) ||
	                    (folder == 5 && memcmp(path, "state", 5) == 0);

	return known_folder && (!slash || !memchr(slash + 1, '/', len - folder - 1)) && len < 128;
}

bool archive_path_ok(enum archive_kind kind, const char *path, size_t len)
{
	bool absolute = kind == ARCHIVE_CONFIG || kind == ARCHIVE_FILE;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)path[i] < ' ' || path[i] == 127)
			return false;
	}
	if (kind == ARCHIVE_INFO || kind == ARCHIVE_END)
		return len == 0;
	if (len == 0 || len > ARCHIVE_PATH_MAX || (path[0] == '/') != absolute)
		return false;
	if (!parts_ok(path + absolute, len - absolute))
		return false;
	return kind != ARCHIVE_STORE || of_store(path, len);
}

bool archive_takes(const char *name)
{
	static const char *const stays[] = { "lock", "format", "MOVED", "spare", "control.token" };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof stays / sizeof stays[0]; i++) {
		if (strcmp(name, stays[i]) == 0)
			return false;
	}
	return len <= 4 || strcmp(name + len - 4, ".tmp") != 0;
}

bool archive_info(const char *text, const char *name, char *out, size_t out_size)
{
	size_t name_len = strlen(name), len;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, name_len) != 0 || line[name_len] != ' ')
			continue;
		line += name_len + 1;
		len = strcspn(line, "\n");
		if (len >= out_size)
			return false;
		memcpy(out, line, len);
		out[len] = '\0';
		return true;
	}
	return false;
}
