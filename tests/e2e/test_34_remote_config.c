/* The hub configures the gateway (gateway.remote_config): what it may, as a whole or not at all. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT     PRODUCT "/dev1/event"
#define REPORT    GATEWAY "/event"
#define TOLD      "$config/operation/result/" GATEWAY
#define ASK       "$config/operation/" GATEWAY
#define FAR       "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"far1\"}"
#define FAR_ROUTE "{\"topic\":\"" EVENT "\",\"policy\":\"drop\"}"
#define ON        ",\"remote_config\":true"
#define PRODUCTS                                          \
	",\"products\":[{\"product_id\":\"" PRODUCT           \
	"\",\"product_secret\":\"hzvf5LF9S0isvBhDSauWMaIk\"," \
	"\"register\":true}]"

static char *patch_of(const char *gateway, const char *more)
{
	return text_fmt("{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1},"
	                "\"gateway\":{\"device_name\":\"gw1\"%s},\"presence\":{\"grace_ms\":200},"
	                "\"metrics\":{\"sys_interval_s\":1}" PRODUCTS "%s}",
	                gateway, more);
}

/* Over TLS, with a certificate that is checked. */
static struct scene start(const char *gateway)
{
	char *ca = scene_cert("ca.pem"), *cert = scene_cert("server.pem");
	char *key = scene_cert("server.key"), *patch = patch_of(gateway, "");
	struct sim_opts so = { .tls_cert = cert, .tls_key = key };
	struct lan_opts lo = { .hub_tls = true, .hub_ca = ca, .patch = patch };
	struct scene s = { .sim = sim_start(&so) };

	CU_ASSERT_FATAL(s.sim != NULL);
	lo.hub_port = sim_tls_port(s.sim);
	s.lan = lan_start(&lo);
	CU_ASSERT_FATAL(s.lan != NULL);
	CU_ASSERT(lan_log_await(s.lan, "connected to the hub", WAIT_MS));
	free(ca);
	free(cert);
	free(key);
	free(patch);
	return s;
}

static void configure(struct scene *s, const char *payload)
{
	char *text =
		text_fmt("{\"cmd\":\"remote_config\",\"product\":\"GWPRODUCT1\",\"payload\":%s}", payload);

	CU_ASSERT(sim_do(s->sim, text));
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"remote_config_push\",\"product\":\"GWPRODUCT1\"}"));
	free(text);
}

/* The next report to the hub has this in it. */
static bool reports(struct scene *s, const char *part)
{
	const cJSON *ev = scene_await_publish(s, REPORT, WAIT_MS);
	const char *payload = cJSON_GetStringValue(cJSON_GetObjectItem(ev, "payload"));

	if (payload && !strstr(payload, part))
		fprintf(stderr, "reported: %s\n", payload);
	return payload && strstr(payload, part);
}

static bool shows(struct scene *s, const char *name, const char *value)
{
	for (int64_t end = now_ms() + WAIT_MS; now_ms() < end;) {
		char *text = scene_sys(s, name);
		bool same = text && strcmp(text, value) == 0;

		free(text);
		if (same)
			return true;
	}
	return false;
}

/* A message of dev1 goes up, or not, as the route from afar says. */
static bool goes_up(struct scene *s, struct dev *d)
{
	static int seq;
	char *text = text_fmt("{\"n\":%d}", ++seq);
	int before;

	CU_ASSERT(dev_publish_acked(d, EVENT, text, WAIT_MS));
	CU_ASSERT(dev_publish_acked(d, PRODUCT "/dev1/data", text, WAIT_MS)); /* comes behind it */
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s->sim, WAIT_MS, "ev", "publish", "topic",
	                                       PRODUCT "/dev1/data", "payload", text, NULL));
	before = sim_count_events(s->sim, "ev", "publish", "topic", EVENT, "payload", text, NULL);
	free(text);
	return before > 0;
}

static void what_the_hub_adds_counts_at_once_and_is_reported(void)
{
	struct scene s = start(ON);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT(goes_up(&s, d));
	configure(&s, "{\"devices\":[" FAR "],\"routes\":[" FAR_ROUTE "],\"hub\":{\"window\":11}}");
	CU_ASSERT(reports(&s, "{\"type\":\"remote_config\",\"result\":0,\"devices\":3,"));
	CU_ASSERT(lan_log_has(s.lan, "hub.window was 20 and is 11 now"));
	CU_ASSERT_FALSE(goes_up(&s, d));
	CU_ASSERT(shows(&s, "devices_known", "3"));
	CU_ASSERT(shows(&s, "remote_config", "1"));
	configure(&s, "{}"); /* a missing section means none from afar */
	CU_ASSERT(reports(&s, "\"result\":0,\"devices\":2,"));
	CU_ASSERT(goes_up(&s, d));
	CU_ASSERT(lan_log_has(s.lan, "hub.window was 11 and is 20 now"));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void what_may_never_be_said_refuses_the_whole_and_the_last_good_one_stays(void)
{
	static const char *const wrong[] = {
		"{\"devices\":[],\"hub\":{\"host\":\"evil.example\"}}",
		"{\"apps\":[{\"username\":\"x\",\"topic\":\"#\",\"access\":\"readwrite\"}]}",
		"{\"devices\":[{\"product_id\":\"" PRODUCT
		"\",\"device_name\":\"far1\",\"secret\":\"ZGV2aWNlLW9uZS1wc2stLQ==\"}]}",
		"{\"devices\":[{\"product_id\":\"OTHERPROD1\",\"device_name\":\"far1\"}]}",
		"{\"hub\":{\"window\":5000}}",
	};
	struct scene s = start(ON);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	configure(&s, "{\"routes\":[" FAR_ROUTE "]}");
	CU_ASSERT(reports(&s, "\"result\":0"));
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		configure(&s, wrong[i]);
		CU_ASSERT(reports(&s, "\"result\":1,\"message\":\"remote configuration:"));
		CU_ASSERT_FALSE(goes_up(&s, d));
	}
	CU_ASSERT(lan_log_has(s.lan, "the remote configuration is refused"));
	CU_ASSERT(shows(&s, "remote_config", "2"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"remote_config_push\",\"product\":\"GWPRODUCT1\"}"));
	CU_ASSERT_FALSE(goes_up(&s, d)); /* the same again: neither tried nor reported again */
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "publish", "topic", REPORT, NULL), 6);
	dev_disconnect(d);
	scene_end(&s);
}

static void last_good_one_counts_after_a_restart_without_the_hub(void)
{
	struct scene s = start(ON);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	configure(&s, "{\"routes\":[" FAR_ROUTE "]}");
	CU_ASSERT(reports(&s, "\"result\":0"));
	CU_ASSERT(lan_log_await(s.lan, "routes has changed and counts now", WAIT_MS));
	configure(&s, "{\"lan\":{\"acl\":\"allow\"}}");
	CU_ASSERT(reports(&s, "\"result\":1"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	lan_kill(s.lan);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(lan_log_await(s.lan, "routes has changed and counts now", WAIT_MS));
	CU_ASSERT(dev_reconnect(d));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT_FALSE(goes_up(&s, d));
	dev_disconnect(d);
	scene_end(&s);
}

static void what_was_saved_while_the_gateway_was_away_is_fetched_when_it_connects(void)
{
	struct scene s = start(ON);

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"reset\",\"client\":\"" GATEWAY "\"}"));
	CU_ASSERT(lan_log_await(s.lan, "messages wait", WAIT_MS));
	configure(&s, "{\"routes\":[" FAR_ROUTE "]}"); /* nobody hears the push */
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(reports(&s, "\"result\":0"));
	scene_end(&s);
}

static void without_the_option_nothing_is_asked_and_nothing_taken(void)
{
	struct scene s = start("");
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	configure(&s, "{\"routes\":[" FAR_ROUTE "]}");
	CU_ASSERT(goes_up(&s, d));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "subscribe", "filter", TOLD, NULL), 0);
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "publish", "topic", ASK, NULL), 0);
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "publish", "topic", REPORT, NULL), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void gateway_application_gets_a_copy(void)
{
	struct scene s = start(ON);
	struct dev *app = dev_connect(s.lan, "GWPRODUCT1", "gw1", "Z2F0ZXdheS1vbmUtcHNrIQ==", NULL);

	CU_ASSERT_FATAL(app && dev_code(app) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(app, TOLD, 0), 0);
	configure(&s, "{\"routes\":[" FAR_ROUTE "]}");
	CU_ASSERT(reports(&s, "\"result\":0"));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(app, TOLD, WAIT_MS));
	dev_disconnect(app);
	scene_end(&s);
}

/* The file is read again, and has come to say something that the hub's part does not go with. */
static void file_wins_over_what_was_good_before(void)
{
	static const char rule[] = "\"client\":\"z\",\"device\":\"{n}\",\"up\":\"z/{n}\"}]";
	char *far = text_fmt("{\"mappings\":[{\"product_id\":\"" PRODUCT "\",%s}", rule);
	char *more = text_fmt(",\"mappings\":[{\"product_id\":\"" PRODUCT "\",%s", rule);
	char *patch = patch_of(ON, more), *plain = patch_of(ON, "");
	struct scene s = start(ON);

	configure(&s, far);
	CU_ASSERT(reports(&s, "\"result\":0,\"devices\":2,\"mappings\":1"));
	CU_ASSERT(lan_configure(s.lan, patch));
	lan_reload(s.lan);
	CU_ASSERT(reports(&s, "\"result\":2,\"message\":\"remote configuration:"));
	CU_ASSERT(lan_log_has(s.lan, "the file alone counts"));
	CU_ASSERT(lan_configure(s.lan, plain));
	lan_reload(s.lan);
	CU_ASSERT(reports(&s, "\"result\":0,\"devices\":2,\"mappings\":1"));
	free(far);
	free(more);
	free(patch);
	free(plain);
	scene_end(&s);
}

SUITE(remote_config, TEST(what_the_hub_adds_counts_at_once_and_is_reported),
      TEST(what_may_never_be_said_refuses_the_whole_and_the_last_good_one_stays),
      TEST(last_good_one_counts_after_a_restart_without_the_hub),
      TEST(what_was_saved_while_the_gateway_was_away_is_fetched_when_it_connects),
      TEST(without_the_option_nothing_is_asked_and_nothing_taken),
      TEST(gateway_application_gets_a_copy), TEST(file_wins_over_what_was_good_before))
