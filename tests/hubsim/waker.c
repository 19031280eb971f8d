/* The proxy's own connection to the broker: tells when it accepts, and wakes its main thread. */
#include "tests/hubsim/proxy_int.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#define OPEN_WAIT_MS 10000
#define STEP_MS      5

static bool stopping(struct proxy *p)
{
	return __atomic_load_n(&p->stop, __ATOMIC_SEQ_CST);
}

static bool send_login(const struct proxy *p, int fd)
{
	const struct packet_login login = {
		.client_id = "hubsim-waker",
		.username = p->opts.admin_user,
		.password = p->opts.admin_password,
		.clean = true,
	};
	struct packets out = { 0 };
	bool sent;

	packet_put_connect(&out, &login);
	sent = send(fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
	packets_fini(&out);
	return sent;
}

static bool login(struct proxy *p, int fd)
{
	struct pollfd at = { .fd = fd, .events = POLLIN };
	struct packet answer;
	uint8_t bytes[4], code;
	bool present;

	poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 1000);
	if (!send_login(p, fd))
		return false;
	for (int waited = 0; waited < OPEN_WAIT_MS && !stopping(p); waited += 100) {
		if (poll(&at, 1, 100) > 0)
			return recv(fd, bytes, sizeof bytes, 0) == sizeof bytes &&
			       packet_at(bytes, sizeof bytes, &answer) == PACKET_WHOLE &&
			       answer.type == PACKET_CONNACK && packet_read_connack(&answer, &present, &code) &&
			       code == 0;
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
	struct packets out = { 0 };

	packet_put_publish(&out, HUBSIM_WAKE_TOPIC, 0, 0, NULL, 0);
	/* A full socket wakes too. */
	send(p->waker.fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	packets_fini(&out);
}
