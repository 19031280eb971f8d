/* The commands that ask hubgate, on a real broker: they find it, get in, and what they print is so.
 * The forms of every answer are in tests/e2e/test_35_command_asks.c. */
#include "tests/e2e/command_call.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEV1  PRODUCT "/dev1"
#define ROLES ",\"apps\":[{\"username\":\"clerk\",\"role\":\"viewer\"}]"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* hubgate COMMAND as root of the broker's machine. */
static struct command_call here(const struct lan *l, const char *command)
{
	char *line = text_fmt("%s --config %s/hubgate.json", command, lan_dir(l));
	struct command_call c = command_call(line);

	free(line);
	return c;
}

static bool has(const char *text, const char *part)
{
	if (text && strstr(text, part))
		return true;
	fprintf(stderr, "'%s' is not in:\n%s\n", part, text ? text : "(nothing)");
	return false;
}

/* Its exit code, and what is in the output (of 0) or among the complaints. */
static void judge(const struct lan *l, const char *command, int code, const char *part)
{
	struct command_call c = here(l, command);

	if (c.code != code)
		fprintf(stderr, "%s: exit code %d\n%s%s\n", command, c.code, c.out, c.err);
	CU_ASSERT_EQUAL(c.code, code);
	CU_ASSERT(has(code == 0 ? c.out : c.err, part));
	command_call_free(&c);
}

/* --- the way in --- */

static void the_command_finds_its_broker_and_the_token(void)
{
	struct scene s = scene_start(NULL);

	judge(s.lan, "status", 0, GATEWAY);
	CU_ASSERT(lan_stop(s.lan) >= 0);
	judge(s.lan, "status", 1, "the broker does not run");
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(lan_log_await(s.lan, "connected to the hub", WAIT_MS));
	judge(s.lan, "status", 0, "hub        ready");
	scene_end(&s);
}

/* As the scene, but for its listeners. */
static struct lan *lan_with(const struct scene *s, struct lan_opts opts)
{
	struct lan *l;

	opts.hub_port = sim_port(s->sim);
	l = lan_start(&opts);
	CU_ASSERT_FATAL(l != NULL);
	return l;
}

static void a_unix_socket_and_tls_are_found_where_there_is_nothing_else(void)
{
	struct scene s = { .sim = sim_start(NULL) };
	char *cert = scene_cert("server.pem"), *key = scene_cert("server.key"),
		 *ca = scene_cert("ca.pem");
	char *line;

	CU_ASSERT_FATAL(s.sim != NULL);
	s.lan = lan_with(&s, (struct lan_opts){ .unix_socket = true, .no_plain = true });
	judge(s.lan, "devices", 0, DEV1);
	lan_free(s.lan);
	s.lan = lan_with(&s, (struct lan_opts){ .tls_cert = cert, .tls_key = key, .no_plain = true });
	judge(s.lan, "devices", 0, DEV1);
	line = text_fmt("devices --cafile %s -p %d", ca, lan_tls_port(s.lan));
	judge(s.lan, line, 0, DEV1);
	free(line);
	line = text_fmt("devices --cafile %s -p %d", "/etc/hostname", lan_tls_port(s.lan));
	judge(s.lan, line, 1, "hubgate devices: ");
	free(line);
	free(cert);
	free(key);
	free(ca);
	scene_end(&s);
}

static void a_broker_without_hubgate_is_told_apart(void)
{
	struct lan *l = lan_start(&(struct lan_opts){ .no_plugin = true });
	char *line = text_fmt("status -u x -P y --timeout 1 -p %d", lan_port(l));

	judge(l, line, 1, "it is not loaded in the broker at 127.0.0.1:");
	free(line);
	lan_free(l);
}

static void a_viewer_looks_and_changes_nothing(void)
{
	struct scene s = scene_start(&(struct scene_opts){ .more = ROLES, .user = "clerk" });
	char *line = text_fmt("status -u clerk -P right -p %d", lan_port(s.lan));

	judge(s.lan, line, 0, GATEWAY);
	free(line);
	line = text_fmt("register " PRODUCT "/dev9 -u clerk -P right -p %d", lan_port(s.lan));
	judge(s.lan, line, 1, "operator");
	free(line);
	line = text_fmt("status -u clerk -P wrong -p %d", lan_port(s.lan));
	judge(s.lan, line, 1, "refuses user name or password of clerk");
	free(line);
	line = text_fmt("status -u nobody -P x --timeout 2 -p %d", lan_port(s.lan));
	judge(s.lan, line, 1, "hubgate status: ");
	free(line);
	scene_end(&s);
}

/* --- what is printed is so --- */

static void a_device_is_shown_as_it_is(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, DEV1 "/control", 1), 1);
	CU_ASSERT(scene_await_filter(&s, DEV1 "/control"));
	judge(s.lan, "devices", 0, DEV1 "  yes   online  yes");
	judge(s.lan, "devices --online", 0, "1 of 1 devices");
	judge(s.lan, "device show " DEV1, 0, "present          yes");
	judge(s.lan, "device show " DEV1, 0, "control");
	judge(s.lan, "device show " PRODUCT "/nobody", 1, "nobody");
	dev_disconnect(d);
	scene_end(&s);
}

static void what_is_asked_of_the_hub_is_answered_by_it(void)
{
	struct scene s = scene_start(&(struct scene_opts){ .dev2_unbound = true });

	judge(s.lan, "online " DEV1, 0, DEV1 " is online at the hub");
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	judge(s.lan, "offline " DEV1, 0, DEV1 " is offline at the hub");
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	judge(s.lan, "bind " PRODUCT "/dev2", 0, "is bound to this gateway");
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "bind", "dev2"));
	judge(s.lan, "unbind " PRODUCT "/dev2", 0, "is not bound to this gateway any more");
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "unbind", "dev2"));
	judge(s.lan, "bind " PRODUCT "/nobody", 1, "hubgate bind: ");
	judge(s.lan, "register " PRODUCT "/dev9", 1, "hubgate register: ");
	judge(s.lan, "firmware resume 9.9", 1, "hubgate firmware: ");
	CU_ASSERT(lan_log_has(s.lan, "did bindDevice"));
	scene_end(&s);
}

static void a_shadow_is_set_and_read_with_its_numbers_as_they_were(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	judge(s.lan, "shadow set " DEV1 " '{\"big\":9007199254740993,\"zero\":0.0}'", 0, "version ");
	judge(s.lan, "shadow get " DEV1, 0, "9007199254740993");
	judge(s.lan, "shadow get " DEV1, 0, "0.0");
	judge(s.lan, "shadow get " PRODUCT "/nobody", 1, "nobody");
	dev_disconnect(d);
	scene_end(&s);
}

/* What waits while the hub is away is told, and seen to go when it is back. */
static void a_queue_is_seen_to_drain(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	judge(s.lan, "queue", 0, "0 messages");
	sim_kill(s.sim);
	CU_ASSERT(lan_log_await(s.lan, "messages wait", WAIT_MS));
	CU_ASSERT(scene_publish_run(d, DEV1 "/event", 1, 20, WAIT_MS));
	judge(s.lan, "queue", 0, DEV1 "        20");
	judge(s.lan, "devices --queued", 0, "1 of 1 devices");
	judge(s.lan, "queue --follow --count 1", 1, "");
	judge(s.lan, "status", 1, "");
	CU_ASSERT_FATAL(sim_restart(s.sim));
	judge(s.lan, "queue --follow", 0, "0 of 20 left");
	dev_disconnect(d);
	scene_end(&s);
}

static void what_is_set_counts_until_it_is_set_back(void)
{
	struct scene s = scene_start(NULL);
	char *spoil;

	judge(s.lan, "log-level fine --for 60", 0, "before it was note");
	judge(s.lan, "log-level note", 0, "before it was fine");
	judge(s.lan, "log-level loud", 1, "hubgate log-level: ");
	judge(s.lan, "reload", 0, "read again and counts");
	spoil = text_fmt("%s/hubgate.json", lan_dir(s.lan));
	CU_ASSERT(file_write(spoil, "{\"store\":{\"dir\":\"store\"},\"nonsense\":1}", 0640));
	free(spoil);
	judge(s.lan, "reload", 1, "hubgate.json:");
	judge(s.lan, "status", 0, GATEWAY);
	scene_end(&s);
}

static void what_would_happen_to_a_message_is_told(void)
{
	struct scene s = scene_start(NULL);

	judge(s.lan, "route " DEV1 "/event --payload 1", 0, "result        forwarded\n");
	judge(s.lan, "route " DEV1 "/event --client nobody", 0, "result        refused\n");
	judge(s.lan, "route a/b --client somebody", 0, "result        kept on the LAN\n");
	judge(s.lan, "route 'a/#'", 1, "hubgate route: ");
	scene_end(&s);
}

static void what_there_is_none_of_is_said(void)
{
	struct scene s = scene_start(NULL);

	judge(s.lan, "dead-letters", 0, "0 dead letters");
	judge(s.lan, "dead-letters --drop --all", 0, "0 dead letters");
	judge(s.lan, "firmware", 0, "0 updates");
	scene_end(&s);
}

#define LETTER(seq)                                                                               \
	"{\"time\":\"2026-11-24T02:30:00Z\",\"product_id\":\"" PRODUCT                                \
	"\",\"device_name\":\"dev1\",\"topic\":\"" DEV1 "/event\",\"reason\":\"never acknowledged\"," \
	"\"qos\":1,\"payload\":\"{\\\"seq\\\":" seq "}\"}\n"

static void dead_letters_are_listed_sent_again_and_dropped_by_their_ids(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	char *path = text_fmt("%s/store/dead-letter.jsonl", lan_dir(s.lan)), *line;
	struct command_call c;
	cJSON *list;

	CU_ASSERT_FATAL(file_write(path, LETTER("7") LETTER("8") LETTER("9"), 0600));
	judge(s.lan, "dead-letters", 0, "never acknowledged\n3 dead letters\n");
	c = here(s.lan, "dead-letters --json");
	list = cJSON_Parse(c.out);
	line =
		text_fmt("dead-letters --resend %.0f",
	             scene_number(cJSON_GetArrayItem(cJSON_GetObjectItem(list, "letters"), 1), "id"));
	judge(s.lan, line, 0, "1 dead letters\n");
	CU_ASSERT(scene_await_distinct(&s, "dev1", 1, WAIT_MS));
	judge(s.lan, "dead-letters", 0, "\n2 dead letters\n");
	judge(s.lan, "dead-letters --drop --all", 0, "2 dead letters\n");
	judge(s.lan, "dead-letters", 0, "0 dead letters\n");
	cJSON_Delete(list);
	command_call_free(&c);
	free(line);
	free(path);
	dev_disconnect(d);
	scene_end(&s);
}

/* All of the plugin's answers are in it; the secrets of the file and the token are not. */
static void a_bundle_of_a_running_broker_is_whole(void)
{
	static const char *const secrets[] = { "Z2F0ZXdheS1vbmUtcHNrIQ==", "ZGV2aWNlLW9uZS1wc2stLQ==" };
	struct scene s = scene_start(NULL);
	char *dir = dir_make(), *line = text_fmt("support-bundle -o %s/b.tar.gz --log %s/mosquitto.log",
	                                         dir, lan_dir(s.lan));
	char *look = text_fmt(
		"cd %s && tar -xzf b.tar.gz && ! ls *.missing 2>/dev/null && test -s hub.json -a -s log.txt "
		"-a -s dead-letters.json -a -s firmware.json",
		dir);
	char *grep;

	judge(s.lan, line, 0, "b.tar.gz");
	CU_ASSERT_EQUAL(system(look), 0);
	for (size_t i = 0; i < COUNT(secrets); i++) {
		grep = text_fmt("! grep -r -e '%s' -e \"$(cat %s/store/control.token)\" %s/*.*", secrets[i],
		                lan_dir(s.lan), dir);
		CU_ASSERT_EQUAL(system(grep), 0);
		free(grep);
	}
	free(look);
	free(line);
	dir_remove(dir);
	free(dir);
	scene_end(&s);
}

/* A command that goes on while the test does something; what it wrote is in `out`. */
struct beside {
	char *dir, *out, *err;
	struct proc *proc;
};

static struct beside start_beside(const struct lan *l, const char *arguments)
{
	struct beside b = { .dir = dir_make() };
	char *line =
		text_fmt("exec %s/hubgate %s --config %s/hubgate.json", build_dir(), arguments, lan_dir(l));
	char sh[] = "sh", option[] = "-c", *argv[] = { sh, option, line, NULL };

	b.out = text_fmt("%s/out", b.dir);
	b.err = text_fmt("%s/err", b.dir);
	b.proc = proc_start(argv, b.out, b.err);
	CU_ASSERT_FATAL(b.proc != NULL);
	free(line);
	return b;
}

/* Its exit status; ends it after WAIT_MS. */
static int end_beside(struct beside *b)
{
	int status = -1;

	CU_ASSERT(proc_wait(b->proc, WAIT_MS, &status) >= 0);
	proc_free(b->proc);
	dir_remove(b->dir);
	free(b->dir);
	free(b->out);
	free(b->err);
	return status;
}

static void a_message_is_followed_from_the_lan_to_the_hubs_puback(void)
{
	static const char *const steps[] = { "published on the LAN", "stored on the disk",
		                                 "sent to the hub", "acknowledged by the hub" };
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	struct beside b = start_beside(s.lan, "trace " DEV1);
	long at = 0;

	CU_ASSERT(lan_log_await(s.lan, "did trace", WAIT_MS));
	CU_ASSERT(dev_publish_acked(d, DEV1 "/event", "{\"seq\":1}", WAIT_MS));
	for (size_t i = 0; i < COUNT(steps); i++)
		CU_ASSERT(file_await(b.out, steps[i], &at, WAIT_MS));
	CU_ASSERT_EQUAL(end_beside(&b), 0);
	dev_disconnect(d);
	scene_end(&s);
}

/* A broker that is started anew has another token, too. */
static void watch_sees_a_broker_go_and_come_back(void)
{
	struct scene s = scene_start(NULL);
	struct beside b = start_beside(s.lan, "watch");
	long at = 0, told = 0;

	CU_ASSERT(file_await(b.out, "Z ready ", &at, WAIT_MS));
	lan_kill(s.lan);
	CU_ASSERT(file_await(b.err, "hubgate watch: ", &told, WAIT_MS));
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(file_await(b.out, "Z ready ", &at, WAIT_MS));
	proc_signal(b.proc, SIGINT);
	CU_ASSERT_EQUAL(end_beside(&b), 0);
	scene_end(&s);
}

SUITE(command_live, TEST(the_command_finds_its_broker_and_the_token),
      TEST(a_unix_socket_and_tls_are_found_where_there_is_nothing_else),
      TEST(a_broker_without_hubgate_is_told_apart), TEST(a_viewer_looks_and_changes_nothing),
      TEST(a_device_is_shown_as_it_is), TEST(what_is_asked_of_the_hub_is_answered_by_it),
      TEST(a_shadow_is_set_and_read_with_its_numbers_as_they_were), TEST(a_queue_is_seen_to_drain),
      TEST(what_is_set_counts_until_it_is_set_back), TEST(what_would_happen_to_a_message_is_told),
      TEST(what_there_is_none_of_is_said), TEST(a_bundle_of_a_running_broker_is_whole),
      TEST(dead_letters_are_listed_sent_again_and_dropped_by_their_ids),
      TEST(a_message_is_followed_from_the_lan_to_the_hubs_puback),
      TEST(watch_sees_a_broker_go_and_come_back))
