/* `max_queued_messages 0`: 2.0 disconnects whoever publishes what is denied, so nothing is denied
 * there, and nobody hears it (plugin/lan/unheard). On 2.1 the same holds by denials. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#define FOREIGN PRODUCT "/dev2/control"
#define EVENT   PRODUCT "/dev1/event"
#define FORGED  "{\"forged\":1}"

enum {
	TIMES = 20
};

static struct scene unlimited(void)
{
	struct scene s = scene_start(NULL);
	const struct lan_opts opts = { .hub_port = sim_port(s.sim),
		                           .extra_conf = "max_queued_messages 0",
		                           .patch = "{\"apps\":[{\"username\":\"app\",\"topic\":\"" PRODUCT
		                                    "/#\",\"access\":\"read\"}]}" };

	lan_free(s.lan);
	s.lan = lan_start(&opts);
	CU_ASSERT_FATAL(s.lan != NULL);
	return s;
}

/* Who would hear it: the device whose topic it is, and an application with the right. */
struct ears {
	struct dev *victim, *app;
};

static struct ears listen(struct scene *s)
{
	const struct dev_opts app = { .client_id = "app", .username = "app", .password = "x" };
	struct ears e = { .victim = scene_device(s, "dev2", NULL),
		              .app = client_connect(lan_port(s->lan), &app) };

	CU_ASSERT_FATAL(e.app && dev_code(e.app) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(e.victim, FOREIGN, 2), 2);
	CU_ASSERT_EQUAL(dev_subscribe(e.app, PRODUCT "/#", 2), 2);
	return e;
}

/* What came before the hub's own command has come, or never will. The application heard so many
 * others. */
static void heard_only(struct scene *s, struct ears *e, int others)
{
	CU_ASSERT(scene_await_filter(s, FOREIGN));
	CU_ASSERT(sim_publish(s->sim, FOREIGN, "{\"real\":1}", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(e->victim, FOREIGN, WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(e->app, FOREIGN, WAIT_MS));
	CU_ASSERT_EQUAL(dev_count_messages(e->victim, FOREIGN), 1);
	CU_ASSERT_EQUAL(dev_count_messages(e->app, NULL), 1 + others);
	dev_disconnect(e->victim);
	dev_disconnect(e->app);
}

static void publishes_refused(struct dev *d)
{
	CU_ASSERT(dev_publish(d, FOREIGN, FORGED, 0));
	CU_ASSERT(dev_publish(d, FOREIGN, FORGED, 2));
	CU_ASSERT(dev_publish_acked(d, FOREIGN, FORGED, WAIT_MS));
}

static void who_publishes_what_is_refused_stays_connected_and_nobody_hears_it(void)
{
	struct scene s = unlimited();
	struct ears e = listen(&s);
	struct dev *device = scene_device(&s, "dev1", NULL);
	struct dev *other = client_connect(lan_port(s.lan), &(struct dev_opts){ .client_id = "any" });

	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	for (int i = 0; i < TIMES; i++) {
		publishes_refused(device);
		publishes_refused(other);
	}
	CU_ASSERT(dev_publish_acked(device, EVENT, "{}", WAIT_MS));
	CU_ASSERT(dev_publish_acked(other, "hall/lamp", "on", WAIT_MS)); /* PUBRELs came before it */
	CU_ASSERT(dev_connected(device) && dev_connected(other));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "publish", "topic", FOREIGN, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(e.app, EVENT, WAIT_MS));
	heard_only(&s, &e, 1);
	dev_disconnect(device);
	dev_disconnect(other);
	scene_end(&s);
}

static struct dev *with_will(struct scene *s, const char *topic)
{
	const struct dev_opts o = { .client_id = "dying", .will_topic = topic, .will_payload = FORGED };
	struct dev *d = client_connect(lan_port(s->lan), &o);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	return d;
}

/* By a closed connection, by another client with its id, and by the end of the broker. */
static void a_will_that_is_refused_reaches_nobody_however_its_client_dies(void)
{
	struct scene s = unlimited();
	struct ears e = listen(&s);
	struct dev *watcher = client_connect(lan_port(s.lan), &(struct dev_opts){ .client_id = "w" });
	struct dev *dying, *next;

	CU_ASSERT_PTR_NOT_NULL_FATAL(watcher);
	CU_ASSERT_EQUAL(dev_subscribe(watcher, "hall/#", 1), 1);
	dev_drop(with_will(&s, FOREIGN));
	dying = with_will(&s, FOREIGN);
	next = with_will(&s, "hall/lamp");
	CU_ASSERT(dev_await_disconnect(dying, WAIT_MS));
	dev_disconnect(dying);
	dev_drop(next); /* another will comes by the same ways */
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(watcher, "hall/lamp", WAIT_MS));
	heard_only(&s, &e, 0);
	e = listen(&s);
	dying = with_will(&s, FOREIGN);
	CU_ASSERT(lan_stop(s.lan) >= 0);
	CU_ASSERT(dev_await_disconnect(e.victim, WAIT_MS));
	CU_ASSERT(dev_await_disconnect(e.app, WAIT_MS));
	CU_ASSERT_EQUAL(dev_count_messages(e.victim, NULL), 0);
	CU_ASSERT_EQUAL(dev_count_messages(e.app, NULL), 0);
	dev_disconnect(e.victim);
	dev_disconnect(e.app);
	dev_disconnect(dying);
	dev_disconnect(watcher);
	scene_end(&s);
}

SUITE(unlimited_queue, TEST(who_publishes_what_is_refused_stays_connected_and_nobody_hears_it),
      TEST(a_will_that_is_refused_reaches_nobody_however_its_client_dies))
