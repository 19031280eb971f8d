#include "tests/fakes/wire.h"

#include <CUnit/CUnit.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const unsigned char wire_connack[4] = { CONNACK_OK };

/* --- the hub's side --- */

static size_t read_exactly(struct peer_conn *c, unsigned char *at, size_t len)
{
	size_t have = 0, n = 1;

	while (have < len && n > 0) {
		n = peer_read(c, at + have, len - have);
		have += n;
	}
	return have;
}

/* Length of the packet, of which the first room bytes are kept; 0: the end. */
static size_t read_packet(struct peer_conn *c, unsigned char *packet, size_t room)
{
	unsigned char rest[WIRE_PAYLOAD_MAX + 64];
	size_t head = 1, len = 0, keep;

	if (read_exactly(c, packet, 1) == 0)
		return 0;
	do {
		if (head > 4 || read_exactly(c, packet + head, 1) == 0)
			return 0;
		len |= (size_t)(packet[head] & 0x7f) << (7 * (head - 1));
	} while (packet[head++] & 0x80);
	if (len > sizeof rest || read_exactly(c, rest, len) != len)
		return 0;
	keep = len < room - head ? len : room - head;
	memcpy(packet + head, rest, keep);
	return head + len;
}

static void reply(struct peer_conn *c, const struct script *sc)
{
	for (size_t i = 0; sc->bytewise && i < sc->len; i++) {
		peer_write(c, sc->reply + i, 1);
		usleep(1000);
	}
	if (!sc->bytewise)
		peer_write(c, sc->reply, sc->len);
}

static void serve(struct peer_conn *c, void *ctx)
{
	static const unsigned char pong[] = { 0xd0, 0 };
	struct script *sc = ctx;
	unsigned char packet[64];

	sc->login_len = read_packet(c, sc->login, sizeof sc->login);
	atomic_fetch_add(&sc->seen[sc->login[0] >> 4], 1);
	reply(c, sc);
	if (sc->closes)
		return;
	while (atomic_load(&sc->asleep))
		usleep(1000);
	while (read_packet(c, packet, sizeof packet) > 0) {
		atomic_fetch_add(&sc->seen[packet[0] >> 4], 1);
		if (packet[0] == 0xc0 && sc->pings_back)
			peer_write(c, pong, sizeof pong);
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
