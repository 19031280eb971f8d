#include "core/export/archive.h"

#include <string.h>

#include "tests/runner.h"

static void head_comes_back_and_what_cannot_be_is_none(void)
{
	const struct archive_head in = {
		.kind = ARCHIVE_STORE, .path_len = 12, .mode = 0640, .size = 1 << 30, .mtime_s = 1795000000
	};
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = { { 0, 'x' }, { 0, 0 }, { 3, 0x7f }, { 5, 0x10 }, { 15, 1 } };
	uint8_t bytes[ARCHIVE_HEAD_BYTES];
	struct archive_head back;

	archive_put_head(&in, bytes);
	CU_ASSERT_EQUAL_FATAL(archive_get_head(bytes, &back), ST_OK);
	CU_ASSERT_EQUAL(back.kind, in.kind);
	CU_ASSERT_EQUAL(back.path_len, in.path_len);
	CU_ASSERT_EQUAL(back.mode, in.mode);
	CU_ASSERT_EQUAL(back.size, in.size);
	CU_ASSERT_EQUAL(back.mtime_s, in.mtime_s);
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		archive_put_head(&in, bytes);
		bytes[changes[i].at] = changes[i].value;
		CU_ASSERT_EQUAL(archive_get_head(bytes, &back), ST_MALFORMED);
	}
}

static void path_leads_only_where_its_kind_may(void)
{
	static const struct {
		enum archive_kind kind;
		const char *path;
		bool ok;
	} paths[] = {
		{ ARCHIVE_INFO, "", true },
		{ ARCHIVE_INFO, "x", false },
		{ ARCHIVE_CONFIG, "/etc/mosquitto/hubgate.json", true },
		{ ARCHIVE_CONFIG, "hubgate.json", false },
		{ ARCHIVE_FILE, "/etc/../root/x", false },
		{ ARCHIVE_FILE, "/etc//x", false },
		{ ARCHIVE_FILE, "/", false },
		{ ARCHIVE_FILE, "/a\nb", false },
		{ ARCHIVE_BESIDE, "secrets/gw", true },
		{ ARCHIVE_BESIDE, "../gw", false },
		{ ARCHIVE_BESIDE, "/gw", false },
		{ ARCHIVE_STORE, "state.db", true },
		{ ARCHIVE_STORE, "journal/acks", true },
		{ ARCHIVE_STORE, "state/0000000000000001.log", true },
		{ ARCHIVE_STORE, "journal/..", false },
		{ ARCHIVE_STORE, "journal/a/b", false },
		{ ARCHIVE_STORE, "other/x", false },
		{ ARCHIVE_STORE, "/x", false },
		{ ARCHIVE_STORE, "..", false },
		{ ARCHIVE_STORE, "", false },
		{ ARCHIVE_STORE, "journal/", false },
	};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		CU_ASSERT_EQUAL(archive_path_ok(paths[i].kind, paths[i].path, strlen(paths[i].path)),
		                paths[i].ok);
}

static void what_belongs_to_a_place_or_a_moment_stays(void)
{
	static const char *const stay[] = { "lock",  "format",   "MOVED",
		                                "spare", "acks.tmp", "secrets.tmp" };
	static const char *const go[] = { "acks", "secrets", "state.db-journal", "acks.damaged-1",
		                              "last-connect" };

	for (size_t i = 0; i < sizeof stay / sizeof stay[0]; i++)
		CU_ASSERT_FALSE(archive_takes(stay[i]));
	for (size_t i = 0; i < sizeof go / sizeof go[0]; i++)
		CU_ASSERT(archive_takes(go[i]));
}

static void info_is_found_by_its_name(void)
{
	char out[16];

	CU_ASSERT(archive_info("a 1\nab two words\n", "ab", out, sizeof out) &&
	          strcmp(out, "two words") == 0);
	CU_ASSERT(archive_info("a 1\nab 2", "ab", out, sizeof out) && strcmp(out, "2") == 0);
	CU_ASSERT_FALSE(archive_info("a 1\nab 2\n", "b", out, sizeof out));
	CU_ASSERT_FALSE(archive_info("a 12345678\n", "a", out, 8));
	CU_ASSERT_FALSE(archive_info("", "a", out, sizeof out));
}

SUITE(archive, TEST(head_comes_back_and_what_cannot_be_is_none),
      TEST(path_leads_only_where_its_kind_may), TEST(what_belongs_to_a_place_or_a_moment_stays),
      TEST(info_is_found_by_its_name))
