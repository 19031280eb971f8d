#include "bridge/gateway/aside.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fakes/hub.h"
#include "tests/runner.h"

enum {
	DEVICES = 3
};

struct street {
	struct hub h;
	struct permissions p;
	struct subdev *dev[DEVICES]; /* online */
	uint16_t bad, good;
};

static uint16_t take(struct street *s, const char *topic)
{
	return permission_take(&s->p, "SUBPROD001", strlen("SUBPROD001"), topic, strlen(topic));
}

static struct street *street_new(void)
{
	static const char *const names[DEVICES] = { "lamp", "door", "bell" };
	struct street *s = calloc(1, sizeof(*s));

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	hub_start(&s->h);
	CU_ASSERT_EQUAL_FATAL(permission_init(&s->p, 1), ST_OK);
	CU_ASSERT_EQUAL_FATAL(aside_new(&s->p, 1, &s->h.g.asides), ST_OK);
	s->good = take(s, "event");
	permission_acked(&s->p, s->good, 1, s->h.now_ms);
	s->bad = take(s, "undeclared");
	hub_link(&s->h, false);
	for (int i = 0; i < DEVICES; i++) {
		s->dev[i] = hub_device(&s->h, names[i]);
		hub_present(&s->h, s->dev[i], true);
		hub_next(&s->h);
		hub_answer(&s->h, "online", names[i], 0);
	}
	return s;
}

static void street_free(struct street *s)
{
	struct asides *a = s->h.g.asides;

	hub_stop(&s->h);
	aside_free(a);
	permission_fini(&s->p);
	free(s);
}

static void put(struct street *s, int dev, uint64_t seq, uint16_t key)
{
	struct outbox *o = &s->dev[dev]->outbox;

	CU_ASSERT_EQUAL(outbox_add(o, seq, 100), ST_OK);
	outbox_find(o, seq)->key = key;
	gateway_touch(&s->h.g, s->dev[dev]);
	gateway_line_up(&s->h.g, s->h.now_ms);
}

/* 0: none. */
static uint64_t next(struct street *s, int dev, bool *waits)
{
	const struct outbox_entry *e = aside_next(s->h.g.asides, s->dev[dev], waits);

	return e ? e->seq : 0;
}

static void what_is_overtaken_is_put_aside_when_its_turn_comes(void)
{
	struct street *s = street_new();
	bool waits;

	permission_accuse(&s->p, s->bad, false, 0);
	put(s, 0, 1, s->bad);
	put(s, 0, 2, s->bad);
	CU_ASSERT_EQUAL(s->h.g.data.count, 0);
	CU_ASSERT_EQUAL(aside_count(s->h.g.asides), 2);
	put(s, 0, 3, s->good);
	CU_ASSERT_EQUAL(next(s, 0, &waits), 3);
	CU_ASSERT_EQUAL(s->h.g.data.count, 1);
	CU_ASSERT_EQUAL(s->dev[0]->outbox.aside, 2);
	street_free(s);
}

static void others_of_a_device_wait_for_the_answer_to_its_first_try(void)
{
	struct street *s = street_new();
	bool waits;

	put(s, 0, 1, s->bad);
	put(s, 0, 2, s->good);
	CU_ASSERT_EQUAL(next(s, 0, &waits), 1);
	permission_try(&s->p, s->bad, false);
	s->dev[0]->outbox.trying = true;
	outbox_mark_sent(&s->dev[0]->outbox, outbox_next(&s->dev[0]->outbox), 7);
	gateway_touch(&s->h.g, s->dev[0]);
	gateway_line_up(&s->h.g, s->h.now_ms);
	CU_ASSERT_EQUAL(next(s, 0, &waits), 0);
	CU_ASSERT_TRUE(waits);
	put(s, 1, 3, s->bad);
	CU_ASSERT_EQUAL(s->h.g.data.count, 0);
	CU_ASSERT_EQUAL(s->h.g.tries.count, 2);
	permission_doubt(&s->p, s->bad);
	permission_tried(&s->p, s->bad, false);
	s->dev[0]->outbox.trying = false;
	gateway_try_again(&s->h.g);
	gateway_line_up(&s->h.g, s->h.now_ms);
	CU_ASSERT_EQUAL(s->h.g.tries.count, 0);
	CU_ASSERT_EQUAL(s->h.g.data.count, 1);
	CU_ASSERT_EQUAL(next(s, 0, &waits), 2);
	CU_ASSERT_EQUAL(next(s, 1, &waits), 0);
	CU_ASSERT_FALSE(waits);
	street_free(s);
}

static void what_is_in_memory_waits_behind_a_first_try_and_overtakes_what_stands_aside(void)
{
	struct street *s = street_new();
	struct live_msg m = { .topic = NULL, .after_seq = 1 }, *out = NULL;
	struct subdev *d = s->dev[0];

	permission_try(&s->p, s->bad, false); /* another device tries it */
	put(s, 0, 1, s->bad);
	QUEUE_PUT(&d->live, &m);
	gateway_touch(&s->h.g, d);
	gateway_line_up(&s->h.g, s->h.now_ms);
	CU_ASSERT_EQUAL(s->h.g.data.count, 0);
	CU_ASSERT_EQUAL(s->h.g.tries.count, 1);
	permission_tried(&s->p, s->bad, false);
	permission_accuse(&s->p, s->bad, false, 0);
	d->taken_seq = 1;
	gateway_try_again(&s->h.g);
	gateway_line_up(&s->h.g, s->h.now_ms);
	CU_ASSERT_EQUAL(s->h.g.tries.count, 0);
	CU_ASSERT_EQUAL(s->h.g.data.count, 1);
	CU_ASSERT_EQUAL(s->h.g.unkept, 1);
	CU_ASSERT_EQUAL(d->outbox.aside, 1);
	QUEUE_TAKE(&d->live, out);
	CU_ASSERT_PTR_EQUAL(out, &m);
	street_free(s);
}

static void a_proof_lets_all_of_the_key_go_in_their_places_and_nothing_else(void)
{
	struct street *s = street_new();
	uint16_t worse = take(s, "worse");
	struct subdev *d;
	bool waits;
	int devices = 0;

	permission_accuse(&s->p, s->bad, false, 0);
	permission_accuse(&s->p, worse, false, 0);
	put(s, 0, 1, s->bad);
	put(s, 0, 2, worse);
	put(s, 0, 3, s->good);
	put(s, 0, 4, s->bad);
	put(s, 1, 5, s->bad);
	permission_acked(&s->p, s->bad, 9, 0);
	CU_ASSERT_EQUAL(aside_count_of(s->h.g.asides, s->bad), 2); /* 4 has not had its turn */
	while ((d = aside_release(s->h.g.asides, s->bad)) != NULL) {
		gateway_touch(&s->h.g, d);
		gateway_line_up(&s->h.g, s->h.now_ms);
		devices++;
	}
	CU_ASSERT_EQUAL(devices, 2);
	CU_ASSERT_EQUAL(aside_count(s->h.g.asides), 1);
	for (uint64_t seq = 1; seq <= 4; seq += seq == 1 ? 2 : 1) {
		CU_ASSERT_EQUAL(next(s, 0, &waits), seq);
		outbox_end(&s->dev[0]->outbox, seq);
	}
	CU_ASSERT_EQUAL(next(s, 1, &waits), 5);
	street_free(s);
}

static uint64_t pick(struct street *s, bool other)
{
	struct subdev *d = NULL;
	const struct outbox_entry *e = aside_pick(s->h.g.asides, s->bad, other, &d);

	return e ? e->seq : 0;
}

static void a_probe_is_the_oldest_of_all_devices_that_are_online_or_another(void)
{
	struct street *s = street_new();
	struct subdev *before;

	permission_accuse(&s->p, s->bad, false, 0);
	put(s, 0, 3, s->bad);
	put(s, 1, 4, s->bad);
	put(s, 1, 5, s->bad);
	put(s, 2, 1, s->bad);
	CU_ASSERT_EQUAL(pick(s, false), 1);
	CU_ASSERT_EQUAL(pick(s, true), 3);
	s->dev[2]->hub.known.confirmed = SUBDEV_OFFLINE;
	CU_ASSERT_EQUAL(pick(s, false), 3);
	s->dev[0]->hub.known.confirmed = SUBDEV_OFFLINE;
	CU_ASSERT_EQUAL(pick(s, true), 4);
	CU_ASSERT_EQUAL(pick(s, true), 5);
	CU_ASSERT_EQUAL(pick(s, true), 4);
	s->dev[1]->hub.known.confirmed = SUBDEV_OFFLINE;
	CU_ASSERT_EQUAL(pick(s, false), 0);
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_PTR_EQUAL(aside_wish(s->h.g.asides, s->bad, &before), s->dev[i % DEVICES]);
		CU_ASSERT_PTR_EQUAL(before, i > 0 ? s->dev[i - 1] : NULL);
		for (int k = 0; k < DEVICES; k++)
			CU_ASSERT_EQUAL(s->dev[k]->outbox.wanted, k == i % DEVICES);
	}
	CU_ASSERT_PTR_NULL(aside_wish(s->h.g.asides, s->good, &before));
	street_free(s);
}

static void who_has_most_aside_loses_the_oldest_of_it_first(void)
{
	struct street *s = street_new();
	struct subdev *d = NULL;
	struct outbox_entry *e;
	uint64_t lost[4] = { 0 };

	CU_ASSERT_PTR_NULL(aside_most(s->h.g.asides, &d));
	permission_accuse(&s->p, s->bad, false, 0);
	put(s, 0, 1, s->bad);
	put(s, 1, 2, s->bad);
	put(s, 1, 3, s->bad);
	put(s, 1, 4, s->bad);
	for (int i = 0; i < 4; i++) {
		e = aside_most(s->h.g.asides, &d);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		lost[i] = e->seq;
		aside_forget(s->h.g.asides, d, e);
		outbox_end(&d->outbox, e->seq);
	}
	CU_ASSERT_EQUAL(lost[0], 2);
	CU_ASSERT_EQUAL(lost[1], 3);
	CU_ASSERT_EQUAL(lost[2] + lost[3], 1 + 4);
	CU_ASSERT_EQUAL(aside_count(s->h.g.asides), 0);
	CU_ASSERT_PTR_NULL(aside_most(s->h.g.asides, &d));
	CU_ASSERT_PTR_NULL(aside_release(s->h.g.asides, s->bad));
	street_free(s);
}

static void a_device_with_nothing_but_messages_aside_comes_online_for_a_probe_only(void)
{
	struct street *s = street_new();

	permission_accuse(&s->p, s->bad, false, 0);
	put(s, 0, 1, s->bad);
	hub_present(&s->h, s->dev[0], false);
	CU_ASSERT_STRING_EQUAL(hub_next(&s->h), "offline lamp");
	hub_answer(&s->h, "offline", "lamp", 0);
	CU_ASSERT_STRING_EQUAL(hub_next(&s->h), "");
	s->dev[0]->outbox.wanted = true;
	gateway_touch(&s->h.g, s->dev[0]);
	gateway_line_up(&s->h.g, s->h.now_ms);
	CU_ASSERT_STRING_EQUAL(hub_next(&s->h), "online lamp");
	street_free(s);
}

SUITE(aside, TEST(what_is_overtaken_is_put_aside_when_its_turn_comes),
      TEST(others_of_a_device_wait_for_the_answer_to_its_first_try),
      TEST(what_is_in_memory_waits_behind_a_first_try_and_overtakes_what_stands_aside),
      TEST(a_proof_lets_all_of_the_key_go_in_their_places_and_nothing_else),
      TEST(a_probe_is_the_oldest_of_all_devices_that_are_online_or_another),
      TEST(who_has_most_aside_loses_the_oldest_of_it_first),
      TEST(a_device_with_nothing_but_messages_aside_comes_online_for_a_probe_only))
