/* Stores that earlier versions wrote (tests/samples/README.md) are gone on with: nothing in them is
 * lost, done again or taken for damaged. */
#include "tests/e2e/sample_store.h"
#include "tests/runner.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES "tests/samples/store-*"
#define SHADOW  "$shadow/operation/" PRODUCT "/dev1"
#define RESULT  "$shadow/operation/result/" PRODUCT "/dev1"

enum {
	OPENINGS = 3,
	FRESH = 3, /* messages after those of the sample */
	HEAD = 16, /* of a file: magic, version */
	DB_VERSION_AT = 60,
	DB_VERSION_LEN = 4,
};

/* --- a copy of a sample --- */

struct copy {
	char *dir, *member; /* of "store" */
};

/* Closed to others, as a store is; git does not keep that. */
static struct copy copy_of(const char *sample)
{
	struct copy c = { .dir = dir_make() };
	char *command = text_fmt("cp -R %s/. %s && chmod -R go= %s", sample, c.dir, c.dir);

	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	free(command);
	c.member = text_fmt("\"dir\":\"%s\",\"max_age_s\":0", c.dir); /* they get old */
	return c;
}

static void copy_remove(struct copy *c)
{
	dir_remove(c->dir);
	free(c->dir);
	free(c->member);
}

static void each_sample(void (*body)(const char *sample))
{
	glob_t found;

	CU_ASSERT_EQUAL_FATAL(glob(SAMPLES, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		body(found.gl_pathv[i]);
	globfree(&found);
}

static bool same_file(const char *a, const char *b, const char *name)
{
	char *path_a = text_fmt("%s/%s", a, name), *path_b = text_fmt("%s/%s", b, name);
	char *text_a = file_read(path_a), *text_b = file_read(path_b);
	bool same = text_a && text_b && strcmp(text_a, text_b) == 0;

	if (!same)
		harness_failed("%s and %s differ", path_a, path_b);
	free(text_a);
	free(text_b);
	free(path_a);
	free(path_b);
	return same;
}

static bool set_aside(const char *dir)
{
	char *pattern = text_fmt("%s/*damaged*", dir), *deeper = text_fmt("%s/*/*damaged*", dir);
	glob_t found = { .gl_pathc = 0 };
	bool any = glob(pattern, 0, NULL, &found) == 0 || glob(deeper, 0, NULL, &found) == 0;

	globfree(&found);
	free(pattern);
	free(deeper);
	return any;
}

/* --- what it must know --- */

static bool account_is(struct scene *s, int delivered, int queued)
{
	static const char *const names[] = {
		"messages_accepted_total",
		"messages_delivered_total",
		"messages_queued",
		"messages_dropped_unacknowledged_total",
	};
	const double expected[] = { delivered + queued + SAMPLE_DEAD_COUNT, delivered, queued,
		                        SAMPLE_DEAD_COUNT };
	enum {
		COUNT = sizeof names / sizeof names[0]
	};
	double n[COUNT] = { 0 };
	int64_t until_ms = now_ms() + WAIT_MS;

	do {
		if (!scene_metrics(s, names, n, COUNT))
			return false;
		if (memcmp(n, expected, sizeof n) == 0)
			return true;
	} while (now_ms() < until_ms);
	return harness_failed("accepted %g delivered %g queued %g dropped %g", n[0], n[1], n[2], n[3]);
}

/* With the hub away; dev3 by the secret of its registration. */
static void expect_devices_and_shadow(struct scene *s, struct dev *dev[SAMPLE_DEVICES])
{
	const struct dev_message *m;

	for (int i = 0; i < SAMPLE_DEVICES; i++)
		dev[i] = sample_login(s, &sample_devices[i]);
	CU_ASSERT_EQUAL(dev_subscribe(dev[0], RESULT, 0), 0);
	CU_ASSERT(dev_publish(dev[0], SHADOW, "{\"type\":\"get\",\"clientToken\":\"t-2\"}", 0));
	m = dev_await_message(dev[0], RESULT, WAIT_MS);
	CU_ASSERT(m && strstr(m->payload, SAMPLE_REPORTED));
	if (m && !strstr(m->payload, SAMPLE_REPORTED))
		fprintf(stderr, "the shadow is %s\n", m->payload);
}

static void all_leave(struct dev *dev[SAMPLE_DEVICES])
{
	for (int i = 0; i < SAMPLE_DEVICES; i++)
		dev_disconnect(dev[i]);
}

/* Exactly those from `from` to `to`, in their order. */
static void expect_messages(struct scene *s, const struct sample_device *d, int from, int to)
{
	for (int seq = from; seq <= to; seq++) {
		const cJSON *ev = scene_await_publish(s, d->event, WAIT_MS);
		const char *payload = cJSON_GetStringValue(cJSON_GetObjectItem(ev, "payload"));
		char *expected = text_fmt("{\"seq\":%d}", seq);

		CU_ASSERT_FATAL(payload != NULL);
		CU_ASSERT_STRING_EQUAL(payload, expected);
		free(expected);
	}
}

/* None but these devices' own were asked for: nobody subscribed since the broker started. */
static void expect_subscriptions(struct scene *s)
{
	for (int i = 0; i < SAMPLE_DEVICES; i++) {
		CU_ASSERT(scene_await_filter(s, sample_devices[i].control));
		CU_ASSERT_EQUAL(
			sim_count_events(s->sim, "ev", "subscribe", "filter", sample_devices[i].control, NULL),
			1);
	}
}

/* --- tests --- */

static void hub_returns(struct scene *s, struct dev *dev[SAMPLE_DEVICES])
{
	const struct sample_device *first = &sample_devices[0];

	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	for (int i = 0; i < SAMPLE_DEVICES; i++)
		expect_messages(s, &sample_devices[i], sample_devices[i].delivered + 1,
		                sample_devices[i].accepted);
	expect_subscriptions(s);
	CU_ASSERT(scene_publish_run(dev[0], first->event, first->accepted + 1, first->accepted + FRESH,
	                            WAIT_MS));
	expect_messages(s, first, first->accepted + 1, first->accepted + FRESH);
	CU_ASSERT(account_is(s, sample_delivered() + sample_queued() + FRESH, 0));
	CU_ASSERT_EQUAL(sim_stat(s->sim, "dup_packets"), 0);
	CU_ASSERT_EQUAL(sim_count_events(s->sim, "ev", "bind", NULL), 0);
	CU_ASSERT_EQUAL(sim_count_events(s->sim, "ev", "register", NULL), 0);
	CU_ASSERT_EQUAL(scene_violations(s), 0);
	for (int i = 0; i < SAMPLE_DEVICES; i++) {
		const struct sample_device *d = &sample_devices[i];

		CU_ASSERT_EQUAL(sim_count_events(s->sim, "ev", "publish", "topic", d->event, NULL),
		                d->accepted - d->delivered + (i == 0 ? FRESH : 0));
	}
}

/* Opened three times, the second time after a stop, the third time after kill -9. */
static void go_on(const char *sample)
{
	struct copy c = copy_of(sample);
	const struct sample_opts opts = { .store = c.member };
	struct scene s = sample_scene(&opts);
	struct dev *dev[SAMPLE_DEVICES];

	for (int opening = 1; opening <= OPENINGS; opening++) {
		CU_ASSERT(account_is(&s, sample_delivered(), sample_queued()));
		expect_devices_and_shadow(&s, dev);
		if (opening == OPENINGS)
			break;
		all_leave(dev);
		if (opening == 1)
			CU_ASSERT(lan_stop(s.lan) >= 0);
		lan_kill(s.lan);
		CU_ASSERT_FATAL(lan_restart(s.lan));
	}
	hub_returns(&s, dev);
	CU_ASSERT(same_file(sample, c.dir, "dead-letter.jsonl"));
	CU_ASSERT(same_file(sample, c.dir, "secrets"));
	CU_ASSERT_FALSE(set_aside(c.dir));
	CU_ASSERT_EQUAL(scene_log_count(&s, "is damaged") + scene_log_count(&s, "are damaged") +
	                    scene_log_count(&s, "a damaged header"),
	                0);
	all_leave(dev);
	scene_end(&s);
	copy_remove(&c);
}

static void store_of_an_earlier_version_is_gone_on_with_however_often_it_is_opened(void)
{
	each_sample(go_on);
}

/* --- versions --- */

static const struct kind {
	const char *files; /* below the store */
	long at;
	size_t len;
} kinds[] = {
	{ "journal/*.seg", 0, HEAD },
	{ "journal/acks", 0, HEAD },
	{ "state/*.log", 0, HEAD },
	{ "state.db", DB_VERSION_AT, DB_VERSION_LEN },
};

/* The bytes that tell the version of the first such file; false: there is none. */
static bool version_in(const char *pattern, const struct kind *k, char out[HEAD])
{
	glob_t found;
	bool ok = false;

	if (glob(pattern, 0, NULL, &found) == 0) {
		FILE *f = fopen(found.gl_pathv[0], "re");

		ok = f && fseek(f, k->at, SEEK_SET) == 0 && fread(out, 1, k->len, f) == k->len;
		if (f)
			fclose(f);
	}
	globfree(&found);
	return ok;
}

static bool some_sample_has(const struct kind *k, const char version[HEAD])
{
	char there[HEAD], *pattern;
	glob_t found;
	bool has = false;

	CU_ASSERT_EQUAL_FATAL(glob(SAMPLES, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc && !has; i++) {
		pattern = text_fmt("%s/%s", found.gl_pathv[i], k->files);
		has = version_in(pattern, k, there) && memcmp(there, version, k->len) == 0;
		free(pattern);
	}
	globfree(&found);
	return has;
}

/* Whoever raises a version keeps a sample of it (make sample). */
static void every_version_that_is_written_has_a_sample(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	char *base = text_fmt("%s/store", lan_dir(s.lan)), version[HEAD];

	CU_ASSERT_EQUAL(dev_subscribe(d, PRODUCT "/dev1/control", 1), 1);
	CU_ASSERT(scene_publish_run(d, PRODUCT "/dev1/event", 1, 1, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, 1));
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		char *pattern = text_fmt("%s/%s", base, kinds[i].files);

		CU_ASSERT_FATAL(version_in(pattern, &kinds[i], version));
		CU_ASSERT(some_sample_has(&kinds[i], version) ||
		          harness_failed("no sample has %s as this version writes it", kinds[i].files));
		free(pattern);
	}
	free(base);
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(samples, TEST(store_of_an_earlier_version_is_gone_on_with_however_often_it_is_opened),
      TEST(every_version_that_is_written_has_a_sample))
