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
	judge(s.lan, "status", 0, "ready for");
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

/* A broker that is started anew has another token, too. */
static void watch_sees_a_broker_go_and_come_back(void)
{
	struct scene s = scene_start(NULL);
	char *dir = dir_make(), *out = text_fmt("%s/out", dir), *err = text_fmt("%s/err", dir);
	char *program = text_fmt("%s/hubgate", build_dir()), command[] = "watch", option[] = "--config";
	char *config = text_fmt("%s/hubgate.json", lan_dir(s.lan));
	char *argv[] = { program, command, option, config, NULL };
	struct proc *p = proc_start(argv, out, err);
	long at = 0, told = 0;
	int status = 0;

	CU_ASSERT_FATAL(p != NULL);
	CU_ASSERT(file_await(out, "Z ready ", &at, WAIT_MS));
	lan_kill(s.lan);
	CU_ASSERT(file_await(err, "hubgate watch: ", &told, WAIT_MS));
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(file_await(out, "Z ready ", &at, WAIT_MS));
	proc_signal(p, SIGINT);
	CU_ASSERT(proc_wait(p, WAIT_MS, &status) >= 0 && status == 0);
	proc_free(p);
	free(config);
	free(program);
	free(err);
	free(out);
	dir_remove(dir);
	free(dir);
	scene_end(&s);
}

SUITE(command_live, TEST(the_command_finds_its_broker_and_the_token),
      TEST(a_unix_socket_and_tls_are_found_where_there_is_nothing_else),
      TEST(a_broker_without_hubgate_is_told_apart), TEST(a_viewer_looks_and_changes_nothing),
      TEST(a_device_is_shown_as_it_is), TEST(watch_sees_a_broker_go_and_come_back))
