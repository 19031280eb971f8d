/* A reply is given again to the very same request, and to nothing else. */
#include "core/hub/dynreg_replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

#define DEVICE "SUBPROD001lamp-01"
#define REPLY  "{\"Response\":{}}"

static struct dynreg_asked asked(const char *body, const char *address)
{
	struct dynreg_asked a = { .digest = { 0 } };

	CU_ASSERT_EQUAL(dynreg_replies_digest("h", "/p", NULL, body, strlen(body), a.digest), ST_OK);
	snprintf(a.address, sizeof(a.address), "%s", address);
	return a;
}

static struct dynreg_replies *replies_new(void)
{
	struct dynreg_replies *r = calloc(1, sizeof(*r));

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	return r;
}

static void replies_free(struct dynreg_replies *r)
{
	dynreg_replies_fini(r);
	free(r);
}

static void answer(struct dynreg_replies *r, const struct dynreg_asked *a, int64_t now_ms)
{
	dynreg_replies_await(r, a, DEVICE, now_ms);
	dynreg_replies_put(r, a, REPLY, strlen(REPLY));
}

/* ST_OK: with the reply that was given. */
static enum status ask(struct dynreg_replies *r, const struct dynreg_asked *a, int64_t now_ms)
{
	struct buf out = BUF_MAX(64);
	enum status st = dynreg_replies_find(r, a, now_ms, &out);

	CU_ASSERT_STRING_EQUAL(buf_text(&out), st == ST_OK ? REPLY : "");
	buf_free(&out);
	return st;
}

static void same_request_of_the_same_address_gets_the_same_reply_for_a_minute(void)
{
	struct dynreg_replies *r = replies_new();
	struct dynreg_asked a = asked("a", "10.0.0.1"), moved = asked("a", "10.0.0.2"),
						other = asked("b", "10.0.0.1");

	answer(r, &a, 1000);
	CU_ASSERT_EQUAL(ask(r, &a, 1000), ST_OK);
	CU_ASSERT_EQUAL(ask(r, &moved, 1000), ST_NOTFOUND);
	CU_ASSERT_EQUAL(ask(r, &other, 1000), ST_NOTFOUND);
	CU_ASSERT_EQUAL(ask(r, &a, 1000 + DYNREG_REPLIES_MS - 1), ST_OK);
	CU_ASSERT_EQUAL(ask(r, &a, 1000 + DYNREG_REPLIES_MS), ST_NOTFOUND);
	CU_ASSERT_EQUAL(ask(r, &a, 1000), ST_NOTFOUND); /* it is gone, not hidden */
	replies_free(r);
}

static void device_that_logged_in_is_not_answered_again(void)
{
	struct dynreg_replies *r = replies_new();
	struct dynreg_asked a = asked("a", "10.0.0.1"), b = asked("b", "10.0.0.1");

	answer(r, &a, 0);
	dynreg_replies_close(r, "SUBPROD001lamp-02");
	CU_ASSERT_EQUAL(ask(r, &a, 1), ST_OK);
	dynreg_replies_close(r, DEVICE);
	CU_ASSERT_EQUAL(ask(r, &a, 1), ST_NOTFOUND);
	dynreg_replies_await(r, &b, DEVICE, 2); /* and when the login came before the hub's answer */
	dynreg_replies_close(r, DEVICE);
	dynreg_replies_put(r, &b, REPLY, strlen(REPLY));
	CU_ASSERT_EQUAL(ask(r, &b, 3), ST_NOTFOUND);
	replies_free(r);
}

static void request_whose_answer_is_still_to_come_is_known_as_such(void)
{
	struct dynreg_replies *r = replies_new();
	struct dynreg_asked a = asked("a", "10.0.0.1");

	dynreg_replies_await(r, &a, DEVICE, 0);
	CU_ASSERT_EQUAL(ask(r, &a, 2 * DYNREG_REPLIES_MS), ST_STATE);
	dynreg_replies_put(r, &a, REPLY, strlen(REPLY));
	CU_ASSERT_EQUAL(ask(r, &a, 1), ST_OK);
	replies_free(r);
}

static void memory_is_bounded_and_the_oldest_reply_goes(void)
{
	static char big[DYNREG_REPLIES_BYTES + 1];
	struct dynreg_replies *r = replies_new();
	struct dynreg_asked first = asked("first", "x"), a;
	char body[16];

	answer(r, &first, 0);
	for (int i = 0; i < DYNREG_REPLIES; i++) {
		CU_ASSERT_EQUAL(ask(r, &first, 0), ST_OK);
		snprintf(body, sizeof(body), "%d", i);
		a = asked(body, "x");
		answer(r, &a, 0);
	}
	CU_ASSERT_EQUAL(ask(r, &first, 0), ST_NOTFOUND);
	CU_ASSERT_EQUAL(ask(r, &a, 0), ST_OK);
	dynreg_replies_await(r, &first, DEVICE, 0);
	dynreg_replies_put(r, &first, big, sizeof(big));
	CU_ASSERT_EQUAL(ask(r, &first, 0), ST_NOTFOUND);
	replies_free(r);
}

static void every_part_of_a_request_makes_it_another_one(void)
{
	static const struct {
		const char *host, *path;
		struct dynreg_headers h;
		const char *body;
	} rows[] = {
		{ "h", "/p", { "a", "1", "2", "s" }, "b" }, { "H", "/p", { "a", "1", "2", "s" }, "b" },
		{ "h", "/q", { "a", "1", "2", "s" }, "b" }, { "h", "/p", { "A", "1", "2", "s" }, "b" },
		{ "h", "/p", { "a", "12", "", "s" }, "b" }, { "h", "/p", { "a", "", "12", "s" }, "b" },
		{ "h", "/p", { "a", "1", "2", "t" }, "b" }, { "h", "/p", { "a", "1", "2", "s" }, "b " },
		{ "h", "/p", { "a", "1", "2", "" }, "sb" }, { "h", "/p", { NULL, NULL, NULL, NULL }, "b" },
	};
	enum {
		ROWS = sizeof(rows) / sizeof(rows[0])
	};
	unsigned char digest[ROWS][DYNREG_DIGEST_SIZE];

	for (size_t i = 0; i < ROWS; i++) {
		CU_ASSERT_EQUAL(dynreg_replies_digest(rows[i].host, rows[i].path, &rows[i].h, rows[i].body,
		                                      strlen(rows[i].body), digest[i]),
		                ST_OK);
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(memcmp(digest[i], digest[k], DYNREG_DIGEST_SIZE), 0);
	}
}

SUITE(dynreg_replies, TEST(same_request_of_the_same_address_gets_the_same_reply_for_a_minute),
      TEST(device_that_logged_in_is_not_answered_again),
      TEST(request_whose_answer_is_still_to_come_is_known_as_such),
      TEST(memory_is_bounded_and_the_oldest_reply_goes),
      TEST(every_part_of_a_request_makes_it_another_one))
