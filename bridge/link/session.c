#include "bridge/link/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"

enum {
	/* Larger packets are skipped without an acknowledgement: the hub's own limit
	 * is 16 KiB (256 KiB in 2018), a remote configuration 128 KiB. */
	PACKET_IN_MAX = 512 * 1024,
	READ_CHUNK = 16 * 1024,
	OUT_HIGH_WATER = 64 * 1024, /* stop feeding: the socket does not drain */
	OUT_MAX = 1024 * 1024,
	/* Silence after which an unanswered publish makes us ask whether the hub is
	 * still there: with answer_ms after it, a dead link is known within 20 s. */
	SUSPECT_SILENCE_MS = 10000,
};

struct session {
	struct transport *transport;
	enum session_phase phase;
	struct session_conf conf; /* strings owned below */
	char *client_id, *username, *password;
	struct buf in, out;
	size_t in_used; /* bytes of in that were decoded already */
	size_t in_skip; /* bytes of an oversized packet still to come */
	int64_t sent_ms, received_ms;
	uint64_t heard;
	int64_t asked_ms; /* first bytes sent since the last received, 0: none */
	int64_t ping_ms;  /* PINGREQ without answer since, 0: none */
	int64_t stuck_ms; /* bytes to write wait since, 0: none */
	enum status over; /* how the stream ended, ST_OK: it did not */
	bool resumed;
	uint8_t refusal;
	char error[256];
};

static enum status fail(struct session *s, enum status st, const char *what)
{
	snprintf(s->error, sizeof(s->error), "%s", what);
	return st;
}

static void wipe_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

enum status session_open(const struct session_conf *conf, int64_t now_ms, struct session **out)
{
	struct session *s = calloc(1, sizeof(*s));
	enum status st;

	if (!s)
		return ST_NOMEM;
	s->conf = *conf;
	s->client_id = strdup(conf->client_id);
	s->username = strdup(conf->username);
	s->password = conf->password ? strdup(conf->password) : NULL;
	s->in = (struct buf)BUF_MAX(PACKET_IN_MAX + READ_CHUNK);
	s->out = (struct buf)BUF_MAX(OUT_MAX);
	s->sent_ms = s->received_ms = now_ms;
	if (!s->client_id || !s->username || (conf->password && !s->password)) {
		session_close(s, SESSION_PLAIN);
		return ST_NOMEM;
	}
	st = transport_open(&conf->transport, now_ms, &s->transport);
	if (st != ST_OK && !s->transport) {
		session_close(s, SESSION_PLAIN);
		return st;
	}
	if (st != ST_OK)
		fail(s, st, transport_error(s->transport));
	*out = s;
	return st;
}

void session_close(struct session *s, enum session_end how)
{
	if (!s)
		return;
	if (how == SESSION_POLITE && s->phase == SESSION_UP && mqtt_put_disconnect(&s->out) == ST_OK)
		session_flush(s, s->sent_ms);
	if (how == SESSION_ABORT && s->transport)
		transport_abort(s->transport);
	else
		transport_close(s->transport);
	wipe_free(s->password);
	free(s->client_id);
	free(s->username);
	buf_free(&s->in);
	buf_free(&s->out);
	free(s);
}

static enum status put_login(struct session *s)
{
	const struct mqtt_connect c = {
		.client_id = mqtt_text(s->client_id),
		.username = mqtt_text(s->username),
		.password = s->password ? mqtt_text(s->password) : (struct mqtt_text){ NULL, 0 },
		.keepalive_s = s->conf.keepalive_s,
		.clean_session = s->conf.clean_session,
	};

	return mqtt_put_connect(&s->out, &c);
}

enum status session_flush(struct session *s, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	while (s->out.len > 0) {
		size_t n = 0;
		enum status st = transport_write(s->transport, s->out.data, s->out.len, &n);

		if (st == ST_AGAIN) {
			if (s->stuck_ms == 0)
				s->stuck_ms = now_ms;
			return ST_OK;
		}
		if (st != ST_OK)
			return fail(s, st, transport_error(s->transport));
		buf_drop(&s->out, n);
		s->sent_ms = now_ms;
		s->stuck_ms = 0;
		if (s->asked_ms == 0)
			s->asked_ms = now_ms;
	}
	return ST_OK;
}

/* Bytes of a packet too large to hold are thrown away as they come. */
static void skip(struct session *s)
{
	size_t have = s->in.len - s->in_used;
	size_t n = s->in_skip < have ? s->in_skip : have;

	s->in_used += n;
	s->in_skip -= n;
}

/* The end of the stream is noted in s->over: packets that came before it are
 * still handed out. */
static void receive(struct session *s, int64_t now_ms)
{
	/* What was handed out by session_next() is gone now. */
	buf_drop(&s->in, s->in_used);
	s->in_used = 0;
	while (s->over == ST_OK && s->in.len < s->in.max - READ_CHUNK) {
		unsigned char *at = NULL;
		size_t n = 0;
		enum status st = buf_reserve(&s->in, READ_CHUNK, &at);

		if (st == ST_OK)
			st = transport_read(s->transport, at, READ_CHUNK, &n);
		if (st == ST_AGAIN)
			return;
		if (st != ST_OK) {
			s->over = fail(s, st,
			               st == ST_CLOSED ? "the hub closed the connection"
			                               : transport_error(s->transport));
			return;
		}
		s->in.len += n;
		s->received_ms = now_ms;
		s->heard++;
		s->asked_ms = 0;
		if (s->in_skip > 0)
			skip(s);
	}
}

enum status session_next(struct session *s, struct mqtt_packet *out)
{
	IN_ROOM(ROOM_UPLINK);
	for (;;) {
		size_t used = 0;
		enum status st =
			mqtt_decode(s->in.data + s->in_used, s->in.len - s->in_used, PACKET_IN_MAX, out, &used);

		if (st == ST_TOOBIG) {
			s->in_skip = used;
			skip(s);
			if (s->in_skip > 0)
				return ST_AGAIN;
			continue;
		}
		if (st != ST_OK)
			return st == ST_MALFORMED ? fail(s, st, "the hub sent a malformed packet") : st;
		s->in_used += used;
		if (out->type == MQTT_PINGRESP) {
			s->ping_ms = 0;
			continue;
		}
		return ST_OK;
	}
}

static enum status await_connack(struct session *s, int64_t now_ms)
{
	struct mqtt_packet p;
	enum status st = session_next(s, &p);

	if (st == ST_AGAIN && s->over != ST_OK)
		return s->over;
	if (st == ST_AGAIN && now_ms - s->sent_ms >= s->conf.answer_ms)
		return fail(s, ST_TIMEOUT, "the hub accepts connections but does not answer the login");
	if (st == ST_AGAIN)
		return ST_OK;
	if (st != ST_OK)
		return st;
	if (p.type != MQTT_CONNACK)
		return fail(s, ST_MALFORMED, "the hub answered the login with another packet");
	s->refusal = p.connack.code;
	if (s->refusal != 0)
		return fail(s, ST_DENIED, "the hub refused the login");
	s->resumed = p.connack.session_present;
	s->phase = SESSION_UP;
	return ST_OK;
}

static bool wants_ping(const struct session *s, int64_t now_ms, int64_t waiting_since_ms)
{
	int64_t quiet_ms = s->conf.keepalive_s * INT64_C(750);

	if (s->ping_ms != 0)
		return false;
	if (s->asked_ms != 0 && now_ms - s->asked_ms >= SUSPECT_SILENCE_MS)
		return true;
	if (waiting_since_ms != INT64_MAX && now_ms - waiting_since_ms >= SUSPECT_SILENCE_MS &&
	    now_ms - s->received_ms >= SUSPECT_SILENCE_MS)
		return true;
	return s->conf.keepalive_s > 0 &&
	       (now_ms - s->sent_ms >= quiet_ms || now_ms - s->received_ms >= quiet_ms);
}

/* The answer may stand behind much that is still on its way: while anything
 * comes in the link is not dead. */
static int64_t ping_due_ms(const struct session *s)
{
	int64_t since = s->ping_ms > s->received_ms ? s->ping_ms : s->received_ms;

	return since + s->conf.answer_ms;
}

static enum status keep_alive(struct session *s, int64_t now_ms, int64_t waiting_since_ms)
{
	enum status st;

	if (s->ping_ms != 0 && now_ms >= ping_due_ms(s))
		return fail(s, ST_TIMEOUT, "the link is dead: no answer to a ping");
	if (s->stuck_ms != 0 && now_ms - s->stuck_ms >= 2 * SUSPECT_SILENCE_MS)
		return fail(s, ST_TIMEOUT, "the link is dead: nothing can be written");
	if (!wants_ping(s, now_ms, waiting_since_ms))
		return ST_OK;
	st = session_probe(s, now_ms);
	return st == ST_OK ? session_flush(s, now_ms) : fail(s, st, status_text(st));
}

static enum status connect_step(struct session *s, int64_t now_ms)
{
	enum status st = transport_step(s->transport, now_ms);

	if (st == ST_AGAIN)
		return ST_OK;
	if (st != ST_OK)
		return fail(s, st, transport_error(s->transport));
	st = put_login(s);
	if (st != ST_OK)
		return fail(s, st, "the login packet cannot be built");
	s->phase = SESSION_LOGIN;
	s->sent_ms = now_ms;
	return session_flush(s, now_ms);
}

enum status session_run(struct session *s, int64_t now_ms, int64_t waiting_since_ms)
{
	enum status st;

	IN_ROOM(ROOM_UPLINK);
	if (s->phase == SESSION_CONNECTING)
		return connect_step(s, now_ms);
	if (s->over != ST_OK)
		return s->over;
	st = session_flush(s, now_ms);
	receive(s, now_ms); /* what came before the end is handed out first */
	if (s->over == ST_OK)
		s->over = st;
	if (s->phase == SESSION_LOGIN)
		return await_connack(s, now_ms);
	return s->over == ST_OK ? keep_alive(s, now_ms, waiting_since_ms) : ST_OK;
}

enum session_phase session_phase(const struct session *s)
{
	IN_ROOM(ROOM_UPLINK);
	return s->phase;
}

bool session_resumed(const struct session *s)
{
	IN_ROOM(ROOM_UPLINK);
	return s->resumed;
}

uint8_t session_refusal(const struct session *s)
{
	IN_ROOM(ROOM_UPLINK);
	return s->refusal;
}

const char *session_error(const struct session *s)
{
	IN_ROOM(ROOM_UPLINK);
	return s->error;
}

const char *session_peer(const struct session *s)
{
	IN_ROOM(ROOM_UPLINK);
	return transport_peer(s->transport);
}

enum status session_publish(struct session *s, const struct mqtt_publish *p)
{
	IN_ROOM(ROOM_UPLINK);
	return s->out.len > OUT_HIGH_WATER ? ST_FULL : mqtt_put_publish(&s->out, p);
}

enum status session_subscribe(struct session *s, uint16_t id, const char *filter, uint8_t qos)
{
	IN_ROOM(ROOM_UPLINK);
	return s->out.len > OUT_HIGH_WATER ? ST_FULL
	                                   : mqtt_put_subscribe(&s->out, id, mqtt_text(filter), qos);
}

enum status session_unsubscribe(struct session *s, uint16_t id, const char *filter)
{
	IN_ROOM(ROOM_UPLINK);
	return s->out.len > OUT_HIGH_WATER ? ST_FULL
	                                   : mqtt_put_unsubscribe(&s->out, id, mqtt_text(filter));
}

enum status session_exchange(struct session *s, uint16_t id, const char *filter, uint16_t again_id,
                             const char *again, uint8_t qos)
{
	size_t before = s->out.len;
	enum status st = session_unsubscribe(s, id, filter);

	IN_ROOM(ROOM_UPLINK);
	if (st == ST_OK)
		st = mqtt_put_subscribe(&s->out, again_id, mqtt_text(again), qos);
	if (st != ST_OK)
		s->out.len = before;
	return st;
}

enum status session_puback(struct session *s, uint16_t id)
{
	IN_ROOM(ROOM_UPLINK);
	return mqtt_put_puback(&s->out, id);
}

uint64_t session_heard(const struct session *s)
{
	IN_ROOM(ROOM_UPLINK);
	return s->heard;
}

enum status session_probe(struct session *s, int64_t now_ms)
{
	enum status st = ST_OK;

	IN_ROOM(ROOM_UPLINK);
	if (s->ping_ms == 0)
		st = mqtt_put_pingreq(&s->out);
	if (st == ST_OK && s->ping_ms == 0)
		s->ping_ms = now_ms;
	return st;
}

bool session_idle(const struct session *s)
{
	IN_ROOM(ROOM_UPLINK);
	return s->out.len == 0;
}

void session_pollfd(const struct session *s, struct pollfd *out, bool paused)
{
	IN_ROOM(ROOM_UPLINK);
	out->fd = transport_fd(s->transport);
	out->events = transport_events(s->transport, s->out.len > 0);
	out->revents = 0;
	if (paused && s->phase == SESSION_UP)
		out->events &= ~POLLIN;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t session_deadline(const struct session *s, int64_t waiting_since_ms)
{
	int64_t due = INT64_MAX;

	IN_ROOM(ROOM_UPLINK);
	if (s->over != ST_OK)
		return 0;
	if (s->phase == SESSION_CONNECTING)
		return transport_deadline(s->transport);
	if (s->phase == SESSION_LOGIN)
		return s->sent_ms + s->conf.answer_ms;
	if (s->ping_ms != 0)
		return ping_due_ms(s);
	if (s->conf.keepalive_s > 0)
		due = earlier(s->sent_ms, s->received_ms) + s->conf.keepalive_s * INT64_C(750);
	if (waiting_since_ms != INT64_MAX) {
		int64_t since = waiting_since_ms > s->received_ms ? waiting_since_ms : s->received_ms;

		due = earlier(due, since + SUSPECT_SILENCE_MS);
	}
	if (s->asked_ms != 0)
		due = earlier(due, s->asked_ms + SUSPECT_SILENCE_MS);
	if (s->stuck_ms != 0)
		due = earlier(due, s->stuck_ms + 2 * SUSPECT_SILENCE_MS);
	return due;
}
