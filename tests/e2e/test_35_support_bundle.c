/* hubgate support-bundle: what is in it, and that no secret is. Secrets are planted as CANARY-...
 * in every place that may hold one. */
#include "tests/e2e/command_call.h"
#include "tests/e2e/control_fake.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANARY "CANARY-"
#define NAME   "\"product_id\":\"SUBPRODUC1\",\"device_name\":"

static const char config[] =
	"{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":\"" CANARY
	"gateway\",\"secret_file\":\"" CANARY "misplaced\",\"secret_env\":\"" CANARY "environment\"},"
	"\"store\":{\"dir\":\"store\"},\"unknown\":{\"password\":\"" CANARY "unknown\"},"
	"\"products\":[{\"product_id\":\"SUBPRODUC1\",\"product_secret\":\"" CANARY "product\"},"
	"{\"product_id\":\"SUBPRODUC2\",\"product_secret_file\":\"product.secret\"},"
	"{\"product_id\":\"SUBPRODUC3\",\"product_secret_env\":\"HUBGATE_TEST_SECRET\"}],"
	"\"devices\":[{" NAME "\"dev1\",\"secret\":\"" CANARY "device\"},"
	"{" NAME "\"dev2\",\"secret_file\":\"secrets/dev2\"},"
	"{" NAME "\"dev3\",\"secret_env\":\"HUBGATE_TEST_SECRET\",\"sceret\":\"" CANARY "typo\"}]}";

static const char mosquitto[] = "# password " CANARY "comment\nremote_password " CANARY "remote\n"
								"auth_opt_pg_password " CANARY "plugin\ninclude_dir %s/conf.d\n"
								"log_dest file %s/broker.log\nlistener %d 127.0.0.1\n";

/* What others wrote into the log. */
static const char log_text[] = "1: hubgate: hello\n2: plugin says " CANARY "plugin\n"
							   "3: " CANARY "held by a file\n4: " CANARY "held by a variable\n"
							   "5: " CANARY "gateway " CANARY "device " CANARY "token\n";

static const struct {
	const char *name, *text;
} files[] = {
	{ "hubgate.json", config },
	{ "product.secret", CANARY "product of a file\r\n" },
	{ "secrets/dev2", CANARY "held by a file\n" },
	{ "store/control.token", CANARY "token" },
	{ "conf.d/more.conf", "bridge_psk " CANARY "bridge\nmax_connections 7\n" },
	{ "broker.log", log_text },
};

static const struct control_answer answers[] = {
	{ "status", "{\"hub\":{\"state\":\"ready\",\"reason\":\"" CANARY "device\"}}", NULL, NULL },
	{ "listDevices", "{\"total\":1,\"devices\":[{" NAME "\"dev1\"}]}", NULL, NULL },
	{ "listQueue", "{\"messages\":3}", NULL, NULL },
	{ "listDeadLetters", NULL, "no such command here", NULL },
};

struct place {
	char *dir, *bundle; /* where it is asked to be */
	struct control_fake *fake;
};

static struct place place_make(void)
{
	static const char *const folders[] = { "store", "secrets", "conf.d", "out" };
	struct place p = { .dir = dir_make(),
		               .fake = control_fake_start(answers, 4, CONTROL_FAULT_NONE) };
	char *path, *text;

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		path = text_fmt("%s/%s", p.dir, folders[i]);
		CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
		free(path);
	}
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		path = text_fmt("%s/%s", p.dir, files[i].name);
		CU_ASSERT(file_write(path, files[i].text, 0600));
		free(path);
	}
	path = text_fmt("%s/mosquitto.conf", p.dir);
	text = text_fmt(mosquitto, p.dir, p.dir, control_fake_port(p.fake));
	CU_ASSERT(file_write(path, text, 0600));
	free(text);
	free(path);
	p.bundle = text_fmt("%s/bundle.tar.gz", p.dir);
	setenv("HUBGATE_TEST_SECRET", CANARY "held by a variable", 1);
	return p;
}

static void place_free(struct place *p)
{
	unsetenv("HUBGATE_TEST_SECRET");
	if (p->fake)
		control_fake_stop(p->fake);
	dir_remove(p->dir);
	free(p->dir);
	free(p->bundle);
}

static int make_bundle(const struct place *p)
{
	char *line = text_fmt("support-bundle -o %s --config %s/hubgate.json", p->bundle, p->dir);
	struct command_call c = command_call(line);
	int code = c.code;

	if (code != 0)
		fprintf(stderr, "%s", c.err);
	command_call_free(&c);
	free(line);
	return code;
}

/* In the folder. */
static bool shell(const struct place *p, const char *command)
{
	char *line = text_fmt("cd %s && %s", p->dir, command);
	bool ok = system(line) == 0;

	if (!ok)
		fprintf(stderr, "failed: %s\n", line);
	free(line);
	return ok;
}

/* A file of the bundle holds this text. */
static bool holds(const struct place *p, const char *name, const char *text)
{
	char *path = text_fmt("%s/out/%s", p->dir, name), *found = file_read(path);
	bool ok = found && strstr(found, text);

	if (!ok)
		fprintf(stderr, "'%s' is not in %s:\n%s\n", text, name, found ? found : "(no file)");
	free(found);
	free(path);
	return ok;
}

static void a_bundle_has_everything_and_no_secret(void)
{
	struct place p = place_make();
	struct stat info = { .st_mode = 0 };

	CU_ASSERT_EQUAL(make_bundle(&p), 0);
	CU_ASSERT_EQUAL(stat(p.bundle, &info), 0);
	CU_ASSERT_EQUAL(info.st_mode & 07777, 0600);
	CU_ASSERT(shell(&p, "tar -xzf bundle.tar.gz -C out"));
	CU_ASSERT(shell(&p, "! grep -r " CANARY " out"));
	CU_ASSERT(holds(&p, "hubgate.json", "GWPRODUCT1"));
	CU_ASSERT(holds(&p, "hubgate.json", "secrets/dev2"));
	CU_ASSERT(holds(&p, "mosquitto.conf", "listener"));
	CU_ASSERT(holds(&p, "conf.d/more.conf", "max_connections 7"));
	CU_ASSERT(holds(&p, "status.json", "(secret)"));
	CU_ASSERT(holds(&p, "devices.json", "dev1"));
	CU_ASSERT(holds(&p, "queue.json", "messages"));
	CU_ASSERT(holds(&p, "dead-letters.json.missing", "no such command here"));
	CU_ASSERT(holds(&p, "check.txt", "config"));
	CU_ASSERT(holds(&p, "store.txt", "/store/control.token\n"));
	CU_ASSERT(holds(&p, "log.txt", "hubgate: hello"));
	CU_ASSERT(holds(&p, "version.txt", "hubgate "));
	place_free(&p);
}

static void without_a_broker_it_is_made_all_the_same(void)
{
	struct place p = place_make();

	control_fake_stop(p.fake);
	p.fake = NULL;
	CU_ASSERT_EQUAL(make_bundle(&p), 0);
	CU_ASSERT(shell(&p, "tar -xzf bundle.tar.gz -C out"));
	CU_ASSERT(shell(&p, "! grep -r " CANARY " out"));
	CU_ASSERT(holds(&p, "status.json.missing", "no broker answers"));
	CU_ASSERT(holds(&p, "hubgate.json", "GWPRODUCT1"));
	place_free(&p);
}

/* Whoever asks for help has a file with a comma too many. */
static void of_a_broken_configuration_nothing_is_shown(void)
{
	struct place p = place_make();
	char *path = text_fmt("%s/hubgate.json", p.dir);

	CU_ASSERT(file_write(path, "{\"gateway\":{\"secret\":\"" CANARY "gateway\",}}", 0600));
	CU_ASSERT_EQUAL(make_bundle(&p), 0);
	CU_ASSERT(shell(&p, "tar -xzf bundle.tar.gz -C out"));
	CU_ASSERT(shell(&p, "! grep -r " CANARY "gateway out"));
	CU_ASSERT(holds(&p, "hubgate.json.missing", "no JSON"));
	free(path);
	place_free(&p);
}

static void nothing_is_overwritten(void)
{
	struct place p = place_make();
	char *text;

	CU_ASSERT(file_write(p.bundle, "mine", 0600));
	CU_ASSERT_EQUAL(make_bundle(&p), 1);
	text = file_read(p.bundle);
	CU_ASSERT_STRING_EQUAL(text, "mine");
	free(text);
	place_free(&p);
}

static void a_bundle_that_cannot_be_packed_is_not_left_behind(void)
{
	struct place p = place_make();
	char *line =
		text_fmt("PATH=/nonexistent %s/hubgate support-bundle -o %s --config %s/hubgate.json "
	             "2>%s/out/said",
	             build_dir(), p.bundle, p.dir, p.dir);
	int status = system(line);

	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	CU_ASSERT(holds(&p, "said", "gzip"));
	CU_ASSERT(access(p.bundle, F_OK) != 0 && errno == ENOENT);
	free(line);
	place_free(&p);
}

SUITE(support_bundle, TEST(a_bundle_has_everything_and_no_secret),
      TEST(without_a_broker_it_is_made_all_the_same),
      TEST(of_a_broken_configuration_nothing_is_shown), TEST(nothing_is_overwritten),
      TEST(a_bundle_that_cannot_be_packed_is_not_left_behind))
