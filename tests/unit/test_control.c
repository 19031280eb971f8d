#include "plugin/control/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin/devices/device_known.h"
#include "plugin/lan/apps.h"
#include "plugin/lan/control_login.h"
#include "tests/fakes/lan.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

enum {
	YES = MOSQ_ERR_SUCCESS,
	NO = MOSQ_ERR_ACL_DENIED,
	REFUSED = MOSQ_ERR_AUTH,
	TURNS_MAX = 1000,
};

static char viewer_name[] = "watch", operator_name[] = "ops", old_name[] = "old",
			topic[] = CONTROL_TOPIC;
static struct config_app rules[] = {
	{ .username = viewer_name, .role = APP_ROLE_VIEWER },
	{ .username = operator_name, .role = APP_ROLE_OPERATOR },
	{ .username = old_name, .topic = topic, .access = APP_ACCESS_WRITE },
};
static struct mosquitto viewer = { .id = "v-1", .username = "watch", .address = "10.0.0.9" };
static struct mosquitto operator= { .id = "o-1", .username = "ops", .address = "10.0.0.9" };
static struct mosquitto old = { .id = "old-1", .username = "old", .address = "10.0.0.9" };
static struct mosquitto nobody = { .id = "n-1", .username = "zoe", .address = "10.0.0.9" };

static struct lan *world(void)
{
	struct lan *l = lan_open(BROKER_2_1);

	l->config.apps = rules;
	l->config.app_count = sizeof(rules) / sizeof(rules[0]);
	l->rights.known = l->rights.conf.password_file = true;
	return l;
}

static void leave(struct lan *l)
{
	l->config.apps = NULL; /* they are the test's */
	l->config.app_count = 0;
	l->rights.known = false;
	lan_close(l);
}

/* The last answer, and that it went to this client alone. */
static const char *answered(const struct mosquitto *c)
{
	const struct fake_publish *p =
		fake_published() > 0 ? fake_publish_at(fake_published() - 1) : NULL;
	static char text[ASKER_ANSWER_MAX + 1];

	text[0] = '\0';
	if (!p)
		return text;
	CU_ASSERT(p->client_id && strcmp(p->client_id, c->id) == 0);
	CU_ASSERT_STRING_EQUAL(p->topic, ASKER_RESPONSE);
	CU_ASSERT_FATAL(p->len <= ASKER_ANSWER_MAX);
	memcpy(text, p->payload, (size_t)p->len);
	text[p->len] = '\0';
	return text;
}

static const char *ask(struct mosquitto *c, const char *command)
{
	char request[512];

	fake_forget_published();
	snprintf(request, sizeof(request), "{\"commands\":[{%s}]}", command);
	lan_control(c, request);
	for (int n = 0; fake_published() == 0 && n < TURNS_MAX; n++)
		lan_tick();
	return answered(c);
}

/* --- who may --- */

static bool may_command(struct mosquitto *c)
{
	int heard = lan_acl(c, MOSQ_ACL_READ, ASKER_RESPONSE);
	int asks = lan_acl(c, MOSQ_ACL_WRITE, CONTROL_TOPIC);

	CU_ASSERT_EQUAL(heard, asks);
	CU_ASSERT_EQUAL(lan_acl(c, MOSQ_ACL_SUBSCRIBE, ASKER_RESPONSE), asks);
	CU_ASSERT_EQUAL(lan_acl(c, MOSQ_ACL_SUBSCRIBE, CONTROL_TOPIC), NO);
	CU_ASSERT_EQUAL(lan_acl(c, MOSQ_ACL_WRITE, ASKER_RESPONSE), NO);
	return asks == YES;
}

static void who_has_a_role_may_ask_and_hears_the_answer(void)
{
	struct lan *l = world();

	CU_ASSERT(may_command(&viewer));
	CU_ASSERT(may_command(&operator));
	CU_ASSERT_FALSE(may_command(&nobody));
	CU_ASSERT_EQUAL(control_role(&l->h, &viewer), APP_ROLE_VIEWER);
	CU_ASSERT_EQUAL(control_role(&l->h, &operator), APP_ROLE_OPERATOR);
	leave(l);
}

static void a_rule_of_before_for_the_topic_makes_an_operator(void)
{
	struct lan *l = world();

	CU_ASSERT_EQUAL(control_role(&l->h, &old), APP_ROLE_OPERATOR);
	CU_ASSERT(may_command(&old));
	leave(l);
}

static void a_role_is_void_where_nobody_checks_usernames(void)
{
	struct lan *l = world();

	l->rights.conf.password_file = false;
	apps_check(&l->h);
	CU_ASSERT(fake_logged("apps[0]: the role of watch is void"));
	CU_ASSERT(fake_logged("apps[1]: the role of ops is void"));
	CU_ASSERT(fake_logged("add a password_file"));
	CU_ASSERT_FALSE(may_command(&viewer));
	CU_ASSERT_FALSE(may_command(&operator));
	l->rights.known = false;
	l->rights.conf.password_file = true;
	apps_check(&l->h);
	CU_ASSERT(fake_logged("mosquitto.conf cannot be read"));
	CU_ASSERT_FALSE(may_command(&operator));
	leave(l);
}

static void a_certificate_of_that_name_is_as_good(void)
{
	struct lan *l = world();
	struct mosquitto by_cert = operator, other = operator;

	l->rights.conf.password_file = false;
	by_cert.certificate = "ops";
	other.certificate = "zoe";
	CU_ASSERT(may_command(&by_cert));
	CU_ASSERT_FALSE(may_command(&other));
	leave(l);
}

static void a_device_commands_nothing_whatever_apps_say(void)
{
	struct lan *l = world();
	struct mosquitto lamp = { .id = LAMP_ID, .address = "10.0.0.9", .clean = true };

	CU_ASSERT_FATAL(lan_enter(l, &lamp, l->lamp));
	lamp.username = "ops";
	CU_ASSERT_FALSE(may_command(&lamp));
	CU_ASSERT_EQUAL(control_role(&l->h, &lamp), APP_ROLE_NONE);
	lan_gone(&lamp);
	leave(l);
}

static void a_viewer_reads_and_changes_nothing(void)
{
	struct lan *l = world();

	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&viewer, "\"command\":\"status\""), "\"data\":{\"version\""));
	for (size_t i = 0; i < control_command_count; i++) {
		char command[128];

		snprintf(command, sizeof(command), "\"command\":\"%s\"", control_commands[i].name);
		if (control_commands[i].role == APP_ROLE_OPERATOR)
			CU_ASSERT_PTR_NOT_NULL(strstr(ask(&viewer, command), "needs the role operator"));
	}
	CU_ASSERT_FALSE(fake_logged("control: "));
	CU_ASSERT_PTR_NULL(strstr(ask(&operator, "\"command\":\"firmwareResume\",\"version\":\"1\""),
	                          "needs the role"));
	leave(l);
}

/* --- the command's login --- */

static char token[128];

static struct lan *with_token(void)
{
	struct lan *l = world();
	char path[256];
	struct stat info;
	FILE *f;

	l->config.store.dir = strdup(l->dir);
	CU_ASSERT_EQUAL_FATAL(control_login_open(&l->h), ST_OK);
	snprintf(path, sizeof(path), "%s/control.token", l->dir);
	CU_ASSERT_FATAL(stat(path, &info) == 0);
	CU_ASSERT_EQUAL(info.st_mode & 0777, 0600);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_PTR_NOT_NULL(fgets(token, sizeof(token), f));
	fclose(f);
	CU_ASSERT_EQUAL(strlen(token), 64);
	CU_ASSERT_EQUAL(strspn(token, "0123456789abcdef"), 64);
	return l;
}

static void without_token(struct lan *l)
{
	char path[256], *dir = l->config.store.dir;
	struct stat info;

	CU_ASSERT(control_login_stop(&l->h, 0));
	control_login_close(&l->h);
	snprintf(path, sizeof(path), "%s/control.token", l->dir);
	CU_ASSERT(stat(path, &info) != 0);
	leave(l);
	free(dir);
}

static int log_in(struct mosquitto *c, const char *id, const char *address, const char *password)
{
	*c = (struct mosquitto){ .id = id, .address = address, .clean = true };
	c->username = CONFIG_CONTROL_USERNAME;
	return lan_auth(c, CONFIG_CONTROL_USERNAME, password);
}

static void the_token_counts_from_this_machine_alone(void)
{
	struct lan *l = with_token();
	static const char *const here[] = { "127.0.0.1",   "127.8.9.1", "::1", "::ffff:127.0.0.1",
		                                "/run/b.sock", "",          NULL };
	static const char *const elsewhere[] = { "10.0.0.9", "12.7.0.1", "::2", "fe80::1",
		                                     "::ffff:10.0.0.9" };
	struct mosquitto c;

	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		CU_ASSERT_EQUAL(log_in(&c, "hubgate-1-a", here[i], token), YES);
		lan_gone(&c);
	}
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		CU_ASSERT_EQUAL(log_in(&c, "hubgate-1-a", elsewhere[i], token), REFUSED);
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_LOGIN_BAD),
	                sizeof(elsewhere) / sizeof(elsewhere[0]));
	without_token(l);
}

static void a_wrong_token_lets_nobody_in(void)
{
	struct lan *l = with_token();
	char wrong[128];
	struct mosquitto c;

	snprintf(wrong, sizeof(wrong), "%s", token);
	wrong[0] = wrong[0] == '0' ? '1' : '0';
	l->rights.unknown_users_pass = true; /* allow_anonymous */
	CU_ASSERT_EQUAL(log_in(&c, "x", "127.0.0.1", wrong), REFUSED);
	CU_ASSERT_EQUAL(log_in(&c, "x", "127.0.0.1", ""), REFUSED);
	CU_ASSERT_EQUAL(log_in(&c, "x", "127.0.0.1", NULL), REFUSED);
	wrong[63] = '\0';
	CU_ASSERT_EQUAL(log_in(&c, "x", "127.0.0.1", wrong), REFUSED);
	CU_ASSERT(fake_logged("wrong token"));
	CU_ASSERT_FALSE(fake_logged(token));
	CU_ASSERT_EQUAL(log_in(&c, LAMP_ID, "127.0.0.1", token), REFUSED);
	without_token(l);
}

static void the_token_of_an_earlier_start_is_over(void)
{
	struct lan *l = with_token();
	char earlier[128];
	struct mosquitto c;

	snprintf(earlier, sizeof(earlier), "%s", token);
	CU_ASSERT(control_login_stop(&l->h, 0));
	control_login_close(&l->h);
	CU_ASSERT_EQUAL(log_in(&c, "x", "127.0.0.1", earlier), REFUSED);
	CU_ASSERT_EQUAL_FATAL(control_login_open(&l->h), ST_OK);
	CU_ASSERT_EQUAL(log_in(&c, "x", "127.0.0.1", earlier), REFUSED);
	/* A session that the broker restored with it. */
	CU_ASSERT_EQUAL(lan_auth_again(&c, CONFIG_CONTROL_USERNAME, NULL), REFUSED);
	without_token(l);
}

static void the_command_has_its_own_topics_and_nothing_else(void)
{
	struct lan *l = with_token();
	struct mosquitto c;

	CU_ASSERT_EQUAL_FATAL(log_in(&c, "hubgate-1-a", "127.0.0.1", token), YES);
	lan_connected(&c);
	CU_ASSERT(may_command(&c));
	CU_ASSERT_EQUAL(control_role(&l->h, &c), APP_ROLE_OPERATOR);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_UNSUBSCRIBE, ASKER_RESPONSE), YES);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_WRITE, LAMP "/event"), NO);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, "#"), NO);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_READ, "hall/lamp"), NO);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_WRITE, "hall/lamp"), NO);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_WRITE, "$CONTROL/dynamic-security/v1"), NO);
	CU_ASSERT_EQUAL(lan_auth_again(&c, CONFIG_CONTROL_USERNAME, NULL), YES);
	lan_gone(&c);
	without_token(l);
}

/* --- requests and answers --- */

static void what_is_no_request_is_answered_with_what_one_is(void)
{
	static const char *const wrong[] = { "", "{", "[]", "{\"commands\":{}}", "null" };
	struct lan *l = world();

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fake_forget_published();
		lan_control(&viewer, wrong[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(answered(&viewer), "\"error\":\"the request is no JSON"));
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&viewer, "\"command\":\"x\",\"correlationData\":\"c\""),
	                              "{\"responses\":[{\"command\":\"x\",\"correlationData\":\"c\","
	                              "\"error\":\"unknown command; known: status, "));
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&viewer, "\"a\":1"), "unknown command"));
	leave(l);
}

static void of_many_commands_in_one_request_the_first_64_are_done(void)
{
	struct buf text = BUF_MAX(1 << 16);
	struct lan *l = world();

	buf_add_text(&text, "{\"commands\":[");
	for (int i = 0; i < 70; i++)
		buf_addf(&text, "%s{\"command\":\"getDevice\"}", i > 0 ? "," : "");
	buf_add_text(&text, "]}");
	fake_forget_published();
	lan_control(&viewer, buf_text(&text));
	CU_ASSERT_EQUAL(fake_published(), 65);
	CU_ASSERT_PTR_NOT_NULL(strstr(answered(&viewer), "more than 64 commands"));
	buf_free(&text);
	leave(l);
}

static void long_names_come_back_as_none(void)
{
	struct lan *l = world();
	char command[400];

	memset(command, 'x', sizeof(command));
	memcpy(command, "\"command\":\"", 11);
	strcpy(command + sizeof(command) - 2, "\"");
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&viewer, command), "{\"command\":\"\",\"error\""));
	leave(l);
}

static void every_change_is_one_clean_line_of_the_log(void)
{
	struct lan *l = world();

	ask(&operator, "\"command\":\"firmwareResume\",\"version\":\"1.0\\nforged\",\"secret\":\"k\"");
	CU_ASSERT(fake_logged("control: o-1 (ops) did firmwareResume version=1.0?forged"));
	CU_ASSERT_FALSE(fake_logged("secret"));
	leave(l);
}

/* --- devices --- */

static void one_device_is_told_with_all_that_is_known(void)
{
	struct lan *l = world();
	struct mosquitto lamp = { .id = LAMP_ID, .address = "10.0.0.7", .clean = true };
	const char *text;

	CU_ASSERT_FATAL(lan_enter(l, &lamp, l->lamp));
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_SUBSCRIBE, LAMP "/control"), YES);
	device_set_bound(&l->h, l->lamp, true);
	l->lamp->refused_op = GATEWAY_ONLINE;
	l->lamp->refused_code = 806;
	text = ask(&viewer, "\"command\":\"getDevice\",\"product_id\":\"" LAMP_PID
	                    "\",\"device_name\":\"" LAMP_NAME "\"");
	CU_ASSERT_PTR_NOT_NULL(strstr(
		text, "\"data\":{\"product_id\":\"" LAMP_PID "\",\"device_name\":\"" LAMP_NAME
			  "\",\"origin\":\"configured\",\"present\":true,\"online\":false,\"bound\":true,"
			  "\"queued\":"));
	CU_ASSERT_PTR_NOT_NULL(strstr(
		text, "\"refusal\":{\"op\":\"online\",\"code\":806,\"text\":\"bound to another gateway\","
			  "\"fix\":\"unbind it there first\"}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"address\":\"10.0.0.7\",\"protocol\":\"MQTT 3.1.1\","
	                                    "\"keepalive_s\":60"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"subscriptions\":[\"" LAMP "/control\"]"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"mapping\":null,\"shadow\":null"));
	lan_gone(&lamp);
	text = ask(&viewer, "\"command\":\"getDevice\",\"product_id\":\"NOPRODUCT1\","
	                    "\"device_name\":\"x\"");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"error\":\"NOPRODUCT1/x is no device"));
	text = ask(&viewer, "\"command\":\"getDevice\",\"product_id\":7");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "is missing"));
	leave(l);
}

static void what_the_hub_says_of_online_is_told_while_the_link_stands(void)
{
	struct lan *l = world();
	struct uplink_down news = { .kind = UPLINK_ONLINE, .topic = strdup(LAMP_ID) };
	static const char get[] = "\"command\":\"getDevice\",\"product_id\":\"" LAMP_PID
							  "\",\"device_name\":\"" LAMP_NAME "\"";

	lan_hub(l, true);
	CU_ASSERT_EQUAL(mail_put_news(uplink_mail(l->h.uplink), &news), ST_OK);
	lan_tick();
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&viewer, get), "\"online\":true"));
	lan_hub(l, false);
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&viewer, get), "\"online\":false"));
	lan_hub(l, true);
	news = (struct uplink_down){ .kind = UPLINK_OFFLINE, .topic = strdup(LAMP_ID) };
	CU_ASSERT_EQUAL(mail_put_news(uplink_mail(l->h.uplink), &news), ST_OK);
	lan_tick();
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&viewer, get), "\"online\":false"));
	leave(l);
}

static void the_status_names_who_talks_most_and_who_is_unknown(void)
{
	struct lan *l = world();
	struct mosquitto lamp = { .id = LAMP_ID, .address = "10.0.0.7", .clean = true };
	struct device *ghost;

	lan_tick(); /* a minute begins */
	CU_ASSERT_FATAL(lan_enter(l, &lamp, l->lamp));
	for (int i = 0; i < 30; i++)
		CU_ASSERT_EQUAL(lan_publish(&lamp, LAMP "/event", "{}", 1), YES);
	lan_wait(60000);
	lan_tick();
	ghost = device_admit(&l->h, LAMP_PID, "ghost", ORIGIN_MAPPING);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ghost);
	device_refused(&l->h, ghost);
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&viewer, "\"command\":\"status\""),
	                              "\"unknown_names\":[\"" LAMP_PID
	                              "/ghost\"],\"talkers\":[{\"name\":\"" LAMP
	                              "\",\"per_minute\":30}],\"errors\":["));
	lan_gone(&lamp);
	leave(l);
}

static void hears(struct mosquitto *doorbell, const char *on, const char *payload)
{
	struct mosquitto_evt_acl_check ed = { .client = doorbell,
		                                  .topic = on,
		                                  .access = MOSQ_ACL_READ,
		                                  .payload = payload,
		                                  .payloadlen = (uint32_t)strlen(payload) };

	CU_ASSERT_EQUAL(fake_fire(MOSQ_EVT_ACL_CHECK, &ed), NO);
}

static void the_broker_s_version_is_heard_by_the_doorbell(void)
{
	struct lan *l = world();
	struct mosquitto doorbell;

	CU_ASSERT_FATAL(lan_doorbell(l, &doorbell));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(ask(&viewer, "\"command\":\"status\""), "\"broker\":\"2.1 or newer\""));
	CU_ASSERT_EQUAL(lan_acl(&doorbell, MOSQ_ACL_SUBSCRIBE, "$SYS/broker/version"), YES);
	CU_ASSERT_EQUAL(lan_acl(&doorbell, MOSQ_ACL_SUBSCRIBE, "$SYS/#"), NO);
	hears(&doorbell, "$SYS/broker/version", "mosquitto version 2.1.2");
	hears(&doorbell, "$SYS/broker/version", "mosquitto version <b>");
	hears(&doorbell, "$SYS/broker/version", "mosquitto version ");
	hears(&doorbell, "$SYS/broker/uptime", "mosquitto version 3.0");
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&viewer, "\"command\":\"status\""), "\"broker\":\"2.1.2\""));
	lan_gone(&doorbell);
	leave(l);
}

enum {
	MANY = 600
};

static void add_many(struct lan *l)
{
	for (int i = 0; i < MANY; i++) {
		char name[DEVICE_NAME_MAX + 1];

		snprintf(name, sizeof(name), "a-device-with-the-longest-name-that-there-is-%03d", i);
		CU_ASSERT_PTR_NOT_NULL_FATAL(device_admit(&l->h, LAMP_PID, name, ORIGIN_APPLICATION));
	}
}

/* Counts the devices of a page; next: of it, "" at the end. */
static size_t page(struct lan *l, const char *from, const char *more, char next[32])
{
	const char *text, *at;
	char command[256];
	size_t count = 0;

	(void)l;
	snprintf(command, sizeof(command), "\"command\":\"listDevices\"%s%s%s%s",
	         from[0] ? ",\"from\":\"" : "", from, from[0] ? "\"" : "", more);
	text = ask(&viewer, command);
	for (at = text; (at = strstr(at, "\"device_name\"")) != NULL; at++)
		count++;
	at = strstr(text, "\"next\":\"");
	next[0] = '\0';
	if (at)
		sscanf(at, "\"next\":\"%31[0-9]", next);
	return count;
}

static void pages_show_each_device_once_within_64_kib(void)
{
	struct lan *l = world();
	char next[32] = "";
	size_t all = 0, pages = 0;

	add_many(l);
	do {
		all += page(l, next, "", next);
		pages++;
	} while (next[0] && pages < 20);
	CU_ASSERT_EQUAL(all, MANY + 3);
	CU_ASSERT(pages >= 3);
	CU_ASSERT_EQUAL(page(l, "", ",\"count\":7", next), 7);
	CU_ASSERT_PTR_NOT_NULL(strstr(answered(&viewer), "\"total\":603,\"next\":"));
	CU_ASSERT_EQUAL(page(l, "99999", "", next), 0);
	leave(l);
}

static void a_cursor_stands_while_devices_come_and_go(void)
{
	struct lan *l = world();
	char next[32] = "";
	size_t all;

	add_many(l);
	all = page(l, "", ",\"count\":100", next);
	CU_ASSERT_EQUAL(all, 100);
	CU_ASSERT(device_let_go(&l->h, l->cousin) || l->cousin->retired ||
	          l->cousin->origins == ORIGIN_CONFIGURED);
	CU_ASSERT_PTR_NOT_NULL(device_admit(&l->h, LAMP_PID, "late", ORIGIN_APPLICATION));
	for (int n = 0; next[0] && n < 20; n++)
		all += page(l, next, "", next);
	CU_ASSERT_EQUAL(all, MANY + 4);
	leave(l);
}

static void a_list_may_be_of_some_devices_only(void)
{
	struct lan *l = world();
	struct mosquitto lamp = { .id = LAMP_ID, .address = "10.0.0.7", .clean = true };
	char next[32];

	CU_ASSERT_FATAL(lan_enter(l, &lamp, l->lamp));
	device_set_bound(&l->h, l->cousin, false);
	CU_ASSERT_EQUAL(page(l, "", ",\"only\":\"present\"", next), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(answered(&viewer), "\"total\":1"));
	CU_ASSERT_EQUAL(page(l, "", ",\"only\":\"unbound\"", next), 1);
	CU_ASSERT_EQUAL(page(l, "", ",\"only\":\"online\"", next), 0);
	CU_ASSERT_EQUAL(page(l, "", ",\"only\":\"all\"", next), 3);
	page(l, "", ",\"only\":\"red\"", next);
	CU_ASSERT_PTR_NOT_NULL(strstr(answered(&viewer), "only is none that is known"));
	page(l, "", ",\"count\":0", next);
	CU_ASSERT_PTR_NOT_NULL(strstr(answered(&viewer), "count is out of range"));
	page(l, "", ",\"count\":257", next);
	CU_ASSERT_PTR_NOT_NULL(strstr(answered(&viewer), "use a whole number from 1 to 256"));
	page(l, "", ",\"from\":\"x\"", next);
	CU_ASSERT_PTR_NOT_NULL(strstr(answered(&viewer), "from is no cursor"));
	lan_gone(&lamp);
	leave(l);
}

static void lists_without_end_are_refused_and_those_that_wait_end_with_the_broker(void)
{
	struct buf text = BUF_MAX(1 << 16);
	struct lan *l = world();

	buf_add_text(&text, "{\"commands\":[");
	for (int i = 0; i < 40; i++)
		buf_addf(&text, "%s{\"command\":\"listDevices\"}", i > 0 ? "," : "");
	buf_add_text(&text, "]}");
	fake_forget_published();
	lan_control(&viewer, buf_text(&text));
	CU_ASSERT_EQUAL(fake_published(), 8);
	CU_ASSERT_PTR_NOT_NULL(strstr(answered(&viewer), "too many lists"));
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 9);
	buf_free(&text);
	leave(l);
}

/* --- the gateway --- */

static void the_queue_names_those_who_wait_most(void)
{
	struct lan *l = world();
	struct mosquitto lamp = { .id = LAMP_ID, .address = "10.0.0.7", .clean = true };
	const char *text;

	CU_ASSERT_FATAL(lan_enter(l, &lamp, l->lamp));
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(lan_publish(&lamp, LAMP "/event", "{}", 1), YES);
	text = ask(&viewer, "\"command\":\"listQueue\"");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"data\":{\"messages\":3,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"devices\":[{\"name\":\"" LAMP "\",\"messages\":3}]"));
	lan_gone(&lamp);
	leave(l);
}

static void the_hub_s_side_is_told_without_a_login_of_another(void)
{
	struct lan *l = world();
	const char *text;

	l->config.lan.http = old_name;
	device_set_bound(&l->h, l->lamp, true);
	device_set_bound(&l->h, l->cousin, false);
	text = ask(&viewer, "\"command\":\"getHub\"");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"bindings\":{\"bound\":1,\"unbound\":1,\"unknown\":1,"
	                                    "\"unbound_names\":[\"" COUSIN "\"]}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"doorbell\":\"off\""));
	l->config.lan.http = NULL;
	leave(l);
}

static void the_log_level_is_set_and_told(void)
{
	struct lan *l = world();

	CU_ASSERT_PTR_NOT_NULL(
		strstr(ask(&operator, "\"command\":\"setLogLevel\",\"level\":\"error\",\"seconds\":60"),
	           "\"data\":{\"was\":\"note\"}"));
	CU_ASSERT(fake_logged("did setLogLevel level=error seconds=60"));
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&operator, "\"command\":\"setLogLevel\",\"level\":\"note\""),
	                              "\"data\":{\"was\":\"error\"}"));
	CU_ASSERT(fake_logged("did setLogLevel level=note"));
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&operator, "\"command\":\"setLogLevel\",\"level\":\"loud\""),
	                              "use error, warn, note or fine"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(ask(&operator, "\"command\":\"setLogLevel\",\"level\":\"note\",\"seconds\":0"),
	           "seconds is out of range"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(ask(&operator, "\"command\":\"reload\""), "there is no file to read again"));
	leave(l);
}

/* --- dead letters --- */

static struct lan *with_disk(void)
{
	const struct disk_conf conf = { .flush_ms = 1 };
	struct lan *l = world();

	l->config.store.dir = strdup(l->dir);
	CU_ASSERT_EQUAL_FATAL(disk_new(&conf, &l->h.disk), ST_OK);
	CU_ASSERT_EQUAL_FATAL(disk_start(l->h.disk), ST_OK);
	return l;
}

static void without_disk(struct lan *l)
{
	char *dir = l->config.store.dir;

	CU_ASSERT(disk_stop(l->h.disk, 2000));
	disk_free(l->h.disk);
	l->h.disk = NULL;
	leave(l);
	free(dir);
}

static void put_letters(const struct lan *l, int count)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/dead-letter.jsonl", l->dir);
	f = fopen(path, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 1; i <= count; i++)
		fprintf(f,
		        "{\"time\":\"2026-11-24T02:30:00Z\",\"product_id\":\"" LAMP_PID
		        "\",\"device_name\":\"" LAMP_NAME "\",\"topic\":\"" LAMP
		        "/event\",\"reason\":\"why\",\"qos\":1,\"payload%s\":\"%s%d\"}\n",
		        i == 2 ? "_base64" : "", i == 2 ? "AP8" : "n", i);
	fclose(f);
}

/* As ask(), for what DISK does. */
static const char *ask_disk(struct mosquitto *c, const char *command)
{
	char request[512];

	fake_forget_published();
	snprintf(request, sizeof(request), "{\"commands\":[{%s}]}", command);
	lan_control(c, request);
	for (int n = 0; fake_published() == 0 && n < 20000; n++) {
		lan_tick();
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
	return answered(c);
}

#define LIST   "\"command\":\"listDeadLetters\""
#define RESEND "\"command\":\"resendDeadLetters\""
#define DROP   "\"command\":\"dropDeadLetters\""

static void dead_letters_are_listed_page_by_page(void)
{
	struct lan *l = with_disk();
	char next[32] = "", command[128];
	const char *text, *at;

	CU_ASSERT_PTR_NOT_NULL(strstr(ask_disk(&viewer, LIST), "\"letters\":[],\"total\":0}"));
	put_letters(l, 5);
	text = ask_disk(&viewer, LIST ",\"count\":2");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"name\":\"" LAMP "\",\"topic\":\"" LAMP
	                                    "/event\",\"reason\":\"why\",\"bytes\":2}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"bytes\":3}],\"total\":5,\"next\":"));
	at = strstr(text, "\"next\":");
	CU_ASSERT_FATAL(at && sscanf(at, "\"next\":\"%31[0-9]", next) == 1);
	snprintf(command, sizeof(command), LIST ",\"from\":\"%s\"", next);
	text = ask_disk(&viewer, command);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"total\":5}"));
	CU_ASSERT_PTR_NULL(strstr(text, next));
	without_disk(l);
}

static void dead_letters_are_sent_again_and_leave_the_file(void)
{
	struct lan *l = with_disk();

	put_letters(l, 150);
	CU_ASSERT_PTR_NOT_NULL(strstr(ask_disk(&viewer, RESEND), "needs the role operator"));
	CU_ASSERT_PTR_NOT_NULL(strstr(ask_disk(&operator, RESEND), "\"data\":{\"count\":150}"));
	CU_ASSERT_EQUAL(lan_kept(l), 150);
	CU_ASSERT_PTR_NOT_NULL(strstr(ask_disk(&viewer, LIST), "\"total\":0}"));
	without_disk(l);
}

static void dead_letters_that_find_no_room_stay(void)
{
	struct lan *l = with_disk();
	const char *text;

	lan_store(l, JOURNAL_REFUSE, 10);
	put_letters(l, 20);
	text = ask_disk(&operator, RESEND);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "the store takes no more, the others stay where they are; "));
	CU_ASSERT(lan_kept(l) >= 10 && lan_kept(l) < 20);
	text = ask_disk(&viewer, LIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"total\":10}"));
	without_disk(l);
}

static void dead_letters_are_dropped_by_id_or_all(void)
{
	struct lan *l = with_disk();
	char command[128];
	unsigned long long id = 0;
	const char *at;

	put_letters(l, 3);
	at = strstr(ask_disk(&viewer, LIST), "\"id\":");
	CU_ASSERT_FATAL(at && sscanf(at, "\"id\":%llu", &id) == 1);
	snprintf(command, sizeof(command), DROP ",\"ids\":[%llu,7]", id);
	CU_ASSERT_PTR_NOT_NULL(strstr(ask_disk(&operator, command), "\"count\":1}"));
	CU_ASSERT(fake_logged("did dropDeadLetters ids=[2]"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(ask_disk(&operator, DROP ",\"ids\":[\"x\"]"), "ids is no list of at most 64"));
	CU_ASSERT_PTR_NOT_NULL(strstr(ask_disk(&operator, DROP), "\"count\":2}"));
	CU_ASSERT_EQUAL(lan_kept(l), 0);
	without_disk(l);
}

/* --- docs/control.md --- */

static void the_document_names_every_command_with_its_role(void)
{
	FILE *f = fopen("docs/control.md", "r");
	static char text[1 << 17];

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	for (size_t i = 0; i < control_command_count; i++) {
		char row[128];

		snprintf(row, sizeof(row), "| `%s` | %s |", control_commands[i].name,
		         control_commands[i].role == APP_ROLE_VIEWER ? "viewer" : "operator");
		if (!strstr(text, row))
			CU_FAIL(row);
	}
}

SUITE(control, TEST(who_has_a_role_may_ask_and_hears_the_answer),
      TEST(a_rule_of_before_for_the_topic_makes_an_operator),
      TEST(a_role_is_void_where_nobody_checks_usernames),
      TEST(a_certificate_of_that_name_is_as_good),
      TEST(a_device_commands_nothing_whatever_apps_say), TEST(a_viewer_reads_and_changes_nothing),
      TEST(the_token_counts_from_this_machine_alone), TEST(a_wrong_token_lets_nobody_in),
      TEST(the_token_of_an_earlier_start_is_over),
      TEST(the_command_has_its_own_topics_and_nothing_else),
      TEST(what_is_no_request_is_answered_with_what_one_is),
      TEST(of_many_commands_in_one_request_the_first_64_are_done),
      TEST(long_names_come_back_as_none), TEST(every_change_is_one_clean_line_of_the_log),
      TEST(one_device_is_told_with_all_that_is_known),
      TEST(what_the_hub_says_of_online_is_told_while_the_link_stands),
      TEST(the_status_names_who_talks_most_and_who_is_unknown),
      TEST(the_broker_s_version_is_heard_by_the_doorbell),
      TEST(pages_show_each_device_once_within_64_kib),
      TEST(a_cursor_stands_while_devices_come_and_go), TEST(a_list_may_be_of_some_devices_only),
      TEST(lists_without_end_are_refused_and_those_that_wait_end_with_the_broker),
      TEST(the_queue_names_those_who_wait_most),
      TEST(the_hub_s_side_is_told_without_a_login_of_another), TEST(the_log_level_is_set_and_told),
      TEST(dead_letters_are_listed_page_by_page),
      TEST(dead_letters_are_sent_again_and_leave_the_file),
      TEST(dead_letters_that_find_no_room_stay), TEST(dead_letters_are_dropped_by_id_or_all),
      TEST(the_document_names_every_command_with_its_role))
