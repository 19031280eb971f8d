#include "tests/e2e/scene.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SYS_ROOT      "$SYS/broker/hubgate/"
#define PLAIN(name)   "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"" name "\",\"plain\":true}"
#define PLAIN_DEVICES ",\"devices\":[" PLAIN("dev1") "," PLAIN("dev2") "]"

static const struct {
	const char *name, *secret;
} identities[] = {
	{ "dev1", "ZGV2aWNlLW9uZS1wc2stLQ==" },
	{ "dev2", "ZGV2aWNlLXR3by1wc2stLQ==" },
};

static int or (int value, int otherwise)
{
	return value ? value : otherwise;
}

/* Both texts with a number between them, for each device of the street; caller frees. */
static char *street_of(int count, const char *before, const char *after)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	CU_ASSERT_FATAL(f != NULL);
	for (int i = 1; i <= count; i++)
		fprintf(f, "%s%d%s", before, i, after);
	fclose(f);
	return text;
}

/* The same for each of these names. */
static char *names_of(const char *const *names, const char *before, const char *after)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	CU_ASSERT_FATAL(f != NULL);
	for (; names && *names; names++)
		fprintf(f, "%s%s%s", before, *names, after);
	fclose(f);
	return text;
}

#define STREET_ACCOUNT                             \
	",{\"product_id\":\"" PRODUCT "\",\"secret\":" \
	"\"ZGV2aWNlLW9uZS1wc2stLQ==\",\"device_name\":\""
#define STREET_BOUND \
	",{\"gateway\":\"" GATEWAY "\",\"product_id\":\"" PRODUCT "\",\"device_name\":\""

char *scene_sim_config(const struct scene_opts *o)
{
	char *accounts = street_of(o->street, STREET_ACCOUNT "s", "\"}");
	char *bound = street_of(o->street, STREET_BOUND "s", "\"}");
	char *more_accounts = names_of(o->names, STREET_ACCOUNT, "\"}");
	char *more_bound = names_of(o->names, STREET_BOUND, "\"}");
	char *text = text_fmt(
		"{\"accounts\":["
		"{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
		"\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"gateway\":true},"
		"{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\",\"secret\":\"%s\"},"
		"{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev2\",\"secret\":\"%s\"}%s%s],"
		"\"bound\":[{\"gateway\":\"" GATEWAY "\",\"product_id\":\"" PRODUCT "\","
		"\"device_name\":\"dev1\"}%s%s%s],"
		"\"limits\":{\"connect_s\":%d,\"rate_up\":%d%s}}",
		identities[0].secret, identities[1].secret, accounts, more_accounts,
		o->dev2_unbound ? ""
						: ",{\"gateway\":\"" GATEWAY "\",\"product_id\":\"" PRODUCT "\","
						  "\"device_name\":\"dev2\"}",
		bound, more_bound, or (o->connect_s, 1), or (o->hub_rate, 30), o->limits ? o->limits : "");

	free(accounts);
	free(bound);
	free(more_accounts);
	free(more_bound);
	return text;
}

char *scene_patch(const struct scene_opts *o)
{
	return text_fmt("{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1%s},\"store\":{%s},"
	                "\"presence\":{\"grace_ms\":%d},\"metrics\":{\"sys_interval_s\":1}%s%s}",
	                o->hub ? o->hub : "", o->store ? o->store : "", or (o->grace_ms, 200),
	                o->plain ? PLAIN_DEVICES : "", o->more ? o->more : "");
}

static char *users_dir;

static void users_remove(void)
{
	dir_remove(users_dir);
	free(users_dir);
}

/* A line for mosquitto.conf; caller frees. */
static char *users_conf(const char *user)
{
	char *make, *conf;

	if (!users_dir) {
		users_dir = dir_make();
		atexit(users_remove);
	}
	make = text_fmt("mosquitto_passwd -b -c %s/%s %s right && chmod 0644 %s/%s && chmod 0755 %s",
	                users_dir, user, user, users_dir, user, users_dir);
	CU_ASSERT_EQUAL_FATAL(system(make), 0);
	conf = text_fmt("password_file %s/%s", users_dir, user);
	free(make);
	return conf;
}

struct scene scene_start(const struct scene_opts *opts)
{
	static const struct scene_opts none = { .hub = NULL };
	const struct scene_opts *o = opts ? opts : &none;
	char *config = scene_sim_config(o), *patch = scene_patch(o);
	char *users = o->user ? users_conf(o->user) : NULL;
	struct sim_opts so = { .config = config, .firmware = o->firmware };
	struct lan_opts lo = { .patch = patch, .extra_conf = users };
	struct scene s = { .sim = sim_start(&so) };

	if (s.sim) {
		lo.hub_port = sim_port(s.sim);
		s.lan = lan_start(&lo);
	}
	free(config);
	free(patch);
	free(users);
	if (s.lan && (o->hub_unreached || lan_log_await(s.lan, "connected to the hub", WAIT_MS)))
		return s;
	scene_end(&s);
	CU_FAIL_FATAL("the scene cannot be set up");
	return s;
}

void scene_end(struct scene *s)
{
	lan_free(s->lan);
	sim_stop(s->sim);
	*s = (struct scene){ .sim = NULL };
}

static char *certs_dir;

static void certs_remove(void)
{
	dir_remove(certs_dir);
	free(certs_dir);
}

char *scene_cert(const char *file)
{
	if (!certs_dir) {
		certs_dir = dir_make();
		atexit(certs_remove);
		CU_ASSERT_FATAL(certs_make(certs_dir, "GWPRODUCT1gw1"));
	}
	return text_fmt("%s/%s", certs_dir, file);
}

struct dev *scene_device(struct scene *s, const char *name, const struct dev_opts *opts)
{
	const char *secret = identities[strcmp(name, identities[0].name) != 0].secret;
	struct dev *d = dev_connect(s->lan, PRODUCT, name, secret, opts);

	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL_FATAL(dev_code(d), 0);
	return d;
}

struct dev *scene_online_device(struct scene *s, const char *name, const struct dev_opts *opts)
{
	struct dev *d = scene_device(s, name, opts);
	const cJSON *ev = scene_await(s, "online", name);

	CU_ASSERT_FATAL(ev != NULL);
	CU_ASSERT_EQUAL(scene_number(ev, "result"), 0);
	return d;
}

static void device_key(const char *name, char out[64])
{
	snprintf(out, 64, PRODUCT "/%s", name);
}

const cJSON *scene_await(struct scene *s, const char *ev, const char *device)
{
	char key[64];

	device_key(device, key);
	return sim_await_event(s->sim, WAIT_MS, "ev", ev, "device", key, NULL);
}

int scene_count(struct scene *s, const char *ev, const char *device)
{
	char key[64];

	device_key(device, key);
	return sim_count_events(s->sim, "ev", ev, "device", key, NULL);
}

const cJSON *scene_await_publish(struct scene *s, const char *topic, int timeout_ms)
{
	return sim_await_event(s->sim, timeout_ms, "ev", "publish", "client", GATEWAY, "topic", topic,
	                       NULL);
}

bool scene_await_filter(struct scene *s, const char *filter)
{
	return sim_await_event(s->sim, WAIT_MS, "ev", "subscribe", "client", GATEWAY, "filter", filter,
	                       "granted", "true", NULL) != NULL;
}

double scene_number(const cJSON *event, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, name);

	return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

/* --- runs of numbered messages --- */

static bool await_acked(struct dev *d, int mid, int64_t end_ms)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	while (!dev_acked(d, mid)) {
		if (now_ms() > end_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

bool scene_publish_run(struct dev *d, const char *topic, int from, int to, int timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms;
	int *mids = calloc((size_t)(to - from + 1), sizeof *mids);
	bool ok = mids != NULL;

	for (int i = from; i <= to && ok; i++) {
		char text[32];
		int len = snprintf(text, sizeof text, "{\"seq\":%d}", i);

		mids[i - from] = dev_publish_mid(d, topic, text, (size_t)len, 1, false);
		ok = mids[i - from] >= 0;
	}
	for (int i = from; i <= to && ok; i++)
		ok = await_acked(d, mids[i - from], end_ms);
	free(mids);
	return ok;
}

double scene_tally(struct scene *s, const char *name, const char *what)
{
	char path[96];

	snprintf(path, sizeof path, "devices." PRODUCT "/%s.%s", name, what);
	return sim_stat(s->sim, path);
}

bool scene_await_distinct(struct scene *s, const char *name, int count, int timeout_ms)
{
	struct timespec pause = { .tv_nsec = 20000000 };
	int64_t end_ms = now_ms() + timeout_ms;
	double got;

	while ((got = scene_tally(s, name, "distinct")) < count) {
		if (now_ms() > end_ms)
			return harness_failed("the hub has %g of %d messages of %s", got, count, name);
		nanosleep(&pause, NULL);
	}
	return true;
}

double scene_violations(struct scene *s)
{
	cJSON *stats = sim_command(s->sim, "{\"cmd\":\"stats\"}");
	const cJSON *item;
	double sum = 0;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(stats, "violations"))
	{
		if (item->valuedouble > 0)
			fprintf(stderr, "violation %s: %g\n", item->string, item->valuedouble);
		sum += item->valuedouble;
	}
	cJSON_Delete(stats);
	return sum;
}

/* --- what the plugin says of itself --- */

static const struct dev_message *await_fresh(struct dev *d, const char *name)
{
	char topic[128];
	const struct dev_message *m;

	snprintf(topic, sizeof topic, SYS_ROOT "%s", name);
	do
		m = dev_await_message(d, topic, WAIT_MS);
	while (m && m->retain);
	return m;
}

static struct dev *watch(struct scene *s)
{
	struct dev *d = client_connect(lan_port(s->lan), NULL);

	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL(dev_subscribe(d, SYS_ROOT "#", 0), 0);
	return d;
}

char *scene_sys(struct scene *s, const char *name)
{
	struct dev *d = watch(s);
	const struct dev_message *m = await_fresh(d, name);
	char *text = m ? text_fmt("%s", m->payload) : NULL;

	dev_disconnect(d);
	return text;
}

bool scene_metrics(struct scene *s, const char *const names[], double values[], int count)
{
	struct dev *d = watch(s);
	const struct dev_message *m = NULL;

	for (int i = 0; i < count; i++) {
		m = await_fresh(d, names[i]);
		values[i] = m ? atof(m->payload) : -1;
		if (!m)
			break;
	}
	dev_disconnect(d);
	return m != NULL;
}

bool scene_await_metric(struct scene *s, const char *name, double value)
{
	int64_t until_ms = now_ms() + WAIT_MS;
	double now = -1;

	do {
		if (!scene_metrics(s, &name, &now, 1))
			return false;
	} while (now != value && now_ms() < until_ms);
	return now == value || harness_failed("%s is %g, not %g", name, now, value);
}

bool scene_await_delivered(struct scene *s, int count)
{
	static const char *const names[] = { "messages_delivered_total" };
	int64_t until_ms = now_ms() + WAIT_MS;
	double delivered = 0;

	while (delivered < count && now_ms() < until_ms) {
		if (!scene_metrics(s, names, &delivered, 1))
			return false;
	}
	return delivered >= count ||
	       harness_failed("%g of %d messages delivered after %d ms", delivered, count, WAIT_MS);
}

int scene_log_count(struct scene *s, const char *text)
{
	char *path = text_fmt("%s/mosquitto.log", lan_dir(s->lan));
	char *log = file_read(path);
	int n = 0;

	for (const char *at = log; at && (at = strstr(at, text)); at += strlen(text))
		n++;
	free(log);
	free(path);
	return n;
}

bool scene_await_unacknowledged(struct scene *s, int count)
{
	const struct timespec pause = { .tv_nsec = 10000000 }; /* between two questions */
	int64_t until_ms = now_ms() + WAIT_MS;

	while (sim_stat(s->sim, "unacknowledged") != count && now_ms() < until_ms)
		nanosleep(&pause, NULL);
	return sim_stat(s->sim, "unacknowledged") == count;
}

int scene_stop_max_ms(void)
{
	return machine_is_crowded() ? 3000 : 2000;
}
