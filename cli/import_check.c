/* Before the first write: the export is whole, this program knows its formats, and every place it
 * comes to is free, or holds the same already. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "cli/import_impl.h"
#include "shadowstore/store_format.h"

enum {
	BLOCK = 65536,
	SPARE_BYTES = 1 << 20, /* beyond what is written */
};

/* --- where things come to --- */

static int take_info(struct import *i, const struct archive_head *h)
{
	char format[16];
	enum status st = sealed_file_get(&i->file, i->info, h->size);

	if (h->kind != ARCHIVE_INFO)
		st = ST_MALFORMED;
	if (st != ST_OK)
		return import_broken(i, st);
	if (!archive_info(i->info, "store_format", format, sizeof format) ||
	    !archive_info(i->info, "store_dir", i->from_store, sizeof i->from_store) ||
	    !archive_info(i->info, "config", i->from_config, sizeof i->from_config))
		return import_broken(i, ST_MALFORMED);
	if (strtoul(format, NULL, 10) > STORE_FORMAT)
		return cli_failed(i->command,
		                  "the store in %s has format %s, this hubgate knows up to %d: install the "
		                  "hubgate that wrote it, or a newer one",
		                  i->name, format, STORE_FORMAT);
	snprintf(i->store, sizeof i->store, "%s", i->store_option ? i->store_option : i->from_store);
	snprintf(i->config, sizeof i->config, "%s",
	         i->config_option ? i->config_option : i->from_config);
	return CLI_OK;
}

/* A relative store.dir would lead elsewhere from another directory. */
static bool config_changes(const struct import *i)
{
	char from[IMPORT_PATH], to[IMPORT_PATH];

	import_folder_of(i->from_config, from);
	import_folder_of(i->config, to);
	return strcmp(i->store, i->from_store) != 0 || strcmp(from, to) != 0;
}

/* Changes hubgate.json where it comes to another place. */
static bool adapt(struct import *i)
{
	cJSON *root = cJSON_ParseWithLength(i->text, i->text_len);
	cJSON *store = cJSON_GetObjectItemCaseSensitive(root, "store");
	cJSON *dir = cJSON_CreateString(i->store);
	char *text = NULL;

	i->no_lock = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(store, "lock"));
	if (store && !config_changes(i)) {
		cJSON_Delete(dir);
		cJSON_Delete(root);
		return true;
	}
	if (store && dir && cJSON_ReplaceItemInObjectCaseSensitive(store, "dir", dir)) {
		dir = NULL;
		text = cJSON_Print(root);
	}
	cJSON_Delete(dir);
	cJSON_Delete(root);
	if (!text)
		return false;
	explicit_bzero(i->text, i->text_len);
	free(i->text);
	i->text = text;
	i->text_len = strlen(text);
	return true;
}

/* --- is it free --- */

static int refuse_place(const struct import *i, const char *path)
{
	return cli_failed(i->command,
	                  "%s is there already and is another one: it is not touched; move it away, or "
	                  "import to another place: --config",
	                  path);
}

/* Up to what exists of it. */
static int may_write(const struct import *i, const char *path)
{
	char folder[IMPORT_PATH], above[IMPORT_PATH];

	import_folder_of(path, folder);
	while (access(folder, F_OK) != 0 && errno == ENOENT && strchr(folder, '/') && folder[1]) {
		import_folder_of(folder, above);
		snprintf(folder, sizeof folder, "%s", above);
	}
	if (access(folder, W_OK | X_OK) == 0)
		return CLI_OK;
	return cli_failed(i->command, "%s cannot be written: %s: %s%s", path, folder, strerror(errno),
	                  errno == EACCES ? "; run it with sudo" : "");
}

/* -1: there is none, and one can be made; else open. *code: whether that is well. */
static int open_place(const struct import *i, const char *path, uint64_t size, int *code)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat info;

	*code = CLI_OK;
	if (fd < 0 && errno == ENOENT)
		*code = may_write(i, path);
	else if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
	         (uint64_t)info.st_size != size)
		*code = refuse_place(i, path);
	if (fd >= 0 && *code != CLI_OK) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* An import that was decided has put some of them there: those are the same. */
static int check_config(struct import *i, const struct archive_head *h, const char *path)
{
	enum status st =
		strcmp(path, i->from_config) == 0 && h->size <= CONFIG_BYTES_MAX ? ST_OK : ST_MALFORMED;
	char *there;
	int code, fd;

	if (st == ST_OK) {
		i->text = calloc(1, h->size + 1);
		i->text_len = h->size;
		st = i->text ? sealed_file_get(&i->file, i->text, h->size) : ST_NOMEM;
	}
	if (st != ST_OK)
		return import_broken(i, st);
	if (!adapt(i))
		return cli_failed(i->command, "hubgate.json in %s cannot be read", i->name);
	fd = open_place(i, i->config, i->text_len, &code);
	if (fd < 0)
		return code;
	there = malloc(i->text_len + 1);
	if (!there || read(fd, there, i->text_len) != (ssize_t)i->text_len ||
	    memcmp(there, i->text, i->text_len) != 0)
		code = refuse_place(i, i->config);
	free(there);
	close(fd);
	return code;
}

/* Reads the bytes of an entry; fd: a file that must hold the same, or -1. */
static enum status pass(struct import *i, uint64_t size, int fd, bool *same)
{
	char block[BLOCK], there[BLOCK];
	enum status st = ST_OK;

	*same = true;
	for (uint64_t done = 0; done < size && st == ST_OK;) {
		size_t part = size - done < sizeof block ? (size_t)(size - done) : sizeof block;

		st = sealed_file_get(&i->file, block, part);
		if (st == ST_OK && fd >= 0 && *same)
			*same = read(fd, there, part) == (ssize_t)part && memcmp(block, there, part) == 0;
		done += part;
	}
	explicit_bzero(block, sizeof block);
	explicit_bzero(there, sizeof there);
	return st;
}

static int check_entry(struct import *i, const struct archive_head *h, const char *path)
{
	char target[IMPORT_PATH];
	bool same;
	int code = CLI_OK, fd = -1;
	enum status st;

	i->files++;
	i->bytes += h->size;
	if (h->kind == ARCHIVE_CONFIG)
		return check_config(i, h, path);
	if (h->kind == ARCHIVE_FILE || h->kind == ARCHIVE_BESIDE) {
		import_target(i, h->kind, path, target);
		fd = open_place(i, target, h->size, &code);
	} else if (h->kind != ARCHIVE_STORE) {
		return import_broken(i, ST_MALFORMED);
	}
	if (code != CLI_OK)
		return code;
	st = pass(i, h->size, fd, &same);
	if (fd >= 0)
		close(fd);
	if (st != ST_OK)
		return import_broken(i, st);
	return same ? CLI_OK : refuse_place(i, target);
}

/* --- the store --- */

/* What this program itself leaves in an empty one. */
static bool is_nothing(int dir, const char *name, int depth);

static bool folder_is_empty(int dir, const char *name, int depth)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool empty = d != NULL;

	while (empty && (entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			empty = is_nothing(fd, entry->d_name, depth + 1);
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return empty;
}

static bool is_nothing(int dir, const char *name, int depth)
{
	static const char *const ours[] = { "lock", "format", "format.tmp", STORE_FORMAT_BAR,
		                                "arriving" };

	if (depth > 1)
		return false;
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
		if (strcmp(name, ours[i]) == 0)
			return true;
	}
	return (strcmp(name, "journal") == 0 || strcmp(name, "state") == 0) &&
	       folder_is_empty(dir, name, depth);
}

static int check_room(const struct import *i)
{
	char folder[IMPORT_PATH];
	struct statvfs fs;

	snprintf(folder, sizeof folder, "%s", i->store);
	if (access(folder, F_OK) != 0)
		import_folder_of(i->store, folder);
	if (statvfs(folder, &fs) != 0)
		return cli_failed(i->command, "%s: %s", folder, strerror(errno));
	if ((uint64_t)fs.f_bavail * fs.f_frsize >= i->bytes + SPARE_BYTES)
		return CLI_OK;
	return cli_failed(i->command,
	                  "%s has not the room: %" PRIu64 " bytes are needed; nothing was written",
	                  folder, i->bytes + SPARE_BYTES);
}

/* The import that was decided is this one's? Its `of` holds the salt. */
static int check_decided(struct import *i, int dir)
{
	const uint8_t *salt = i->file.sealed.header + SEALED_SALT_AT;
	uint8_t there[SEALED_SALT_BYTES];
	int fd = openat(dir, STORE_ARRIVED_DIR "/of", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool same;

	if (fd < 0 && errno == ENOENT)
		return CLI_OK;
	same = fd >= 0 && read(fd, there, sizeof there) == (ssize_t)sizeof there &&
	       memcmp(there, salt, sizeof there) == 0;
	if (fd >= 0)
		close(fd);
	i->is_decided = same;
	return same ? CLI_OK
	            : cli_failed(
					  i->command,
					  "another export is half imported into %s: end that first, with its file",
					  i->store);
}

static int check_store(struct import *i)
{
	int dir = open(i->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code;

	if (dir < 0 && errno == ENOENT)
		return may_write(i, i->store);
	if (dir < 0)
		return cli_failed(i->command, "%s: %s", i->store, strerror(errno));
	code = check_decided(i, dir);
	if (code == CLI_OK && !i->is_decided && !folder_is_empty(dir, ".", -1))
		code =
			cli_failed(i->command,
		               "%s is not empty: there is a store already, which is not touched; name an "
		               "empty one: --store",
		               i->store);
	close(dir);
	return code;
}

/* --- all of it --- */

int import_check(struct import *i)
{
	char path[ARCHIVE_PATH_MAX + 1];
	struct archive_head h;
	bool first = true;
	int code = CLI_OK;

	do {
		enum status st = sealed_file_get_head(&i->file, &h, path);

		if (st != ST_OK)
			return import_broken(i, st);
		if (first)
			code = take_info(i, &h);
		else if (h.kind != ARCHIVE_END)
			code = check_entry(i, &h, path);
		first = false;
	} while (code == CLI_OK && h.kind != ARCHIVE_END);
	if (code == CLI_OK && (!sealed_file_at_end(&i->file) || !i->text))
		code = import_broken(i, ST_MALFORMED);
	if (code == CLI_OK)
		code = check_store(i);
	return code == CLI_OK && !i->is_decided ? check_room(i) : code;
}
