/* The proxy's own connection to the broker: tells when it accepts, and wakes its main thread. */
#include "tests/hubsim/proxy_int.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define OPEN_WAIT_MS 10000
#define STEP_MS      5

struct packet {
	uint8_t bytes[256];
	size_t len;
};

static void add_text(struct packet *pk, const char *text)
{
	size_t len = strlen(text);

	if (pk->len + len + 2 > sizeof pk->bytes)
		return;
	pk->bytes[pk->len++] = 0;
	pk->bytes[pk->len++] = (uint8_t)len;
	memcpy(pk->bytes + pk->len, text, len);
	pk->len += len;
}

static struct packet login_packet(const struct proxy_opts *o)
{
	struct packet pk = { .bytes = { 0x10, 0 }, .len = 2 };
	static const uint8_t fixed[] = { 4, 0xc2, 0, 0 }; /* level, user+password+clean, keep alive */

	add_text(&pk, "MQTT");
	memcpy(pk.bytes + pk.len, fixed, sizeof fixed);
	pk.len += sizeof fixed;
	add_text(&pk, "hubsim-waker");
	add_text(&pk, o->admin_user);
	add_text(&pk, o->admin_password);
	pk.bytes[1] = (uint8_t)(pk.len - 2); /* credentials are short: one length byte does */
	return pk;
}

static bool stopping(struct proxy *p)
{
	return __atomic_load_n(&p->stop, __ATOMIC_SEQ_CST);
}

static bool login(struct proxy *p, int fd)
{
	struct packet pk = login_packet(&p->opts);
	struct pollfd at = { .fd = fd, .events = POLLIN };
	uint8_t answer[4];

	poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 1000);
	if (send(fd, pk.bytes, pk.len, MSG_NOSIGNAL) != (ssize_t)pk.len)
		return false;
	for (int waited = 0; waited < OPEN_WAIT_MS && !stopping(p); waited += 100) {
		if (poll(&at, 1, 100) > 0)
			return recv(fd, answer, sizeof answer, 0) == 4 && answer[0] == 0x20 && answer[3] == 0;
	}
	return false;
}

bool waker_open(struct proxy *p)
{
	for (int waited = 0; waited < OPEN_WAIT_MS && !stopping(p); waited += STEP_MS) {
		int fd = stream_connect(p->opts.broker_port, "127.0.0.1");

		if (fd >= 0) {
			stream_init(&p->waker, fd, NULL);
			if (login(p, fd))
				return true;
			stream_fini(&p->waker);
		}
		poll(NULL, 0, STEP_MS);
	}
	fprintf(stderr, "hubsim: the broker does not accept\n");
	return false;
}

void waker_ring(struct proxy *p)
{
	struct packet pk = { .bytes = { 0x30, 0 }, .len = 2 };

	add_text(&pk, HUBSIM_WAKE_TOPIC);
	pk.bytes[1] = (uint8_t)(pk.len - 2);
	send(p->waker.fd, pk.bytes, pk.len, MSG_DONTWAIT | MSG_NOSIGNAL); /* a full socket wakes too */
}
