#include <stdlib.h>
#include <string.h>

#include "tests/fakes/hub_steps.h"

/* A connected hub and a present device with a secret, of which the hub says that it is not
 * bound. */
static struct subdev *unbound(struct hub *h)
{
	struct subdev *d = linked(h);
	struct secret *secret = calloc(1, sizeof(*secret));

	CU_ASSERT_FATAL(secret && secret_parse("MDEyMzQ1Njc4OWFiY2RlZg==", secret) == ST_OK);
	h->g.world.binds = true;
	gateway_set_secret(&h->g, d, secret, h->now_ms);
	hub_present(h, d, true);
	EXPECT(h, "online lamp");
	hub_answer(h, "online", "lamp", -1);
	return d;
}

static void device_with_a_secret_is_bound_when_the_hub_says_it_is_not_and_comes_online(void)
{
	struct hub h;
	struct subdev *d = unbound(&h);

	EXPECT(&h, "bind lamp");
	EXPECT(&h, "");
	hub_answer(&h, "bind", "lamp", 0);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_EQUAL(d->hub.known.confirmed, SUBDEV_ONLINE);
	CU_ASSERT_FALSE(subdev_unbound(&d->hub));
	hub_stop(&h);
}

static void bound_already_is_success(void)
{
	struct hub h;

	unbound(&h);
	EXPECT(&h, "bind lamp");
	hub_answer(&h, "bind", "lamp", 809);
	EXPECT(&h, "online lamp");
	hub_stop(&h);
}

static void device_without_a_secret_or_where_it_is_switched_off_is_not_bound(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	h.g.world.binds = true;
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", -1);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void permanent_refusal_is_said_once_and_not_tried_again_before_the_next_connection(void)
{
	struct hub h;
	unsigned lines;

	unbound(&h);
	EXPECT(&h, "bind lamp");
	lines = h.log_lines;
	hub_answer(&h, "bind", "lamp", 806);
	CU_ASSERT_EQUAL(h.log_lines, lines + 1);
	EXPECT(&h, "");
	expect_retry(&h, GATEWAY_RETRY_MS, "online lamp");
	hub_answer(&h, "online", "lamp", -1);
	EXPECT(&h, "");
	hub_cut(&h);
	hub_link(&h, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", -1);
	EXPECT(&h, "bind lamp");
	hub_stop(&h);
}

static void other_hash_is_tried_where_the_first_is_not_supported(void)
{
	struct hub h;
	struct subdev *d = unbound(&h);

	EXPECT(&h, "bind lamp");
	CU_ASSERT_EQUAL(d->hub.hash, HASH_SHA1);
	hub_answer(&h, "bind", "lamp", 804);
	EXPECT(&h, "bind lamp");
	CU_ASSERT_EQUAL(d->hub.hash, HASH_SHA256);
	hub_answer(&h, "bind", "lamp", 804);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void expired_signature_is_tried_again_later(void)
{
	struct hub h;

	unbound(&h);
	EXPECT(&h, "bind lamp");
	hub_answer(&h, "bind", "lamp", 805);
	EXPECT(&h, "");
	expect_retry(&h, 2000, "bind lamp");
	hub_stop(&h);
}

static void bind_that_did_not_help_is_not_repeated(void)
{
	struct hub h;

	unbound(&h);
	EXPECT(&h, "bind lamp");
	hub_answer(&h, "bind", "lamp", 0);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", -1);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void what_the_console_unbound_is_not_bound_again(void)
{
	struct hub h;
	struct subdev *d = unbound(&h);

	EXPECT(&h, "bind lamp");
	hub_answer(&h, "bind", "lamp", 0);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	hub_change(&h, "lamp", 0);
	EXPECT(&h, "acknowledge change");
	hub_cut(&h);
	hub_link(&h, false);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", -1);
	EXPECT(&h, "");
	hub_change(&h, "lamp", 1);
	EXPECT(&h, "acknowledge change");
	CU_ASSERT_FALSE(subdev_unbound(&d->hub));
	EXPECT(&h, "online lamp");
	CU_ASSERT_EQUAL(d->hub.known.binding, BINDING_BOUND);
	hub_stop(&h);
}

static void hub_is_asked_what_is_bound_after_presence_had_its_time(void)
{
	struct hub h;
	struct subdev *d = linked(&h), *other = hub_device(&h, "other");

	h.g.describe = true;
	hub_present(&h, d, true);
	hub_present(&h, other, true);
	EXPECT(&h, "online other");
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", -1);
	hub_answer(&h, "online", "other", 0);
	EXPECT(&h, "");
	hub_wait(&h, GATEWAY_DESCRIBE_MS);
	EXPECT(&h, "describe");
	EXPECT(&h, "");
	/* The list names one that was not bound a moment ago, and leaves out one that is. */
	hub_says(&h, "{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":[{\"product_id\":"
	             "\"SUBPROD001\",\"device_name\":\"lamp\"}]}}");
	EXPECT(&h, "online lamp");
	CU_ASSERT_EQUAL(other->hub.known.confirmed, SUBDEV_ONLINE);
	hub_says(&h, "{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":null}}");
	CU_ASSERT_EQUAL(other->hub.known.confirmed, SUBDEV_ONLINE);
	hub_stop(&h);
}

static struct secret *key(const char *text)
{
	struct secret *s = calloc(1, sizeof(*s));

	CU_ASSERT_FATAL(s != NULL);
	strcpy(s->text, text);
	return s;
}

static void certificate_is_tried_with_its_other_digest_once(void)
{
	struct hub h;
	struct subdev *d = unbound(&h);

	gateway_set_certificate(&h.g, d, key("2abbd52226a023dc605d6cd28dd51dd2"),
	                        key("8ddf6e83757c8aaa3ef862d10a1e4dabc2df6742"), h.now_ms);
	EXPECT(&h, "bind lamp");
	CU_ASSERT_EQUAL(d->auth, BIND_CERTIFICATE);
	CU_ASSERT_EQUAL(strlen(d->secret->text), 32);
	hub_answer(&h, "bind", "lamp", 803);
	EXPECT(&h, "bind lamp");
	CU_ASSERT_EQUAL(strlen(d->secret->text), 40);
	hub_answer(&h, "bind", "lamp", 803);
	EXPECT(&h, "");
	hub_stop(&h);
}

SUITE(gateway_bind, TEST(certificate_is_tried_with_its_other_digest_once),
      TEST(device_with_a_secret_is_bound_when_the_hub_says_it_is_not_and_comes_online),
      TEST(bound_already_is_success),
      TEST(device_without_a_secret_or_where_it_is_switched_off_is_not_bound),
      TEST(permanent_refusal_is_said_once_and_not_tried_again_before_the_next_connection),
      TEST(other_hash_is_tried_where_the_first_is_not_supported),
      TEST(expired_signature_is_tried_again_later), TEST(bind_that_did_not_help_is_not_repeated),
      TEST(what_the_console_unbound_is_not_bound_again),
      TEST(hub_is_asked_what_is_bound_after_presence_had_its_time))
