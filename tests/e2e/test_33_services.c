/* The hub's smaller services (docs/protocol/other.md) from end to end, with clients that do what
 * the stock SDKs do: their QoS, their order, their patience, and of calls only the last id in mind.
 */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEV1      PRODUCT "/dev1"
#define DEV2      PRODUCT "/dev2"
#define CALLS     "$rrpc/rxd/" DEV1 "/"
#define ANSWERS   "$rrpc/txd/" DEV1 "/"
#define ASK       "$config/operation/" DEV1
#define TOLD      "$config/operation/result/" DEV1
#define ASK_OLD   "$config/report/" DEV1
#define TOLD_OLD  "$config/update/" DEV1
#define GET       "{\"type\":\"get\"}"
#define SYS       "$sys/operation/" DEV1
#define SYS_TOLD  "$sys/operation/result/" DEV1
#define GW_SECRET "Z2F0ZXdheS1vbmUtcHNrIQ=="

enum {
	TIME_WAIT_MS = 1500, /* of the SDK for Python: 3 polls of 500 ms */
	CALL_LIFE_MS = 3500,
	STREET = 60,
	EACH = 12,
	MOMENT_MS = 500,
};

static void wan_cut(struct scene *s)
{
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"reset\",\"client\":\"" GATEWAY "\"}"));
	CU_ASSERT(lan_log_await(s->lan, "messages wait", WAIT_MS));
}

static bool says(const struct dev_message *m, const char *part)
{
	return m && strstr(m->payload, part);
}

/* --- calls --- */

static int call(struct scene *s, const char *device)
{
	char *text =
		text_fmt("{\"cmd\":\"rrpc\",\"device\":\"%s\",\"payload\":\"{\\\"do\\\":1}\"}", device);
	cJSON *answer = sim_command(s->sim, text);
	int id = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(answer, "process_id"));

	free(text);
	cJSON_Delete(answer);
	return id;
}

/* The id in the topic of a call, as the SDKs take it from there. */
static const char *id_of(const struct dev_message *m)
{
	return m ? strrchr(m->topic, '/') + 1 : "none";
}

static void reply(struct dev *d, const char *id)
{
	char *topic = text_fmt(ANSWERS "%s", id), *text = text_fmt("{\"for\":\"%s\"}", id);

	CU_ASSERT(dev_publish(d, topic, text, 0));
	free(topic);
	free(text);
}

static const cJSON *await_answer(struct scene *s, int id)
{
	char *text = text_fmt("%d", id), *payload = text_fmt("{\"for\":\"%d\"}", id);
	const cJSON *ev =
		sim_await_event(s->sim, WAIT_MS, "ev", "rrpc_answer", "device", DEV1, "process_id", text,
	                    "payload", payload, "expected", "true", NULL);

	free(text);
	free(payload);
	return ev;
}

static struct dev *called_device(struct scene *s)
{
	struct dev *d = scene_online_device(s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, CALLS "+", 0), 0);
	CU_ASSERT(scene_await_filter(s, CALLS "+"));
	return d;
}

static void call_reaches_the_device_and_its_answer_the_caller(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = called_device(&s);
	int id = call(&s, DEV1);
	const struct dev_message *m = dev_await_message(d, NULL, WAIT_MS);

	CU_ASSERT(says(m, "{\"do\":1}"));
	CU_ASSERT_EQUAL(atoi(id_of(m)), id);
	reply(d, id_of(m));
	CU_ASSERT_PTR_NOT_NULL(await_answer(&s, id));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

/* The device remembers the last id alone, and takes its time. */
static void calls_that_overlap_are_each_answered_under_their_own_id(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = called_device(&s);
	int ids[3];

	for (int i = 0; i < 3; i++)
		ids[i] = call(&s, DEV1);
	for (int i = 0; i < 3; i++) {
		const struct dev_message *m = dev_await_message(d, NULL, WAIT_MS);

		CU_ASSERT_EQUAL(atoi(id_of(m)), ids[i]);
		CU_ASSERT_EQUAL(dev_count_messages(d, NULL), i + 1); /* the next one waits for this */
		reply(d, id_of(m));
	}
	for (int i = 0; i < 3; i++)
		CU_ASSERT_PTR_NOT_NULL(await_answer(&s, ids[i]));
	dev_disconnect(d);
	scene_end(&s);
}

static void answer_that_is_late_never_reaches_the_hub_and_the_next_call_is_not_lost(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = called_device(&s);
	int64_t called_ms = now_ms();
	int first = call(&s, DEV1), second;
	const struct dev_message *m = dev_await_message(d, NULL, WAIT_MS);
	char id[16];

	snprintf(id, sizeof id, "%s", id_of(m));
	CU_ASSERT_EQUAL(atoi(id), first);
	while (now_ms() <
	       called_ms + CALL_LIFE_MS / 2) /* so that its time is not over with the first's */
		dev_await_message(d, "none", 100);
	second = call(&s, DEV1);
	m = dev_await_message(d, NULL, WAIT_MS);
	CU_ASSERT_EQUAL(atoi(id_of(m)), second);
	CU_ASSERT(now_ms() - called_ms >= CALL_LIFE_MS - 100);
	reply(d, id); /* late */
	reply(d, id_of(m));
	CU_ASSERT_PTR_NOT_NULL(await_answer(&s, second));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "rrpc_answer", NULL), 1);
	dev_disconnect(d);
	scene_end(&s);
}

/* After an outage sixty devices have something to send for half a minute: their turns come every
 * two and a half seconds. */
static void call_is_answered_in_a_moment_while_everybody_s_messages_wait(void)
{
	const struct scene_opts o = {
		.street = STREET,
		.more = ",\"mappings\":[{\"product_id\":\"" PRODUCT
				"\",\"device\":\"{name}\",\"up\":\"street/{name}\"}]",
	};
	const struct dev_opts client = { .client_id = "street" };
	struct scene s = scene_start(&o);
	struct dev *d = called_device(&s), *street = client_connect(lan_port(s.lan), &client);
	const struct dev_message *m;
	const cJSON *ev;
	int id;

	wan_cut(&s);
	for (int i = 0; i < STREET * EACH; i++) {
		char *topic = text_fmt("street/s%d", i % STREET + 1);

		CU_ASSERT(dev_publish_acked(street, topic, "{}", WAIT_MS));
		free(topic);
	}
	CU_ASSERT(scene_publish_run(d, PRODUCT "/dev1/event", 1, EACH, WAIT_MS));
	sim_skip_events(s.sim);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "s60"));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, PRODUCT "/dev1/event", WAIT_MS));
	id = call(&s, DEV1);
	m = dev_await_message(d, NULL, WAIT_MS);
	CU_ASSERT_EQUAL(atoi(id_of(m)), id);
	reply(d, id_of(m));
	ev = await_answer(&s, id);
	CU_ASSERT(ev && scene_number(ev, "ms") < MOMENT_MS);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	dev_disconnect(street);
	scene_end(&s);
}

/* --- broadcast --- */

static void broadcast_brings_one_copy_to_each_device_that_subscribes(void)
{
	struct scene s = scene_start(NULL);
	struct dev *c_sdk = scene_online_device(&s, "dev1", NULL);
	struct dev *python = scene_online_device(&s, "dev2", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(c_sdk, "$broadcast/rxd/" DEV1, 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(python, "$broadcast/rxd/" DEV2, 0), 0);
	CU_ASSERT(scene_await_filter(&s, "$broadcast/rxd/" DEV1));
	CU_ASSERT(scene_await_filter(&s, "$broadcast/rxd/" DEV2));
	for (int i = 1; i <= 2; i++) {
		CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"broadcast\",\"product\":\"" PRODUCT
		                        "\",\"payload\":\"{\\\"all\\\":true}\"}"));
		CU_ASSERT(
			says(dev_await_message(c_sdk, "$broadcast/rxd/" DEV1, WAIT_MS), "{\"all\":true}"));
		CU_ASSERT(
			says(dev_await_message(python, "$broadcast/rxd/" DEV2, WAIT_MS), "{\"all\":true}"));
		CU_ASSERT_EQUAL(dev_count_messages(c_sdk, NULL), i);
		CU_ASSERT_EQUAL(dev_count_messages(python, NULL), i);
	}
	dev_disconnect(c_sdk);
	dev_disconnect(python);
	scene_end(&s);
}

/* --- remote configuration --- */

static bool configure(struct scene *s, const char *payload)
{
	char *text =
		text_fmt("{\"cmd\":\"remote_config\",\"product\":\"" PRODUCT "\",\"payload\":%s}", payload);
	bool ok = sim_do(s->sim, text);

	free(text);
	return ok;
}

static bool distribute(struct scene *s)
{
	return sim_do(s->sim, "{\"cmd\":\"remote_config_push\",\"product\":\"" PRODUCT "\"}");
}

static void remote_configuration_is_fetched_and_distributed_under_today_s_names(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, TOLD, 0), 0);
	CU_ASSERT(dev_publish(d, ASK, GET, 0)); /* at once: the gateway waits for the SUBACK */
	CU_ASSERT(says(dev_await_message(d, TOLD, WAIT_MS), "\"result\":1002"));
	CU_ASSERT(configure(&s, "{\"baud rate\":9600,\"parity\":\"NONE\"}"));
	CU_ASSERT(dev_publish(d, ASK, GET, 0));
	CU_ASSERT(says(dev_await_message(d, TOLD, WAIT_MS),
	               "{\"type\":\"reply\",\"result\":0,\"payload\":{\"baud rate\":9600,"));
	CU_ASSERT(distribute(&s));
	CU_ASSERT(says(dev_await_message(d, TOLD, WAIT_MS), "\"type\":\"push\""));
	CU_ASSERT_EQUAL(dev_count_messages(d, NULL), 3);
	dev_disconnect(d);
	scene_end(&s);
}

/* The guide of 2020: report and update. Java: get on report, the answer on operation/result. */
static void remote_configuration_works_under_its_older_names_too(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL), *java;

	CU_ASSERT(configure(&s, "{\"rate\":1}"));
	CU_ASSERT_EQUAL(dev_subscribe(d, TOLD_OLD, 1), 1);
	CU_ASSERT(dev_publish(d, ASK_OLD, GET, 1));
	CU_ASSERT(says(dev_await_message(d, TOLD_OLD, WAIT_MS), "\"type\":\"reply\",\"result\":0"));
	CU_ASSERT(distribute(&s));
	CU_ASSERT(says(dev_await_message(d, TOLD_OLD, WAIT_MS), "\"type\":\"push\""));
	CU_ASSERT_EQUAL(dev_count_messages(d, NULL), 2);
	java = scene_online_device(&s, "dev2", NULL);
	CU_ASSERT_EQUAL(dev_subscribe(java, "$config/operation/result/" DEV2, 1), 1);
	CU_ASSERT(dev_publish(java, "$config/report/" DEV2, GET, 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(java, "$config/operation/result/" DEV2, WAIT_MS));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	dev_disconnect(java);
	scene_end(&s);
}

static void remote_configuration_is_answered_without_the_hub_also_after_a_restart(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL), *other;

	CU_ASSERT(configure(&s, "{\"rate\":1.50}"));
	CU_ASSERT_EQUAL(dev_subscribe(d, TOLD, 0), 0);
	CU_ASSERT(dev_publish(d, ASK, GET, 0));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, TOLD, WAIT_MS));
	wan_cut(&s);
	CU_ASSERT(dev_publish(d, ASK, GET, 0));
	CU_ASSERT(says(dev_await_message(d, TOLD, WAIT_MS), "\"result\":0,\"payload\":{\"rate\":1.5"));
	lan_kill(s.lan);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	other = scene_device(&s, "dev2", NULL); /* it never asked before: it is the product's */
	CU_ASSERT_EQUAL(dev_subscribe(other, "$config/update/" DEV2, 0), 0);
	CU_ASSERT(dev_publish(other, "$config/report/" DEV2, GET, 0));
	CU_ASSERT(says(dev_await_message(other, "$config/update/" DEV2, WAIT_MS), "{\"rate\":1.5"));
	dev_disconnect(d);
	dev_disconnect(other);
	scene_end(&s);
}

/* --- $sys --- */

static bool ask_time(struct dev *d)
{
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(d, SYS_TOLD, 0), 0); /* Python: before each call */
	CU_ASSERT(dev_publish(d, SYS, "{\"type\": \"get\", \"resource\": [\"time\"]}", 0));
	m = dev_await_message(d, SYS_TOLD, TIME_WAIT_MS);
	CU_ASSERT(dev_unsubscribe(d, SYS_TOLD));
	return says(m, "\"ntptime1\":") && says(m, "\"ntptime2\":") && says(m, "\"time\":") &&
	       says(m, "\"type\":\"get\"");
}

static int times_asked_at_hub(struct scene *s)
{
	return sim_count_events(s->sim, "ev", "publish", "topic", SYS, NULL);
}

/* On a machine whose kernel is not sure of its clock the first answers are the hub's. */
static void time_is_told_by_the_hub_until_the_clock_is_trusted_and_then_here(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	int before;

	do {
		before = times_asked_at_hub(&s);
		CU_ASSERT_FATAL(ask_time(d));
	} while (times_asked_at_hub(&s) > before);
	wan_cut(&s);
	CU_ASSERT(ask_time(d));
	dev_disconnect(d);
	scene_end(&s);
}

static void remote_login_passes_both_ways_unchanged(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, SYS_TOLD, 0), 0);
	CU_ASSERT(scene_await_filter(&s, SYS_TOLD));
	CU_ASSERT(sim_publish(s.sim, SYS_TOLD, "{\"type\":\"ssh\",\"switch\":1}", 0));
	CU_ASSERT(says(dev_await_message(d, SYS_TOLD, WAIT_MS), "{\"type\":\"ssh\",\"switch\":1}"));
	CU_ASSERT(dev_publish(d, SYS, "{\"type\": \"ssh\", \"switch\": 1}", 0));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "publish", "topic", SYS, "payload",
	                                       "{\"type\": \"ssh\", \"switch\": 1}", NULL));
	dev_disconnect(d);
	scene_end(&s);
}

/* --- log level, files --- */

static void log_level_is_told_when_asked_and_when_an_operator_changes_it(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(d, "$log/operation/result/" DEV1, 0), 0);
	CU_ASSERT(dev_publish(d, "$log/operation/" DEV1,
	                      "{\"type\":\"get_log_level\",\"clientToken\":\"" PRODUCT "-1\"}", 0));
	m = dev_await_message(d, NULL, WAIT_MS);
	CU_ASSERT(says(m, "\"clientToken\":\"" PRODUCT "-1\"") && says(m, "\"log_level\":4"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"log_level\",\"device\":\"" DEV1 "\",\"level\":1}"));
	CU_ASSERT(says(dev_await_message(d, NULL, WAIT_MS), "\"log_level\":1"));
	dev_disconnect(d);
	scene_end(&s);
}

static bool files(struct dev *d, const char *request, const char *answer)
{
	CU_ASSERT(dev_publish_acked(d, "$resource/up/service/" DEV1, request, WAIT_MS));
	return says(dev_await_message(d, "$resource/down/service/" DEV1, WAIT_MS), answer);
}

static void file_is_announced_and_its_progress_told_at_qos_1(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	const cJSON *ev;

	CU_ASSERT_EQUAL(dev_subscribe(d, "$resource/down/service/" DEV1, 1), 1);
	CU_ASSERT(
		files(d, "{\"type\":\"create_upload_task\",\"size\":100,\"name\":\"n\",\"md5sum\":\"x\"}",
	          "\"url\":"));
	ev = sim_await_event(s.sim, WAIT_MS, "ev", "publish", "topic", "$resource/up/service/" DEV1,
	                     NULL);
	CU_ASSERT(ev && scene_number(ev, "qos") == 1);
	CU_ASSERT(files(d,
	                "{\"type\":\"report_upload_progress\",\"name\":\"n\",\"progress\":{\"state\":"
	                "\"done\",\"percent\":100,\"result_code\":0,\"result_msg\":\"\"}}",
	                "report_upload_progress_rsp"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"resource_task\",\"task\":{\"size\":5,\"name\":\"f\"}}"));
	CU_ASSERT(files(d, "{\"type\":\"get_download_task\"}", "\"name\":\"f\""));
	dev_disconnect(d);
	scene_end(&s);
}

/* --- products of IoT Explorer --- */

static void thing_and_template_messages_pass_both_ways_with_their_qos(void)
{
	static const struct {
		const char *up, *down;
	} rows[] = {
		{ "$thing/up/property/" DEV1, "$thing/down/property/" DEV1 },
		{ "$thing/up/event/" DEV1, "$thing/down/event/" DEV1 },
		{ "$thing/up/action/" DEV1, "$thing/down/action/" DEV1 },
		{ "$thing/up/raw/" DEV1, "$thing/down/raw/" DEV1 },
		{ "$thing/up/service/" DEV1, "$thing/down/service/" DEV1 },
		{ "$template/operation/" DEV1, "$template/operation/result/" DEV1 },
	};
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const cJSON *ev;

		CU_ASSERT_EQUAL(dev_subscribe(d, rows[i].down, 0), 0);
		CU_ASSERT(scene_await_filter(&s, rows[i].down));
		for (int qos = 0; qos < 2; qos++) {
			CU_ASSERT(dev_publish(d, rows[i].up, "{\"method\": \"report\"}", qos));
			ev = scene_await_publish(&s, rows[i].up, WAIT_MS);
			CU_ASSERT(ev && scene_number(ev, "qos") == qos);
		}
		CU_ASSERT(sim_publish(s.sim, rows[i].down, "{\"method\":\"control\"}", 0));
		CU_ASSERT(says(dev_await_message(d, rows[i].down, WAIT_MS), "{\"method\":\"control\"}"));
		CU_ASSERT_EQUAL(dev_subscribe(d, rows[i].up, 0), 0x80); /* a device only publishes there */
	}
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

/* --- a gateway application speaks for its devices --- */

static void gateway_application_serves_calls_and_configuration_of_its_subdevice(void)
{
	struct scene s = scene_start(NULL);
	struct dev *app = dev_connect(s.lan, "GWPRODUCT1", "gw1", GW_SECRET, NULL);
	const struct dev_message *m;
	int id;

	CU_ASSERT_FATAL(app && dev_code(app) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(app, "$gateway/operation/result/" GATEWAY, 0), 0);
	CU_ASSERT(
		dev_publish(app, "$gateway/operation/" GATEWAY,
	                "{\"type\":\"online\",\"payload\":{\"devices\":[{\"product_id\":\"" PRODUCT
	                "\",\"device_name\":\"dev1\"}]}}",
	                0));
	CU_ASSERT(says(dev_await_message(app, NULL, WAIT_MS), "\"result\":0"));
	CU_ASSERT_EQUAL(dev_subscribe(app, CALLS "+", 0), 0);
	CU_ASSERT(scene_await_filter(&s, CALLS "+"));
	id = call(&s, DEV1);
	m = dev_await_message(app, NULL, WAIT_MS);
	CU_ASSERT_EQUAL(atoi(id_of(m)), id);
	reply(app, id_of(m));
	CU_ASSERT_PTR_NOT_NULL(await_answer(&s, id));
	CU_ASSERT_EQUAL(dev_subscribe(app, TOLD, 0), 0);
	CU_ASSERT(dev_publish(app, ASK, GET, 0));
	CU_ASSERT(says(dev_await_message(app, TOLD, WAIT_MS), "1002"));
	dev_disconnect(app);
	scene_end(&s);
}

SUITE(services, TEST(call_reaches_the_device_and_its_answer_the_caller),
      TEST(calls_that_overlap_are_each_answered_under_their_own_id),
      TEST(answer_that_is_late_never_reaches_the_hub_and_the_next_call_is_not_lost),
      TEST(call_is_answered_in_a_moment_while_everybody_s_messages_wait),
      TEST(broadcast_brings_one_copy_to_each_device_that_subscribes),
      TEST(remote_configuration_is_fetched_and_distributed_under_today_s_names),
      TEST(remote_configuration_works_under_its_older_names_too),
      TEST(remote_configuration_is_answered_without_the_hub_also_after_a_restart),
      TEST(time_is_told_by_the_hub_until_the_clock_is_trusted_and_then_here),
      TEST(remote_login_passes_both_ways_unchanged),
      TEST(log_level_is_told_when_asked_and_when_an_operator_changes_it),
      TEST(file_is_announced_and_its_progress_told_at_qos_1),
      TEST(thing_and_template_messages_pass_both_ways_with_their_qos),
      TEST(gateway_application_serves_calls_and_configuration_of_its_subdevice))
