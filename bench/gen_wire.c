#include "bench/gen_wire.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/gen.h"
#include "tests/harness/harness.h"

enum {
	KEEPALIVE_S = 600,
	ANSWER_MS = 5000
};

int wire_dial(int port)
{
	static const int yes = 1;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

void wire_connect(struct packets *w, const char *product, const char *name, const char *secret)
{
	char *username = name ? cred_username(product, name) : NULL;
	char *password = name ? cred_password(secret, username, false) : NULL;
	char *id = text_fmt("%s%s", product, name ? name : "");
	const struct packet_login login = { .client_id = id,
		                                .username = username,
		                                .password = password,
		                                .keepalive = KEEPALIVE_S,
		                                .clean = true };

	packet_put_connect(w, &login);
	free(username);
	free(password);
	free(id);
}

void wire_publish(struct packets *w, const char *topic, int qos, size_t payload,
                  const struct stamp *s)
{
	char whole[64];
	uint8_t *at;

	snprintf(whole, sizeof(whole), GEN_PRODUCT "/d%04u/%s", s->device, topic);
	at = packet_put_publish(w, whole, qos, (uint16_t)(s->seq % 65535 + 1), NULL, payload);
	memcpy(at, s, sizeof(*s));
	memset(at + sizeof(*s), 'x', payload - sizeof(*s));
}

void wire_message(struct packets *w, const char *topic, const char *payload)
{
	packet_put_publish(w, topic, 0, 0, payload, strlen(payload));
}

void wire_subscribe(struct packets *w, const char *filter)
{
	packet_put_subscribe(w, 1, filter, 0);
}

/* The payload of the first PUBLISH in these bytes. */
static char *first_publish(const unsigned char *data, size_t len)
{
	struct packet_publish f;
	struct packet p;

	for (size_t at = 0; packet_at(data + at, len - at, &p) == PACKET_WHOLE; at += p.size) {
		if (p.type == PACKET_PUBLISH && packet_read_publish(&p, &f))
			return strndup((const char *)f.payload, f.payload_len);
	}
	return NULL;
}

char *gen_retained(int port, const char *topic)
{
	unsigned char data[4096];
	struct packets w = { 0 };
	struct pollfd p = { .fd = wire_dial(port), .events = POLLIN };
	int64_t end_ms = now_ms() + ANSWER_MS;
	size_t len = 0;
	char *text = NULL;

	wire_connect(&w, "bench-reader", NULL, NULL);
	wire_subscribe(&w, topic);
	if (p.fd >= 0 && send(p.fd, w.data, w.len, MSG_NOSIGNAL) == (ssize_t)w.len) {
		while (!text && len < sizeof(data) && now_ms() < end_ms && poll(&p, 1, 100) >= 0) {
			ssize_t n = recv(p.fd, data + len, sizeof(data) - len, MSG_DONTWAIT);

			if (n == 0)
				break;
			len += n > 0 ? (size_t)n : 0;
			text = first_publish(data, len);
		}
	}
	if (p.fd >= 0)
		close(p.fd);
	packets_fini(&w);
	return text;
}
