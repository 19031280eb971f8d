/* What a program asks of the hub: one request, one result, whatever happens on the way. */
#include <stdlib.h>
#include <string.h>

#include "tests/fakes/hub_steps.h"

enum {
	NONE = 1000
};

static void ask(struct hub *h, struct subdev *d, enum gateway_op op)
{
	struct live_msg *bind = op == GATEWAY_BIND ? calloc(1, sizeof(*bind)) : NULL;

	gateway_ask(&h->g, d, op, bind, h->now_ms);
}

/* The next answer's code when it is of op; NONE: there is none. */
static int64_t told(struct hub *h, enum gateway_op op)
{
	struct answer *a = gateway_answer(&h->g);
	int64_t code = NONE;

	if (a && a->op == op)
		code = a->code;
	free(a);
	return code;
}

static void result_of_each_operation_is_told_once(void)
{
	static const struct {
		enum gateway_op op;
		const char *name, *request;
		int code;
	} rows[] = {
		{ GATEWAY_ONLINE, "online", "online lamp", 0 },
		{ GATEWAY_OFFLINE, "offline", "offline lamp", 0 },
		{ GATEWAY_BIND, "bind", "bind lamp", 809 },
		{ GATEWAY_BIND, "bind", "bind lamp", 804 },
		{ GATEWAY_UNBIND, "unbind", "unbind lamp", -1 },
		{ GATEWAY_ONLINE, "online", "online lamp", 802 },
		{ GATEWAY_OFFLINE, "offline", "offline lamp", -2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hub h;
		struct subdev *d = linked(&h);

		ask(&h, d, rows[i].op);
		EXPECT(&h, rows[i].request);
		CU_ASSERT_EQUAL(told(&h, rows[i].op), NONE);
		hub_answer(&h, rows[i].name, "lamp", rows[i].code);
		CU_ASSERT_EQUAL(told(&h, rows[i].op), rows[i].code);
		CU_ASSERT_EQUAL(told(&h, rows[i].op), NONE);
		EXPECT(&h, "");
		hub_stop(&h);
	}
}

static void online_of_a_device_that_is_online_is_not_asked_again(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	ask(&h, d, GATEWAY_ONLINE);
	CU_ASSERT_EQUAL(told(&h, GATEWAY_ONLINE), 0);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void device_brought_online_stays_so_until_its_presence_says_otherwise(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	ask(&h, d, GATEWAY_ONLINE);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, "");
	hub_present(&h, d, false);
	EXPECT(&h, "offline lamp");
	hub_stop(&h);
}

static void without_a_link_and_when_it_goes_the_answer_is_a_system_error(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	ask(&h, d, GATEWAY_UNBIND);
	EXPECT(&h, "unbind lamp");
	hub_cut(&h);
	CU_ASSERT_EQUAL(told(&h, GATEWAY_UNBIND), -2);
	ask(&h, d, GATEWAY_ONLINE);
	CU_ASSERT_EQUAL(told(&h, GATEWAY_ONLINE), -2);
	hub_link(&h, true);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void silence_of_the_hub_is_a_system_error_and_the_request_is_not_repeated(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	ask(&h, d, GATEWAY_UNBIND);
	EXPECT(&h, "unbind lamp");
	hub_wait(&h, HUB_ANSWER_MS + 1);
	CU_ASSERT_EQUAL(told(&h, GATEWAY_UNBIND), -2);
	hub_wait(&h, LONG_MS);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void several_at_once_go_in_an_order_that_makes_sense(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	ask(&h, d, GATEWAY_ONLINE);
	ask(&h, d, GATEWAY_BIND);
	EXPECT(&h, "bind lamp");
	EXPECT(&h, "");
	hub_answer(&h, "bind", "lamp", 0);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_EQUAL(told(&h, GATEWAY_BIND), 0);
	CU_ASSERT_EQUAL(told(&h, GATEWAY_ONLINE), 0);
	hub_stop(&h);
}

/* docs/protocol/gateway.md 3: the documents' own sample. */
static void unbind_answered_as_bind_is_understood(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	ask(&h, d, GATEWAY_UNBIND);
	EXPECT(&h, "unbind lamp");
	hub_answer(&h, "bind", "lamp", 0);
	CU_ASSERT_EQUAL(told(&h, GATEWAY_UNBIND), 0);
	CU_ASSERT(subdev_unbound(&d->hub));
	hub_stop(&h);
}

static void device_that_was_unbound_on_demand_is_not_bound_again_by_itself(void)
{
	struct hub h;
	struct subdev *d = online(&h);
	struct secret *secret = calloc(1, sizeof(*secret));

	CU_ASSERT_FATAL(secret && secret_parse("MDEyMzQ1Njc4OWFiY2RlZg==", secret) == ST_OK);
	h.g.world.binds = true;
	gateway_set_secret(&h.g, d, secret, h.now_ms);
	ask(&h, d, GATEWAY_UNBIND);
	EXPECT(&h, "unbind lamp");
	hub_answer(&h, "unbind", "lamp", 0);
	EXPECT(&h, "");
	ask(&h, d, GATEWAY_ONLINE);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", -1);
	CU_ASSERT_EQUAL(told(&h, GATEWAY_UNBIND), 0);
	CU_ASSERT_EQUAL(told(&h, GATEWAY_ONLINE), -1);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void leaving_answers_what_is_open(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	ask(&h, d, GATEWAY_ONLINE);
	gateway_leave(&h.g, h.now_ms);
	CU_ASSERT_EQUAL(told(&h, GATEWAY_ONLINE), -2);
	hub_stop(&h);
}

SUITE(gateway_ask, TEST(result_of_each_operation_is_told_once),
      TEST(online_of_a_device_that_is_online_is_not_asked_again),
      TEST(device_brought_online_stays_so_until_its_presence_says_otherwise),
      TEST(without_a_link_and_when_it_goes_the_answer_is_a_system_error),
      TEST(silence_of_the_hub_is_a_system_error_and_the_request_is_not_repeated),
      TEST(several_at_once_go_in_an_order_that_makes_sense),
      TEST(unbind_answered_as_bind_is_understood),
      TEST(device_that_was_unbound_on_demand_is_not_bound_again_by_itself),
      TEST(leaving_answers_what_is_open))
