/* `hubgate init`: a first configuration, with which a real broker serves a real device. */
#include "tests/e2e/command_call.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET   "b3duLXNlY3JldC1vZi1ndw=="
#define IDENTITY "--gateway GWPRODUCT1/gw1 --gateway-secret " SECRET

struct place {
	char *etc; /* with mosquitto.conf, as Debian has it */
	char *arguments;
	int port;
};

static const char *own_name(void)
{
	const struct passwd *entry = getpwuid(geteuid());

	return entry ? entry->pw_name : "root";
}

static struct place place_of(const char *conf, const char *include)
{
	struct place p = { .etc = dir_make(), .port = port_free() };
	char *dir = text_fmt("%s/conf.d", p.etc), *path = text_fmt("%s/mosquitto.conf", p.etc);
	char *text = text_fmt("user %s\n%s%s %s\n", own_name(), conf, include, dir);

	CU_ASSERT_FATAL(mkdir(dir, 0755) == 0 && file_write(path, text, 0644));
	p.arguments =
		text_fmt("init --etc %s --store %s/store --user %s --plugin %s/mosquitto_hubgate.so "
	             "--listener %d",
	             p.etc, p.etc, own_name(), build_dir(), p.port);
	free(dir);
	free(path);
	free(text);
	return p;
}

static void place_free(struct place *p)
{
	dir_remove(p->etc);
	free(p->etc);
	free(p->arguments);
}

static struct command_call init(const struct place *p, const char *more)
{
	char *line = text_fmt("%s %s", p->arguments, more);
	struct command_call c = command_call(line);

	free(line);
	return c;
}

static bool is_there(const struct place *p, const char *name)
{
	char *path = text_fmt("%s/%s", p->etc, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* The plugin's path must begin with a slash: the build's does not. */
static struct place placed(const char *conf, const char *include)
{
	struct place p = place_of(conf, include);
	char *cwd = getcwd(NULL, 0), *before = p.arguments;

	if (build_dir()[0] != '/') {
		char *at = strstr(before, build_dir());

		p.arguments = text_fmt("%.*s%s/%s", (int)(at - before), before, cwd, at);
		free(before);
	}
	free(cwd);
	return p;
}

static struct place absolute(const char *conf)
{
	return placed(conf, "include_dir");
}

static void broker_serves_the_device(const struct place *p)
{
	char *path = text_fmt("%s/mosquitto.conf", p->etc), *log = text_fmt("%s/log", p->etc);
	char name[] = "mosquitto", option[] = "-c";
	char *argv[] = { name, option, path, NULL };
	struct proc *broker = proc_start(argv, NULL, log);
	struct dev *d;

	CU_ASSERT_FATAL(broker != NULL);
	CU_ASSERT_FATAL(port_await(broker, p->port, NULL, WAIT_MS));
	d = dev_connect_port(p->port, "SUBPRODUC1", "dev1", SECRET, NULL);
	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL(dev_code(d), 0);
	CU_ASSERT(dev_publish_acked(d, "SUBPRODUC1/dev1/event", "{}", WAIT_MS));
	dev_disconnect(d);
	proc_signal(broker, SIGTERM);
	CU_ASSERT(proc_wait(broker, WAIT_MS, NULL) >= 0);
	CU_ASSERT(proc_ended_well(broker));
	proc_free(broker);
	free(path);
	free(log);
}

/* Beside what Debian's own file says of sessions, which may be said once. */
static void one_call_makes_a_broker_that_lets_the_device_in(void)
{
	struct place p = absolute("persistence true\npersistence_location /tmp/\n");
	struct command_call c =
		init(&p, IDENTITY " --device SUBPRODUC1/dev1 --device-secret " SECRET " --yes");
	char *path = text_fmt("%s/hubgate.json", p.etc);
	struct stat info;

	CU_ASSERT_EQUAL(c.code, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(c.out, "hubgate credentials SUBPRODUC1/dev1"));
	CU_ASSERT_PTR_NULL(strstr(c.out, SECRET));
	CU_ASSERT_EQUAL_FATAL(stat(path, &info), 0);
	CU_ASSERT_EQUAL(info.st_mode & 07777, 0640);
	broker_serves_the_device(&p);
	command_call_free(&c);
	c = init(&p, IDENTITY " --yes");
	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(c.err, "loads hubgate already"));
	command_call_free(&c);
	free(path);
	place_free(&p);
}

static void files_that_are_there_are_not_touched(void)
{
	static const char mine[] = "{\"mine\":true}";
	struct place p = absolute("");
	char *path = text_fmt("%s/hubgate.json", p.etc), *text;
	struct command_call c;

	CU_ASSERT(file_write(path, mine, 0600));
	c = init(&p, IDENTITY " --yes");
	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(c.err, "is there already"));
	text = file_read(path);
	CU_ASSERT_STRING_EQUAL(text ? text : "", mine);
	CU_ASSERT_FALSE(is_there(&p, "conf.d/hubgate.conf"));
	command_call_free(&c);
	free(text);
	free(path);
	place_free(&p);
}

static const struct wrong {
	const char *arguments;
	int code;
	const char *says;
} wrongs[] = {
	{ "--yes", 2, "--gateway is needed" },
	{ "--yes --gateway GWPRODUCT1/gw1", 2, "--gateway-secret is needed" },
	{ "--yes --gateway nonsense --gateway-secret " SECRET, 2, "is not PRODUCT_ID/DEVICE_NAME" },
	{ "--yes --gateway GWPRODUCT1/gw1 --gateway-secret a-b", 2, "is no Base64" },
	{ IDENTITY " --yes --device SUBPRODUC1/dev1", 2, "--device-secret is needed" },
	{ IDENTITY " --yes --device GWPRODUCT1/gw1 --device-secret " SECRET, 1, "hubgate.json" },
	{ IDENTITY " --yes --listener 0", 2, "1..65535" },
	{ IDENTITY " --yes --plugin /nonexistent.so", 1, "make install" },
	{ IDENTITY " --yes --user no-such-user-here", 1, "no user no-such-user-here" },
	{ IDENTITY " --yes --etc /nonexistent", 1, "/nonexistent/mosquitto.conf" },
	{ "more", 2, "takes no 'more'" },
};

/* Also of what only the whole file shows: nothing is left behind. */
static void what_cannot_work_is_said_and_writes_nothing(void)
{
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		struct place p = absolute("");
		char *line = text_fmt("%s </dev/null", wrongs[i].arguments);
		struct command_call c = init(&p, line);

		CU_ASSERT_EQUAL(c.code, wrongs[i].code);
		if (!c.err || !strstr(c.err, wrongs[i].says)) {
			CU_FAIL("says something else");
			fprintf(stderr, "%s (%d): %s\n", wrongs[i].arguments, c.code, c.err);
		}
		CU_ASSERT_FALSE(is_there(&p, "hubgate.json"));
		CU_ASSERT_FALSE(is_there(&p, "conf.d/hubgate.conf"));
		command_call_free(&c);
		free(line);
		place_free(&p);
	}
}

/* Nothing is left behind that would be read some day. */
static void lines_that_the_broker_would_not_read_are_not_left(void)
{
	struct place p = placed("", "# include_dir");
	struct command_call c = init(&p, IDENTITY " --yes");

	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(c.err, "add this line at its end: include_dir"));
	CU_ASSERT_FALSE(is_there(&p, "hubgate.json"));
	CU_ASSERT_FALSE(is_there(&p, "conf.d/hubgate.conf"));
	command_call_free(&c);
	place_free(&p);
}

SUITE(command_init, TEST(one_call_makes_a_broker_that_lets_the_device_in),
      TEST(files_that_are_there_are_not_touched),
      TEST(lines_that_the_broker_would_not_read_are_not_left),
      TEST(what_cannot_work_is_said_and_writes_nothing))
