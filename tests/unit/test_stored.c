#include "plugin/devices/stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/shadow/shadow_doc.h"
#include "plugin/devices/device_known.h"
#include "plugin/storage.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define NAME  "guest-01"
#define GUEST LAMP_PID NAME

enum {
	BIG = 1 << 20,
};

static char dir[256]; /* of the first one of this test */

static struct lan *start(void)
{
	struct lan *l = lan_open(BROKER_2_0);

	if (access(dir, F_OK) != 0)
		snprintf(dir, sizeof(dir), "%s", l->dir);
	l->config.store.dir = dir;
	CU_ASSERT_EQUAL_FATAL(storage_open(&l->h), ST_OK);
	return l;
}

static void put_shadow(struct state *s)
{
	struct buf text = BUF_MAX(4096);
	struct shadow_doc *doc = shadow_doc_new();

	CU_ASSERT_EQUAL(shadow_doc_encode(doc, &text), ST_OK);
	CU_ASSERT_EQUAL(state_put(s, STATE_SHADOW, GUEST, text.data, text.len), ST_OK);
	shadow_doc_free(doc);
	buf_free(&text);
}

/* What a device leaves behind: it is bound, has a subscription and a shadow. */
static void leave_behind(struct state *s)
{
	static const unsigned char bound = 1, qos = 1;

	CU_ASSERT_EQUAL(state_put(s, STATE_DEVICE, GUEST, &bound, 1), ST_OK);
	CU_ASSERT_EQUAL(
		state_put(s, STATE_SUBSCRIPTION, GUEST " " LAMP_PID "/" NAME "/control", &qos, 1), ST_OK);
	put_shadow(s);
}

static void what_is_stored_of_an_unknown_device_is_its_own_once_it_is_known(void)
{
	struct lan *l = start();
	struct device *d;

	leave_behind(l->h.state);
	for (int starts = 0; starts < 3; starts++) { /* nobody knows it, and none of them erases */
		lan_close(l);
		l = start();
		CU_ASSERT_PTR_NULL(device_table_find(l->h.devices, GUEST, strlen(GUEST)));
	}
	d = device_admit(&l->h, LAMP_PID, NAME, ORIGIN_MAPPING);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_EQUAL(d->bound, BOUND_YES);
	CU_ASSERT_EQUAL(d->filter_count, 1);
	CU_ASSERT_PTR_NOT_NULL(d->shadow);
	CU_ASSERT(d->presence->unsaid == UNSAID_ALL); /* the uplink will hear of it */
	CU_ASSERT_EQUAL(stored_bytes(&l->h), 0);
	lan_close(l);
}

static void device_gets_only_what_is_its_own(void)
{
	struct lan *l = start();
	struct device *d;

	leave_behind(l->h.state);
	lan_close(l);
	l = start();
	d = device_admit(&l->h, LAMP_PID, NAME "2", ORIGIN_MAPPING); /* a longer name */
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_EQUAL(d->filter_count, 0);
	CU_ASSERT_PTR_NULL(d->shadow);
	CU_ASSERT(stored_bytes(&l->h) > 0);
	lan_close(l);
}

static void more_than_memory_is_kept_for_is_said_once_and_no_shadow_begins_at_0(void)
{
	struct lan *l = start();
	char *big = calloc(1, BIG);
	const struct state_entry e = { STATE_SHADOW, GUEST, big, BIG };
	size_t lines = fake_lines();

	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	for (size_t kept = 0; kept < STORED_BYTES_MAX / BIG + 2; kept++)
		stored_keep(&l->h, &e, strlen(GUEST));
	CU_ASSERT(stored_bytes(&l->h) <= STORED_BYTES_MAX);
	CU_ASSERT(stored_left_out_document(&l->h));
	CU_ASSERT_EQUAL(fake_lines(), lines + 1);
	CU_ASSERT(fake_logged("at the next start of the broker"));
	free(big);
	lan_close(l);
}

SUITE(stored, TEST(what_is_stored_of_an_unknown_device_is_its_own_once_it_is_known),
      TEST(device_gets_only_what_is_its_own),
      TEST(more_than_memory_is_kept_for_is_said_once_and_no_shadow_begins_at_0))
