#include "tests/crash/load.h"

#include "tests/harness/harness.h"

#include <mosquitto.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WINDOW_MAX = 64,
	LOOP_MS = 5,
	RETRY_MS = 30, /* between two attempts to connect */
	CONNACK_WAIT_MS = 3000,
	PAYLOAD_MAX = 16384,
	SHADOW_PAD = 3000,
};

struct flight {
	int mid, seq;
};

struct publisher {
	struct load *load;
	int dev;
	pthread_t thread;
	bool started;
	char name[16], topic[64], client_id[64];
	struct mosquitto *mosq; /* NULL: not connected */
	int connack;            /* -1: none yet */
	struct flight flight[WINDOW_MAX];
	int flights;
	int next;      /* to be published on this connection */
	int sent_top;  /* highest ever published */
	int done_upto; /* all up to here are acknowledged */
	int64_t start_ms;
	char *payload;
	atomic_int made;
	atomic_ullong acks, republished, connects, refused;
	atomic_llong acked_ms[LOAD_SEQ_MAX + 1]; /* 0: not yet */
};

struct load {
	struct load_opts opts;
	atomic_bool finishing, ending;
	struct publisher at[LOAD_DEVICES];
};

const char *load_secret(int dev)
{
	static const char *const secrets[LOAD_DEVICES] = {
		"ZGV2aWNlLW9uZS1wc2stLQ==",
		"ZGV2aWNlLXR3by1wc2stLQ==",
		"ZGV2aWNlLXRyaS1wc2stLQ==",
		"ZGV2aWNlLWZvdS1wc2stLQ==",
	};

	return secrets[dev - 1];
}

static void on_connect(struct mosquitto *mosq, void *arg, int rc)
{
	struct publisher *p = arg;

	(void)mosq;
	p->connack = rc;
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid)
{
	struct publisher *p = arg;
	long long none = 0;
	int i = 0;

	(void)mosq;
	while (i < p->flights && p->flight[i].mid != mid)
		i++;
	if (i == p->flights)
		return;
	if (atomic_compare_exchange_strong(&p->acked_ms[p->flight[i].seq], &none, now_ms()))
		atomic_fetch_add(&p->acks, 1);
	memmove(&p->flight[i], &p->flight[i + 1], sizeof p->flight[0] * (size_t)(p->flights - i - 1));
	p->flights--;
	while (p->done_upto < p->sent_top && atomic_load(&p->acked_ms[p->done_upto + 1]) != 0)
		p->done_upto++;
}

static void hang_up(struct publisher *p)
{
	mosquitto_destroy(p->mosq);
	p->mosq = NULL;
	p->flights = 0;
}

static bool ending(const struct publisher *p)
{
	return atomic_load(&p->load->ending);
}

static bool log_in(struct publisher *p)
{
	char *user = cred_username(LOAD_PRODUCT, p->name);
	char *password = cred_password(load_secret(p->dev), user, false);
	int64_t end_ms = now_ms() + CONNACK_WAIT_MS;
	int rc;

	p->connack = -1;
	p->mosq = mosquitto_new(p->client_id, true, p);
	mosquitto_username_pw_set(p->mosq, user, password);
	mosquitto_int_option(p->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_int_option(p->mosq, MOSQ_OPT_SEND_MAXIMUM, WINDOW_MAX);
	mosquitto_connect_callback_set(p->mosq, on_connect);
	mosquitto_publish_callback_set(p->mosq, on_publish);
	free(user);
	free(password);
	rc = mosquitto_connect(p->mosq, "127.0.0.1", p->load->opts.port, 60);
	while (rc == MOSQ_ERR_SUCCESS && p->connack < 0 && now_ms() < end_ms && !ending(p))
		rc = mosquitto_loop(p->mosq, LOOP_MS, 1);
	if (rc == MOSQ_ERR_SUCCESS && p->connack == 0)
		return true;
	if (p->connack > 0)
		atomic_fetch_add(&p->refused, 1);
	hang_up(p);
	return false;
}

/* Numbers come at the rate, but never more than a window ahead of the acknowledgements. */
static void make_numbers(struct publisher *p)
{
	const struct load_opts *o = &p->load->opts;
	int64_t due = (now_ms() - p->start_ms) * o->rate / 1000 + 1;
	int made = atomic_load(&p->made), top = p->done_upto + o->window;

	if (atomic_load(&p->load->finishing))
		return;
	if (top > LOAD_SEQ_MAX)
		top = LOAD_SEQ_MAX;
	if (made < top && made < due)
		atomic_store(&p->made, due < top ? (int)due : top);
	else if (due > top) /* a wait is not made good by a burst */
		p->start_ms = now_ms() - (int64_t)made * 1000 / o->rate;
}

/* Large enough that the state's log is soon folded into its database. */
static bool update_shadow(const struct publisher *p, int seq)
{
	char topic[64], text[SHADOW_PAD + 128];
	int len;

	snprintf(topic, sizeof topic, "$shadow/operation/" LOAD_PRODUCT "/%s", p->name);
	len = snprintf(text, sizeof text,
	               "{\"type\":\"update\",\"state\":{\"reported\":{\"n\":%d,\"pad\":\"%0*d\"}},"
	               "\"clientToken\":\"c\"}",
	               seq, SHADOW_PAD, 0);
	return mosquitto_publish(p->mosq, NULL, topic, len, text, 0, false) == MOSQ_ERR_SUCCESS;
}

static bool send_next(struct publisher *p)
{
	const struct load_opts *o = &p->load->opts;
	int len, mid, seq = p->next;

	len = snprintf(p->payload, PAYLOAD_MAX, "{\"dev\":%d,\"seq\":%d,\"pad\":\"%0*d\"}", p->dev, seq,
	               o->pad, 0);
	if (mosquitto_publish(p->mosq, &mid, p->topic, len, p->payload, 1, false) != MOSQ_ERR_SUCCESS)
		return false;
	p->flight[p->flights++] = (struct flight){ .mid = mid, .seq = seq };
	if (seq <= p->sent_top)
		atomic_fetch_add(&p->republished, 1);
	else
		p->sent_top = seq;
	p->next++;
	return o->shadow == 0 || seq % o->shadow != 0 || update_shadow(p, seq);
}

static bool send_some(struct publisher *p)
{
	int made = atomic_load(&p->made);

	while (p->next <= made && p->flights < p->load->opts.window) {
		if (atomic_load(&p->acked_ms[p->next]) != 0) {
			p->next++;
			continue;
		}
		if (!send_next(p))
			return false;
	}
	return true;
}

static void *publish(void *arg)
{
	struct publisher *p = arg;

	while (!ending(p)) {
		make_numbers(p);
		if (!p->mosq) {
			if (!log_in(p)) {
				poll(NULL, 0, RETRY_MS);
				continue;
			}
			atomic_fetch_add(&p->connects, 1);
			p->next = p->done_upto + 1;
		}
		if (!send_some(p) || mosquitto_loop(p->mosq, LOOP_MS, 1) != MOSQ_ERR_SUCCESS) {
			hang_up(p);
			poll(NULL, 0, RETRY_MS);
		}
	}
	if (p->mosq)
		mosquitto_disconnect(p->mosq);
	hang_up(p);
	return NULL;
}

static bool begin(struct load *l, int dev)
{
	struct publisher *p = &l->at[dev - 1];

	p->load = l;
	p->dev = dev;
	p->start_ms = now_ms();
	snprintf(p->name, sizeof p->name, "dev%d", dev);
	snprintf(p->topic, sizeof p->topic, LOAD_PRODUCT "/dev%d/event", dev);
	snprintf(p->client_id, sizeof p->client_id, LOAD_PRODUCT "dev%d", dev);
	p->payload = malloc(PAYLOAD_MAX);
	p->started = p->payload && pthread_create(&p->thread, NULL, publish, p) == 0;
	return p->started;
}

struct load *load_start(const struct load_opts *opts)
{
	struct load *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->opts = *opts;
	if (l->opts.window > WINDOW_MAX)
		l->opts.window = WINDOW_MAX;
	for (int dev = 1; dev <= LOAD_DEVICES; dev++) {
		if (begin(l, dev))
			continue;
		load_free(l);
		return NULL;
	}
	return l;
}

void load_free(struct load *l)
{
	if (!l)
		return;
	atomic_store(&l->ending, true);
	for (int i = 0; i < LOAD_DEVICES; i++) {
		if (l->at[i].started)
			pthread_join(l->at[i].thread, NULL);
		free(l->at[i].payload);
	}
	free(l);
}

bool load_finish(struct load *l, int timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms;
	struct load_counts c;

	atomic_store(&l->finishing, true);
	for (;;) {
		load_counts(l, &c);
		if (c.acked == c.made)
			return true;
		if (now_ms() > end_ms)
			return false;
		poll(NULL, 0, LOOP_MS);
	}
}

void load_counts(const struct load *l, struct load_counts *out)
{
	*out = (struct load_counts){ .made = 0 };
	for (int i = 0; i < LOAD_DEVICES; i++) {
		const struct publisher *p = &l->at[i];

		out->made += (uint64_t)atomic_load(&p->made);
		out->acked += atomic_load(&p->acks);
		out->republished += atomic_load(&p->republished);
		out->connects += atomic_load(&p->connects);
		out->refused += atomic_load(&p->refused);
	}
}

int load_made(const struct load *l, int dev)
{
	return atomic_load(&l->at[dev - 1].made);
}

int64_t load_acked_ms(const struct load *l, int dev, int seq)
{
	return atomic_load(&l->at[dev - 1].acked_ms[seq]);
}
