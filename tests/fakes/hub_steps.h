/* hub_steps.h - first steps with the fake hub that several test files take.
 */
#ifndef HUBGATE_TESTS_HUB_STEPS_H
#define HUBGATE_TESTS_HUB_STEPS_H

#include "tests/fakes/hub.h"
#include "tests/runner.h"

enum {
	LONG_MS = 1000000
};

#define EXPECT(h, text) CU_ASSERT_STRING_EQUAL(hub_next(h), text)

/* A connected hub and one device that is not there yet. */
static inline struct subdev *linked(struct hub *h)
{
	hub_start(h);
	hub_link(h, false);
	return hub_device(h, "lamp");
}

static inline struct subdev *online(struct hub *h)
{
	struct subdev *d = linked(h);

	hub_present(h, d, true);
	EXPECT(h, "online lamp");
	hub_answer(h, "online", "lamp", 0);
	EXPECT(h, "");
	CU_ASSERT_EQUAL(d->hub.known.confirmed, SUBDEV_ONLINE);
	return d;
}

/* The pause before the next request is base_ms to one and a half times that. */
static inline void expect_retry(struct hub *h, int64_t base_ms, const char *text)
{
	int64_t waited_ms = hub_wait_until_wanted(h, LONG_MS);

	CU_ASSERT(waited_ms >= base_ms && waited_ms <= base_ms + base_ms / 2);
	EXPECT(h, text);
	EXPECT(h, "");
}

static inline bool data_waits(struct hub *h)
{
	gateway_line_up(&h->g, h->now_ms);
	return h->g.data.count > 0;
}

#endif
