#include "tests/fakes/store_age.h"

#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	HEADER = 64,
	HEAD = 40,
	PATH_ROOM = 4400,
};

uint32_t store_age_crc(uint32_t crc, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
	}
	return ~crc;
}

static void put(unsigned char *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

static size_t get(const unsigned char *at)
{
	return at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

/* --- files of records --- */

static void age_bytes(unsigned char *b, size_t len)
{
	if (len < HEADER)
		return;
	put(b + 8, 1, 4);
	put(b + 60, store_age_crc(0, b, 60), 4);
	for (size_t at = HEADER, size; at + HEAD <= len; at += size) {
		size = get(b + at);
		if (size < HEAD || at + size > len)
			break;
		put(b + at + 4, store_age_crc(0, b + at + 8, size - 8), 4);
	}
}

bool store_age_file(const char *path)
{
	FILE *f = fopen(path, "r+e");
	unsigned char *bytes = NULL;
	long len = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
	bool ok = len >= 0;

	if (ok)
		bytes = malloc((size_t)len + 1);
	ok =
		ok && bytes && fseek(f, 0, SEEK_SET) == 0 && fread(bytes, 1, (size_t)len, f) == (size_t)len;
	if (ok) {
		age_bytes(bytes, (size_t)len);
		ok = fseek(f, 0, SEEK_SET) == 0 && fwrite(bytes, 1, (size_t)len, f) == (size_t)len;
	}
	free(bytes);
	if (f && fclose(f) != 0)
		ok = false;
	return ok;
}

/* --- the database --- */

static uint32_t crc_of(uint32_t crc, uint64_t number)
{
	unsigned char bytes[8];

	put(bytes, number, 8);
	return store_age_crc(crc, bytes, sizeof bytes);
}

/* old_entry(kind, key, value), old_meta(log, end, entries) */
static void old_entry(sqlite3_context *ctx, int count, sqlite3_value **v)
{
	const void *key = sqlite3_value_blob(v[1]), *value = sqlite3_value_blob(v[2]);
	size_t key_len = (size_t)sqlite3_value_bytes(v[1]), len = (size_t)sqlite3_value_bytes(v[2]);
	uint32_t crc = crc_of(crc_of(crc_of(0, (uint64_t)sqlite3_value_int64(v[0])), key_len), len);

	(void)count;
	crc = store_age_crc(crc, key, key_len);
	sqlite3_result_int64(ctx, len > 0 ? store_age_crc(crc, value, len) : crc);
}

static void old_meta(sqlite3_context *ctx, int count, sqlite3_value **v)
{
	uint32_t crc = 0;

	for (int i = 0; i < count; i++)
		crc = crc_of(crc, (uint64_t)sqlite3_value_int64(v[i]));
	sqlite3_result_int64(ctx, crc);
}

bool store_age_db(const char *path)
{
	static const char text[] = "BEGIN; UPDATE entry SET crc = old_entry(kind, key, value);"
							   "UPDATE meta SET crc = old_meta(log, end, entries);"
							   "PRAGMA user_version = 1; COMMIT";
	sqlite3 *db = NULL;
	bool ok = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
	          sqlite3_create_function(db, "old_entry", 3, SQLITE_UTF8, NULL, old_entry, NULL,
	                                  NULL) == SQLITE_OK &&
	          sqlite3_create_function(db, "old_meta", 3, SQLITE_UTF8, NULL, old_meta, NULL, NULL) ==
	              SQLITE_OK &&
	          sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;

	sqlite3_close(db);
	return ok;
}

/* --- all --- */

static bool age_each(const char *dir, const char *pattern)
{
	char path[PATH_ROOM];
	glob_t found;
	bool ok = true;

	snprintf(path, sizeof path, "%.4000s/%s", dir, pattern);
	if (glob(path, 0, NULL, &found) != 0)
		return true;
	for (size_t i = 0; i < found.gl_pathc; i++)
		ok = store_age_file(found.gl_pathv[i]) && ok;
	globfree(&found);
	return ok;
}

bool store_age(const char *dir)
{
	static const char *const goes[] = { "format", "secrets.new/README", "secrets.new" };
	char path[PATH_ROOM];
	bool ok = age_each(dir, "journal/*.seg") && age_each(dir, "journal/acks") &&
	          age_each(dir, "state/*.log");

	for (size_t i = 0; i < sizeof goes / sizeof goes[0]; i++) {
		snprintf(path, sizeof path, "%.4000s/%s", dir, goes[i]);
		(void)remove(path);
	}
	snprintf(path, sizeof path, "%.4000s/state.db", dir);
	return access(path, F_OK) == 0 ? store_age_db(path) && ok : ok;
}
