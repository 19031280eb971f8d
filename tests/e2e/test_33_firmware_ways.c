/* Where a download of firmware may lead: servers stand at addresses that are allowed, and send the
 * gateway on to others by redirects and by names whose answers change. */
#include "tests/e2e/crossroads.h"
#include "tests/e2e/firmware_stage.h"
#include "tests/e2e/island.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SIZE = 100000,
};

/* --- the stage --- */

static struct island_name names[] = {
	{ .name = "far.test", .answers = { "203.0.113.7" } },
	{ .name = "inside.test", .answers = { "127.0.0.1" } },
	{ .name = "own.test", .answers = { ISLAND_OWN } },
	{ .name = "both.test", .answers = { "127.0.0.1 203.0.113.7" } },
	{ .name = "first-far.test", .answers = { "203.0.113.7", "127.0.0.1" } },
	{ .name = "first-inside.test", .answers = { "127.0.0.1", "203.0.113.7" } },
};

struct ways {
	struct fw_stage t;
	struct crossroads *c;
	struct dev *d;
	int count; /* of tasks: each has a file and a version of its own */
};

/* False: it cannot be had here. */
static bool ways_start(struct ways *w)
{
	const struct fw_opts o = { .not_local = true, .firmware = ",\"stall_s\":1" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		atomic_store(&names[i].asked, 0);
	if (!island_enter(names, sizeof names / sizeof names[0]))
		return false;
	*w = (struct ways){ .t = fw_start(&o) };
	w->c = crossroads_start(sim_firmware_port(w->t.s.sim));
	w->d = fw_device(&w->t, "dev1");
	return true;
}

/* Nobody was asked but those who stand far away. */
static void ways_end(struct ways *w)
{
	CU_ASSERT_EQUAL(crossroads_found(w->c, ""), crossroads_found(w->c, "203.0.113."));
	dev_disconnect(w->d);
	fw_end(&w->t);
	crossroads_stop(w->c);
	island_leave();
}

/* '#' is the port of the crossroads, '*' the file; caller frees. */
static char *spell(const struct ways *w, const char *url)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	for (; *url; url++) {
		if (*url == '#')
			fprintf(f, ":%d", crossroads_port(w->c));
		else if (*url == '*')
			fprintf(f, "way%d", w->count);
		else
			fputc(*url, f);
	}
	fclose(f);
	return text;
}

/* The hub tells dev1 to take a file that nobody has yet from this URL. */
static void task(struct ways *w, const char *url)
{
	char *text, *spelt, name[32];

	snprintf(name, sizeof name, "way%d", ++w->count);
	fw_file(&w->t, name, SIZE + w->count, NULL);
	spelt = spell(w, url);
	text = text_fmt("{\"cmd\":\"ota_task\",\"device\":\"" PRODUCT
	                "/dev1\",\"version\":\"2.%d\",\"name\":\"%s\",\"url\":\"%s\"}",
	                w->count, name, spelt);
	CU_ASSERT(sim_do(w->t.s.sim, text));
	free(text);
	free(spelt);
}

/* Code 0: it comes. Else the device reports this, the log says why, and no byte was sent. */
static void expect(struct ways *w, const char *url, int code, const char *said)
{
	struct fw_update u;
	char name[32];

	task(w, url);
	snprintf(name, sizeof name, "way%d", w->count);
	if (code == 0) {
		CU_ASSERT(fw_await_update(w->d, "dev1", &u, WAIT_MS));
		CU_ASSERT_EQUAL(fw_fetched(&w->t, name), SIZE + w->count);
		fw_state(w->d, "dev1", u.version, "done", NULL);
		return;
	}
	CU_ASSERT_EQUAL(fw_await_report(&w->t, "dev1", "fail", WAIT_MS), code);
	CU_ASSERT(lan_log_await(w->t.s.lan, said, WAIT_MS));
	CU_ASSERT_EQUAL(fw_fetched(&w->t, name), 0);
	CU_ASSERT_FALSE(fw_await_update(w->d, "dev1", &u, 50));
}

/* --- tests --- */

#define ELSEWHERE "is an address of the gateway or its link"
#define SCHEME    "neither http nor https"

static const struct {
	const char *url;
	int code;
	const char *said;
} redirects[] = {
	{ "http://203.0.113.1#/*", 0, NULL },
	{ "http://203.0.113.1#/go?/*", 0, NULL },
	{ "http://203.0.113.1#/go?http://203.0.113.2#/*", 0, NULL },
	{ "http://203.0.113.1#/go?http://far.test#/*", 0, NULL },
	{ "http://203.0.113.1#/go?http://127.0.0.1#/*", -3, "127.0.0.1 " ELSEWHERE },
	{ "http://203.0.113.1#/go?//127.0.0.1#/*", -3, "127.0.0.1 " ELSEWHERE },
	{ "http://203.0.113.1#/go?http://203.0.113.2@127.0.0.1#/*", -3, "127.0.0.1 " ELSEWHERE },
	{ "http://203.0.113.1#/go?http://0x7f.1#/*", -3, ELSEWHERE },
	{ "http://203.0.113.1#/go?http://[::1]#/*", -3, "::1 " ELSEWHERE },
	{ "http://203.0.113.1#/go?http://[::ffff:127.0.0.1]#/*", -3, ELSEWHERE },
	{ "http://203.0.113.1#/go?http://169.254.169.254#/*", -3, "169.254.169.254 " ELSEWHERE },
	{ "http://203.0.113.1#/go?http://" ISLAND_OWN "#/*", -3, ISLAND_OWN " " ELSEWHERE },
	{ "http://203.0.113.1#/go?http://inside.test#/*", -3, "inside.test " ELSEWHERE },
	{ "http://far.test#/go?http://own.test#/*", -3, "own.test " ELSEWHERE },
	{ "http://203.0.113.1#/go?http://203.0.113.2#/go?http://127.0.0.1#/*", -3, ELSEWHERE },
	{ "http://203.0.113.1#/go?file:///etc/passwd", -3, SCHEME },
	{ "http://203.0.113.1#/go?ftp://203.0.113.2#/*", -3, SCHEME },
	{ "http://203.0.113.1#/round", -3, "redirects more than 5 times" },
};

static void redirect_leads_to_no_address_of_the_gateway_and_to_no_other_scheme(void)
{
	struct ways w;

	if (!ways_start(&w))
		return;
	for (size_t i = 0; i < sizeof redirects / sizeof redirects[0]; i++)
		expect(&w, redirects[i].url, redirects[i].code, redirects[i].said);
	ways_end(&w);
}

static void name_is_judged_by_the_address_that_is_connected_to(void)
{
	struct ways w;

	if (!ways_start(&w))
		return;
	expect(&w, "http://first-far.test#/*", 0, NULL);
	expect(&w, "http://first-inside.test#/*", -3, "first-inside.test " ELSEWHERE);
	expect(&w, "http://both.test#/*", 0, NULL);
	ways_end(&w);
}

/* What was cut there goes on there. */
static void forbidden_address_beside_an_allowed_one_costs_nothing(void)
{
	struct fw_update u;
	struct ways w;

	if (!ways_start(&w))
		return;
	fw_fault(&w.t, "\"kind\":\"cut\",\"bytes\":30000,\"count\":2");
	task(&w, "http://both.test#/*");
	CU_ASSERT(fw_await_update(w.d, "dev1", &u, WAIT_MS));
	ways_end(&w);
}

static void name_that_leads_home_after_a_restart_is_refused_then(void)
{
	struct ways w;

	if (!ways_start(&w))
		return;
	fw_fault(&w.t, "\"kind\":\"slow\",\"rate\":20000");
	task(&w, "http://first-far.test#/*");
	CU_ASSERT(fw_await_fetched(&w.t, "way1", 1));
	lan_kill(w.t.s.lan);
	CU_ASSERT_FATAL(lan_restart(w.t.s.lan));
	CU_ASSERT(lan_log_await(w.t.s.lan, "first-far.test " ELSEWHERE, WAIT_MS));
	CU_ASSERT_EQUAL(fw_await_report(&w.t, "dev1", "fail", WAIT_MS), -3);
	ways_end(&w);
}

SUITE(firmware_ways, TEST(redirect_leads_to_no_address_of_the_gateway_and_to_no_other_scheme),
      TEST(name_is_judged_by_the_address_that_is_connected_to),
      TEST(forbidden_address_beside_an_allowed_one_costs_nothing),
      TEST(name_that_leads_home_after_a_restart_is_refused_then))
