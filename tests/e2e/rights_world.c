#include "tests/e2e/rights_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The sample account, with custom topics for the limits. */
static const char hub[] =
	"{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	"\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"gateway\":true},"
	"{\"product_id\":\"" PID "\",\"device_name\":\"dev1\",\"secret\":\"" SECRET "\"},"
	"{\"product_id\":\"" PID "\",\"device_name\":\"dev2\",\"secret\":\"" SECRET2 "\"}],"
	"\"bound\":[{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"" PID
	"\",\"device_name\":\"dev1\"},"
	"{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"" PID "\",\"device_name\":\"dev2\"}],"
	"\"custom_topics\":[{\"name\":\"up/+\",\"publish\":true,\"subscribe\":true},"
	"{\"name\":\"deep/+/+/+/+/+/+/+/+\",\"publish\":true,\"subscribe\":true}]}";

struct dev *world_plain(struct lan *l, const char *id)
{
	struct dev_opts o = { .client_id = id };
	struct dev *d = client_connect(lan_port(l), &o);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	return d;
}

struct world world_start(void)
{
	struct sim_opts so = { .config = hub };
	struct lan_opts lo = { .patch = "{\"metrics\":{\"sys_interval_s\":1},\"hub\":"
		                            "{\"min_reconnect_s\":1},\"presence\":{\"grace_ms\":300}}" };
	struct world w = { .sim = sim_start(&so) };

	CU_ASSERT_FATAL(w.sim != NULL);
	lo.hub_port = sim_port(w.sim);
	w.lan = lan_start(&lo);
	CU_ASSERT_FATAL(w.lan != NULL);
	w.device = dev_connect(w.lan, PID, NAME, SECRET, NULL);
	CU_ASSERT_FATAL(w.device && dev_code(w.device) == 0);
	CU_ASSERT_FATAL(sim_await_event(w.sim, AWAIT_MS, "ev", "online", "device", OWN, "result", "0",
	                                NULL) != NULL);
	w.plain = world_plain(w.lan, "plain");
	return w;
}

void world_stop(struct world *w)
{
	dev_disconnect(w->plain);
	dev_disconnect(w->device);
	lan_free(w->lan);
	sim_stop(w->sim);
}

bool world_at_hub(struct world *w, const char *topic)
{
	return sim_await_event(w->sim, AWAIT_MS, "ev", "publish", "topic", topic, NULL) != NULL;
}

bool world_marker(struct world *w, const char *text)
{
	return dev_publish_acked(w->device, EVENT, text, AWAIT_MS) &&
	       sim_await_event(w->sim, AWAIT_MS, "ev", "publish", "topic", EVENT, "payload", text,
	                       NULL) != NULL;
}

bool world_not_at_hub(struct world *w, const char *topic)
{
	return sim_count_events(w->sim, "ev", "publish", "topic", topic, NULL) == 0 &&
	       sim_count_events(w->sim, "ev", "forbidden_publish", "topic", topic, NULL) == 0;
}

bool world_forged(struct world *w)
{
	return sim_count_events(w->sim, "payload", "forged", NULL) > 0 ||
	       sim_count_events(w->sim, "ev", "forbidden_publish", NULL) > 0;
}

bool world_metric(struct world *w, const char *name, int value)
{
	char *topic = text_fmt(SYS "%s", name), *text = text_fmt("%d", value);
	const struct dev_message *m;
	bool same = false;

	CU_ASSERT_EQUAL(dev_subscribe(w->plain, topic, 0), 0);
	while (!same && (m = dev_await_message(w->plain, topic, AWAIT_MS))) {
		same = strcmp(m->payload, text) == 0;
		if (!same && atoi(m->payload) > value) {
			fprintf(stderr, "%s is %s, awaited %d\n", name, m->payload, value);
			break;
		}
	}
	free(topic);
	free(text);
	return same;
}

bool world_publish(struct dev *d, const char *topic, const void *payload, size_t len, int qos,
                   bool retain)
{
	int64_t end = now_ms() + AWAIT_MS;
	int mid = dev_publish_mid(d, topic, payload, len, qos, retain);

	while (mid >= 0 && !dev_acked(d, mid) && now_ms() < end)
		dev_await_message(d, "nothing", 5);
	return mid >= 0 && dev_acked(d, mid);
}
