#include "tests/e2e/control_fake.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/mqtt/packet.h"

#define RESPONSE "$CONTROL/hubgate/v1/response"

enum {
	ANSWERS_MAX = 32,
	HEARD_MAX = 256 * 1024,
	LOOK_MS = 20,
	NOT_AUTHORIZED = 0x87,
	BAD_ID = 0x85,
	BAD_VERSION = 0x84,
	CROWDED = 0x97,
	OLD_NOT_AUTHORIZED = 5
};

struct control_fake {
	const struct control_answer *answers;
	size_t count, given[ANSWERS_MAX];
	enum control_fault fault;
	int listener, port;
	atomic_bool stop;
	pthread_t thread;
	pthread_mutex_t lock;
	unsigned char heard[HEARD_MAX];
	size_t heard_len;
};

static void hear(struct control_fake *f, const void *data, size_t len)
{
	pthread_mutex_lock(&f->lock);
	if (len <= HEARD_MAX - f->heard_len) {
		memcpy(f->heard + f->heard_len, data, len);
		f->heard_len += len;
	}
	pthread_mutex_unlock(&f->lock);
}

bool control_fake_heard(struct control_fake *f, const char *text)
{
	bool found;

	pthread_mutex_lock(&f->lock);
	found = memmem(f->heard, f->heard_len, text, strlen(text)) != NULL;
	pthread_mutex_unlock(&f->lock);
	return found;
}

static void send_all(int fd, const void *data, size_t len)
{
	(void)!send(fd, data, len, MSG_NOSIGNAL);
}

/* MQTT 5 has a length of properties before the payload: none. */
static void say(int fd, const char *json)
{
	struct packets out = { .data = NULL };
	uint8_t *at = packet_put_publish(&out, RESPONSE, 0, 0, NULL, strlen(json) + 1);

	at[0] = 0;
	memcpy(at + 1, json, strlen(json));
	send_all(fd, out.data, out.len);
	packets_fini(&out);
}

static void say_answer(int fd, const char *command, const char *id, const struct control_answer *a)
{
	char *text;

	if (a && a->data)
		text = text_fmt(
			"{\"responses\":[{\"command\":\"%s\",\"correlationData\":\"%s\",\"data\":%s}]}",
			command, id, a->data);
	else
		text = text_fmt(
			"{\"responses\":[{\"command\":\"%s\",\"correlationData\":\"%s\",\"error\":\"%s\"}]}",
			command, id, a ? a->error : "unknown command");
	say(fd, text);
	free(text);
}

/* The next answer prepared for this command; NULL: none is. */
static const struct control_answer *answer_of(struct control_fake *f, const char *command)
{
	const struct control_answer *last = NULL;

	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->answers[i].command, command) != 0)
			continue;
		last = &f->answers[i];
		if (f->given[i]++ == 0)
			return last;
	}
	return last;
}

static void answer(struct control_fake *f, int fd, const cJSON *root)
{
	const cJSON *one = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "commands"), 0);
	const char *command = cJSON_GetStringValue(cJSON_GetObjectItem(one, "command"));
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(one, "correlationData"));

	const struct control_answer *prepared;

	if (!command || !id)
		return;
	if (f->fault == CONTROL_FAULT_NOISE) {
		say(fd, "no JSON");
		say(fd, "{\"responses\":7}");
		say_answer(fd, command, "another", &(struct control_answer){ .error = "not yours" });
	}
	prepared = answer_of(f, command);
	say_answer(fd, command, id, prepared);
	for (const char *const *more = prepared ? prepared->then : NULL; more && *more; more++)
		say_answer(fd, command, id, &(struct control_answer){ .data = *more });
}

/* False: the connection ends. */
static bool on_publish(struct control_fake *f, int fd, const struct packet *p)
{
	struct packet_publish m;
	cJSON *root;

	if (!packet_read_publish(p, &m) || m.payload_len < 1)
		return false;
	hear(f, m.payload + 1, m.payload_len - 1);
	if (f->fault == CONTROL_FAULT_CLOSES)
		return false;
	send_all(fd,
	         (uint8_t[]){ PACKET_PUBACK << 4, 4, (uint8_t)(m.id >> 8), (uint8_t)m.id,
	                      f->fault == CONTROL_FAULT_DENIES ? NOT_AUTHORIZED : 0, 0 },
	         6);
	if (f->fault == CONTROL_FAULT_DENIES || f->fault == CONTROL_FAULT_SILENT)
		return true;
	root = cJSON_ParseWithLength((const char *)m.payload + 1, m.payload_len - 1);
	answer(f, fd, root);
	cJSON_Delete(root);
	return true;
}

static bool on_packet(struct control_fake *f, int fd, const struct packet *p)
{
	static const uint8_t codes[] = { [CONTROL_FAULT_REFUSES] = NOT_AUTHORIZED,
		                             [CONTROL_FAULT_ID] = BAD_ID,
		                             [CONTROL_FAULT_CROWDED] = CROWDED,
		                             [CONTROL_FAULT_OLD] = BAD_VERSION,
		                             [CONTROL_FAULT_NOISE] = 0 };
	uint8_t code = codes[f->fault];
	uint16_t id = 0;

	if (f->fault == CONTROL_FAULT_MUTE)
		return true;
	if (p->type == PACKET_CONNECT) {
		hear(f, p->all, p->size);
		if (p->body_len > 6 && p->body[6] == 4) { /* the version */
			send_all(fd, (uint8_t[]){ PACKET_CONNACK << 4, 2, 0, OLD_NOT_AUTHORIZED }, 4);
			return false;
		}
		send_all(fd, (uint8_t[]){ PACKET_CONNACK << 4, 3, 0, code, 0 }, 5);
		return code == 0;
	}
	if (p->type == PACKET_SUBSCRIBE && packet_read_id(p, &id)) {
		code = f->fault == CONTROL_FAULT_HIDES ? NOT_AUTHORIZED : 1;
		send_all(fd, (uint8_t[]){ PACKET_SUBACK << 4, 4, (uint8_t)(id >> 8), (uint8_t)id, 0, code },
		         6);
		return true;
	}
	return p->type == PACKET_PUBLISH && on_publish(f, fd, p);
}

/* What came in whole. */
static bool take(struct control_fake *f, int fd, struct packets *in)
{
	struct packet p;
	enum packet_found found = PACKET_PART;
	bool stays = true;

	while (stays && in->len > 0 && (found = packet_at(in->data, in->len, &p)) == PACKET_WHOLE) {
		stays = on_packet(f, fd, &p);
		packets_drop(in, p.size);
	}
	return stays && found != PACKET_WRONG;
}

static bool await(struct control_fake *f, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (!f->stop && poll(&p, 1, LOOK_MS) <= 0)
		;
	return !f->stop;
}

static void serve(struct control_fake *f, int fd)
{
	struct packets in = { .data = NULL };
	uint8_t chunk[4096];
	bool stays = true;
	ssize_t n;

	while (stays && await(f, fd) && (n = recv(fd, chunk, sizeof chunk, 0)) > 0) {
		packets_add(&in, chunk, (size_t)n);
		stays = take(f, fd, &in);
	}
	packets_fini(&in);
	close(fd);
}

static void *run(void *arg)
{
	struct control_fake *f = arg;

	while (await(f, f->listener)) {
		int fd = accept(f->listener, NULL, NULL);

		if (fd >= 0)
			serve(f, fd);
	}
	return NULL;
}

struct control_fake *control_fake_start(const struct control_answer *answers, size_t count,
                                        enum control_fault fault)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct control_fake *f = calloc(1, sizeof *f);
	socklen_t len = sizeof at;

	CU_ASSERT_FATAL(f != NULL && count <= ANSWERS_MAX);
	f->answers = answers;
	f->count = count;
	f->fault = fault;
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(f->listener, (struct sockaddr *)&at, sizeof at), 0);
	CU_ASSERT_EQUAL_FATAL(listen(f->listener, 8), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(f->listener, (struct sockaddr *)&at, &len), 0);
	f->port = ntohs(at.sin_port);
	pthread_mutex_init(&f->lock, NULL);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&f->thread, NULL, run, f), 0);
	return f;
}

void control_fake_stop(struct control_fake *f)
{
	f->stop = true;
	pthread_join(f->thread, NULL);
	close(f->listener);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

int control_fake_port(const struct control_fake *f)
{
	return f->port;
}
