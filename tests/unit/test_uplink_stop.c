/* A stop at a moment when the hub has not answered everything yet. */
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "bridge/uplink/uplink.h"
#include "tests/fakes/peer.h"
#include "tests/runner.h"

enum {
	STOP_MS = 500,
	WAIT_MS = 5000,
	HEARD_MS = 50, /* for an answer to be taken before the link is cut */
};

#define RESULT_TOPIC "$gateway/operation/result/GATEWAY001/gw-1"
#define ONLINE                                                                       \
	"{\"type\":\"online\",\"payload\":{\"devices\":[{\"product_id\":\"SUBPROD001\"," \
	"\"device_name\":\"lamp-01\",\"result\":0}]}}"

struct slow_hub {
	unsigned logins; /* the first connection ends once the lamp is online */
	atomic_bool subscribed;
	_Atomic(struct uplink *) uplink; /* the SUBACK goes out once this is leaving */
};

static bool await_state(struct slow_hub *h, enum uplink_state state)
{
	for (int i = 0; i < WAIT_MS && uplink_state_now(atomic_load(&h->uplink)) != state; i++)
		poll(NULL, 0, 1);
	return uplink_state_now(atomic_load(&h->uplink)) == state;
}

static bool bring_online(struct peer_conn *c)
{
	static const char topic[] = RESULT_TOPIC, text[] = ONLINE;
	const size_t topic_len = sizeof topic - 1, len = 2 + topic_len + sizeof text - 1;
	unsigned char head[] = { 0x30, (unsigned char)((len & 0x7f) | 0x80), (unsigned char)(len >> 7),
		                     0, (unsigned char)topic_len };

	peer_write(c, head, sizeof head);
	peer_write(c, topic, topic_len);
	peer_write(c, text, sizeof text - 1);
	poll(NULL, 0, HEARD_MS);
	return false;
}

static bool serve_packet(struct peer_conn *c, struct slow_hub *h, const unsigned char *packet)
{
	unsigned char suback[5] = { 0x90, 3, packet[2], packet[3], 1 };

	switch (packet[0] >> 4) {
	case 1:
		h->logins++;
		return peer_write(c, "\x20\x02\x00\x00", 4);
	case 3:
		return h->logins > 1 || bring_online(c);
	case 8:
		if (h->logins > 1) {
			atomic_store(&h->subscribed, true);
			await_state(h, UPLINK_LEAVING);
		}
		return peer_write(c, suback, sizeof suback);
	default:
		return packet[0] >> 4 != 14;
	}
}

/* All packets are shorter than 16,384 bytes: one or two bytes of length. */
static void serve(struct peer_conn *c, void *ctx)
{
	unsigned char data[1024];
	size_t have = 0, n;

	while ((n = peer_read(c, data + have, sizeof data - have)) > 0) {
		have += n;
		while (have >= 4) {
			bool two = data[1] & 0x80;
			size_t len = two ? 3u + (data[1] & 0x7f) + 128u * data[2] : 2u + data[1];

			if (have < len)
				break;
			if (two) { /* without its second byte of length every packet looks alike */
				memmove(data + 1, data + 2, have - 2);
				have--;
				len--;
			}
			if (!serve_packet(c, ctx, data))
				return;
			have -= len;
			memmove(data, data + len, have);
		}
	}
}

static bool await_flag(const atomic_bool *flag)
{
	for (int i = 0; i < WAIT_MS && !atomic_load(flag); i++)
		poll(NULL, 0, 1);
	return atomic_load(flag);
}

static void hub_that_answers_during_the_stop_is_no_fault_of_ours(void)
{
	struct slow_hub hub = { .subscribed = false };
	struct peer_conf at = { .serve = serve, .ctx = &hub };
	struct metrics metrics = { 0 };
	struct secret secret;
	struct uplink *u = NULL;
	struct uplink_log line;
	struct peer *peer;

	CU_ASSERT_EQUAL_FATAL(secret_parse("Z2F0ZXdheS1vbmUtcHNrIQ==", &secret), ST_OK);
	peer = peer_start(&at);
	CU_ASSERT_EQUAL_FATAL(uplink_new(&(struct uplink_conf){ .product_id = "GATEWAY001",
	                                                        .device_name = "gw-1",
	                                                        .secret = &secret,
	                                                        .host = "127.0.0.1",
	                                                        .port = peer_port(peer),
	                                                        .window = 10,
	                                                        .keepalive_s = 60,
	                                                        .min_reconnect_s = 1,
	                                                        .max_reconnect_s = 1,
	                                                        .connect_timeout_s = 5,
	                                                        .request_timeout_s = 5,
	                                                        .metrics = &metrics },
	                                 &u),
	                      ST_OK);
	atomic_store(&hub.uplink, u);
	CU_ASSERT_EQUAL(uplink_device_present(u, "SUBPROD001lamp-01", true), ST_OK);
	CU_ASSERT_EQUAL(uplink_connect(u), ST_OK);
	CU_ASSERT(await_flag(&hub.subscribed));
	CU_ASSERT_EQUAL(uplink_state_now(u), UPLINK_PREPARING);
	CU_ASSERT(uplink_disconnect(u, STOP_MS));
	while (uplink_take_log(u, &line) == ST_OK) {
		if (strstr(line.line, "internal"))
			CU_FAIL("an internal fault was logged");
	}
	peer_stop(peer);
	uplink_free(u);
}

SUITE(uplink_stop, TEST(hub_that_answers_during_the_stop_is_no_fault_of_ours))
