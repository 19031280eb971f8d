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
	CONNECT = 0x10,
	PUBLISH = 0x30,
	SUBSCRIBE = 0x82,
	CLEAN = 0x02,
	USER_AND_PASSWORD = 0xc0,
	KEEPALIVE_S = 600,
	ANSWER_MS = 5000
};

void wire_fini(struct wire *w)
{
	free(w->data);
	*w = (struct wire){ 0 };
}

static void put(struct wire *w, const void *data, size_t len)
{
	if (w->len + len > w->room) {
		size_t more = (w->len + len) * 2;
		unsigned char *at = realloc(w->data, more);

		if (!at)
			abort();
		w->data = at;
		w->room = more;
	}
	if (data)
		memcpy(w->data + w->len, data, len);
	else
		memset(w->data + w->len, 'x', len);
	w->len += len;
}

static void put_number(struct wire *w, size_t n)
{
	unsigned char two[2] = { (unsigned char)(n >> 8), (unsigned char)n };

	put(w, two, sizeof(two));
}

static void put_text(struct wire *w, const char *text)
{
	put_number(w, strlen(text));
	put(w, text, strlen(text));
}

static void put_head(struct wire *w, int type, size_t len)
{
	unsigned char head[5] = { (unsigned char)type };
	size_t at = 1;

	do {
		head[at] = (unsigned char)(len & 0x7f);
		len >>= 7;
		head[at] |= len > 0 ? 0x80 : 0;
		at++;
	} while (len > 0);
	put(w, head, at);
}

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

void wire_connect(struct wire *w, const char *product, const char *name, const char *secret)
{
	char *username = name ? cred_username(product, name) : NULL;
	char *password = name ? cred_password(secret, username, false) : NULL;
	char *id = text_fmt("%s%s", product, name ? name : "");
	size_t extra = name ? 4 + strlen(username) + strlen(password) : 0;
	unsigned char flags = name ? CLEAN | USER_AND_PASSWORD : CLEAN;

	put_head(w, CONNECT, 12 + strlen(id) + extra);
	put_text(w, "MQTT");
	put(w, "\4", 1);
	put(w, &flags, 1);
	put_number(w, KEEPALIVE_S);
	put_text(w, id);
	if (name) {
		put_text(w, username);
		put_text(w, password);
	}
	free(username);
	free(password);
	free(id);
}

void wire_publish(struct wire *w, int qos, size_t payload, const struct stamp *s)
{
	char topic[32];
	size_t len = (size_t)snprintf(topic, sizeof(topic), GEN_PRODUCT "/d%04u/data", s->device);

	put_head(w, PUBLISH | qos << 1, 2 + len + (qos ? 2 : 0) + payload);
	put_text(w, topic);
	if (qos)
		put_number(w, s->seq % 65535 + 1);
	put(w, s, sizeof(*s));
	put(w, NULL, payload - sizeof(*s));
}

void wire_message(struct wire *w, const char *topic, const char *payload)
{
	put_head(w, PUBLISH, 2 + strlen(topic) + strlen(payload));
	put_text(w, topic);
	put(w, payload, strlen(payload));
}

void wire_subscribe(struct wire *w, const char *filter)
{
	put_head(w, SUBSCRIBE, 5 + strlen(filter));
	put_number(w, 1);
	put_text(w, filter);
	put(w, "", 1);
}

/* The payload of the first PUBLISH in these bytes; QoS 0, short enough for one length byte
 * or two. */
static char *first_publish(const unsigned char *data, size_t len)
{
	size_t at = 0;

	while (at + 2 < len) {
		size_t head = data[at + 1] & 0x80 ? 3 : 2;
		size_t size = (data[at + 1] & 0x7fu) | (head == 3 ? (size_t)data[at + 2] << 7 : 0);
		const unsigned char *body = data + at + head;
		size_t topic;

		if (at + head + size > len)
			break;
		if ((data[at] & 0xf0) == PUBLISH && size >= 2) {
			topic = (size_t)body[0] << 8 | body[1];
			if (2 + topic <= size)
				return strndup((const char *)body + 2 + topic, size - 2 - topic);
		}
		at += head + size;
	}
	return NULL;
}

char *gen_retained(int port, const char *topic)
{
	unsigned char data[4096];
	struct wire w = { 0 };
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
	wire_fini(&w);
	return text;
}
