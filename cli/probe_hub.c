#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cli/probe.h"
#include "core/base/clocks.h"

enum {
	PACE_MS = 200
};

static const char up[] = "$gateway/operation/", down[] = "$gateway/operation/result/";

void probe_topic(char out[PROBE_TOPIC_MAX], const char *prefix, const struct cli_name *name,
                 const char *suffix)
{
	snprintf(out, PROBE_TOPIC_MAX, "%s%s/%s%s", prefix, name->product_id, name->device_name,
	         suffix);
}

/* --- the connection --- */

enum hub_talk_end probe_connect(struct probe *p, uint16_t keepalive_s, int64_t until)
{
	const struct hub_talk_conf conf = {
		.config = &p->config,
		.product_id = p->gateway.product_id,
		.device_name = p->gateway.device_name,
		.secret = p->gateway_secret.key_len > 0 ? &p->gateway_secret : NULL,
		.keepalive_s = keepalive_s,
		.stop = p->stop,
	};

	hub_talk_close(p->talk);
	p->filters = 0;
	p->hears_shadow = false;
	p->last_ms = clocks_monotonic_ms() - PACE_MS;
	return hub_talk_open(&conf, until, &p->talk);
}

bool probe_is_up(const struct probe *p)
{
	return p->talk && hub_talk_state(p->talk) == HUB_TALK_UP;
}

/* --- messages --- */

/* The end may always send its few. */
static enum status pace(struct probe *p)
{
	unsigned most = p->limits ? PROBE_MESSAGES_LIMITS : PROBE_MESSAGES;
	enum status st;

	if (!probe_is_up(p))
		return ST_CLOSED;
	if (p->stop && (p->sent >= most || clocks_monotonic_ms() >= p->until))
		return ST_FULL;
	st = hub_talk_run(p->talk, p->last_ms + PACE_MS, NULL, NULL);
	p->last_ms = clocks_monotonic_ms();
	p->sent++;
	return st == ST_TIMEOUT ? ST_OK : st;
}

enum status probe_publish(struct probe *p, const char *topic, const char *payload, uint8_t qos,
                          uint16_t *id)
{
	enum status st = pace(p);

	return st == ST_OK ? hub_talk_publish(p->talk, topic, payload, strlen(payload), qos, id) : st;
}

struct acked {
	const struct hub_talk *talk;
	uint16_t id;
};

static bool is_acked(void *ctx)
{
	const struct acked *a = ctx;

	return hub_talk_is_acked(a->talk, a->id);
}

enum status probe_publish_acked(struct probe *p, const char *topic, const char *payload)
{
	struct acked a = { .talk = p->talk };
	enum status st = probe_publish(p, topic, payload, 1, &a.id);

	if (st != ST_OK)
		return st;
	return hub_talk_run(p->talk, clocks_monotonic_ms() + PROBE_ANSWER_MS, is_acked, &a);
}

enum status probe_subscribe(struct probe *p, const char *filter, uint8_t qos)
{
	enum status st = pace(p);

	if (st == ST_OK)
		st = hub_talk_subscribe(p->talk, filter, qos, PROBE_ANSWER_MS);
	p->filters += st == ST_OK;
	return st;
}

/* --- requests --- */

struct reply {
	enum gateway_op op;
	const struct cli_name *of; /* NULL: whoever */
	struct gateway_msg *out;
};

/* docs/protocol/gateway.md 3: the reply to unbind may be called bind. */
static bool is_reply(enum gateway_op asked, enum gateway_op came)
{
	return came == asked || (asked == GATEWAY_UNBIND && came == GATEWAY_BIND);
}

static const struct gateway_device *device_in(const struct gateway_msg *m,
                                              const struct cli_name *of)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->devices[i].product_id, of->product_id) == 0 &&
		    strcmp(m->devices[i].device_name, of->device_name) == 0)
			return &m->devices[i];
	}
	return NULL;
}

static bool fits(void *ctx, const struct hub_talk_message *m)
{
	const struct reply *r = ctx;

	if (gateway_parse(m->payload, m->len, r->out) != ST_OK)
		return false;
	if (is_reply(r->op, r->out->op) && (!r->of || device_in(r->out, r->of)))
		return true;
	gateway_msg_free(r->out);
	return false;
}

static enum status await_reply(struct probe *p, struct reply *r, int wait_ms)
{
	char topic[PROBE_TOPIC_MAX];

	probe_topic(topic, down, &p->gateway, "");
	if (hub_talk_await(p->talk, topic, fits, r, wait_ms))
		return ST_OK;
	return probe_is_up(p) ? ST_TIMEOUT : ST_CLOSED;
}

static enum status send_request(struct probe *p, const char *text)
{
	char topic[PROBE_TOPIC_MAX];

	probe_topic(topic, up, &p->gateway, "");
	return probe_publish(p, topic, text, 0, NULL);
}

enum status probe_request_text(struct probe *p, enum gateway_op op, const char *text,
                               struct gateway_msg *m)
{
	struct reply r = { .op = op, .out = m };
	enum status st = send_request(p, text);

	return st == ST_OK ? await_reply(p, &r, PROBE_ANSWER_MS) : st;
}

bool probe_hears(struct probe *p, enum gateway_op op, int wait_ms)
{
	struct gateway_msg m = { .count = 0 };
	struct reply r = { .op = op, .of = &p->device, .out = &m };

	if (await_reply(p, &r, wait_ms) != ST_OK)
		return false;
	gateway_msg_free(&m);
	return true;
}

static enum status write_request(struct probe *p, enum gateway_op op, struct buf *out)
{
	const struct cli_name *d = &p->device;
	uint32_t random;

	if (op != GATEWAY_BIND)
		return gateway_put_request(out, op, d->product_id, d->device_name);
	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		random = (uint32_t)clocks_monotonic_us();
	return gateway_put_bind(out, d->product_id, d->device_name, &p->device_secret,
	                        random & BIND_RANDOM_MAX, (uint64_t)time(NULL), HASH_SHA1, BIND_PSK);
}

enum status probe_request(struct probe *p, enum gateway_op op, int64_t *code)
{
	struct buf text = BUF_MAX(1024);
	struct gateway_msg m = { .count = 0 };
	struct reply r = { .op = op, .of = &p->device, .out = &m };
	enum status st = write_request(p, op, &text);

	if (st == ST_OK && !buf_text(&text))
		st = ST_NOMEM;
	if (st == ST_OK)
		st = send_request(p, buf_text(&text));
	buf_free(&text);
	if (st == ST_OK)
		st = await_reply(p, &r, PROBE_ANSWER_MS);
	if (st != ST_OK)
		return st;
	*code = device_in(&m, &p->device)->result;
	gateway_msg_free(&m);
	return ST_OK;
}

bool probe_bring_online(struct probe *p)
{
	int64_t code = 0;

	if (p->confirmed)
		return true;
	p->online = true;
	p->confirmed = probe_request(p, GATEWAY_ONLINE, &code) == ST_OK && code == 0;
	return p->confirmed;
}
