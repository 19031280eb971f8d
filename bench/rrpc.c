/* What the gateway adds to a call of the cloud (RRPC): from the call at the hub to the answer
 * there, of a device behind the gateway, beside one that is connected to the hub itself. Calls of
 * both take turns, one at a time, at random moments, so both suffer alike from what else runs here.
 * Added is the difference of their quantiles, in the round in which the device at the hub suffered
 * least: who chooses by that chooses no result of the gateway's. */
#include <mosquitto.h>
#include <pthread.h>
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
	SAMPLES = 300,
	WARM_UP = 20,
	ROUNDS = 7,
	ROUNDS_QUICK = 3,
	BAR_US = 3000,
	WAIT_S = 5
};

static const char sim_config[] =
	"{\"accounts\":["
	"{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\"},"
	"{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\",\"secret\":\"ZGV2aWNlLW9uZS1wc2stLQ==\"},"
	"{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev2\",\"secret\":\"ZGV2aWNlLXR3by1wc2stLQ==\"}"
	"],\"bound\":["
	"{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\"}],"
	"\"limits\":{\"rate_up\":100000}}";

struct party { /* the application, or a device that answers */
	struct mosquitto *mosq;
	const char *name; /* NULL: the application */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ready;
	unsigned answers;
	int64_t answered_ns;
};

static void on_connect(struct mosquitto *mosq, void *ctx, int code)
{
	const struct party *p = ctx;
	char filter[64];

	snprintf(filter, sizeof(filter), "$rrpc/%s/SUBPRODUC1/%s/+", p->name ? "rxd" : "txd",
	         p->name ? p->name : "+");
	if (code == 0)
		mosquitto_subscribe(mosq, NULL, filter, 0);
}

static void on_subscribe(struct mosquitto *mosq, void *ctx, int mid, int count, const int *qos)
{
	struct party *p = ctx;

	(void)mosq;
	(void)mid;
	(void)count;
	(void)qos;
	pthread_mutex_lock(&p->lock);
	p->ready = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *m)
{
	struct party *p = ctx;
	char topic[96];

	if (p->name) {
		snprintf(topic, sizeof(topic), "$rrpc/txd/SUBPRODUC1/%s/%s", p->name,
		         strrchr(m->topic, '/') + 1);
		mosquitto_publish(mosq, NULL, topic, m->payloadlen, m->payload, 0, false);
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->answered_ns = gen_clock_ns();
	p->answers++;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

static bool await(struct party *p, unsigned answers)
{
	struct timespec end;
	bool ok = true;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += WAIT_S;
	pthread_mutex_lock(&p->lock);
	while (ok && !(p->ready && p->answers >= answers))
		ok = pthread_cond_timedwait(&p->changed, &p->lock, &end) == 0;
	pthread_mutex_unlock(&p->lock);
	return ok;
}

static bool join(struct party *p, int port, const char *name, const char *secret)
{
	char *id = text_fmt("SUBPRODUC1%s", name ? name : "-app");
	char *username = name ? cred_username("SUBPRODUC1", name) : strdup("hubsim-admin");
	char *password = name ? cred_password(secret, username, false) : strdup("hubsim");
	bool ok;

	*p = (struct party){ .name = name, .mosq = mosquitto_new(id, true, p) };
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	mosquitto_username_pw_set(p->mosq, username, password);
	mosquitto_int_option(p->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_connect_callback_set(p->mosq, on_connect);
	mosquitto_subscribe_callback_set(p->mosq, on_subscribe);
	mosquitto_message_callback_set(p->mosq, on_message);
	ok = mosquitto_connect(p->mosq, "127.0.0.1", port, 60) == MOSQ_ERR_SUCCESS &&
	     mosquitto_loop_start(p->mosq) == MOSQ_ERR_SUCCESS && await(p, 0);
	free(id);
	free(username);
	free(password);
	return ok;
}

static void leave(struct party *p)
{
	if (!p->mosq)
		return;
	mosquitto_disconnect(p->mosq);
	mosquitto_loop_stop(p->mosq, false);
	mosquitto_destroy(p->mosq);
}

/* What one call took; negative: no answer. */
static int64_t call(struct party *app, const char *name)
{
	struct timespec pause = { 0, 1000000 + (long)(random() % 9000000) };
	unsigned before = app->answers;
	int64_t start_ns;
	char topic[96];

	snprintf(topic, sizeof(topic), "$rrpc/rxd/SUBPRODUC1/%s/%u", name, before);
	nanosleep(&pause, NULL);
	start_ns = gen_clock_ns();
	mosquitto_publish(app->mosq, NULL, topic, 2, "{}", 0, false);
	return await(app, before + 1) ? app->answered_ns - start_ns : -1;
}

struct round { /* quantiles, in us */
	double direct_p50, direct_p99, behind_p50, behind_p99;
};

static bool measure(struct party *app, struct round *out)
{
	static int64_t direct[SAMPLES], behind[SAMPLES];

	for (int n = -WARM_UP; n < SAMPLES; n++) {
		int64_t d = call(app, "dev2"), b = call(app, "dev1");

		if (d < 0 || b < 0)
			return false;
		direct[n < 0 ? 0 : n] = d;
		behind[n < 0 ? 0 : n] = b;
	}
	out->direct_p50 = measure_quantile_ns(direct, SAMPLES, 0.5) / 1000;
	out->direct_p99 = measure_quantile_ns(direct, SAMPLES, 0.99) / 1000;
	out->behind_p50 = measure_quantile_ns(behind, SAMPLES, 0.5) / 1000;
	out->behind_p99 = measure_quantile_ns(behind, SAMPLES, 0.99) / 1000;
	return true;
}

static bool measure_rounds(struct bench *b, struct party *app, struct round *best)
{
	int count = b->quick ? ROUNDS_QUICK : ROUNDS;
	struct round r;
	bool ok = true;

	awake_begin();
	for (int n = 0; n < count && ok; n++) {
		ok = measure(app, &r);
		if (ok && (n == 0 || r.direct_p99 < best->direct_p99))
			*best = r;
	}
	awake_end();
	return ok;
}

static void rounds(struct bench *b, struct party *app)
{
	struct round r;

	if (!measure_rounds(b, app, &r)) {
		table_failed(b->table, "rrpc", "a call was not answered");
		return;
	}
	scene_row(b, "rrpc", "device at the hub: p50", "us", r.direct_p50, BAR_NONE, 0);
	scene_row(b, "rrpc", "device at the hub: p99", "us", r.direct_p99, BAR_NONE, 0);
	scene_row(b, "rrpc", "device behind the gateway: p50", "us", r.behind_p50, BAR_NONE, 0);
	scene_row(b, "rrpc", "device behind the gateway: p99", "us", r.behind_p99, BAR_NONE, 0);
	scene_row(b, "rrpc", "added by the gateway: p50", "us", r.behind_p50 - r.direct_p50, BAR_NONE,
	          0);
	scene_row(b, "rrpc", "added by the gateway: p99", "us", r.behind_p99 - r.direct_p99,
	          BAR_AT_MOST, BAR_US);
}

void bench_rrpc(struct bench *b)
{
	static struct party app, direct, behind;
	const struct sim_opts so = { .config = sim_config };
	struct sim *sim = sim_start(&so);
	struct lan_opts lo = { .hub_port = sim ? sim_port(sim) : 0,
		                   .patch = "{\"hub\":{\"rate_up\":0,\"min_reconnect_s\":1}}" };
	struct lan *lan = sim ? lan_start(&lo) : NULL;

	if (lan && join(&behind, lan_port(lan), "dev1", "ZGV2aWNlLW9uZS1wc2stLQ==") &&
	    sim_await_event(sim, WAIT_S * 1000, "ev", "subscribe", "filter",
	                    "$rrpc/rxd/SUBPRODUC1/dev1/+", NULL) &&
	    join(&direct, sim_port(sim), "dev2", "ZGV2aWNlLXR3by1wc2stLQ==") &&
	    join(&app, sim_admin_port(sim), NULL, NULL))
		rounds(b, &app);
	else
		table_failed(b->table, "rrpc", "the scene did not start");
	leave(&app);
	leave(&direct);
	leave(&behind);
	lan_free(lan);
	sim_stop(sim);
}
