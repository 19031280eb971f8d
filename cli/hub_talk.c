#include "cli/hub_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/link/session.h"
#include "cli/store_owner.h"
#include "core/base/clocks.h"

enum {
	LOOK_MS = 100, /* how often a wait looks for its end */
	ANSWER_MS = 8000,
	GOODBYE_MS = 1000,
	ACKED_BYTES = 65536 / 8
};

struct hub_talk {
	struct hub_talk_conf conf;
	struct session *session; /* NULL: over */
	enum hub_talk_end state;
	uint8_t code;
	char why[HUB_TALK_WHY_MAX];
	struct packet_ids ids;
	uint8_t acked[ACKED_BYTES];
	uint16_t subscribe_id;
	int granted; /* what SUBACK said of it; -1: nothing yet */
	struct hub_talk_message kept[HUB_TALK_KEPT];
	bool taken[HUB_TALK_KEPT];
	size_t kept_count;
	unsigned sent;
};

static enum hub_talk_end end(struct hub_talk *t, enum hub_talk_end how, const char *why)
{
	t->state = how;
	snprintf(t->why, sizeof t->why, "%s", why);
	return how;
}

static bool is_stopped(const struct hub_talk *t)
{
	return t->conf.stop && *t->conf.stop;
}

/* --- logging in --- */

static void random_connid(char out[CONNID_LEN + 1])
{
	unsigned char bytes[CONNID_LEN];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		memset(bytes, (int)(clocks_monotonic_us() & 0x7f), sizeof bytes);
	credential_connid(bytes, out);
}

static enum status open_session(struct hub_talk *t, uint32_t attempt_ms)
{
	const struct config *c = t->conf.config;
	char id[CLIENT_ID_MAX + 1], user[USERNAME_MAX + 1],
		password[PASSWORD_MAX + 1] = "", connid[CONNID_LEN + 1];
	const struct session_conf conf = {
		.transport = { .host = c->hub.host,
		               .address = c->hub.address,
		               .port = (uint16_t)c->hub.port,
		               .tls = c->hub.tls,
		               .verify = c->hub.verify,
		               .verify_host = c->hub.verify_host,
		               .ca_file = c->hub.ca_file,
		               .cert_file = t->conf.secret ? NULL : c->gateway.cert_file,
		               .key_file = t->conf.secret ? NULL : c->gateway.key_file,
		               .attempt_ms = attempt_ms },
		.client_id = id,
		.username = user,
		.password = t->conf.secret ? password : NULL,
		.keepalive_s = t->conf.keepalive_s,
		.clean_session = true,
		.answer_ms = ANSWER_MS,
	};
	enum status st;

	random_connid(connid);
	credential_client_id(t->conf.product_id, t->conf.device_name, id);
	st = credential_username(t->conf.product_id, t->conf.device_name, connid, 0, user);
	if (st == ST_OK && t->conf.secret)
		st = credential_password(t->conf.secret, user, HASH_SHA256, password);
	if (st == ST_OK)
		st = session_open(&conf, clocks_monotonic_ms(), &t->session);
	explicit_bzero(password, sizeof password);
	return st;
}

static enum hub_talk_end lost(struct hub_talk *t)
{
	bool was_up = t->state == HUB_TALK_UP && session_phase(t->session) == SESSION_UP;

	t->code = session_refusal(t->session);
	end(t,
	    t->code  ? HUB_TALK_REFUSED
	    : was_up ? HUB_TALK_LOST
	             : HUB_TALK_NO_LINK,
	    session_error(t->session));
	session_close(t->session, SESSION_PLAIN);
	t->session = NULL;
	return t->state;
}

static void wait_for_socket(struct hub_talk *t, int64_t until)
{
	int64_t now = clocks_monotonic_ms(), due = session_deadline(t->session, INT64_MAX);
	struct pollfd p;

	if (due > until)
		due = until;
	if (due > now + LOOK_MS)
		due = now + LOOK_MS;
	session_pollfd(t->session, &p, false);
	poll(&p, 1, due > now ? (int)(due - now) : 0);
}

static enum hub_talk_end log_in(struct hub_talk *t, int64_t until)
{
	int64_t now = clocks_monotonic_ms();

	while (session_phase(t->session) != SESSION_UP) {
		if (is_stopped(t))
			return end(t, HUB_TALK_STOPPED, "stopped");
		if (now >= until)
			return end(t, HUB_TALK_NO_LINK,
			           session_phase(t->session) == SESSION_LOGIN
			               ? "the hub accepts connections but does not answer the login"
			               : "no connection in time");
		if (session_run(t->session, now, INT64_MAX) != ST_OK)
			return lost(t);
		if (session_phase(t->session) != SESSION_UP)
			wait_for_socket(t, until);
		now = clocks_monotonic_ms();
	}
	t->state = HUB_TALK_UP;
	return HUB_TALK_UP;
}

enum hub_talk_end hub_talk_open(const struct hub_talk_conf *conf, int64_t until,
                                struct hub_talk **out)
{
	struct hub_talk *t = calloc(1, sizeof *t);
	char why[STORE_OWNER_MAX] = "two connects of one device are 5 s apart, and there was one";
	enum status st;

	*out = t;
	if (!t)
		return HUB_TALK_NO_LINK;
	t->conf = *conf;
	t->state = HUB_TALK_NO_LINK;
	st = store_owner_take_turn(conf->config->store.dir, until, conf->stop, why);
	if (st == ST_STATE)
		return end(t, HUB_TALK_STOPPED, "stopped");
	if (st != ST_OK)
		return end(t, HUB_TALK_TURN, why);
	st = open_session(
		t, (uint32_t)(until > clocks_monotonic_ms() ? until - clocks_monotonic_ms() : 1));
	if (st != ST_OK && !t->session)
		return end(t, HUB_TALK_NO_LINK, status_text(st));
	if (st != ST_OK)
		return lost(t);
	log_in(t, until);
	store_owner_connected(conf->config->store.dir);
	return t->state;
}

/* --- life --- */

static void free_messages(struct hub_talk *t)
{
	for (size_t i = 0; i < t->kept_count; i++) {
		free(t->kept[i].topic);
		free(t->kept[i].payload);
	}
}

void hub_talk_close(struct hub_talk *t)
{
	int64_t until = clocks_monotonic_ms() + GOODBYE_MS;

	if (!t)
		return;
	while (t->session && t->state == HUB_TALK_UP && !session_idle(t->session) &&
	       clocks_monotonic_ms() < until &&
	       session_flush(t->session, clocks_monotonic_ms()) == ST_OK && !session_idle(t->session))
		wait_for_socket(t, until);
	if (t->session)
		session_close(t->session, SESSION_POLITE);
	free_messages(t);
	free(t);
}

void hub_talk_heed(struct hub_talk *t, const volatile sig_atomic_t *stop)
{
	t->conf.stop = stop;
}

enum hub_talk_end hub_talk_state(const struct hub_talk *t)
{
	return t->state;
}

const char *hub_talk_why(const struct hub_talk *t)
{
	return t->why;
}

uint8_t hub_talk_code(const struct hub_talk *t)
{
	return t->code;
}

unsigned hub_talk_sent(const struct hub_talk *t)
{
	return t->sent;
}

/* --- what comes --- */

static void keep(struct hub_talk *t, const struct mqtt_publish *p)
{
	struct hub_talk_message *m = &t->kept[t->kept_count];

	if (t->kept_count == HUB_TALK_KEPT)
		return;
	m->topic = strndup(p->topic.at, p->topic.len);
	m->payload = malloc(p->len + 1);
	if (!m->topic || !m->payload) {
		free(m->topic);
		free(m->payload);
		memset(m, 0, sizeof *m);
		return;
	}
	if (p->len > 0)
		memcpy(m->payload, p->payload, p->len);
	m->payload[p->len] = '\0';
	m->len = p->len;
	t->kept_count++;
}

static void take(struct hub_talk *t, const struct mqtt_packet *p)
{
	if (p->type == MQTT_PUBLISH) {
		keep(t, &p->publish);
		if (p->publish.qos == 1)
			session_puback(t->session, p->publish.id);
	} else if (p->type == MQTT_PUBACK) {
		t->acked[p->id / 8] |= (uint8_t)(1u << (p->id % 8));
	} else if (p->type == MQTT_SUBACK && p->suback.id == t->subscribe_id && p->suback.count > 0) {
		t->granted = p->suback.codes[0];
	}
}

/* ST_OK: all that came was taken. */
static enum status step(struct hub_talk *t)
{
	struct mqtt_packet p;
	enum status st = session_run(t->session, clocks_monotonic_ms(), INT64_MAX), next = ST_OK;

	while (st == ST_OK && (next = session_next(t->session, &p)) == ST_OK)
		take(t, &p);
	if (st == ST_OK && next == ST_AGAIN)
		st = session_flush(t->session, clocks_monotonic_ms()); /* PUBACKs */
	else if (st == ST_OK)
		st = next;
	if (st == ST_OK)
		return ST_OK;
	lost(t);
	return ST_CLOSED;
}

enum status hub_talk_run(struct hub_talk *t, int64_t until, bool (*done)(void *ctx), void *ctx)
{
	for (;;) {
		if (!t->session || t->state != HUB_TALK_UP || step(t) != ST_OK)
			return ST_CLOSED;
		if (done && done(ctx))
			return ST_OK;
		if (is_stopped(t))
			return ST_STATE;
		if (clocks_monotonic_ms() >= until)
			return ST_TIMEOUT;
		wait_for_socket(t, until);
	}
}

struct wish {
	struct hub_talk *t;
	const char *topic;
	bool (*fits)(void *ctx, const struct hub_talk_message *m);
	void *ctx;
	const struct hub_talk_message *found;
};

static bool look(void *ctx)
{
	struct wish *w = ctx;

	for (size_t i = 0; i < w->t->kept_count && !w->found; i++) {
		const struct hub_talk_message *m = &w->t->kept[i];

		if (w->t->taken[i] || strcmp(m->topic, w->topic) != 0 || (w->fits && !w->fits(w->ctx, m)))
			continue;
		w->t->taken[i] = true;
		w->found = m;
	}
	return w->found != NULL;
}

const struct hub_talk_message *
hub_talk_await(struct hub_talk *t, const char *topic,
               bool (*fits)(void *ctx, const struct hub_talk_message *m), void *ctx, int wait_ms)
{
	struct wish w = { .t = t, .topic = topic, .fits = fits, .ctx = ctx };

	hub_talk_run(t, clocks_monotonic_ms() + wait_ms, look, &w);
	return w.found;
}

/* --- what goes --- */

enum status hub_talk_publish(struct hub_talk *t, const char *topic, const void *payload, size_t len,
                             uint8_t qos, uint16_t *id)
{
	struct mqtt_publish p = {
		.topic = mqtt_text(topic), .payload = payload, .len = len, .qos = qos
	};

	if (!t->session || t->state != HUB_TALK_UP)
		return ST_CLOSED;
	if (qos > 0)
		p.id = packet_ids_take(&t->ids);
	if (id)
		*id = p.id;
	t->sent++;
	if (session_publish(t->session, &p) == ST_OK &&
	    session_flush(t->session, clocks_monotonic_ms()) == ST_OK)
		return ST_OK;
	lost(t);
	return ST_CLOSED;
}

bool hub_talk_is_acked(const struct hub_talk *t, uint16_t id)
{
	return t->acked[id / 8] & (1u << (id % 8));
}

static bool is_granted(void *ctx)
{
	return ((const struct hub_talk *)ctx)->granted >= 0;
}

enum status hub_talk_subscribe(struct hub_talk *t, const char *filter, uint8_t qos, int wait_ms)
{
	enum status st;

	if (!t->session || t->state != HUB_TALK_UP)
		return ST_CLOSED;
	t->subscribe_id = packet_ids_take(&t->ids);
	t->granted = -1;
	t->sent++;
	if (session_subscribe(t->session, t->subscribe_id, filter, qos) != ST_OK)
		return ST_CLOSED;
	st = hub_talk_run(t, clocks_monotonic_ms() + wait_ms, is_granted, t);
	if (st != ST_OK)
		return st;
	return t->granted == MQTT_SUBACK_FAILURE ? ST_DENIED : ST_OK;
}
