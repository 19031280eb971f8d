#include "plugin/base/device_table.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

static struct secret secret_of(const char *text)
{
	struct secret s;

	CU_ASSERT_EQUAL_FATAL(secret_parse(text, &s), ST_OK);
	return s;
}

static struct device *add(struct device_table *r, const char *name, enum status expected)
{
	struct secret s = secret_of("MDEyMzQ1Njc4OWFiY2RlZg==");
	struct device *d = NULL;

	CU_ASSERT_EQUAL(device_table_add(r, "SUBPROD001", name, &s, &d), expected);
	return d;
}

static struct device *find(const struct device_table *r, const char *client_id)
{
	return device_table_find(r, client_id, strlen(client_id));
}

static void a_device_is_found_by_its_client_id_and_no_other(void)
{
	struct device_table *r = device_table_new(42);
	struct device *d;

	CU_ASSERT_PTR_NULL(find(r, "SUBPROD001lamp-01"));
	d = add(r, "lamp-01", ST_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_STRING_EQUAL(d->client_id, "SUBPROD001lamp-01");
	CU_ASSERT_STRING_EQUAL(d->device_name, "lamp-01");
	CU_ASSERT_STRING_EQUAL(d->product_id, "SUBPROD001");
	CU_ASSERT_STRING_EQUAL(d->secret.text, "MDEyMzQ1Njc4OWFiY2RlZg==");
	CU_ASSERT_PTR_EQUAL(find(r, "SUBPROD001lamp-01"), d);
	CU_ASSERT_PTR_EQUAL(device_table_find(r, "SUBPROD001lamp-01/event", 17), d);
	CU_ASSERT_PTR_NULL(find(r, "SUBPROD001lamp-0"));
	CU_ASSERT_PTR_NULL(find(r, "SUBPROD001lamp-012"));
	CU_ASSERT_PTR_NULL(find(r, "SUBPROD001LAMP-01"));
	CU_ASSERT_PTR_NULL(find(r, ""));
	device_table_free(r);
}

static void a_walk_in_order_meets_each_once_whatever_comes_and_goes(void)
{
	enum {
		DEVICES = 100
	};
	struct device_table *r = device_table_new(42);
	uint64_t at = 0;
	int met = 0;
	char name[16];

	for (int i = 0; i < DEVICES; i++) {
		snprintf(name, sizeof(name), "lamp-%d", i);
		add(r, name, ST_OK);
	}
	for (struct device *d; (d = device_table_behind(r, at)) != NULL; met++) {
		CU_ASSERT(d->serial > at);
		at = d->serial;
		if (met % 3 == 0)
			device_table_remove(r, d);
		snprintf(name, sizeof(name), "new-%d", met);
		if (met < 10)
			add(r, name, ST_OK);
	}
	CU_ASSERT_EQUAL(met, DEVICES + 10);
	CU_ASSERT_EQUAL(device_table_known(r), DEVICES + 10 - (DEVICES + 12) / 3);
	at = 0;
	for (struct device *d; (d = device_table_behind(r, at)) != NULL; at = d->serial)
		met--;
	CU_ASSERT_EQUAL(met, (DEVICES + 12) / 3);
	device_table_free(r);
}

static void a_device_cannot_be_added_twice(void)
{
	struct device_table *r = device_table_new(42);
	struct device *d;

	d = add(r, "lamp-01", ST_OK);
	add(r, "lamp-01", ST_EXISTS);
	CU_ASSERT_PTR_EQUAL(find(r, "SUBPROD001lamp-01"), d);
	device_table_free(r);
}

static void ids_out_of_their_grammar_are_refused(void)
{
	struct device_table *r = device_table_new(1);
	struct secret s = secret_of("MDEyMzQ1Njc4OWFiY2RlZg==");
	struct device *d = NULL;
	char name[DEVICE_NAME_MAX + 2];

	add(r, "", ST_INVALID);
	add(r, "lamp/01", ST_INVALID);
	add(r, "lamp+", ST_INVALID);
	CU_ASSERT_EQUAL(device_table_add(r, "SUBPROD01", "lamp", &s, &d), ST_INVALID);
	CU_ASSERT_EQUAL(device_table_add(r, "SUBPROD0012", "lamp", &s, &d), ST_INVALID);
	memset(name, 'x', sizeof name);
	name[DEVICE_NAME_MAX + 1] = '\0';
	add(r, name, ST_INVALID);
	name[DEVICE_NAME_MAX] = '\0';
	CU_ASSERT_EQUAL(strlen(add(r, name, ST_OK)->client_id), CLIENT_ID_MAX);
	device_table_free(r);
}

static void pointers_to_devices_stay_valid_while_thousands_join(void)
{
	struct device_table *r = device_table_new(7);
	struct device *first, *d;
	char text[64];
	int lost = 0;

	first = add(r, "lamp-0", ST_OK);
	for (int i = 1; i < 1500; i++) {
		snprintf(text, sizeof text, "lamp-%d", i);
		add(r, text, ST_OK);
	}
	for (int i = 0; i < 1500; i++) {
		snprintf(text, sizeof text, "SUBPROD001lamp-%d", i);
		d = find(r, text);
		lost += !d || strcmp(d->client_id, text) != 0;
	}
	CU_ASSERT_EQUAL(lost, 0);
	CU_ASSERT_PTR_EQUAL(find(r, "SUBPROD001lamp-0"), first);
	device_table_free(r);
}

static void a_subscription_is_remembered_once_with_its_latest_qos(void)
{
	struct device_table *r = device_table_new(1);
	struct device *d;

	d = add(r, "lamp-01", ST_OK);
	CU_ASSERT_EQUAL(device_subscribe(d, "a/b", 0), ST_OK);
	CU_ASSERT_EQUAL(device_subscribe(d, "a/b", 0), ST_EXISTS);
	CU_ASSERT_EQUAL(device_subscribe(d, "a/b", 1), ST_OK);
	CU_ASSERT_EQUAL(d->filter_count, 1);
	CU_ASSERT_STRING_EQUAL(d->filters->text, "a/b");
	CU_ASSERT_EQUAL(d->filters->qos, 1);
	device_table_free(r);
}

static void an_unsubscribed_filter_is_forgotten_and_the_others_stay(void)
{
	struct device_table *r = device_table_new(1);
	struct device *d;

	d = add(r, "lamp-01", ST_OK);
	device_subscribe(d, "a", 0);
	device_subscribe(d, "b", 0);
	device_subscribe(d, "c", 0);
	CU_ASSERT_EQUAL(device_unsubscribe(d, "b"), ST_OK);
	CU_ASSERT_EQUAL(device_unsubscribe(d, "b"), ST_NOTFOUND);
	CU_ASSERT_EQUAL(d->filter_count, 2);
	CU_ASSERT_EQUAL(device_subscribe(d, "a", 0), ST_EXISTS);
	CU_ASSERT_EQUAL(device_subscribe(d, "c", 0), ST_EXISTS);
	CU_ASSERT_EQUAL(device_subscribe(d, "b", 0), ST_OK);
	device_table_free(r);
}

static void a_device_can_hold_so_many_filters_and_then_another_after_one_left(void)
{
	struct device_table *r = device_table_new(1);
	struct device *d;
	char text[16];

	d = add(r, "lamp-01", ST_OK);
	for (int i = 0; i < DEVICE_FILTERS_MAX; i++) {
		snprintf(text, sizeof text, "f/%d", i);
		CU_ASSERT_EQUAL(device_subscribe(d, text, 1), ST_OK);
	}
	CU_ASSERT_EQUAL(device_subscribe(d, "more", 1), ST_FULL);
	CU_ASSERT_EQUAL(device_subscribe(d, "f/0", 0), ST_OK); /* known: only its QoS changes */
	CU_ASSERT_EQUAL(device_unsubscribe(d, "f/5"), ST_OK);
	CU_ASSERT_EQUAL(device_subscribe(d, "more", 1), ST_OK);
	device_table_free(r);
}

SUITE(device_table, TEST(a_device_is_found_by_its_client_id_and_no_other),
      TEST(a_walk_in_order_meets_each_once_whatever_comes_and_goes),
      TEST(a_device_cannot_be_added_twice), TEST(ids_out_of_their_grammar_are_refused),
      TEST(pointers_to_devices_stay_valid_while_thousands_join),
      TEST(a_subscription_is_remembered_once_with_its_latest_qos),
      TEST(an_unsubscribed_filter_is_forgotten_and_the_others_stay),
      TEST(a_device_can_hold_so_many_filters_and_then_another_after_one_left))
