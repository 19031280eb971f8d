/* The hub simulator on its own: what every other end-to-end test relies on. */
#include "tests/harness/harness.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GW_PID     "GWPRODUCT1"
#define GW_NAME    "gw1"
#define GW_SECRET  "Z2F0ZXdheS1vbmUtcHNrIQ=="
#define SUB_PID    "SUBPRODUC1"
#define SUB_SECRET "ZGV2aWNlLW9uZS1wc2stLQ=="
#define UP         "$gateway/operation/GWPRODUCT1/gw1"
#define DOWN       "$gateway/operation/result/GWPRODUCT1/gw1"
#define EVENT      "SUBPRODUC1/dev1/event"

#define ONE(type, name)                                                                \
	"{\"type\":\"" type "\",\"payload\":{\"devices\":[{\"product_id\":\"SUBPRODUC1\"," \
	"\"device_name\":\"" name "\"}]}}"
#define ANSWER(type, name, result)                                                     \
	"{\"type\":\"" type "\",\"payload\":{\"devices\":[{\"product_id\":\"SUBPRODUC1\"," \
	"\"device_name\":\"" name "\",\"result\":" result "}]}}"

/* A simulator for connections closer than 5 s, and a gateway subscribed to its results. */
static const char quick[] =
	"{\"accounts\":["
	"{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\"},"
	"{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw2\",\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\","
	"\"gateway\":true},"
	"{\"product_id\":\"CERTPRODU1\",\"device_name\":\"c1\",\"cert\":true},"
	"{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\",\"secret\":\"ZGV2aWNlLW9uZS1wc2stLQ==\"},"
	"{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev3\",\"secret\":\"ZGV2aWNlLXR3by1wc2stLQ==\"},"
	"{\"product_id\":\"SUBPROD001\",\"device_name\":\"lamp-01\","
	"\"secret\":\"MDEyMzQ1Njc4OWFiY2RlZg==\"}],"
	"\"bound\":[{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"SUBPRODUC1\","
	"\"device_name\":\"dev1\"}],\"limits\":{\"connect_s\":0}}";

struct pair {
	struct sim *sim;
	struct dev *gw;
};

static struct pair start(const char *config)
{
	struct sim_opts opts = { .config = config };
	struct pair p = { .sim = sim_start(&opts) };

	if (p.sim)
		p.gw = dev_connect_port(sim_port(p.sim), GW_PID, GW_NAME, GW_SECRET, NULL);
	CU_ASSERT_FATAL(p.gw != NULL);
	CU_ASSERT_EQUAL_FATAL(dev_code(p.gw), 0);
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, DOWN, 1), 1);
	return p;
}

static void stop(struct pair p)
{
	dev_disconnect(p.gw);
	sim_stop(p.sim);
}

/* Sends a gateway operation; true when the next answer is `expected`, byte for byte. */
static bool answers(struct dev *gw, const char *request, const char *expected)
{
	const struct dev_message *m;

	if (!dev_publish(gw, UP, request, 0))
		return false;
	m = dev_await_message(gw, DOWN, 3000);
	if (m && strcmp(m->payload, expected) != 0)
		fprintf(stderr, "got %s\n", m->payload);
	return m && m->qos == 0 && strcmp(m->payload, expected) == 0;
}

static int code_of(struct sim *s, const struct dev_opts *opts, const char *secret)
{
	struct dev *d = dev_connect_port(sim_port(s), GW_PID, GW_NAME, secret, opts);
	int code = d ? dev_code(d) : -1;

	dev_disconnect(d);
	return code;
}

static void logins_are_judged_as_the_hub_does(void)
{
	struct sim_opts so = { .config = quick };
	struct sim *s = sim_start(&so);
	char *user3 = text_fmt(GW_PID GW_NAME ";12010126;abcde");
	char *old = text_fmt(GW_PID GW_NAME ";12010126;abcde;1500000000");
	struct dev_opts three = { .username = user3, .sha256 = true };
	struct dev_opts expired = { .username = old };
	struct dev_opts other_id = { .client_id = GW_PID "gw2" };
	struct dev_opts v31 = { .mqtt31 = true }, long_keepalive = { .keepalive = 901 };

	CU_ASSERT_FATAL(s != NULL);
	CU_ASSERT_EQUAL(code_of(s, NULL, GW_SECRET), 0);
	CU_ASSERT_EQUAL(code_of(s, &v31, GW_SECRET), 0);
	CU_ASSERT_EQUAL(code_of(s, &three, GW_SECRET), 0);
	CU_ASSERT_EQUAL(code_of(s, NULL, SUB_SECRET), 5);
	CU_ASSERT_EQUAL(code_of(s, &expired, GW_SECRET), 5);
	CU_ASSERT_EQUAL(code_of(s, &other_id, GW_SECRET), 5);
	CU_ASSERT_EQUAL(code_of(s, &long_keepalive, GW_SECRET), 5);
	CU_ASSERT(sim_await_event(s, 3000, "ev", "login_refused", "why", "wrong signature", NULL) !=
	          NULL);
	CU_ASSERT(sim_await_event(s, 3000, "ev", "login_refused", "why", "expired", NULL) != NULL);
	CU_ASSERT_EQUAL(sim_stat(s, "logins_refused"), 4);
	free(user3);
	free(old);
	sim_stop(s);
}

static void password_vectors_of_the_protocol_hold(void)
{
	char *c1 = cred_password("MDEyMzQ1Njc4OWFiY2RlZg==",
	                         "ABCDE12345gateway01;21010406;Ab3dE;9223372036854775807", false);
	char *c3 = cred_password(
		"AAECAwQFBgcICQoLDA0ODw==", "ABCDE12345gateway01;21010406;x9Yz0;2147483647", false);
	char *b1 =
		cred_bind("MDEyMzQ1Njc4OWFiY2RlZg==", "SUBPROD001", "lamp-01", 121213, 1589786839, false);

	CU_ASSERT_STRING_EQUAL(c1, "501df9a0196c6b69786684d3608f070111bd6809;hmacsha1");
	CU_ASSERT_STRING_EQUAL(c3, "8419730e0337588177871e61f519fa9194771c16;hmacsha1");
	CU_ASSERT_STRING_EQUAL(b1, "6pAuYeE9wLNtcEHWBDOTecbwGSA=");
	free(c1);
	free(c3);
	free(b1);
}

static void subdevice_topics_open_with_online_only(void)
{
	struct pair p = start(quick);

	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "SUBPRODUC1/dev1/control", 1), 0x80);
	CU_ASSERT_FALSE(dev_publish_acked(p.gw, EVENT, "{}", 300));
	CU_ASSERT(sim_await_event(p.sim, 3000, "ev", "forbidden_publish", "topic", EVENT, NULL) !=
	          NULL);
	CU_ASSERT(answers(p.gw, ONE("online", "dev1"), ANSWER("online", "dev1", "0")));
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "SUBPRODUC1/dev1/control", 1), 1);
	CU_ASSERT(dev_publish_acked(p.gw, EVENT, "{\"seq\":1}", 3000));
	CU_ASSERT(sim_await_event(p.sim, 3000, "ev", "publish", "topic", EVENT, "qos", "1", NULL) !=
	          NULL);
	CU_ASSERT(sim_publish(p.sim, "SUBPRODUC1/dev1/control", "on", 1));
	CU_ASSERT(dev_await_message(p.gw, "SUBPRODUC1/dev1/control", 3000) != NULL);
	CU_ASSERT(answers(p.gw, ONE("offline", "dev1"), ANSWER("offline", "dev1", "0")));
	CU_ASSERT_FALSE(dev_publish_acked(p.gw, EVENT, "{}", 300));
	CU_ASSERT_EQUAL(sim_stat(p.sim, "pubacks_withheld"), 2);
	stop(p);
}

static void filters_follow_the_wildcard_rules(void)
{
	struct pair p = start(quick);

	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/gw1/#", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/+/control", 1), 0x80);
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "#", 1), 0x80);
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "$shadow/operation/result/GWPRODUCT1/#", 1), 0x80);
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "$rrpc/rxd/GWPRODUCT1/gw1/+", 0), 0);
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/gw2/control", 0), 0x80);
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/gw1/event", 0), 0x80);
	CU_ASSERT(sim_publish(p.sim, "GWPRODUCT1/gw1/data", "application", 1));
	CU_ASSERT(dev_await_message(p.gw, "GWPRODUCT1/gw1/data", 3000) != NULL);
	stop(p);
}

static void own_publish_comes_back_by_a_forwarding_rule_only_and_rewritten(void)
{
	struct pair p = start(quick);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/gw1/data", 1), 1);
	CU_ASSERT(dev_publish_acked(p.gw, "GWPRODUCT1/gw1/data", "{\"own\":1}", 3000));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"forward\",\"topic\":\"GWPRODUCT1/gw1/data\"}"));
	CU_ASSERT(dev_publish_acked(p.gw, "GWPRODUCT1/gw1/data",
	                            "{\"b\": 1, \"a\": {\"d\": [2, 3], \"c\": 4}}", 3000));
	m = dev_await_message(p.gw, "GWPRODUCT1/gw1/data", 3000);
	CU_ASSERT(m && strcmp(m->payload, "{\"a\":{\"c\":4,\"d\":[2,3]},\"b\":1}") == 0);
	stop(p);
}

static bool binds(struct dev *gw, const char *secret, long stamp, bool sha256, const char *result)
{
	char *sign = cred_bind(secret, "SUBPROD001", "lamp-01", 121213, stamp, sha256);
	char *request =
		text_fmt("{\"type\":\"bind\",\"payload\":{\"devices\":[{\"product_id\":\"SUBPROD001\","
	             "\"device_name\":\"lamp-01\",\"signature\":\"%s\",\"random\":121213,"
	             "\"timestamp\":%ld,\"signmethod\":\"%s\",\"authtype\":\"psk\"}]}}",
	             sign, stamp, sha256 ? "hmacsha256" : "hmacsha1");
	char *answer =
		text_fmt("{\"type\":\"bind\",\"payload\":{\"devices\":[{\"product_id\":\"SUBPROD001\","
	             "\"device_name\":\"lamp-01\",\"result\":%s}]}}",
	             result);
	bool ok = answers(gw, request, answer);

	free(sign);
	free(request);
	free(answer);
	return ok;
}

static void bind_wants_the_signature_of_the_protocol(void)
{
	static const char secret[] = "MDEyMzQ1Njc4OWFiY2RlZg==";
	struct pair p = start(quick);
	long now = (long)time(NULL);

	CU_ASSERT(binds(p.gw, GW_SECRET, now, false, "803"));
	CU_ASSERT(binds(p.gw, secret, 1589786839, false, "805"));
	CU_ASSERT(binds(p.gw, secret, now, true, "0"));
	CU_ASSERT(binds(p.gw, secret, now, false, "809"));
	CU_ASSERT(answers(p.gw, ONE("online", "dev3"), ANSWER("online", "dev3", "-1")));
	CU_ASSERT(answers(p.gw, ONE("online", "nobody"), ANSWER("online", "nobody", "802")));
	CU_ASSERT(answers(p.gw, "{\"type\":\"describe_sub_devices\"}",
	                  "{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":["
	                  "{\"product_id\":\"SUBPROD001\",\"device_name\":\"lamp-01\"},"
	                  "{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\"}]}}"));
	CU_ASSERT(answers(p.gw, ONE("unbind", "dev1"), ANSWER("unbind", "dev1", "0")));
	CU_ASSERT(answers(p.gw, ONE("online", "dev1"), ANSWER("online", "dev1", "-1")));
	stop(p);
}

static void several_devices_and_forced_results_are_answered(void)
{
	struct pair p = start(NULL);

	CU_ASSERT(answers(p.gw,
	                  "{\"type\":\"online\",\"payload\":{\"devices\":["
	                  "{\"device_name\":\"dev1\",\"product_id\":\"SUBPRODUC1\"},"
	                  "{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev2\"}]}}",
	                  "{\"type\":\"online\",\"payload\":{\"devices\":["
	                  "{\"device_name\":\"dev1\",\"product_id\":\"SUBPRODUC1\",\"result\":0},"
	                  "{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev2\",\"result\":0}]}}"));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"gateway_result\",\"op\":\"offline\",\"result\":-2}"));
	CU_ASSERT(answers(p.gw, ONE("offline", "dev1"), ANSWER("offline", "dev1", "-2")));
	CU_ASSERT(answers(p.gw, ONE("offline", "dev1"), ANSWER("offline", "dev1", "0")));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"gateway_silent\",\"op\":\"offline\"}"));
	CU_ASSERT(dev_publish(p.gw, UP, ONE("offline", "dev2"), 1));
	CU_ASSERT(dev_await_message(p.gw, DOWN, 300) == NULL);
	stop(p);
}

static void console_changes_reach_the_gateway(void)
{
	struct pair p = start(quick);
	const struct dev_message *m;

	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"bind\",\"gateway\":\"GWPRODUCT1/gw1\","
	                        "\"device\":\"SUBPRODUC1/dev3\"}"));
	m = dev_await_message(p.gw, DOWN, 3000);
	CU_ASSERT(m &&
	          strcmp(m->payload,
	                 "{\"type\":\"change\",\"payload\":{\"status\":1,\"devices\":[{\"product_id\":"
	                 "\"SUBPRODUC1\",\"device_name\":\"dev3\"}]}}") == 0);
	CU_ASSERT(dev_publish(p.gw, UP, "{\"type\":\"change\",\"result\":0}", 0));
	CU_ASSERT(sim_await_event(p.sim, 3000, "ev", "change_ack", "result", "0", NULL) != NULL);
	stop(p);
}

static void time_is_told(void)
{
	struct pair p = start(NULL);
	const struct dev_message *m;
	cJSON *root;

	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "$sys/operation/result/GWPRODUCT1/gw1", 0), 0);
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"clock\",\"offset_ms\":3600000}"));
	CU_ASSERT(dev_publish(p.gw, "$sys/operation/GWPRODUCT1/gw1",
	                      "{\"type\":\"get\",\"resource\":[\"time\"]}", 0));
	m = dev_await_message(p.gw, "$sys/operation/result/GWPRODUCT1/gw1", 3000);
	CU_ASSERT_FATAL(m != NULL);
	root = cJSON_Parse(m->payload);
	CU_ASSERT(cJSON_GetNumberValue(cJSON_GetObjectItem(root, "time")) > (double)time(NULL) + 3500);
	cJSON_Delete(root);
	stop(p);
}

static void second_login_kicks_the_first(void)
{
	struct pair p = start(NULL);
	struct dev *second = dev_connect_port(sim_port(p.sim), GW_PID, GW_NAME, GW_SECRET, NULL);

	CU_ASSERT(second && dev_code(second) == 0);
	CU_ASSERT(dev_await_disconnect(p.gw, 3000));
	CU_ASSERT(dev_connected(second));
	CU_ASSERT_EQUAL(sim_stat(p.sim, "violations.connect_rate"), 1);
	dev_disconnect(second);
	stop(p);
}

static void limits_are_enforced_and_counted(void)
{
	struct pair p = start(quick);
	char *filters[] = { (char[]){ "GWPRODUCT1/gw1/control" }, (char[]){ "GWPRODUCT1/gw1/data" } };
	char *big = calloc(1, 16386);
	int last = -1;

	memset(big, 'x', 16385);
	CU_ASSERT_FALSE(dev_publish_acked(p.gw, "GWPRODUCT1/gw1/event", big, 300));
	big[16384] = '\0';
	CU_ASSERT(dev_publish_acked(p.gw, "GWPRODUCT1/gw1/event", big, 3000));
	CU_ASSERT_FALSE(dev_publish_acked(p.gw, "GWPRODUCT1/gw1/a/a/a/a/a/a/a/a/a/a", "x", 300));
	dev_subscribe_many(p.gw, filters, 2, 1);
	for (int i = 0; i < 60; i++)
		last = dev_publish_mid(p.gw, "GWPRODUCT1/gw1/event", "x", 1, 1, i == 0);
	CU_ASSERT(sim_await_event(p.sim, 3000, "what", "publish_rate", NULL) != NULL);
	CU_ASSERT_FALSE(dev_acked(p.gw, last));
	CU_ASSERT_EQUAL(sim_stat(p.sim, "violations.payload_size"), 1);
	CU_ASSERT_EQUAL(sim_stat(p.sim, "violations.topic"), 1);
	CU_ASSERT_EQUAL(sim_stat(p.sim, "violations.filters"), 1);
	CU_ASSERT_EQUAL(sim_stat(p.sim, "violations.retain"), 1);
	CU_ASSERT(sim_stat(p.sim, "max_rate") > 30);
	free(big);
	stop(p);
}

static struct pair start_mainland(const char *more)
{
	char *config = text_fmt("{\"accounts\":[{\"product_id\":\"" GW_PID
	                        "\",\"device_name\":\"" GW_NAME "\",\"secret\":\"" GW_SECRET
	                        "\"}],\"limits\":{\"set\":\"mainland\",\"connect_s\":0%s}}",
	                        more);
	struct pair p = start(config);

	free(config);
	return p;
}

static void mainlands_set_of_limits_is_smaller(void)
{
	struct pair p = start_mainland("");
	struct dev_opts hasty = { .keepalive = 59 };
	char *deep = text_fmt("GWPRODUCT1/gw1/a/b/c/d/e/f");

	CU_ASSERT_EQUAL(code_of(p.sim, &hasty, GW_SECRET), 5);
	CU_ASSERT_EQUAL(sim_stat(p.sim, "violations.keepalive"), 1);
	CU_ASSERT(dev_publish(p.gw, deep, "1", 0));
	CU_ASSERT(sim_await_event(p.sim, 3000, "ev", "violation", "what", "topic", NULL) != NULL);
	free(deep);
	stop(p);
}

static void subscriptions_of_one_session_are_limited_and_given_back(void)
{
	struct pair p = start_mainland(",\"subscriptions\":2"); /* one is there already */

	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/gw1/control", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/gw1/data", 1), 0x80);
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/gw1/control", 0), 0); /* no other one */
	CU_ASSERT(dev_unsubscribe(p.gw, "GWPRODUCT1/gw1/control"));
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/gw1/data", 1), 1);
	CU_ASSERT_EQUAL(sim_stat(p.sim, "violations.subscriptions"), 1);
	CU_ASSERT_EQUAL(sim_stat(p.sim, "most_subscriptions"), 2);
	CU_ASSERT(dev_leave(p.gw) && dev_reconnect(p.gw)); /* clean: nothing is left */
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/gw1/control", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(p.gw, "GWPRODUCT1/gw1/data", 1), 1);
	stop(p);
}

static void one_subscription_too_many_may_end_the_connection(void)
{
	struct pair p = start_mainland(",\"subscriptions\":1,\"closes_over\":true");

	dev_subscribe(p.gw, "GWPRODUCT1/gw1/control", 1);
	CU_ASSERT(dev_await_disconnect(p.gw, 3000));
	stop(p);
}

static void lost_pubacks_and_repeats_are_counted(void)
{
	struct pair p = start(quick);

	CU_ASSERT(answers(p.gw, ONE("online", "dev1"), ANSWER("online", "dev1", "0")));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"drop_puback\",\"count\":1}"));
	CU_ASSERT_FALSE(dev_publish_acked(p.gw, EVENT, "{\"seq\":1}", 300));
	CU_ASSERT(dev_publish_acked(p.gw, EVENT, "{\"seq\":3}", 3000));
	CU_ASSERT(dev_publish_acked(p.gw, EVENT, "{\"seq\":1}", 3000));
	CU_ASSERT(dev_publish_acked(p.gw, EVENT, "{\"seq\":5}", 3000));
	CU_ASSERT(dev_publish_acked(p.gw, EVENT, "{\"seq\":4}", 3000));
	CU_ASSERT_EQUAL(sim_stat(p.sim, "pubacks_dropped"), 1);
	CU_ASSERT_EQUAL(sim_stat(p.sim, "devices.SUBPRODUC1/dev1.received"), 5);
	CU_ASSERT_EQUAL(sim_stat(p.sim, "devices.SUBPRODUC1/dev1.duplicates"), 1);
	CU_ASSERT_EQUAL(sim_stat(p.sim, "devices.SUBPRODUC1/dev1.reordered"), 1);
	CU_ASSERT_EQUAL(sim_stat(p.sim, "devices.SUBPRODUC1/dev1.missing"), 1);
	stop(p);
}

static void faults_do_what_they_say(void)
{
	struct pair p = start(quick);
	int64_t began;

	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"fault\",\"mode\":\"blackhole\"}"));
	CU_ASSERT_FALSE(dev_publish_acked(p.gw, "GWPRODUCT1/gw1/event", "1", 300));
	CU_ASSERT(dev_connected(p.gw));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(dev_publish_acked(p.gw, "GWPRODUCT1/gw1/event", "2", 3000));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"fault\",\"mode\":\"delay\",\"ms\":150}"));
	began = now_ms();
	CU_ASSERT(dev_publish_acked(p.gw, "GWPRODUCT1/gw1/event", "3", 3000));
	CU_ASSERT(now_ms() - began >= 290);
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(dev_await_disconnect(p.gw, 3000));
	CU_ASSERT(sim_await_event(p.sim, 3000, "ev", "disconnect", "client", "GWPRODUCT1/gw1", NULL) !=
	          NULL);
	CU_ASSERT(dev_reconnect(p.gw));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"fault\",\"mode\":\"stall\"}"));
	CU_ASSERT(dev_reconnect(p.gw));
	CU_ASSERT_FALSE(dev_publish_acked(p.gw, "GWPRODUCT1/gw1/event", "4", 300));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"reset\"}"));
	CU_ASSERT(dev_await_disconnect(p.gw, 3000));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(dev_reconnect(p.gw));
	stop(p);
}

static void online_survives_the_gateway_but_not_the_hub_without_persist(void)
{
	struct pair p = start(quick);

	CU_ASSERT(answers(p.gw, ONE("online", "dev1"), ANSWER("online", "dev1", "0")));
	CU_ASSERT(dev_reconnect(p.gw));
	CU_ASSERT(dev_publish_acked(p.gw, EVENT, "{}", 3000));
	sim_kill(p.sim);
	CU_ASSERT(sim_restart(p.sim));
	CU_ASSERT(dev_reconnect(p.gw));
	CU_ASSERT_FALSE(dev_publish_acked(p.gw, EVENT, "{}", 300));
	stop(p);
}

static void persist_keeps_online_and_sessions(void)
{
	struct sim_opts so = { .config = quick, .persist = true };
	struct dev_opts kept = { .persistent = true };
	struct sim *s = sim_start(&so);
	struct dev *gw;

	CU_ASSERT_FATAL(s != NULL);
	gw = dev_connect_port(sim_port(s), GW_PID, GW_NAME, GW_SECRET, &kept);
	CU_ASSERT_FATAL(gw && dev_code(gw) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(gw, DOWN, 1), 1);
	CU_ASSERT(answers(gw, ONE("online", "dev1"), ANSWER("online", "dev1", "0")));
	CU_ASSERT(sim_restart(s));
	CU_ASSERT(dev_reconnect(gw));
	CU_ASSERT(sim_await_event(s, 3000, "ev", "connect", "session_present", "true", NULL) != NULL);
	CU_ASSERT(dev_publish_acked(gw, EVENT, "{}", 3000));
	dev_disconnect(gw);
	sim_stop(s);
}

static void tls_serves_passwords_and_certificates(void)
{
	char *dir = dir_make();
	char *ca = text_fmt("%s/ca.pem", dir), *cert = text_fmt("%s/server.pem", dir);
	char *key = text_fmt("%s/server.key", dir), *own = text_fmt("%s/client.pem", dir);
	char *own_key = text_fmt("%s/client.key", dir);
	struct sim_opts so = { .config = quick, .tls_ca = ca, .tls_cert = cert, .tls_key = key };
	struct dev_opts by_password = { .tls_ca = ca };
	struct dev_opts by_cert = { .tls_ca = ca, .tls_cert = own, .tls_key = own_key, .password = "" };
	struct dev_opts no_cert = { .tls_ca = ca, .password = "" };
	struct dev *d;
	struct sim *s;

	CU_ASSERT_FATAL(certs_make(dir, "CERTPRODU1c1"));
	s = sim_start(&so);
	CU_ASSERT_FATAL(s != NULL);
	d = dev_connect_port(sim_tls_port(s), GW_PID, GW_NAME, GW_SECRET, &by_password);
	CU_ASSERT(d && dev_code(d) == 0 && dev_publish_acked(d, "GWPRODUCT1/gw1/event", "1", 3000));
	dev_disconnect(d);
	d = dev_connect_port(sim_tls_port(s), "CERTPRODU1", "c1", "", &by_cert);
	CU_ASSERT(d && dev_code(d) == 0);
	dev_disconnect(d);
	d = dev_connect_port(sim_tls_port(s), "CERTPRODU1", "c1", "", &no_cert);
	CU_ASSERT(d && dev_code(d) == 5);
	dev_disconnect(d);
	sim_stop(s);
	dir_remove(dir);
	free(dir);
	free(ca);
	free(cert);
	free(key);
	free(own);
	free(own_key);
}

SUITE(hubsim, TEST(logins_are_judged_as_the_hub_does), TEST(password_vectors_of_the_protocol_hold),
      TEST(subdevice_topics_open_with_online_only), TEST(filters_follow_the_wildcard_rules),
      TEST(own_publish_comes_back_by_a_forwarding_rule_only_and_rewritten),
      TEST(bind_wants_the_signature_of_the_protocol),
      TEST(several_devices_and_forced_results_are_answered),
      TEST(console_changes_reach_the_gateway), TEST(time_is_told),
      TEST(second_login_kicks_the_first), TEST(limits_are_enforced_and_counted),
      TEST(mainlands_set_of_limits_is_smaller),
      TEST(subscriptions_of_one_session_are_limited_and_given_back),
      TEST(one_subscription_too_many_may_end_the_connection),
      TEST(lost_pubacks_and_repeats_are_counted), TEST(faults_do_what_they_say),
      TEST(online_survives_the_gateway_but_not_the_hub_without_persist),
      TEST(persist_keeps_online_and_sessions), TEST(tls_serves_passwords_and_certificates))
