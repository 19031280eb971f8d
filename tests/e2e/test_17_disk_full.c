/* A disk without room, filled by somebody else: what is refused, what is kept, who stays. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/diskshim/diskshim.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#define EVENT  PRODUCT "/dev1/event"
#define SHADOW "$shadow/operation/" PRODUCT "/dev1"
#define RESULT "$shadow/operation/result/" PRODUCT "/dev1"
#define RULE                                                                                \
	",\"mappings\":[{\"client\":\"zigbee2mqtt\",\"product_id\":\"" PRODUCT "\",\"device\":" \
	"\"{name}\",\"up\":\"zigbee2mqtt/{name}\"}]"

struct full {
	struct scene scene;
	struct diskshim *disk;
	char *dir, *preload; /* preload: of before */
};

static struct diskshim *map_control(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *at = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(struct diskshim)) == 0)
		at = mmap(NULL, sizeof(struct diskshim), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	CU_ASSERT_FATAL(at != MAP_FAILED);
	return at;
}

static void set_path(const char *name, const char *dir, const char *file)
{
	char *path = text_fmt("%s/%s", dir, file);

	setenv(name, path, 1);
	free(path);
}

/* The brokers of the scene have the shim between them and the store. */
static struct full start(const char *policy)
{
	const char *before = getenv("HUBGATE_PRELOAD");
	struct full f = { .dir = dir_make(), .preload = before ? strdup(before) : NULL };
	char *so = text_fmt("%s/diskshim.so", build_dir()), *absolute = realpath(so, NULL);
	char *all = text_fmt("%s%s%s", before ? before : "", before ? " " : "", absolute);
	char *store = text_fmt("\"dir\":\"%s/store\",\"policy\":\"%s\"", f.dir, policy);
	char *image = text_fmt("%s/image", f.dir), *control = text_fmt("%s/control", f.dir);
	const struct scene_opts o = { .store = store, .street = 2, .more = RULE };

	CU_ASSERT_EQUAL(mkdir(image, 0700), 0);
	f.disk = map_control(control);
	setenv("HUBGATE_PRELOAD", all, 1);
	set_path("DISKSHIM_DIR", f.dir, "store");
	set_path("DISKSHIM_IMAGE", f.dir, "image");
	set_path("DISKSHIM_CONTROL", f.dir, "control");
	f.scene = scene_start(&o);
	free(so);
	free(absolute);
	free(all);
	free(store);
	free(image);
	free(control);
	return f;
}

static void end(struct full *f)
{
	scene_end(&f->scene);
	if (f->preload)
		setenv("HUBGATE_PRELOAD", f->preload, 1);
	else
		unsetenv("HUBGATE_PRELOAD");
	munmap(f->disk, sizeof *f->disk);
	dir_remove(f->dir);
	free(f->dir);
	free(f->preload);
}

/* No file of the store takes another byte, or all do again. */
static void fill(struct full *f, int error)
{
	struct diskshim_fault *fault = &f->disk->fault[0];

	fault->error = error;
	fault->calls = DISKSHIM_WRITE;
	fault->path[0] = '\0';
	atomic_store(&fault->left, error ? DISKSHIM_ALL : 0);
}

static void cut_off(struct full *f)
{
	CU_ASSERT(sim_do(f->scene.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(f->scene.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(lan_log_await(f->scene.lan, "messages wait", WAIT_MS));
}

static double metric(struct full *f, const char *name)
{
	const char *const names[] = { name };
	double value = -1;

	CU_ASSERT(scene_metrics(&f->scene, names, &value, 1));
	return value;
}

static void refuses_and_keeps(const char *policy, int error)
{
	enum {
		BEFORE = 50
	};
	struct full f = start(policy);
	struct dev *d = scene_online_device(&f.scene, "dev1", NULL);

	cut_off(&f);
	CU_ASSERT(scene_publish_run(d, EVENT, 1, BEFORE, WAIT_MS));
	fill(&f, error);
	for (int i = 0; i < 6; i++) {
		CU_ASSERT_FALSE(dev_publish_acked(d, EVENT, "{\"seq\":1000}", 200));
		CU_ASSERT(dev_await_disconnect(d, WAIT_MS));
		CU_ASSERT(dev_reconnect(d));
	}
	CU_ASSERT(lan_log_await(f.scene.lan, "no room on the disk (", WAIT_MS));
	CU_ASSERT_EQUAL(scene_log_count(&f.scene, "no room on the disk ("), 1);
	CU_ASSERT_EQUAL(metric(&f, "messages_dropped_bound_total"), 0);
	CU_ASSERT(metric(&f, "messages_refused_disk_total") >= 6);
	fill(&f, 0);
	dev_drop(d); /* and what it would send again */
	d = scene_device(&f.scene, "dev1", NULL);
	CU_ASSERT(scene_publish_run(d, EVENT, BEFORE + 1, BEFORE + 1, WAIT_MS));
	CU_ASSERT(sim_do(f.scene.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(scene_await_distinct(&f.scene, "dev1", BEFORE + 1, 3 * WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&f.scene, "dev1", "missing"), 0);
	dev_disconnect(d);
	end(&f);
}

static void full_disk_refuses_and_drops_nothing_that_was_accepted(void)
{
	refuses_and_keeps("drop_oldest", ENOSPC);
}

static void quota_that_is_used_up_refuses_and_drops_nothing_either(void)
{
	refuses_and_keeps("refuse", EDQUOT);
}

static void full_disk_drops_and_counts_qos_0_and_answers_shadows_with_5006(void)
{
	struct full f = start("drop_oldest");
	struct dev *d = scene_online_device(&f.scene, "dev1", NULL);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(d, RESULT, 0), 0);
	cut_off(&f);
	fill(&f, ENOSPC);
	CU_ASSERT(dev_publish(d, EVENT, "{}", 0));
	CU_ASSERT(dev_publish(d, SHADOW,
	                      "{\"type\":\"update\",\"state\":{\"reported\":{\"on\":true}},"
	                      "\"clientToken\":\"t\"}",
	                      0));
	m = dev_await_message(d, RESULT, WAIT_MS);
	CU_ASSERT(m && strstr(m->payload, "5006"));
	CU_ASSERT_EQUAL(metric(&f, "messages_dropped_live_total"), 1);
	CU_ASSERT(dev_connected(d));
	fill(&f, 0);
	dev_disconnect(d);
	end(&f);
}

static void client_that_speaks_for_several_devices_stays_while_the_disk_is_full(void)
{
	const struct dev_opts o = { .client_id = "zigbee2mqtt" };
	struct full f = start("drop_oldest");
	struct dev *bridge = client_connect(lan_port(f.scene.lan), &o);

	CU_ASSERT_FATAL(bridge != NULL);
	CU_ASSERT(dev_publish_acked(bridge, "zigbee2mqtt/s1", "{\"n\":1}", WAIT_MS));
	CU_ASSERT(scene_await_publish(&f.scene, PRODUCT "/s1/event", WAIT_MS) != NULL);
	cut_off(&f);
	fill(&f, ENOSPC);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT(dev_publish_acked(bridge, "zigbee2mqtt/s1", "{\"n\":2}", WAIT_MS));
		CU_ASSERT(dev_publish_acked(bridge, "zigbee2mqtt/s2", "{\"n\":2}", WAIT_MS));
	}
	CU_ASSERT(dev_connected(bridge));
	CU_ASSERT_EQUAL(metric(&f, "messages_refused_disk_total"), 6);
	fill(&f, 0);
	dev_disconnect(bridge);
	end(&f);
}

/* --- commands for a device that is away --- */

#define CONTROL PRODUCT "/dev1/control"

static void send_run(struct full *f, int from, int to)
{
	for (int n = from; n <= to; n++) {
		char text[32];

		snprintf(text, sizeof text, "{\"n\":%d}", n);
		CU_ASSERT(sim_publish(f->scene.sim, CONTROL, text, 1));
	}
}

static void hears_run(struct full *f, int from, int to)
{
	struct dev *d = scene_device(&f->scene, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	for (int n = from; n <= to; n++) {
		const struct dev_message *m = dev_await_message(d, CONTROL, WAIT_MS);

		CU_ASSERT(m && atoi(m->payload + strlen("{\"n\":")) == n);
	}
	CU_ASSERT_EQUAL(dev_count_messages(d, CONTROL), to - from + 1);
	dev_disconnect(d);
}

static void leave_subscribed(struct full *f)
{
	struct dev *d = scene_online_device(&f->scene, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&f->scene, CONTROL));
	dev_disconnect(d);
	CU_ASSERT(scene_await_metric(&f->scene, "devices_present", 0));
}

static void full_disk_leaves_commands_with_the_hub_and_loses_none(void)
{
	struct full f = start("drop_oldest");

	leave_subscribed(&f);
	send_run(&f, 1, 2);
	CU_ASSERT(scene_await_metric(&f.scene, "commands_waiting", 2));
	fill(&f, ENOSPC);
	send_run(&f, 3, 6);
	CU_ASSERT(scene_await_metric(&f.scene, "commands_unacknowledged", 4));
	CU_ASSERT(scene_await_unacknowledged(&f.scene, 4));
	CU_ASSERT_EQUAL(scene_log_count(&f.scene, "cannot be kept (no room on the disk)"), 1);
	lan_kill(f.scene.lan); /* what memory had is the hub's still */
	fill(&f, 0);
	CU_ASSERT_FATAL(lan_restart(f.scene.lan));
	CU_ASSERT(scene_await_metric(&f.scene, "commands_waiting", 6));
	CU_ASSERT(scene_await_unacknowledged(&f.scene, 0));
	hears_run(&f, 1, 6);
	end(&f);
}

static void full_disk_holds_up_no_command_of_a_device_that_is_there(void)
{
	enum {
		UNKEPT = 10, /* as core/hub/command_queue.h */
		MANY = 30,   /* more than the hub's window */
	};
	struct full f = start("drop_oldest");
	struct dev *other;

	leave_subscribed(&f);
	other = scene_online_device(&f.scene, "dev2", NULL);
	CU_ASSERT_EQUAL(dev_subscribe(other, PRODUCT "/dev2/control", 1), 1);
	CU_ASSERT(scene_await_filter(&f.scene, PRODUCT "/dev2/control"));
	fill(&f, ENOSPC);
	send_run(&f, 1, MANY);
	CU_ASSERT(sim_publish(f.scene.sim, PRODUCT "/dev2/control", "{}", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(other, PRODUCT "/dev2/control", WAIT_MS));
	CU_ASSERT(scene_await_metric(&f.scene, "commands_dropped_disk_total", MANY - UNKEPT));
	CU_ASSERT(scene_await_unacknowledged(&f.scene, UNKEPT));
	fill(&f, 0);
	CU_ASSERT(scene_await_metric(&f.scene, "commands_unacknowledged", 0));
	CU_ASSERT(scene_await_unacknowledged(&f.scene, 0));
	hears_run(&f, MANY - UNKEPT + 1, MANY);
	dev_disconnect(other);
	end(&f);
}

SUITE(disk_full, TEST(full_disk_refuses_and_drops_nothing_that_was_accepted),
      TEST(quota_that_is_used_up_refuses_and_drops_nothing_either),
      TEST(full_disk_drops_and_counts_qos_0_and_answers_shadows_with_5006),
      TEST(client_that_speaks_for_several_devices_stays_while_the_disk_is_full),
      TEST(full_disk_leaves_commands_with_the_hub_and_loses_none),
      TEST(full_disk_holds_up_no_command_of_a_device_that_is_there))
