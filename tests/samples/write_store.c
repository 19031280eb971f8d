/* write_store - makes a sample of a store with the plugin of some commit (README.md here).
 * Environment: HUBGATE_BUILD holds that plugin and the simulator, SAMPLE_TO is the new folder. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/e2e/sample_store.h"
#include "tests/runner.h"

#define SHADOW "$shadow/operation/" PRODUCT "/dev1"
#define RESULT "$shadow/operation/result/" PRODUCT "/dev1"

enum {
	PAUSE_MS = 900, /* so that the deliveries of dev1 take longer than three tries of a message */
};

static void report(struct dev *d, const char *reported)
{
	char *text = text_fmt("{\"type\":\"update\",\"state\":{\"reported\":%s},"
	                      "\"clientToken\":\"t-1\"}",
	                      reported);

	CU_ASSERT(dev_publish(d, SHADOW, text, 0));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, RESULT, WAIT_MS));
	free(text);
}

/* The simulator takes it never, and all others of its topic. */
static void bury_one(struct scene *s, struct dev *d)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };

	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"dislike\",\"text\":\"why\"}"));
	for (int seq = 1; seq <= sample_devices[0].delivered; seq++) {
		CU_ASSERT(scene_publish_run(d, sample_devices[0].event, seq, seq, WAIT_MS));
		if (seq == 1)
			CU_ASSERT(dev_publish_acked(d, sample_devices[0].event, SAMPLE_DEAD, WAIT_MS));
		nanosleep(&pause, NULL);
	}
	CU_ASSERT(lan_log_await(s->lan, "kept in dead-letter.jsonl", WAIT_MS));
}

static void queue(struct dev *dev, const struct sample_device *d, int from, int to)
{
	for (int seq = from; seq <= to; seq++) {
		char *text = text_fmt("{\"seq\":%d}", seq);

		CU_ASSERT(seq == d->qos0 ? dev_publish(dev, d->event, text, 0)
		                         : dev_publish_acked(dev, d->event, text, WAIT_MS));
		free(text);
	}
}

static void all_log_in(struct scene *s, struct dev *dev[SAMPLE_DEVICES])
{
	CU_ASSERT(lan_log_await(s->lan, "connected to the hub", WAIT_MS));
	for (int i = 0; i < SAMPLE_DEVICES; i++) {
		dev[i] = sample_login(s, &sample_devices[i]);
		CU_ASSERT_PTR_NOT_NULL(scene_await(s, "online", sample_devices[i].name));
	}
}

/* Then the broker is stopped as it should be. */
static void live_with_the_hub(struct scene *s)
{
	struct dev *dev[SAMPLE_DEVICES];

	CU_ASSERT(lan_log_await(s->lan, "was registered at the hub", WAIT_MS));
	CU_ASSERT(lan_stop(s->lan) >= 0);
	CU_ASSERT_FATAL(lan_restart(s->lan));
	all_log_in(s, dev);
	CU_ASSERT_PTR_NOT_NULL(scene_await(s, "bind", "dev3"));
	for (int i = 0; i < SAMPLE_DEVICES; i++) {
		CU_ASSERT_EQUAL(dev_subscribe(dev[i], sample_devices[i].control, 1), 1);
		CU_ASSERT(scene_await_filter(s, sample_devices[i].control));
	}
	CU_ASSERT_EQUAL(dev_subscribe(dev[0], RESULT, 0), 0);
	report(dev[0], SAMPLE_REPORTED_1);
	bury_one(s, dev[0]);
	for (int i = 1; i < SAMPLE_DEVICES; i++)
		queue(dev[i], &sample_devices[i], 1, sample_devices[i].delivered);
	CU_ASSERT(scene_await_delivered(s, sample_delivered()));
	for (int i = 0; i < SAMPLE_DEVICES; i++)
		dev_disconnect(dev[i]);
	CU_ASSERT(lan_stop(s->lan) >= 0);
}

/* Then the broker is killed. Messages of the devices come mixed: two turns each. */
static void live_without_it(struct scene *s)
{
	struct dev *dev[SAMPLE_DEVICES];

	CU_ASSERT_FATAL(lan_restart(s->lan));
	all_log_in(s, dev);
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"reset\",\"client\":\"" GATEWAY "\"}"));
	CU_ASSERT(lan_log_await(s->lan, "messages wait", WAIT_MS));
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < SAMPLE_DEVICES; i++) {
			const struct sample_device *d = &sample_devices[i];
			int half = (d->delivered + d->accepted) / 2;

			queue(dev[i], d, turn ? half + 1 : d->delivered + 1, turn ? d->accepted : half);
		}
	}
	CU_ASSERT_EQUAL(dev_subscribe(dev[0], RESULT, 0), 0);
	report(dev[0], SAMPLE_REPORTED_2);
	lan_kill(s->lan);
	for (int i = 0; i < SAMPLE_DEVICES; i++)
		dev_disconnect(dev[i]);
}

static void sample_is_written(void)
{
	const struct sample_opts opts = { .store = "", .before = true };
	const char *to = getenv("SAMPLE_TO");
	struct scene s;
	char *command;

	CU_ASSERT_PTR_NOT_NULL_FATAL(to);
	s = sample_scene(&opts);
	live_with_the_hub(&s);
	live_without_it(&s);
	command = text_fmt("cp -R '%s/store' '%s' && rm -f '%s/journal/spare'", lan_dir(s.lan), to, to);
	CU_ASSERT_EQUAL(system(command), 0);
	free(command);
	scene_end(&s);
}

SUITE(write_store, TEST(sample_is_written))
