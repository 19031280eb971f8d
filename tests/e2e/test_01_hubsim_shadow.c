/* The simulator's shadow service, as a device that is connected directly meets it. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <string.h>

#define DEV  "SUBPRODUC1/dev1"
#define UP   "$shadow/operation/" DEV
#define DOWN "$shadow/operation/result/" DEV
#define GET  "{\"type\":\"get\",\"clientToken\":\"t-0\"}"

static bool has(const struct dev_message *m, const char *part)
{
	return m && strstr(m->payload, part) != NULL;
}

#define HAS(m, part) CU_ASSERT(has(m, part))

static const struct dev_message *ask(struct dev *d, const char *text)
{
	CU_ASSERT(dev_publish(d, UP, text, 0));
	return dev_await_message(d, DOWN, WAIT_MS);
}

static struct dev *direct(struct sim *sim)
{
	struct dev *d =
		dev_connect_port(sim_port(sim), "SUBPRODUC1", "dev1", "ZGV2aWNlLW9uZS1wc2stLQ==", NULL);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(d, DOWN, 0), 0);
	return d;
}

static void empty_document_then_update_conflict_and_clear(void)
{
	struct sim *sim = sim_start(NULL);
	struct dev *d = direct(sim);

	HAS(ask(d, GET),
	    "{\"clientToken\":\"t-0\",\"payload\":{\"state\":{\"reported\":{}},\"timestamp\":");
	HAS(ask(d, "{\"type\":\"update\",\"state\":{\"reported\":{\"f\":0.0,\"n\":9007199254740993}}}"),
	    "{\"payload\":{\"state\":{\"reported\":{\"f\":0.0,\"n\":9007199254740993}}");
	HAS(ask(d, "{\"type\":\"update\",\"state\":{\"reported\":{\"f\":1}},\"version\":7}"),
	    "\"version\":1},\"result\":5005");
	CU_ASSERT(sim_do(sim, "{\"cmd\":\"desire\",\"device\":\"" DEV "\",\"desired\":{\"t\":25}}"));
	HAS(dev_await_message(d, DOWN, WAIT_MS), "{\"payload\":{\"state\":{\"t\":25},\"timestamp\":");
	HAS(ask(d, GET),
	    "\"state\":{\"delta\":{\"t\":25},\"desired\":{\"t\":25},\"reported\":{\"f\":0.0,");
	HAS(ask(d, "{\"type\":\"update\",\"state\":{\"desired\":{\"t\":26}}}"), "\"result\":5002");
	HAS(ask(d, "{\"type\":\"update\",\"state\":{\"desired\":null,\"reported\":{\"t\":25}}}"),
	    "\"state\":{\"desired\":null,\"reported\":{\"t\":25}}");
	HAS(ask(d, GET), "\"state\":{\"reported\":{\"f\":0.0,\"n\":9007199254740993,\"t\":25}}");
	dev_disconnect(d);
	sim_stop(sim);
}

SUITE(hubsim_shadow, TEST(empty_document_then_update_conflict_and_clear))
