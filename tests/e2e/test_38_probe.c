/* `hubgate probe` against the simulator set to each reading: what it answers is what the simulator
 * does, and whatever happens it leaves the account as it was. */
#include "tests/e2e/command_call.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PROBE_MS = 240000, /* with --limits, on a crowded machine */
	DOUBTS = 8
};

#define GATEWAY_SECRET "b3duLXNlY3JldC1vZi1ndw=="
#define DEVICE_SECRET  "b3duLXNlY3JldC1vZi1kMQ=="
#define NAMES          "--gateway GWPRODUCT1/gw1 --device SUBPRODUC1/dev1"

/* --- the hub, and a folder with hubgate.json --- */

struct world {
	struct sim *sim;
	char *dir, *config, *report, *out, *err;
	struct proc *probe;
};

static struct sim *hub_start(const char *limits, bool bound)
{
	char *text = text_fmt(
		"{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"gateway\":true,"
		"\"secret\":\"" GATEWAY_SECRET
		"\"},{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\","
		"\"secret\":\"" DEVICE_SECRET "\"}],\"bound\":[%s],\"limits\":{%s}}",
		bound ? "{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"SUBPRODUC1\","
				"\"device_name\":\"dev1\"}"
			  : "",
		limits ? limits : "");
	const struct sim_opts opts = { .config = text };
	struct sim *sim = sim_start(&opts);

	free(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sim);
	return sim;
}

static struct world world_open(const char *limits, bool bound)
{
	struct world w = { .sim = hub_start(limits, bound), .dir = dir_make() };
	char *store = text_fmt("%s/store", w.dir), *text;

	w.config = text_fmt("%s/hubgate.json", w.dir);
	w.report = text_fmt("%s/report.json", w.dir);
	w.out = text_fmt("%s/out", w.dir);
	w.err = text_fmt("%s/err", w.dir);
	text = text_fmt(
		"{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":"
		"\"" GATEWAY_SECRET "\"},\"hub\":{\"host\":\"127.0.0.1\",\"port\":%d,\"tls\":false},"
		"\"store\":{\"dir\":\"%s\"},\"devices\":[{\"product_id\":\"SUBPRODUC1\","
		"\"device_name\":\"dev1\",\"secret\":\"" DEVICE_SECRET "\"}]}",
		sim_port(w.sim), store);
	CU_ASSERT_FATAL(mkdir(store, 0700) == 0 && file_write(w.config, text, 0600));
	free(store);
	free(text);
	return w;
}

static void world_close(struct world *w)
{
	proc_free(w->probe);
	sim_stop(w->sim);
	dir_remove(w->dir);
	free(w->dir);
	free(w->config);
	free(w->report);
	free(w->out);
	free(w->err);
}

static void probe_begin(struct world *w, const char *more)
{
	char *line = text_fmt("exec %s/hubgate probe " NAMES " %s --report %s --yes %s", build_dir(),
	                      w->config, w->report, more);
	char sh[] = "sh", option[] = "-c", *argv[] = { sh, option, line, NULL };

	w->probe = proc_start(argv, w->out, w->err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->probe);
	free(line);
}

/* Its exit code; -1: it did not end. */
static int probe_end(struct world *w)
{
	int status = 0;

	if (proc_wait(w->probe, PROBE_MS, &status) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* --- what it answers --- */

static cJSON *report_of(const struct world *w)
{
	char *text = file_read(w->report);
	cJSON *root = text ? cJSON_Parse(text) : NULL;

	free(text);
	return root;
}

static const char *reading_of(const cJSON *report, int doubt)
{
	const cJSON *answer;

	cJSON_ArrayForEach(answer, cJSON_GetObjectItem(report, "answers"))
	{
		if (cJSON_GetObjectItem(answer, "doubt")->valueint == doubt)
			return cJSON_GetStringValue(cJSON_GetObjectItem(answer, "reading"));
	}
	return "not there";
}

static double setting_of(const cJSON *report, const char *name)
{
	const cJSON *hub = cJSON_GetObjectItem(cJSON_GetObjectItem(report, "settings"), "hub");
	const cJSON *item = cJSON_GetObjectItem(hub, name);

	return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

/* --- what it leaves --- */

static bool is_as_it_was(struct world *w, bool bound)
{
	cJSON *list = sim_command(w->sim, "{\"cmd\":\"devices\"}");
	cJSON *shadow = sim_command(w->sim, "{\"cmd\":\"shadow\",\"device\":\"SUBPRODUC1/dev1\"}");
	const char *reported = cJSON_GetStringValue(cJSON_GetObjectItem(shadow, "reported"));
	const cJSON *d, *found = NULL;
	bool ok;

	cJSON_ArrayForEach(d, cJSON_GetObjectItem(list, "devices"))
	{
		if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(d, "device")), "SUBPRODUC1/dev1") == 0)
			found = d;
	}
	ok = found && cJSON_IsFalse(cJSON_GetObjectItem(found, "online")) &&
	     (cJSON_GetObjectItem(found, "gateway") != NULL) == bound &&
	     (!reported || !strstr(reported, "hubgate_probe"));
	if (!ok) {
		char *text = cJSON_Print(list);

		fprintf(stderr, "left: %s, reported %s\n", text, reported ? reported : "nothing");
		free(text);
	}
	cJSON_Delete(list);
	cJSON_Delete(shadow);
	return ok;
}

/* --- the readings --- */

static const struct reading {
	const char *limits;   /* of the simulator */
	const char *readings; /* a command to it; NULL: none */
	const char *also;     /* another one */
	struct {
		int doubt;
		const char *reading;
	} expect[DOUBTS];
	double max_subscriptions; /* that follows; 0: none */
} table[] = {
	{ "\"connect_s\":5",
	  NULL,
	  NULL,
	  { { 16, "none" },
	    { 15, "ok" },
	    { 12, "each" },
	    { 41, "none" },
	    { 42, "1" },
	    { 33, "connection" },
	    { 44, "none" },
	    { 40, "accepted" } },
	  0 },
	{ "\"keepalive_min\":60,\"subscriptions\":100,\"rate_per\":\"device\"",
	  "{\"cmd\":\"readings\",\"echo\":true,\"bind_notice\":true,\"several\":\"first\",\"again\":"
	  "\"silent\"}",
	  "{\"cmd\":\"shadow_habits\",\"first_version\":0}",
	  { { 16, "notice" },
	    { 15, "silence" },
	    { 12, "first" },
	    { 41, "same" },
	    { 42, "0" },
	    { 33, "device" },
	    { 44, "connection" },
	    { 40, "refused" } },
	  100 },
	{ "\"rate_up\":1000,\"subscriptions\":100,\"subscriptions_per\":\"device\"",
	  "{\"cmd\":\"readings\",\"several\":\"refused\",\"again\":-2}",
	  "{\"cmd\":\"forward\",\"topic\":\"SUBPRODUC1/dev1/data\"}",
	  { { 16, "none" },
	    { 15, "code" },
	    { 12, "refused" },
	    { 41, "rewritten" },
	    { 42, "1" },
	    { 33, "none" },
	    { 44, "device" },
	    { 40, "accepted" } },
	  0 },
	{ "\"subscriptions\":100,\"closes_over\":true",
	  NULL,
	  NULL,
	  { { 16, "none" },
	    { 15, "ok" },
	    { 12, "each" },
	    { 41, "none" },
	    { 42, "1" },
	    { 33, "connection" },
	    { 44, "connection" },
	    { 40, "accepted" } },
	  100 },
};

enum {
	ROWS = sizeof table / sizeof table[0]
};

static void judge(struct world *w, const struct reading *r)
{
	cJSON *report;
	char *err;

	CU_ASSERT_EQUAL(probe_end(w), 0);
	report = report_of(w);
	CU_ASSERT_PTR_NOT_NULL(report);
	for (int i = 0; i < DOUBTS; i++) {
		const char *is = reading_of(report, r->expect[i].doubt);

		if (strcmp(is, r->expect[i].reading) == 0)
			continue;
		CU_FAIL("another reading");
		err = file_read(w->out);
		fprintf(stderr, "row %d, doubt %d: %s, not %s\n%s\n", (int)(r - table), r->expect[i].doubt,
		        is, r->expect[i].reading, err);
		free(err);
	}
	CU_ASSERT_EQUAL((int)setting_of(report, "max_subscriptions"),
	                r->max_subscriptions > 0 ? (int)r->max_subscriptions : -1);
	CU_ASSERT(is_as_it_was(w, false));
	CU_ASSERT_EQUAL((int)sim_stat(w->sim, "violations.connect_rate"), 0);
	cJSON_Delete(report);
}

/* They wait most of their time: side by side they take that of one. */
static void each_reading_of_the_hub_is_told_with_what_follows(void)
{
	struct world worlds[ROWS];

	for (int i = 0; i < ROWS; i++) {
		worlds[i] = world_open(table[i].limits, false);
		if (table[i].readings)
			CU_ASSERT(sim_do(worlds[i].sim, table[i].readings));
		if (table[i].also)
			CU_ASSERT(sim_do(worlds[i].sim, table[i].also));
		probe_begin(&worlds[i], "--limits");
	}
	for (int i = 0; i < ROWS; i++) {
		judge(&worlds[i], &table[i]);
		world_close(&worlds[i]);
	}
}

static void without_limits_no_limit_is_passed_and_a_bound_device_stays_bound(void)
{
	static const char *const violations[] = { "violations.publish_rate", "violations.connect_rate",
		                                      "violations.forbidden_publish",
		                                      "violations.forbidden_subscribe" };
	struct world w = world_open("\"set\":\"mainland\",\"keepalive_min\":0", true);
	cJSON *report;

	probe_begin(&w, "");
	CU_ASSERT_EQUAL(probe_end(&w), 0);
	report = report_of(&w);
	CU_ASSERT_STRING_EQUAL(reading_of(report, 16), "unknown");
	CU_ASSERT_STRING_EQUAL(reading_of(report, 15), "ok");
	CU_ASSERT_STRING_EQUAL(reading_of(report, 33), "not there");
	CU_ASSERT(is_as_it_was(&w, true));
	CU_ASSERT_EQUAL(sim_count_events(w.sim, "ev", "unbind", NULL), 0);
	CU_ASSERT(sim_stat(w.sim, "publish_packets") < 40);
	CU_ASSERT(sim_stat(w.sim, "max_rate") <= 6);
	for (size_t i = 0; i < sizeof violations / sizeof violations[0]; i++)
		CU_ASSERT_EQUAL((int)sim_stat(w.sim, violations[i]), 0);
	cJSON_Delete(report);
	world_close(&w);
}

/* --- the end --- */

static const struct moment { /* what the hub has seen when the user stops it */
	const char *ev, *name, *value;
} moments[] = {
	{ "bind", "device", "SUBPRODUC1/dev1" },
	{ "online", "device", "SUBPRODUC1/dev1" },
	{ "publish", "topic", "SUBPRODUC1/dev1/data" },
	{ "publish", "topic", "$shadow/operation/SUBPRODUC1/dev1" },
};

static void stopped_at_any_moment_it_takes_everything_back(void)
{
	for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
		const struct moment *m = &moments[i];
		struct world w = world_open(NULL, false);
		char *err;

		probe_begin(&w, "");
		CU_ASSERT_PTR_NOT_NULL(
			sim_await_event(w.sim, 3 * WAIT_MS, "ev", m->ev, m->name, m->value, NULL));
		proc_signal(w.probe, i % 2 ? SIGTERM : SIGINT);
		CU_ASSERT_EQUAL(probe_end(&w), 1);
		CU_ASSERT(is_as_it_was(&w, false));
		err = file_read(w.err);
		CU_ASSERT_PTR_NOT_NULL(strstr(err, "cleans up"));
		free(err);
		world_close(&w);
	}
}

static void a_link_that_is_lost_is_made_again_to_take_everything_back(void)
{
	struct world w = world_open(NULL, false);
	char *err;

	probe_begin(&w, "");
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(w.sim, 3 * WAIT_MS, "ev", "publish", "topic",
	                                       "SUBPRODUC1/dev1/data", NULL));
	CU_ASSERT(sim_do(w.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT_EQUAL(probe_end(&w), 1);
	err = file_read(w.err);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "the connection was lost"));
	free(err);
	CU_ASSERT(is_as_it_was(&w, false));
	CU_ASSERT_EQUAL((int)sim_stat(w.sim, "violations.connect_rate"), 0);
	world_close(&w);
}

static void it_ends_when_a_broker_begins(void)
{
	struct world w = world_open(NULL, false);
	char *lock = text_fmt("%s/store/lock", w.dir), *err;
	int fd;

	CU_ASSERT(file_write(lock, "pid 4711 on host h\n", 0600));
	fd = open(lock, O_RDWR | O_CLOEXEC);
	probe_begin(&w, "");
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(w.sim, 3 * WAIT_MS, "ev", "bind", NULL));
	CU_ASSERT(flock(fd, LOCK_EX | LOCK_NB) == 0);
	CU_ASSERT_EQUAL(probe_end(&w), 1);
	CU_ASSERT(is_as_it_was(&w, false));
	CU_ASSERT_EQUAL((int)sim_stat(w.sim, "connects"), 1);
	err = file_read(w.err);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "a broker began meanwhile"));
	free(err);
	close(fd);
	free(lock);
	world_close(&w);
}

static void what_cannot_be_taken_back_is_told_with_its_mending(void)
{
	struct world w = world_open(NULL, false);
	char *err;

	CU_ASSERT(sim_do(w.sim, "{\"cmd\":\"gateway_silent\",\"op\":\"unbind\",\"count\":-1}"));
	probe_begin(&w, "");
	CU_ASSERT_EQUAL(probe_end(&w), 1);
	err = file_read(w.err);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "still bound to the gateway: unbind it in the console"));
	free(err);
	world_close(&w);
}

/* --- before it begins --- */

static struct command_call call(const struct world *w, const char *before, const char *more)
{
	char *line =
		text_fmt("probe " NAMES " %s --report %s %s %s", w->config, w->report, more, before);
	struct command_call c = command_call(line);

	free(line);
	return c;
}

static void it_refuses_while_a_broker_has_the_store(void)
{
	struct world w = world_open(NULL, false);
	char *lock = text_fmt("%s/store/lock", w.dir);
	struct command_call c;
	int fd;

	CU_ASSERT(file_write(lock, "pid 4711 on host h\n", 0600));
	fd = open(lock, O_RDWR | O_CLOEXEC);
	CU_ASSERT(flock(fd, LOCK_EX | LOCK_NB) == 0);
	c = call(&w, "", "--yes");
	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(c.err, "in use by pid 4711 on host h"));
	CU_ASSERT_EQUAL((int)sim_stat(w.sim, "connects"), 0);
	command_call_free(&c);
	close(fd);
	free(lock);
	world_close(&w);
}

static void it_says_what_it_will_do_and_begins_only_when_told(void)
{
	static const char *const answers[] = { "</dev/null", "<<END\nno\nEND\n" };
	struct world w = world_open(NULL, false);

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct command_call c = call(&w, answers[i], "--limits");

		CU_ASSERT_EQUAL(c.code, 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(c.out, "as gateway GWPRODUCT1/gw1, about device"));
		CU_ASSERT_PTR_NOT_NULL(strstr(c.out, "goes over the limits"));
		CU_ASSERT_PTR_NOT_NULL(strstr(c.out, "Go on? [y/N]"));
		CU_ASSERT_PTR_NOT_NULL(strstr(c.err, "nothing was done"));
		command_call_free(&c);
	}
	CU_ASSERT_EQUAL((int)sim_stat(w.sim, "connects"), 0);
	world_close(&w);
}

static void wrong_arguments_are_said(void)
{
	static const char *const wrong[] = { "probe",
		                                 "probe --gateway GWPRODUCT1/gw1",
		                                 "probe " NAMES " --topic a/#",
		                                 "probe " NAMES " a b",
		                                 "probe --gateway x --device SUBPRODUC1/dev1",
		                                 "probe --gateway GWPRODUCT1/gw1 --device GWPRODUCT1/gw1" };
	struct world w = world_open(NULL, false);
	char *other = text_fmt("probe --gateway GWPRODUCT1/gw2 --device SUBPRODUC1/dev1 %s", w.config);
	struct command_call c = command_call(other);

	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(c.err, "--gateway-secret-file"));
	command_call_free(&c);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		c = command_call(wrong[i]);
		CU_ASSERT_EQUAL(c.code, 2);
		command_call_free(&c);
	}
	free(other);
	world_close(&w);
}

/* --- the report --- */

static bool has_none(const char *path)
{
	static const char *const hidden[] = { GATEWAY_SECRET, DEVICE_SECRET, "GWPRODUCT1",
		                                  "SUBPRODUC1",   "dev1",        "gw1" };
	char *text = file_read(path);
	bool ok = text != NULL;

	for (size_t i = 0; ok && i < sizeof hidden / sizeof hidden[0]; i++)
		ok = !strstr(text, hidden[i]);
	free(text);
	return ok;
}

static void the_report_has_no_names_and_secrets_and_overwrites_nothing(void)
{
	struct world w = world_open(NULL, false);
	char *secret = text_fmt("%s/secret", w.dir), *more, *text;
	struct stat info;

	CU_ASSERT(file_write(secret, DEVICE_SECRET "\n", 0600));
	more = text_fmt("--device-secret-file %s", secret);
	probe_begin(&w, more);
	CU_ASSERT_EQUAL(probe_end(&w), 0);
	CU_ASSERT(has_none(w.report));
	CU_ASSERT(stat(w.report, &info) == 0 && (info.st_mode & 0777) == 0600);
	for (int i = 0; i < 2; i++) {
		text = file_read(i ? w.err : w.out);
		CU_ASSERT_PTR_NULL(strstr(text, "b3duLXNlY3JldC1vZi"));
		free(text);
	}
	proc_free(w.probe);
	CU_ASSERT(file_write(w.report, "mine", 0600));
	probe_begin(&w, more);
	CU_ASSERT_EQUAL(probe_end(&w), 1);
	text = file_read(w.report);
	CU_ASSERT_STRING_EQUAL(text, "mine");
	free(text);
	free(more);
	free(secret);
	world_close(&w);
}

SUITE(command_probe, TEST(each_reading_of_the_hub_is_told_with_what_follows),
      TEST(without_limits_no_limit_is_passed_and_a_bound_device_stays_bound),
      TEST(stopped_at_any_moment_it_takes_everything_back),
      TEST(a_link_that_is_lost_is_made_again_to_take_everything_back),
      TEST(it_ends_when_a_broker_begins), TEST(what_cannot_be_taken_back_is_told_with_its_mending),
      TEST(it_refuses_while_a_broker_has_the_store),
      TEST(it_says_what_it_will_do_and_begins_only_when_told), TEST(wrong_arguments_are_said),
      TEST(the_report_has_no_names_and_secrets_and_overwrites_nothing))
