/* What downloads of firmware cost the telemetry of others: a device publishes, one message after
 * the other, while nobody downloads, while twenty devices do, and again while nobody does; at the
 * pace of a LAN of 100 Mbit/s that the twenty fill, and as fast as this machine can, which takes
 * its processors from everybody. Judged are the medians of ratios within one round, so that what
 * else runs here is on both sides, by how far two parts of a round without downloads are apart. */
#include <curl/curl.h>
#include <mosquitto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/awake.h"
#include "bench/gen.h"
#include "bench/measure.h"
#include "bench/scene.h"
#include "tests/harness/harness.h"

enum {
	DOWNLOADS = 20,
	IMAGE = 32 << 20,
	LAN_BYTES = 12500000, /* per second, of all of them */
	SAMPLES = 300,
	ROUNDS = 7,
	ROUNDS_QUICK = 3,
	WAIT_MS = 10000,
};

#define PRODUCT "SUBPRODUC1"
#define SECRET  "ZGV2aWNlLW9uZS1wc2stLQ=="

/* --- the devices that download --- */

struct downloader {
	struct dev *d;
	char url[300];
	pthread_t thread;
	const atomic_bool *ends;
	atomic_ullong bytes;
	curl_off_t most; /* bytes per second; 0: no limit */
};

static size_t take(char *data, size_t size, size_t count, void *ctx)
{
	struct downloader *l = ctx;

	(void)data;
	atomic_fetch_add(&l->bytes, size * count);
	return atomic_load(l->ends) ? 0 : size * count;
}

/* Again and again: the name is good until the device reports that it is done. */
static void *download(void *ctx)
{
	struct downloader *l = ctx;
	CURL *e = curl_easy_init();

	curl_easy_setopt(e, CURLOPT_URL, l->url);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_MAX_RECV_SPEED_LARGE, l->most);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, l);
	while (!atomic_load(l->ends) && curl_easy_perform(e) == CURLE_OK)
		;
	curl_easy_cleanup(e);
	return NULL;
}

/* It has the URL that the gateway gave it. */
static bool be_told(struct downloader *l, struct sim *sim, struct lan *lan, int n)
{
	char *name = text_fmt("s%d", n), *topic = text_fmt("$ota/update/" PRODUCT "/s%d", n);
	char *task = text_fmt("{\"cmd\":\"ota_task\",\"device\":\"" PRODUCT
	                      "/s%d\",\"version\":\"2.0\",\"name\":\"image\"}",
	                      n);
	const struct dev_message *m = NULL;
	cJSON *root = NULL;
	const char *url;

	l->d = dev_connect(lan, PRODUCT, name, SECRET, NULL);
	if (l->d && dev_subscribe(l->d, topic, 1) == 1 &&
	    sim_await_event(sim, WAIT_MS, "ev", "subscribe", "filter", topic, NULL) &&
	    sim_do(sim, task))
		m = dev_await_message(l->d, topic, WAIT_MS);
	if (m)
		root = cJSON_Parse(m->payload);
	url = cJSON_GetStringValue(cJSON_GetObjectItem(root, "url"));
	snprintf(l->url, sizeof(l->url), "%s", url ? url : "");
	cJSON_Delete(root);
	free(name);
	free(topic);
	free(task);
	return l->url[0] != '\0';
}

/* --- the device that publishes, and the application that waits for it --- */

struct listener {
	struct mosquitto *mosq;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ready;
	int heard; /* number in the newest message */
	int64_t heard_ns;
};

static void on_connect(struct mosquitto *mosq, void *ctx, int code)
{
	(void)ctx;
	if (code == 0)
		mosquitto_subscribe(mosq, NULL, PRODUCT "/dev1/event", 0);
}

static void on_subscribe(struct mosquitto *mosq, void *ctx, int mid, int count, const int *qos)
{
	struct listener *l = ctx;

	(void)mosq;
	(void)mid;
	(void)count;
	(void)qos;
	pthread_mutex_lock(&l->lock);
	l->ready = true;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *m)
{
	struct listener *l = ctx;
	int64_t now_ns = gen_clock_ns();

	(void)mosq;
	pthread_mutex_lock(&l->lock);
	l->heard = atoi(m->payload);
	l->heard_ns = now_ns;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

static bool await(struct listener *l, int number)
{
	struct timespec end;
	bool ok = true;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += WAIT_MS / 1000;
	pthread_mutex_lock(&l->lock);
	while (ok && !(l->ready && l->heard >= number))
		ok = pthread_cond_timedwait(&l->changed, &l->lock, &end) == 0;
	pthread_mutex_unlock(&l->lock);
	return ok;
}

static bool listen_at(struct listener *l, int port)
{
	l->mosq = mosquitto_new("downloads-app", true, l);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	mosquitto_username_pw_set(l->mosq, "hubsim-admin", "hubsim");
	mosquitto_int_option(l->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_connect_callback_set(l->mosq, on_connect);
	mosquitto_subscribe_callback_set(l->mosq, on_subscribe);
	mosquitto_message_callback_set(l->mosq, on_message);
	return mosquitto_connect(l->mosq, "127.0.0.1", port, 60) == MOSQ_ERR_SUCCESS &&
	       mosquitto_loop_start(l->mosq) == MOSQ_ERR_SUCCESS && await(l, 0);
}

/* --- measuring --- */

struct stage {
	struct sim *sim;
	struct lan *lan;
	struct dev *other;
	struct listener app;
	struct downloader all[DOWNLOADS];
	int number; /* of the last message */
};

struct part { /* quantiles, in us, from the device to the application */
	double p50, p99;
};

static bool publish(struct stage *s, struct part *out)
{
	static int64_t took_ns[SAMPLES];

	for (int i = 0; i < SAMPLES; i++) {
		struct timespec pause = { 0, 1000000 + (long)(random() % 9000000) };
		char text[16];
		int64_t start_ns;

		nanosleep(&pause, NULL);
		snprintf(text, sizeof(text), "%d", ++s->number);
		start_ns = gen_clock_ns();
		if (!dev_publish(s->other, PRODUCT "/dev1/event", text, 1) || !await(&s->app, s->number))
			return false;
		took_ns[i] = s->app.heard_ns - start_ns;
	}
	out->p50 = measure_quantile_ns(took_ns, SAMPLES, 0.5) / 1000;
	out->p99 = measure_quantile_ns(took_ns, SAMPLES, 0.99) / 1000;
	return true;
}

/* rate: of all downloads, bytes per second. *mb: what they took. */
static bool publish_beside(struct stage *s, curl_off_t rate, struct part *out, double *mb)
{
	atomic_bool ends = false;
	int64_t start_ns = gen_clock_ns();
	unsigned long long bytes = 0;
	bool ok;

	for (int i = 0; i < DOWNLOADS; i++) {
		s->all[i].ends = &ends;
		s->all[i].most = rate / DOWNLOADS;
		atomic_store(&s->all[i].bytes, 0);
		if (pthread_create(&s->all[i].thread, NULL, download, &s->all[i]) != 0)
			abort();
	}
	ok = publish(s, out);
	atomic_store(&ends, true);
	for (int i = 0; i < DOWNLOADS; i++) {
		pthread_join(s->all[i].thread, NULL);
		bytes += atomic_load(&s->all[i].bytes);
	}
	*mb = (double)bytes / 1e6 / ((double)(gen_clock_ns() - start_ns) / 1e9);
	return ok;
}

struct rounds {
	int count;
	double none_p50[ROUNDS], none_p99[ROUNDS], beside_p50[ROUNDS], beside_p99[ROUNDS];
	double ratio_p50[ROUNDS], ratio_p99[ROUNDS], noise_p50[ROUNDS], noise_p99[ROUNDS], mb[ROUNDS];
};

static double apart(double a, double b)
{
	return a > b ? a / b : b / a;
}

static bool measure(struct stage *s, curl_off_t rate, struct rounds *r)
{
	for (int n = 0; n < r->count; n++) {
		struct part before, beside, after;

		if (!publish(s, &before) || !publish_beside(s, rate, &beside, &r->mb[n]) ||
		    !publish(s, &after))
			return false;
		r->none_p50[n] = (before.p50 + after.p50) / 2;
		r->none_p99[n] = (before.p99 + after.p99) / 2;
		r->beside_p50[n] = beside.p50;
		r->beside_p99[n] = beside.p99;
		r->ratio_p50[n] = beside.p50 / r->none_p50[n];
		r->ratio_p99[n] = beside.p99 / r->none_p99[n];
		r->noise_p50[n] = apart(before.p50, after.p50);
		r->noise_p99[n] = apart(before.p99, after.p99);
	}
	return true;
}

/* bar 0: none. */
static void row(struct bench *b, const char *pace, const char *what, const char *unit,
                double *rounds, int count, double bar)
{
	char text[100];

	snprintf(text, sizeof(text), "%s: %s", pace, what);
	scene_row(b, "downloads", text, unit, measure_quantile(rounds, (size_t)count, 0.5),
	          bar > 0 ? BAR_AT_MOST : BAR_NONE, bar);
}

/* Two parts without downloads differ by so much: less is no difference. */
static double bar_of(double *noise, int count, double least)
{
	double median = measure_quantile(noise, (size_t)count, 0.5);

	return median > least ? median : least;
}

static void at_pace(struct bench *b, struct stage *s, const char *pace, curl_off_t rate,
                    bool barred)
{
	struct rounds r = { .count = b->quick ? ROUNDS_QUICK : ROUNDS };
	bool ok;

	awake_begin();
	ok = measure(s, rate, &r);
	awake_end();
	if (!ok) {
		table_failed(b->table, "downloads", "a message did not come");
		return;
	}
	row(b, pace, "20 downloads together", "MB/s", r.mb, r.count, 0);
	row(b, pace, "others to the hub without, p50", "us", r.none_p50, r.count, 0);
	row(b, pace, "others to the hub beside, p50", "us", r.beside_p50, r.count, 0);
	row(b, pace, "others to the hub without, p99", "us", r.none_p99, r.count, 0);
	row(b, pace, "others to the hub beside, p99", "us", r.beside_p99, r.count, 0);
	row(b, pace, "p50, without to without", "x", r.noise_p50, r.count, 0);
	row(b, pace, "p50, beside to without", "x", r.ratio_p50, r.count,
	    barred ? bar_of(r.noise_p50, r.count, 1.5) : 0);
	row(b, pace, "p99, without to without", "x", r.noise_p99, r.count, 0);
	row(b, pace, "p99, beside to without", "x", r.ratio_p99, r.count,
	    barred ? bar_of(r.noise_p99, r.count, 2) : 0);
}

/* --- the stage --- */

/* Both texts with a number between them, for each device that downloads; caller frees. */
static char *each_of(const char *before, const char *after)
{
	char *text = strdup("");

	for (int i = 1; i <= DOWNLOADS; i++) {
		char *longer = text_fmt("%s%s%d%s", text, before, i, after);

		free(text);
		text = longer;
	}
	return text;
}

#define NAMED "\"product_id\":\"" PRODUCT "\",\"device_name\":\""
#define KEPT  "\",\"secret\":\"" SECRET "\"}"

static char *sim_config(void)
{
	char *accounts = each_of(",{" NAMED "s", KEPT);
	char *bound = each_of(",{\"gateway\":\"GWPRODUCT1/gw1\"," NAMED "s", "\"}");
	char *text = text_fmt("{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	                      "\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\"},{" NAMED "dev1" KEPT "%s],"
	                      "\"bound\":[{\"gateway\":\"GWPRODUCT1/gw1\"," NAMED "dev1\"}%s],"
	                      "\"limits\":{\"rate_up\":100000}}",
	                      accounts, bound);

	free(accounts);
	free(bound);
	return text;
}

static char *lan_patch(int port)
{
	char *devices = each_of(",{" NAMED "s", KEPT);
	char *text = text_fmt("{\"hub\":{\"rate_up\":0,\"min_reconnect_s\":1},\"lan\":{\"http\":"
	                      "\"127.0.0.1:%d\",\"http_advertise\":\"127.0.0.1:%d\"},"
	                      "\"firmware\":{\"allow_local\":true},"
	                      "\"devices\":[{" NAMED "dev1" KEPT "%s]}",
	                      port, port, devices);

	free(devices);
	return text;
}

static bool set_up(struct stage *s)
{
	char *config = sim_config(), *patch = lan_patch(port_free());
	char *file = text_fmt("{\"cmd\":\"firmware\",\"name\":\"image\",\"size\":%d}", IMAGE);
	const struct sim_opts so = { .config = config, .firmware = true };
	struct lan_opts lo = { .patch = patch };
	bool ok;

	s->sim = sim_start(&so);
	lo.hub_port = s->sim ? sim_port(s->sim) : 0;
	s->lan = s->sim ? lan_start(&lo) : NULL;
	ok = s->lan && sim_do(s->sim, file);
	for (int i = 0; i < DOWNLOADS && ok; i++)
		ok = be_told(&s->all[i], s->sim, s->lan, i + 1);
	s->other = ok ? dev_connect(s->lan, PRODUCT, "dev1", SECRET, NULL) : NULL;
	free(config);
	free(patch);
	free(file);
	return s->other &&
	       sim_await_event(s->sim, WAIT_MS, "ev", "online", "device", PRODUCT "/dev1", NULL) &&
	       listen_at(&s->app, sim_admin_port(s->sim));
}

static void clear(struct stage *s)
{
	if (s->app.mosq) {
		mosquitto_disconnect(s->app.mosq);
		mosquitto_loop_stop(s->app.mosq, false);
		mosquitto_destroy(s->app.mosq);
	}
	for (int i = 0; i < DOWNLOADS; i++)
		dev_disconnect(s->all[i].d);
	dev_disconnect(s->other);
	lan_free(s->lan);
	sim_stop(s->sim);
}

void bench_downloads(struct bench *b)
{
	static struct stage s;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (set_up(&s)) {
		at_pace(b, &s, "100 Mbit/s", LAN_BYTES, true);
		at_pace(b, &s, "no limit", 0, false);
	} else {
		table_failed(b->table, "downloads", "the scene did not start");
	}
	clear(&s);
}
