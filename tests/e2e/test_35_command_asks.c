/* The commands that ask hubgate in a running broker, against prepared answers: what they print, and
 * what they say when there is none. */
#include "tests/e2e/command_call.h"
#include "tests/e2e/control_fake.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define USER   " -u admin -P right"
#define DEVICE "ABCDE12345/dev1"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* hubgate COMMAND, as somebody with a user name and a password. */
static struct command_call ask(const struct control_fake *f, const char *command)
{
	char *line = text_fmt("%s -h 127.0.0.1 -p %d" USER, command, control_fake_port(f));
	struct command_call c = command_call(line);

	free(line);
	return c;
}

static bool says(const char *text, const char *part)
{
	if (text && strstr(text, part))
		return true;
	fprintf(stderr, "'%s' is not in:\n%s\n", part, text ? text : "(nothing)");
	return false;
}

/* Asks once; the exit code, and what is in the output (out) or among the complaints (err). */
static void judge(const struct control_answer *answers, size_t count, enum control_fault fault,
                  const char *command, int code, const char *out, const char *err)
{
	struct control_fake *f = control_fake_start(answers, count, fault);
	struct command_call c = ask(f, command);

	if (c.code != code)
		fprintf(stderr, "%s: exit code %d\n%s\n", command, c.code, c.err);
	CU_ASSERT_EQUAL(c.code, code);
	if (out)
		CU_ASSERT(says(c.out, out));
	if (err)
		CU_ASSERT(says(c.err, err));
	command_call_free(&c);
	control_fake_stop(f);
}

/* --- what is printed --- */

#define STATUS(state)                                                                                 \
	"{\"version\":\"0.9.0\",\"broker\":\"2.0.11\",\"pid\":12,\"uptime_s\":7300,"                      \
	"\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\"},"                            \
	"\"hub\":{\"state\":\"" state                                                                     \
	"\",\"since_s\":61,\"reason\":\"refused: -1\",\"fix\":\"mend it\","                               \
	"\"host\":\"hub.example\",\"port\":8883,\"tls\":true,\"round_trip_ms\":23},"                      \
	"\"queue\":{\"messages\":120,\"bytes\":34816,\"bound_messages\":100000,\"bound_bytes\":67108864," \
	"\"oldest_age_s\":130,\"inflow_per_minute\":40,\"drain_s\":6},"                                   \
	"\"drops\":{\"bound\":3,\"age\":0},\"devices\":{\"known\":4,\"present\":3,\"online\":2,"          \
	"\"unbound\":1,\"unknown_names\":0},\"suspect_topics\":[\"event\"],\"unknown_names\":[],"         \
	"\"talkers\":[{\"name\":\"ABCDE12345/dev1\",\"per_minute\":30}],"                                 \
	"\"errors\":[{\"time\":\"2026-11-28T02:00:00Z\",\"level\":\"warn\",\"line\":\"a\\u001b[31mline\"}]}"

static const struct control_answer ready[] = { { "status", STATUS("ready"), NULL, NULL } };
static const struct control_answer waiting[] = { { "status", STATUS("waiting"), NULL, NULL } };

static void status_tells_how_the_gateway_is_and_with_which_code(void)
{
	static const char *const parts[] = {
		"hubgate 0.9.0 in Mosquitto 2.0.11, process 12, up 2 h 1 min",
		"GWPRODUCT1/gw1",
		"ready for 61 s, hub.example:8883, TLS, round trip 23 ms",
		"120 messages, 34 KiB of 64 MiB, the oldest 2 min old; 40 came in the last minute; empty in 6 s",
		"bound 3\n",
		"4 known, 3 present, 2 online, 1 unbound",
		"event",
		"ABCDE12345/dev1 30/min",
		"a?[31mline",
	};

	for (size_t i = 0; i < COUNT(parts); i++)
		judge(ready, 1, CONTROL_FAULT_NONE, "status", 0, parts[i], NULL);
	judge(waiting, 1, CONTROL_FAULT_NONE, "status", 1, "refused: -1", NULL);
	judge(waiting, 1, CONTROL_FAULT_NONE, "status", 1, "mend it", NULL);
	judge(ready, 1, CONTROL_FAULT_NONE, "status --json", 0, "\"drain_s\":6}", NULL);
}

static void watch_goes_on_until_it_saw_enough(void)
{
	judge(ready, 1, CONTROL_FAULT_NONE, "watch --count 2", 0,
	      "Z ready queue 120 (34 KiB) in 40/min devices 3 online 2 unbound 1\n", NULL);
	judge(ready, 1, CONTROL_FAULT_REFUSES, "watch --count 2", 1, NULL, "refuses");
}

#define PAGE_1                                                                           \
	"{\"total\":2,\"devices\":[{\"product_id\":\"ABCDE12345\",\"device_name\":\"dev1\"," \
	"\"present\":true,\"online\":true,\"bound\":true,\"queued\":7,\"commands\":0,"       \
	"\"refusal\":null,\"shadow_version\":12,\"firmware\":null}],\"next\":\"1\"}"
#define PAGE_2                                                                              \
	"{\"total\":2,\"devices\":[{\"product_id\":\"ABCDE12345\",\"device_name\":\"dev2\","    \
	"\"present\":false,\"online\":false,\"bound\":false,\"queued\":0,\"commands\":2,"       \
	"\"refusal\":{\"op\":\"online\",\"code\":812,\"text\":\"gone\",\"fix\":\"create it\"}," \
	"\"shadow_version\":null,\"firmware\":\"2.1.0\"}]}"

static const struct control_answer pages[] = { { "listDevices", PAGE_1, NULL, NULL },
	                                           { "listDevices", PAGE_2, NULL, NULL } };

static void devices_of_all_pages_stand_in_one_table(void)
{
	struct control_fake *f = control_fake_start(pages, 2, CONTROL_FAULT_NONE);
	struct command_call c = ask(f, "devices --unbound");

	CU_ASSERT_EQUAL(c.code, 0);
	CU_ASSERT(says(c.out, "DEVICE           HERE  HUB     BOUND  QUEUED  COMMANDS  SHADOW"));
	CU_ASSERT(says(c.out, "ABCDE12345/dev1  yes   online  yes         7                12"));
	CU_ASSERT(says(c.out, "ABCDE12345/dev2  -     -       no                    2"));
	CU_ASSERT(says(c.out, "online 812: gone; create it"));
	CU_ASSERT(says(c.out, "2 of 2 devices"));
	CU_ASSERT(control_fake_heard(f, "\"only\":\"unbound\""));
	CU_ASSERT(control_fake_heard(f, "\"from\":\"1\""));
	command_call_free(&c);
	control_fake_stop(f);
}

/* Both pages in one document, without the cursor. */
static void json_holds_all_pages(void)
{
	struct control_fake *f = control_fake_start(pages, 2, CONTROL_FAULT_NONE);
	struct command_call c = ask(f, "devices --json");
	cJSON *root = cJSON_Parse(c.out);

	CU_ASSERT_EQUAL(cJSON_GetArraySize(cJSON_GetObjectItem(root, "devices")), 2);
	CU_ASSERT_PTR_NULL(cJSON_GetObjectItem(root, "next"));
	cJSON_Delete(root);
	command_call_free(&c);
	control_fake_stop(f);
}

/* A plugin that gives the same cursor again would be asked for ever. */
static void a_cursor_that_stands_still_ends_the_list(void)
{
	static const struct control_answer again[] = { { "listDevices", PAGE_1, NULL, NULL } };

	judge(again, 1, CONTROL_FAULT_NONE, "devices", 0, "2 of 2 devices", NULL);
}

#define QUEUE(left)                                                                             \
	"{\"messages\":" left ",\"bytes\":2048,\"oldest_age_s\":5,\"devices\":[{\"name\":\"" DEVICE \
	"\",\"messages\":" left "}]}"

static void queue_is_followed_until_nothing_waits(void)
{
	static const struct control_answer draining[] = {
		{ "listQueue", QUEUE("10"), NULL, NULL },
		{ "listQueue", QUEUE("0"), NULL, NULL },
		{ "status", STATUS("ready"), NULL, NULL },
	};

	judge(draining, 3, CONTROL_FAULT_NONE, "queue", 0,
	      "10 messages, 2.0 KiB, the oldest 5 s old; empty in 6 s\n", NULL);
	judge(draining, 3, CONTROL_FAULT_NONE, "queue", 0, DEVICE "        10", NULL);
	judge(draining, 3, CONTROL_FAULT_NONE, "queue --follow", 0,
	      "[########################################] 0 of 10 left, -10/s, empty\n", NULL);
	judge(draining, 3, CONTROL_FAULT_NONE, "queue --follow --count 1", 1,
	      "[........................................] 10 of 10 left, 6 s\n", NULL);
}

#define EVENT(at, step) \
	"{\"event\":{\"at_us\":" at ",\"step\":\"" step "\",\"topic\":\"a/b\",\"bytes\":5,\"seq\":7}}"

static void trace_prints_the_steps_of_a_message_with_the_times_between(void)
{
	static const char *const events[] = { EVENT("1000000", "lan_publish"),
		                                  EVENT("1000250", "stored"),
		                                  EVENT("1021250", "acknowledged"),
		                                  EVENT("9000000", "lan_publish"), NULL };
	static const char *const odd[] = {
		"{\"event\":{\"at_us\":0,\"step\":\"in_memory\",\"topic\":\"a/b\",\"bytes\":5}}",
		"{\"event\":{\"at_us\":1000,\"step\":\"sent\",\"qos\":0}}",
		"{\"event\":{\"at_us\":2000,\"step\":\"dropped\",\"seq\":7,\"why\":\"no room\"}}",
		"{\"event\":{\"at_us\":3000,\"step\":\"ended\"}}", NULL
	};
	static const struct control_answer parted[] = {
		{ .command = "trace", .data = "{}", .then = odd }
	};
	static const struct control_answer whole[] = {
		{ .command = "trace", .data = "{}", .then = events }
	};
	static const struct control_answer none[] = { { .command = "trace", .data = "{}" } };

	judge(whole, 1, CONTROL_FAULT_NONE, "trace " DEVICE, 0,
	      "      +0.000 ms  published on the LAN     a/b (5 bytes, number 7)\n"
	      "      +0.250 ms  stored on the disk       a/b (5 bytes, number 7)\n"
	      "     +21.000 ms  acknowledged by the hub  a/b (5 bytes, number 7)\n",
	      NULL);
	judge(parted, 1, CONTROL_FAULT_NONE, "trace " DEVICE " --all", 0,
	      "      +0.000 ms  kept in memory           a/b (5 bytes)\n"
	      "      +1.000 ms  sent to the hub          \n"
	      "      +1.000 ms  dropped                  (number 7): no room\n"
	      "      +1.000 ms  the trace is over        \n",
	      NULL);
	judge(none, 1, CONTROL_FAULT_NONE, "trace " DEVICE " --for 1", 1, NULL,
	      "no message of or for " DEVICE " ended in 1 s");
}

static const struct case_of_a_command {
	const char *command, *of_plugin, *data;
	const char *out;   /* in the output */
	const char *heard; /* by the plugin */
} cases[] = {
	{ "bind " DEVICE, "bindDevice", "{\"code\":0}", DEVICE " is bound to this gateway\n",
	  "\"product_id\":\"ABCDE12345\",\"device_name\":\"dev1\"" },
	{ "unbind " DEVICE, "unbindDevice", "{\"code\":0}", "is not bound", "dev1" },
	{ "online " DEVICE, "onlineDevice", "{\"code\":0,\"says\":\"it goes offline again\"}",
	  "is online at the hub\nit goes offline again\n", "dev1" },
	{ "offline " DEVICE, "offlineDevice", "{\"code\":0}", "is offline", "dev1" },
	{ "register " DEVICE, "register", "{}", "is registered", "dev1" },
	{ "device show " DEVICE, "getDevice",
	  "{\"product_id\":\"ABCDE12345\",\"device_name\":\"dev1\",\"present\":true,"
	  "\"subscriptions\":[\"a\",\"b\"],\"since_s\":null,\"last_heard_s\":130}",
	  "present          yes\nsubscriptions    a\n                 b\nlast_heard       2 min\n",
	  "dev1" },
	{ "dead-letters", "listDeadLetters",
	  "{\"total\":1,\"letters\":[{\"id\":12,\"time\":\"T\",\"name\":\"" DEVICE
	  "\",\"topic\":\"t\",\"reason\":\"never acknowledged\",\"bytes\":5}]}",
	  "12  T     " DEVICE "  t          5  never acknowledged\n", "listDeadLetters" },
	{ "dead-letters --resend 12 13", "resendDeadLetters", "{\"count\":2}", "2 dead letters",
	  "\"ids\":[12,13]" },
	{ "dead-letters --drop --all", "dropDeadLetters", "{\"count\":9}", "9 dead letters",
	  "dropDeadLetters" },
	{ "shadow get " DEVICE, "getShadow", "{\"document\":{\"version\":3,\"t\":21.0}}", "21.0",
	  "dev1" },
	{ "shadow set " DEVICE " '{\"big\":9007199254740993}'", "setShadow", "{\"version\":4}",
	  "version 4\n", "\"desired\":{\"big\":9007199254740993}" },
	{ "firmware", "listFirmware",
	  "{\"tasks\":[{\"name\":\"" DEVICE "\",\"version\":\"2\",\"state\":\"offered\",\"percent\":40,"
	  "\"error\":\"\"}],\"cache_bytes\":1048576}",
	  "1 updates; 1.0 MiB of firmware kept here\n", "listFirmware" },
	{ "firmware resume 2.1", "firmwareResume", "{}", "told of it again", "\"version\":\"2.1\"" },
	{ "route a/b --client c --payload 'd e' --qos 0", "route",
	  "{\"steps\":[{\"what\":\"acl\",\"says\":\"may\"}],\"result\":\"forwarded\"}",
	  "acl           may\nresult        forwarded\n",
	  "\"topic\":\"a/b\",\"qos\":0,\"client\":\"c\",\"payload\":\"d e\"" },
	{ "reload", "reload", "{\"said\":[\"hub.port waits\"]}",
	  "read again and counts\nhub.port waits\n", "reload" },
	{ "log-level fine --for 60", "setLogLevel", "{\"was\":\"note\"}", "before it was note\n",
	  "\"level\":\"fine\",\"seconds\":60" },
};

static void each_command_asks_for_what_it_says_and_tells_the_answer(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct control_answer one = { cases[i].of_plugin, cases[i].data, NULL, NULL };
		struct control_fake *f = control_fake_start(&one, 1, CONTROL_FAULT_NONE);
		struct command_call c = ask(f, cases[i].command);

		if (c.code != 0)
			fprintf(stderr, "%s: %d\n%s\n", cases[i].command, c.code, c.err);
		CU_ASSERT_EQUAL(c.code, 0);
		CU_ASSERT(says(c.out, cases[i].out));
		CU_ASSERT(control_fake_heard(f, cases[i].heard));
		command_call_free(&c);
		control_fake_stop(f);
	}
}

/* The plugin takes 64 at once. */
static void many_dead_letters_are_ended_in_portions(void)
{
	static const struct control_answer each[] = { { "dropDeadLetters", "{\"count\":50}", NULL,
		                                            NULL } };
	struct control_fake *f = control_fake_start(each, 1, CONTROL_FAULT_NONE);
	struct command_call c = ask(f, "dead-letters --drop $(seq 1 130)");

	CU_ASSERT_EQUAL(c.code, 0);
	CU_ASSERT(says(c.out, "150 dead letters"));
	CU_ASSERT(control_fake_heard(f, ",63,64]"));
	CU_ASSERT(control_fake_heard(f, "[129,130]"));
	command_call_free(&c);
	control_fake_stop(f);
}

static void what_the_plugin_refuses_is_said_in_its_words(void)
{
	static const struct control_answer no[] = {
		{ .command = "bindDevice", .error = "the hub refused: 801\\u001b; link the products" }
	};

	judge(no, 1, CONTROL_FAULT_NONE, "bind " DEVICE, 1, NULL,
	      "hubgate bind: the hub refused: 801?; link the products\n");
}

/* --- what goes wrong --- */

static const struct {
	enum control_fault fault;
	const char *says;
} faults[] = {
	{ CONTROL_FAULT_MUTE, "takes the connection, but does not answer the login" },
	{ CONTROL_FAULT_REFUSES, "refuses user name or password of admin" },
	{ CONTROL_FAULT_ID, "clientid_prefixes" },
	{ CONTROL_FAULT_CROWDED, "does not let the command in: Quota exceeded" },
	{ CONTROL_FAULT_OLD,
	  "refuses user name or password of admin: Connection Refused: not authorised" },
	{ CONTROL_FAULT_DENIES, "admin has no right to ask hubgate" },
	{ CONTROL_FAULT_HIDES, "admin has no right to ask hubgate" },
	{ CONTROL_FAULT_SILENT, "no answer from hubgate in 1 s: it is not loaded" },
	{ CONTROL_FAULT_CLOSES, "ended the connection" },
};

static void each_way_to_get_no_answer_is_told_apart(void)
{
	for (size_t i = 0; i < COUNT(faults); i++)
		judge(ready, 1, faults[i].fault, "status --timeout 1", 1, NULL, faults[i].says);
}

static void what_answers_another_question_or_is_no_answer_is_passed_over(void)
{
	judge(ready, 1, CONTROL_FAULT_NOISE, "status", 0, "GWPRODUCT1/gw1", NULL);
}

static void a_broker_that_is_not_there_is_said(void)
{
	char *line = text_fmt("status -p %d" USER, port_free());
	struct command_call c = command_call(line);

	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT(says(c.err, "no broker answers at 127.0.0.1:"));
	command_call_free(&c);
	free(line);
}

static const struct {
	const char *arguments, *says;
} wrongs[] = {
	{ "status more", "'more' is more than it takes" },
	{ "status --nonsense", "nonsense" },
	{ "status -p 0", "--port 0: a number, 1 to 65535" },
	{ "status -p 1x", "a number" },
	{ "status --unix /s -p 1", "one of them" },
	{ "status -P x", "whose is it" },
	{ "status --cert c", "go together" },
	{ "devices --present --online", "one of --present" },
	{ "device", "say what: show" },
	{ "device hide " DEVICE, "it knows show" },
	{ "device show nonsense", "is not PID/DNAME" },
	{ "bind", "say which: PID/DNAME" },
	{ "dead-letters 12", "--resend or --drop?" },
	{ "dead-letters --resend", "ids, or --all" },
	{ "dead-letters --resend --all 12", "ids, or --all" },
	{ "dead-letters --resend --drop 12", "not both" },
	{ "dead-letters --drop -- -1", "is no id" },
	{ "dead-letters --drop 1 2x", "'2x' is no id" },
	{ "shadow put " DEVICE, "get or set" },
	{ "shadow set " DEVICE, "say to what" },
	{ "shadow set " DEVICE " '[1]'", "is a JSON object" },
	{ "shadow set " DEVICE " '{\"a\":}'", "no JSON, line 1" },
	{ "firmware pause 2", "resume VERSION" },
	{ "route", "say a TOPIC" },
	{ "log-level", "say which: error" },
	{ "trace " DEVICE " --for 301", "1 to 300" },
	{ "status --options /nonexistent", NULL },
};

static void a_command_line_that_makes_no_sense_is_said_before_anybody_is_asked(void)
{
	for (size_t i = 0; i < COUNT(wrongs); i++) {
		struct command_call c = command_call(wrongs[i].arguments);

		CU_ASSERT_EQUAL(c.code, wrongs[i].says ? 2 : 1);
		CU_ASSERT(says(c.err, wrongs[i].says ? wrongs[i].says : "No such file"));
		command_call_free(&c);
	}
}

static void help_of_each_command_has_an_example_and_the_connection(void)
{
	static const char *const names[] = {
		"status",   "watch",  "devices", "device",  "queue",     "dead-letters",
		"bind",     "unbind", "online",  "offline", "register",  "shadow",
		"firmware", "route",  "trace",   "reload",  "log-level", "support-bundle",
	};

	for (size_t i = 0; i < COUNT(names); i++) {
		char *line = text_fmt("%s --help", names[i]);
		struct command_call c = command_call(line);

		CU_ASSERT_EQUAL(c.code, 0);
		CU_ASSERT(says(c.out, "Example"));
		CU_ASSERT(says(c.out, "Exit code 1"));
		CU_ASSERT(says(c.out, "--unix PATH"));
		command_call_free(&c);
		free(line);
	}
}

/* --- as whom, and where --- */

/* A folder with hubgate.json, mosquitto.conf (of a broker at `port`) and a store with a token. */
static char *etc_make(int port)
{
	char *dir = dir_make(), *path = text_fmt("%s/hubgate.json", dir), *text;

	CU_ASSERT(file_write(path, "{\"store\":{\"dir\":\"store\"}}", 0600));
	free(path);
	path = text_fmt("%s/mosquitto.conf", dir);
	text = text_fmt("listener %d 127.0.0.1\nclientid_prefixes lan-\n", port);
	CU_ASSERT(file_write(path, text, 0600));
	free(text);
	free(path);
	path = text_fmt("%s/store", dir);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	free(path);
	path = text_fmt("%s/store/control.token", dir);
	CU_ASSERT(file_write(path, TOKEN "\n", 0600));
	free(path);
	return dir;
}

static void etc_free(char *dir)
{
	dir_remove(dir);
	free(dir);
}

static void without_options_the_token_and_the_listener_are_found(void)
{
	struct control_fake *f = control_fake_start(ready, 1, CONTROL_FAULT_NONE);
	char *dir = etc_make(control_fake_port(f)),
		 *line = text_fmt("status --config %s/hubgate.json", dir);
	struct command_call c = command_call(line);

	CU_ASSERT_EQUAL(c.code, 0);
	CU_ASSERT(control_fake_heard(f, "$hubgate-control"));
	CU_ASSERT(control_fake_heard(f, TOKEN));
	CU_ASSERT(control_fake_heard(f, "lan-hubgate-"));
	command_call_free(&c);
	free(line);
	etc_free(dir);
	control_fake_stop(f);
}

static void a_token_that_is_refused_or_missing_is_told_apart(void)
{
	struct control_fake *f = control_fake_start(ready, 1, CONTROL_FAULT_REFUSES);
	char *dir = etc_make(control_fake_port(f)),
		 *line = text_fmt("status --config %s/hubgate.json", dir);
	char *token = text_fmt("%s/store/control.token", dir);
	struct command_call c = command_call(line);

	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT(says(c.err, "refuses the token"));
	CU_ASSERT_PTR_NULL(strstr(c.err, TOKEN));
	command_call_free(&c);
	unlink(token);
	c = command_call(line);
	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT(says(c.err, "the broker does not run"));
	command_call_free(&c);
	free(token);
	free(line);
	etc_free(dir);
	control_fake_stop(f);
}

/* Whoever is at that address would learn it. */
static void the_token_is_never_sent_to_another_machine(void)
{
	char *dir = etc_make(1883),
		 *line = text_fmt("status -h 192.0.2.1 --config %s/hubgate.json", dir);
	struct command_call c = command_call(line);

	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT(says(c.err, "own machine alone"));
	command_call_free(&c);
	free(line);
	etc_free(dir);
}

static void options_may_stand_in_a_file(void)
{
	struct control_fake *f = control_fake_start(ready, 1, CONTROL_FAULT_NONE);
	char *dir = dir_make(), *path = text_fmt("%s/options", dir);
	char *text = text_fmt("# mine\n--username clerk\n-P a word\n-p %d\n", control_fake_port(f));
	char *line = text_fmt("status -o %s", path), *more = text_fmt("status -o %s -u boss", path);
	struct command_call c;

	CU_ASSERT(file_write(path, text, 0600));
	c = command_call(line);
	CU_ASSERT_EQUAL(c.code, 0);
	CU_ASSERT(control_fake_heard(f, "clerk"));
	CU_ASSERT(control_fake_heard(f, "a word"));
	command_call_free(&c);
	c = command_call(more); /* the command line wins */
	CU_ASSERT(control_fake_heard(f, "boss"));
	command_call_free(&c);
	free(more);
	free(line);
	free(text);
	free(path);
	etc_free(dir);
	control_fake_stop(f);
}

SUITE(command_asks, TEST(status_tells_how_the_gateway_is_and_with_which_code),
      TEST(watch_goes_on_until_it_saw_enough), TEST(devices_of_all_pages_stand_in_one_table),
      TEST(json_holds_all_pages), TEST(a_cursor_that_stands_still_ends_the_list),
      TEST(queue_is_followed_until_nothing_waits),
      TEST(trace_prints_the_steps_of_a_message_with_the_times_between),
      TEST(each_command_asks_for_what_it_says_and_tells_the_answer),
      TEST(many_dead_letters_are_ended_in_portions),
      TEST(what_the_plugin_refuses_is_said_in_its_words),
      TEST(each_way_to_get_no_answer_is_told_apart),
      TEST(what_answers_another_question_or_is_no_answer_is_passed_over),
      TEST(a_broker_that_is_not_there_is_said),
      TEST(a_command_line_that_makes_no_sense_is_said_before_anybody_is_asked),
      TEST(help_of_each_command_has_an_example_and_the_connection),
      TEST(without_options_the_token_and_the_listener_are_found),
      TEST(a_token_that_is_refused_or_missing_is_told_apart),
      TEST(the_token_is_never_sent_to_another_machine), TEST(options_may_stand_in_a_file))
