#include "core/admin/device_rows.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

static struct device_rows *l;

static void add(const char *name, bool present, bool online, int bound, int64_t queued)
{
	struct device_row row = { .present = present,
		                      .online = online,
		                      .bound = bound,
		                      .queued = queued,
		                      .refused = bound == 0 };
	char json[128];
	int len = snprintf(json, sizeof(json), "{\"n\":\"%s\"}", name);

	snprintf(row.name, sizeof(row.name), "%s", name);
	CU_ASSERT_EQUAL(device_rows_add(l, &row, json, (size_t)len), ST_OK);
}

static bool shows(const char *only, const char *find, size_t from, const char *expected)
{
	struct device_view view = { .only = device_rows_only_of(only), .from = from };
	struct buf out = BUF_MAX(DEVICE_ROWS_PAGE_MAX);
	bool same;

	snprintf(view.find, sizeof(view.find), "%s", find);
	CU_ASSERT_EQUAL(device_rows_put(l, &view, &out), ST_OK);
	same = strcmp(buf_text(&out), expected) == 0;
	if (!same)
		fprintf(stderr, "%s\n", buf_text(&out));
	buf_free(&out);
	return same;
}

static void devices_are_shown_by_name_and_some_of_them(void)
{
	l = device_rows_new(10);
	add("P/c", true, true, 1, 0);
	add("P/a", false, false, DEVICE_ROWS_UNKNOWN, 3);
	add("P/B", true, false, 0, 0);
	device_rows_sort(l);
	CU_ASSERT(shows("all", "", 0,
	                "{\"total\":3,\"matching\":3,\"from\":0,\"devices\":[{\"n\":\"P/B\"},"
	                "{\"n\":\"P/a\"},{\"n\":\"P/c\"}]}"));
	CU_ASSERT(shows("present", "p/C", 0,
	                "{\"total\":3,\"matching\":1,\"from\":0,\"devices\":[{\"n\":\"P/c\"}]}"));
	CU_ASSERT(shows("absent", "", 0,
	                "{\"total\":3,\"matching\":1,\"from\":0,\"devices\":[{\"n\":\"P/a\"}]}"));
	CU_ASSERT(shows("online", "", 0,
	                "{\"total\":3,\"matching\":1,\"from\":0,\"devices\":[{\"n\":\"P/c\"}]}"));
	CU_ASSERT(shows("unbound", "", 0,
	                "{\"total\":3,\"matching\":1,\"from\":0,\"devices\":[{\"n\":\"P/B\"}]}"));
	CU_ASSERT(shows("queued", "", 0,
	                "{\"total\":3,\"matching\":1,\"from\":0,\"devices\":[{\"n\":\"P/a\"}]}"));
	CU_ASSERT(shows("refused", "", 0,
	                "{\"total\":3,\"matching\":1,\"from\":0,\"devices\":[{\"n\":\"P/B\"}]}"));
	CU_ASSERT(shows("all", "nobody", 0, "{\"total\":3,\"matching\":0,\"from\":0,\"devices\":[]}"));
	CU_ASSERT(shows("all", "", 2,
	                "{\"total\":3,\"matching\":3,\"from\":2,\"devices\":[{\"n\":\"P/c\"}]}"));
	CU_ASSERT(shows("all", "", 99, "{\"total\":3,\"matching\":3,\"from\":99,\"devices\":[]}"));
	device_rows_free(l);
}

static void page_has_200_devices(void)
{
	struct device_view view = { .only = DEVICE_ROWS_ALL };
	struct buf out = BUF_MAX(DEVICE_ROWS_PAGE_MAX);

	l = device_rows_new(450);
	for (int i = 0; i < 450; i++) {
		char name[16];

		snprintf(name, sizeof(name), "P/%03d", i);
		add(name, true, true, 1, 0);
	}
	device_rows_sort(l);
	for (view.from = 0; view.from < 450; view.from += DEVICE_ROWS_PAGE) {
		size_t shown = 0;

		buf_reset(&out);
		CU_ASSERT_EQUAL(device_rows_put(l, &view, &out), ST_OK);
		for (const char *at = buf_text(&out); (at = strstr(at, "{\"n\"")); at++)
			shown++;
		CU_ASSERT_EQUAL(shown, view.from < 400 ? 200 : 50);
	}
	buf_free(&out);
	device_rows_free(l);
}

static void list_has_bounds_for_devices_and_for_the_text_of_one(void)
{
	static const char long_text[DEVICE_ROWS_JSON_MAX + 1];
	const struct device_row row = { .name = "P/x" };

	l = device_rows_new(6);
	CU_ASSERT_EQUAL(device_rows_add(l, &row, long_text, sizeof(long_text)), ST_TOOBIG);
	for (int i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(device_rows_add(l, &row, long_text, DEVICE_ROWS_JSON_MAX), ST_OK);
	CU_ASSERT_EQUAL(device_rows_add(l, &row, "{}", 2), ST_FULL);
	CU_ASSERT_EQUAL(device_rows_count(l), 6);
	device_rows_free(l);
	device_rows_free(NULL);
}

static void unknown_word_means_all(void)
{
	CU_ASSERT_EQUAL(device_rows_only_of(NULL), DEVICE_ROWS_ALL);
	CU_ASSERT_EQUAL(device_rows_only_of("some"), DEVICE_ROWS_ALL);
	CU_ASSERT_EQUAL(device_rows_only_of("queued"), DEVICE_ROWS_QUEUED);
}

SUITE(device_rows, TEST(devices_are_shown_by_name_and_some_of_them), TEST(page_has_200_devices),
      TEST(list_has_bounds_for_devices_and_for_the_text_of_one), TEST(unknown_word_means_all))
