#include "tests/fakes/wire.h"

#include <CUnit/CUnit.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const unsigned char wire_connack[4] = { CONNACK_OK };

/* --- the hub's side --- */

static void reply(struct peer_conn *c, const struct script *sc)
{
	for (size_t i = 0; sc->bytewise && i < sc->len; i++) {
		peer_write(c, sc->reply + i, 1);
		usleep(1000);
	}
	if (!sc->bytewise)
		peer_write(c, sc->reply, sc->len);
}

static void pong(struct peer_conn *c)
{
	struct packets out = { 0 };

	packet_put_empty(&out, PACKET_PINGRESP);
	peer_write(c, out.data, out.len);
	packets_fini(&out);
}

static void serve(struct peer_conn *c, void *ctx)
{
	struct peer_inbox in = { .len = 0 };
	struct script *sc = ctx;
	struct packet packet;

	if (!peer_packet(c, &in, &packet))
		return;
	sc->login_len = packet.size;
	memcpy(sc->login, packet.all, packet.size < sizeof sc->login ? packet.size : sizeof sc->login);
	atomic_fetch_add(&sc->seen[packet.type], 1);
	reply(c, sc);
	if (sc->closes)
		return;
	while (atomic_load(&sc->asleep))
		usleep(1000);
	while (peer_packet(c, &in, &packet)) {
		atomic_fetch_add(&sc->seen[packet.type], 1);
		if (packet.type == PACKET_PINGREQ && sc->pings_back)
			pong(c);
	}
}

/* --- our side --- */

void wire_open(struct wire *f, const char *password)
{
	struct session_conf conf = {
		.transport = { .host = "127.0.0.1", .attempt_ms = WIRE_PATIENCE_MS },
		.client_id = "GATEPROD01gw-01",
		.username = "GATEPROD01gw-01;12010126;abcde;99",
		.password = password,
		.keepalive_s = WIRE_KEEPALIVE_S,
		.answer_ms = WIRE_ANSWER_MS,
	};

	f->peer = peer_start(&(struct peer_conf){ .serve = serve, .ctx = &f->script });
	conf.transport.port = peer_port(f->peer);
	f->now_ms = 1000000;
	CU_ASSERT_EQUAL_FATAL(session_open(&conf, f->now_ms, &f->s), ST_OK);
}

void wire_start(struct wire *f, const unsigned char *bytes, size_t len)
{
	memset(f, 0, sizeof *f);
	f->script.reply = bytes;
	f->script.len = len;
}

void wire_stop(struct wire *f, enum session_end how)
{
	session_close(f->s, how);
	atomic_store(&f->script.asleep, false);
	peer_stop(f->peer);
}

int64_t wire_real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

enum status wire_run(struct wire *f)
{
	return session_run(f->s, f->now_ms, INT64_MAX);
}

void wire_await(struct wire *f)
{
	struct pollfd p;

	session_pollfd(f->s, &p, false);
	poll(&p, p.fd >= 0, 5);
}

enum status wire_settle(struct wire *f)
{
	int64_t end_ms = wire_real_ms() + WIRE_PATIENCE_MS;
	enum status st = wire_run(f);

	while (st == ST_OK && session_phase(f->s) != SESSION_UP && wire_real_ms() < end_ms) {
		wire_await(f);
		st = wire_run(f);
	}
	return st;
}

enum status wire_next(struct wire *f, struct mqtt_packet *p)
{
	int64_t end_ms = wire_real_ms() + WIRE_PATIENCE_MS;
	enum status st = session_next(f->s, p);

	while (st == ST_AGAIN && wire_real_ms() < end_ms) {
		wire_await(f);
		st = wire_run(f);
		if (st == ST_OK)
			st = session_next(f->s, p);
	}
	return st;
}

bool wire_hub_saw(struct wire *f, enum mqtt_type type, unsigned count)
{
	int64_t end_ms = wire_real_ms() + WIRE_PATIENCE_MS;

	while (atomic_load(&f->script.seen[type]) < count && wire_real_ms() < end_ms)
		usleep(1000);
	return atomic_load(&f->script.seen[type]) == count;
}

void wire_log_in(struct wire *f, const unsigned char *bytes, size_t len)
{
	wire_start(f, bytes, len);
	wire_open(f, "secret");
	CU_ASSERT_EQUAL(wire_settle(f), ST_OK);
	CU_ASSERT_EQUAL_FATAL(session_phase(f->s), SESSION_UP);
}

void wire_expect_publish(struct wire *f, const char *topic, const char *payload)
{
	struct mqtt_packet p = { .type = MQTT_DISCONNECT };

	CU_ASSERT_EQUAL(wire_next(f, &p), ST_OK);
	CU_ASSERT_EQUAL_FATAL(p.type, MQTT_PUBLISH);
	CU_ASSERT(p.publish.topic.len == strlen(topic) &&
	          memcmp(p.publish.topic.at, topic, p.publish.topic.len) == 0);
	CU_ASSERT(p.publish.len == strlen(payload) &&
	          memcmp(p.publish.payload, payload, p.publish.len) == 0);
}
