/* store.dir belongs to one broker, and a start that cannot read it changes nothing in it. */
#include "tests/e2e/broker_start.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT PRODUCT "/dev1/event"

enum {
	REFUSED_MS = 6000, /* three seconds of waiting, and a broker's start */
	HANG_MS = 20000,
};

/* --- a broker beside the scene's, on a store of the test's choice --- */

static void begin(struct broker *b, const struct scene *s, const char *store)
{
	char *listener, *text;
	struct broker_opts opts = { .plugin = true };

	text = text_fmt("{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	                "\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\"},"
	                "\"hub\":{\"host\":\"127.0.0.1\",\"port\":%d,\"tls\":false,"
	                "\"min_reconnect_s\":1},\"store\":{%s},"
	                "\"devices\":[{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\","
	                "\"secret\":\"ZGV2aWNlLW9uZS1wc2stLQ==\"}]}",
	                s ? sim_port(s->sim) : 1, store);
	free(broker_file(b, "hubgate.json", text, 0600));
	listener = text_fmt("listener %d 127.0.0.1\nallow_anonymous true", b->port);
	opts.conf = listener;
	CU_ASSERT_FATAL(broker_start(b, &opts));
	free(listener);
	free(text);
}

static char *store_of(const struct scene *s)
{
	return text_fmt("\"dir\":\"%s/store\"", lan_dir(s->lan));
}

/* It ended by itself, soon, and the line is in its log. */
static bool refused_with(struct broker *b, const char *line)
{
	int64_t from_ms = now_ms();
	char *log;
	bool ok = broker_refused(b) && now_ms() - from_ms < HANG_MS;

	log = file_read(b->log);
	if (ok && (!log || !strstr(log, line)))
		ok = harness_failed("awaited the line\n%s\n---- in\n%s", line, log ? log : "");
	free(log);
	return ok;
}

/* --- one owner --- */

static void second_broker_on_one_store_is_refused_and_the_first_loses_nothing(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	char *store = store_of(&s), *owner = text_fmt("in use by pid %d on host ", (int)lan_pid(s.lan));
	struct broker second;
	int64_t from_ms;

	CU_ASSERT(scene_publish_run(d, EVENT, 1, 20, WAIT_MS));
	broker_init(&second);
	from_ms = now_ms();
	begin(&second, &s, store);
	CU_ASSERT(broker_log_await(&second, "waiting for its end"));
	CU_ASSERT(scene_publish_run(d, EVENT, 21, 40, WAIT_MS));
	CU_ASSERT(refused_with(&second, owner));
	CU_ASSERT(now_ms() - from_ms < REFUSED_MS);
	CU_ASSERT(scene_publish_run(d, EVENT, 41, 60, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 60, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	CU_ASSERT(dev_connected(d));
	broker_fini(&second);
	free(store);
	free(owner);
	dev_disconnect(d);
	scene_end(&s);
}

static void owner_that_stops_in_time_lets_the_next_one_in_with_all_that_waits(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	char *store = store_of(&s);
	struct broker second;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(lan_log_await(s.lan, "messages wait", WAIT_MS));
	CU_ASSERT(scene_publish_run(d, EVENT, 1, 25, WAIT_MS));
	broker_init(&second);
	begin(&second, &s, store);
	CU_ASSERT(broker_log_await(&second, "waiting for its end"));
	CU_ASSERT(lan_stop(s.lan) >= 0);
	CU_ASSERT(broker_log_await(&second, "25 messages of earlier runs wait for the hub"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 25, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	broker_fini(&second);
	free(store);
	dev_drop(d);
	scene_end(&s);
}

static void killed_owner_holds_nobody_up(void)
{
	struct scene s = scene_start(NULL);

	lan_kill(s.lan);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(lan_log_await(s.lan, "gateway GWPRODUCT1/gw1 with", WAIT_MS));
	CU_ASSERT_EQUAL(scene_log_count(&s, "waiting for its end"), 0);
	scene_end(&s);
}

/* --- a disk with faults: tests/fakes/bad_disk.c --- */

/* NULL: a good one. */
static void disk_is_bad(const char *fault)
{
	static char *before;
	char *so = text_fmt("%s/bad_disk.so", build_dir()), *absolute = realpath(so, NULL), *all;

	CU_ASSERT_FATAL(absolute != NULL);
	if (!before)
		before = strdup(getenv("HUBGATE_PRELOAD") ? getenv("HUBGATE_PRELOAD") : "");
	all = text_fmt("%s%s%s", before, before[0] && fault ? " " : "", fault ? absolute : "");
	if (all[0])
		setenv("HUBGATE_PRELOAD", all, 1);
	else
		unsetenv("HUBGATE_PRELOAD");
	if (fault)
		setenv("HUBGATE_BAD_DISK", fault, 1);
	else
		unsetenv("HUBGATE_BAD_DISK");
	free(all);
	free(so);
	free(absolute);
}

static void start_that_cannot_read_the_store_ends_with_its_name_and_loses_nothing(void)
{
	static const struct {
		const char *call, *part, *line;
	} faults[] = {
		{ "readdir", "store/journal", "store/journal cannot be read: Input/output error" },
		{ "open", ".seg", ".seg cannot be read: Input/output error" },
		{ "pread", ".seg", ".seg cannot be read: Input/output error" },
		{ "pread", "/acks", "store/journal/acks cannot be read: Input/output error" },
		{ "readdir", "store/state", "store/state cannot be read: Input/output error" },
	};
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	char *store = store_of(&s);
	struct broker b;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(lan_log_await(s.lan, "messages wait", WAIT_MS));
	CU_ASSERT(scene_publish_run(d, EVENT, 1, 25, WAIT_MS));
	lan_kill(s.lan);
	broker_init(&b);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		char *fault = text_fmt("%s %d %s", faults[i].call, EIO, faults[i].part);

		disk_is_bad(fault);
		begin(&b, &s, store);
		CU_ASSERT(refused_with(&b, faults[i].line));
		free(fault);
	}
	disk_is_bad(NULL);
	broker_fini(&b);
	free(store);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 25, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	dev_drop(d);
	scene_end(&s);
}

static void file_system_without_locks_needs_a_word_and_is_warned_about(void)
{
	struct broker b;
	char *fault = text_fmt("flock %d store", ENOLCK);

	broker_init(&b);
	disk_is_bad(fault);
	begin(&b, NULL, "\"dir\":\"store\"");
	CU_ASSERT(refused_with(&b, "cannot be locked: No locks available"));
	for (int start = 0; start < 2; start++) {
		begin(&b, NULL, "\"dir\":\"store\",\"lock\":false");
		CU_ASSERT(broker_log_await(&b, "store.lock is false"));
		CU_ASSERT(broker_log_await(&b, "gateway GWPRODUCT1/gw1 with"));
		CU_ASSERT(broker_stop(&b));
	}
	disk_is_bad(NULL);
	free(fault);
	broker_fini(&b);
}

/* --- what stands in store.dir --- */

static void fifo_in_the_place_of_any_file_ends_the_start_with_its_name(void)
{
	static const char *const names[] = {
		"lock",
		"journal",
		"journal/acks",
		"journal/0000000000000001.seg",
		"state",
		"state.db",
		"state.db-journal",
		"state/0000000000000001.log",
		"secrets",
		"secrets.old",
		"secrets.tmp",
		"last-connect",
		"dead-letter.jsonl",
		"dead-letter.jsonl.1",
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char *path, *line;
		struct broker b;

		broker_init(&b);
		path = text_fmt("%s/store", b.dir);
		CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
		free(path);
		if (strchr(names[i], '/')) {
			path = text_fmt("%s/store/%.*s", b.dir, (int)strcspn(names[i], "/"), names[i]);
			CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
			free(path);
		}
		path = text_fmt("%s/store/%s", b.dir, names[i]);
		line = text_fmt("not started: %s cannot be ", path);
		CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
		begin(&b, NULL, "\"dir\":\"store\"");
		CU_ASSERT(refused_with(&b, line));
		free(line);
		free(path);
		broker_fini(&b);
	}
}

static void store_that_everybody_may_write_is_closed_and_it_is_said(void)
{
	struct stat info;
	struct broker b;
	char *path;

	broker_init(&b);
	path = text_fmt("%s/store", b.dir);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	CU_ASSERT_EQUAL(chmod(path, 0777), 0);
	begin(&b, NULL, "\"dir\":\"store\"");
	CU_ASSERT(broker_log_await(&b, "was writable for others (mode 0777)"));
	CU_ASSERT(broker_log_await(&b, "gateway GWPRODUCT1/gw1 with"));
	CU_ASSERT_EQUAL(stat(path, &info), 0);
	CU_ASSERT_EQUAL(info.st_mode & 07777, 0700);
	CU_ASSERT(broker_stop(&b));
	free(path);
	broker_fini(&b);
}

static void last_connect_that_became_a_fifo_does_not_silence_the_uplink(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	char *path = text_fmt("%s/store/last-connect", lan_dir(s.lan));

	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
		CU_ASSERT(lan_log_await(s.lan, "connected to the hub", WAIT_MS));
		CU_ASSERT(scene_publish_run(d, EVENT, 10 * i + 1, 10 * i + 10, WAIT_MS));
		CU_ASSERT(scene_await_distinct(&s, "dev1", 10 * i + 10, WAIT_MS));
	}
	CU_ASSERT_EQUAL(scene_log_count(&s, "last-connect cannot be written: it is a FIFO"), 1);
	free(path);
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(store_dir, TEST(second_broker_on_one_store_is_refused_and_the_first_loses_nothing),
      TEST(owner_that_stops_in_time_lets_the_next_one_in_with_all_that_waits),
      TEST(killed_owner_holds_nobody_up),
      TEST(start_that_cannot_read_the_store_ends_with_its_name_and_loses_nothing),
      TEST(file_system_without_locks_needs_a_word_and_is_warned_about),
      TEST(fifo_in_the_place_of_any_file_ends_the_start_with_its_name),
      TEST(store_that_everybody_may_write_is_closed_and_it_is_said),
      TEST(last_connect_that_became_a_fifo_does_not_silence_the_uplink))
