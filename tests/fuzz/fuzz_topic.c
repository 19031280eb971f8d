/* Topics and filters of any bytes: views stay inside the text, and what the two
 * parsers and the matcher say about one text agrees. */
#include <stdlib.h>
#include <string.h>

#include "core/hub/route.h"
#include "core/hub/topic.h"
#include "tests/fuzz/fuzz.h"

#define SAMPLE(text)          \
	{                         \
		text, sizeof text - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE("SUBPROD001/lamp-01/event"),
	SAMPLE("SUBPROD001/lamp-01/+/#"),
	SAMPLE("$shadow/operation/result/SUBPROD001/lamp-01"),
	SAMPLE("$share/group/$rrpc/rxd/SUBPROD001/lamp-01/+"),
	SAMPLE("$thing/down/property/SUBPROD001/a4:c1:38"),
	SAMPLE("home/+/state/#\nhome/lamp/state"),
	{ NULL, 0 },
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void inside(struct mqtt_text view, const char *text, size_t len)
{
	if (view.len > 0)
		require(view.at >= text && view.len <= len && view.at + view.len <= text + len);
}

static void check_parsers(const char *text, size_t len)
{
	struct topic t, f;
	bool shared;
	enum status st = topic_parse(text, len, &t);
	enum status filter_st = topic_parse_filter(text, len, &f, &shared);

	inside(t.product_id, text, len);
	inside(t.device_name, text, len);
	inside(t.rest, text, len);
	inside(f.product_id, text, len);
	inside(f.device_name, text, len);
	inside(f.rest, text, len);
	require(t.kind == TOPIC_NONE || (st == ST_OK && t.may != 0));
	if (t.kind != TOPIC_NONE) /* what is a topic is a filter for itself */
		require(!shared && filter_st == ST_OK && f.kind == t.kind);
	if (f.kind != TOPIC_NONE)
		require(topic_product(text, len).len > 0 || topic_in_hub_tree(text, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *second;
	struct route r;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_parsers(text, size);
	r = route_decide("SUBPROD001", "lamp-01", text, size, 2);
	require((r.reason != ROUTE_FINE) == (r.action == ROUTE_REFUSE) && r.qos == 1);
	second = memchr(text, '\n', size);
	if (second) {
		*second++ = '\0';
		topic_matches(text, second);
	}
	if (!strpbrk(text, "+#"))
		require(topic_matches(text, text));
	free(text);
	return 0;
}
