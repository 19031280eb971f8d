#include "tests/crash/seen.h"

#include "tests/crash/load.h"
#include "tests/harness/box.h"
#include "tests/harness/harness.h"

#include <mosquitto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOOP_MS = 20,
	ATTACH_WAIT_MS = 5000,
	REST_WAIT_MS = 3000,
	HEAD_MAX = 64 /* of a payload: the numbers stand in front */
};

struct seen {
	struct box box;
	struct mosquitto *mosq;
	pthread_t thread;
	bool running, subscribed, gone;
	atomic_bool ending;
	int64_t last_ms;
	int highest[LOAD_DEVICES + 1];
	struct seen_counts counts;
	unsigned char has[LOAD_DEVICES + 1][LOAD_SEQ_MAX + 1];
};

struct seen *seen_new(void)
{
	struct seen *s = calloc(1, sizeof *s);

	if (s)
		box_init(&s->box);
	return s;
}

void seen_free(struct seen *s)
{
	if (!s)
		return;
	seen_detach(s, false);
	box_fini(&s->box);
	free(s);
}

/* With the lock held. */
static void count(struct seen *s, int dev, int seq)
{
	s->counts.received++;
	s->last_ms = now_ms();
	if (s->has[dev][seq]) {
		s->counts.duplicates++;
		return;
	}
	s->has[dev][seq] = 1;
	s->counts.distinct++;
	if (seq < s->highest[dev])
		s->counts.reordered++;
	else
		s->highest[dev] = seq;
}

static void on_message(struct mosquitto *mosq, void *arg, const struct mosquitto_message *m)
{
	struct seen *s = arg;
	char head[HEAD_MAX] = "";
	int dev = 0, seq = 0;

	(void)mosq;
	if (m->payloadlen > 0)
		memcpy(head, m->payload, m->payloadlen < HEAD_MAX ? (size_t)m->payloadlen : HEAD_MAX - 1);
	if (sscanf(head, "{\"dev\":%d,\"seq\":%d,", &dev, &seq) != 2 || dev < 1 || dev > LOAD_DEVICES ||
	    seq < 1 || seq > LOAD_SEQ_MAX)
		return;
	box_lock(&s->box);
	count(s, dev, seq);
	box_changed(&s->box);
}

static void on_connect(struct mosquitto *mosq, void *arg, int rc)
{
	(void)arg;
	if (rc == 0)
		mosquitto_subscribe(mosq, NULL, LOAD_PRODUCT "/+/event", 0);
}

static void on_subscribe(struct mosquitto *mosq, void *arg, int mid, int n, const int *granted)
{
	struct seen *s = arg;

	(void)mosq;
	(void)mid;
	box_lock(&s->box);
	s->subscribed = n == 1 && granted[0] == 0;
	box_changed(&s->box);
}

static void *listen_to_hub(void *arg)
{
	struct seen *s = arg;

	while (!atomic_load(&s->ending) && mosquitto_loop(s->mosq, LOOP_MS, 1) == MOSQ_ERR_SUCCESS) {
	}
	box_lock(&s->box);
	s->gone = true;
	box_changed(&s->box);
	return NULL;
}

bool seen_attach(struct seen *s, int admin_port)
{
	int64_t end_ms = now_ms() + ATTACH_WAIT_MS;
	bool ok;

	s->subscribed = s->gone = false;
	atomic_store(&s->ending, false);
	s->mosq = mosquitto_new(NULL, true, s);
	mosquitto_username_pw_set(s->mosq, "hubsim-admin", "hubsim");
	mosquitto_connect_callback_set(s->mosq, on_connect);
	mosquitto_subscribe_callback_set(s->mosq, on_subscribe);
	mosquitto_message_callback_set(s->mosq, on_message);
	s->running = mosquitto_connect(s->mosq, "127.0.0.1", admin_port, 60) == MOSQ_ERR_SUCCESS &&
	             pthread_create(&s->thread, NULL, listen_to_hub, s) == 0;
	box_lock(&s->box);
	while (s->running && !s->subscribed && !s->gone && box_wait(&s->box, end_ms)) {
	}
	ok = s->subscribed;
	box_unlock(&s->box);
	return ok || harness_failed("the simulator does not show what it takes");
}

static void await_end(struct seen *s)
{
	int64_t end_ms = now_ms() + REST_WAIT_MS;

	box_lock(&s->box);
	while (!s->gone && box_wait(&s->box, end_ms)) {
	}
	box_unlock(&s->box);
}

void seen_detach(struct seen *s, bool died)
{
	if (s->running) {
		if (died)
			await_end(s);
		atomic_store(&s->ending, true);
		pthread_join(s->thread, NULL);
	}
	s->running = false;
	mosquitto_destroy(s->mosq);
	s->mosq = NULL;
}

bool seen_has(struct seen *s, int dev, int seq)
{
	bool has;

	box_lock(&s->box);
	has = s->has[dev][seq] != 0;
	box_unlock(&s->box);
	return has;
}

void seen_counts(struct seen *s, struct seen_counts *out)
{
	box_lock(&s->box);
	*out = s->counts;
	box_unlock(&s->box);
}

bool seen_await_more(struct seen *s, uint64_t received, int timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms;
	bool more;

	box_lock(&s->box);
	while (s->counts.received <= received && box_wait(&s->box, end_ms)) {
	}
	more = s->counts.received > received;
	box_unlock(&s->box);
	return more;
}

bool seen_await_quiet(struct seen *s, int quiet_ms, int timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms;
	bool quiet;

	box_lock(&s->box);
	do {
		int64_t until_ms = s->last_ms + quiet_ms;

		quiet = now_ms() >= until_ms;
		if (!quiet)
			box_wait(&s->box, until_ms);
	} while (!quiet && now_ms() < end_ms);
	box_unlock(&s->box);
	return quiet;
}
