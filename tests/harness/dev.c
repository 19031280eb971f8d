#include "tests/harness/harness.h"

#include "tests/harness/box.h"

#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_WAIT_MS 10000
#define ANSWER_WAIT_MS  5000
#define MIDS            65536

struct dev {
	struct mosquitto *mosq;
	struct box box;
	pthread_t thread;
	bool thread_runs, stop, connected, answered;
	bool ended; /* the thread: nothing more comes */
	int code, suback_mid, granted, unsuback_mid;
	uint8_t acked[MIDS / 8];
	struct dev_message **messages;
	bool *taken;
	size_t count, room;
};

static void on_connect(struct mosquitto *mosq, void *arg, int code)
{
	struct dev *d = arg;

	(void)mosq;
	box_lock(&d->box);
	d->code = code;
	d->answered = true;
	d->connected = code == 0;
	box_changed(&d->box);
}

static void on_disconnect(struct mosquitto *mosq, void *arg, int code)
{
	struct dev *d = arg;

	(void)mosq;
	(void)code;
	box_lock(&d->box);
	d->connected = false;
	box_changed(&d->box);
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid)
{
	struct dev *d = arg;
	size_t at = (uint16_t)mid; /* MQTT's packet id */

	(void)mosq;
	box_lock(&d->box);
	d->acked[at / 8 % sizeof d->acked] |= (uint8_t)(1u << (at % 8));
	box_changed(&d->box);
}

static void on_subscribe(struct mosquitto *mosq, void *arg, int mid, int count, const int *granted)
{
	struct dev *d = arg;

	(void)mosq;
	box_lock(&d->box);
	d->suback_mid = mid;
	d->granted = count > 0 ? granted[count - 1] : -1;
	box_changed(&d->box);
}

static void on_unsubscribe(struct mosquitto *mosq, void *arg, int mid)
{
	struct dev *d = arg;

	(void)mosq;
	box_lock(&d->box);
	d->unsuback_mid = mid;
	box_changed(&d->box);
}

static struct dev_message *copy_of(const struct mosquitto_message *from)
{
	struct dev_message *m = calloc(1, sizeof *m);

	m->topic = strdup(from->topic);
	m->len = (size_t)from->payloadlen;
	m->payload = calloc(1, m->len + 1);
	if (m->len > 0)
		memcpy(m->payload, from->payload, m->len);
	m->qos = from->qos;
	m->retain = from->retain;
	return m;
}

static void on_message(struct mosquitto *mosq, void *arg, const struct mosquitto_message *msg)
{
	struct dev *d = arg;

	(void)mosq;
	box_lock(&d->box);
	if (d->count == d->room) {
		d->room = d->room * 2 + 64;
		d->messages = realloc(d->messages, d->room * sizeof *d->messages);
		d->taken = realloc(d->taken, d->room * sizeof *d->taken);
	}
	d->messages[d->count] = copy_of(msg);
	d->taken[d->count++] = false;
	box_changed(&d->box);
}

/* How soon a connection that is dropped without a word is let go of. */
enum {
	LOOP_MS = 10
};

static void *run(void *arg)
{
	struct dev *d = arg;

	while (!__atomic_load_n(&d->stop, __ATOMIC_SEQ_CST)) {
		if (mosquitto_loop(d->mosq, LOOP_MS, 1) != MOSQ_ERR_SUCCESS)
			break;
	}
	box_lock(&d->box);
	d->connected = false;
	d->ended = true;
	box_changed(&d->box);
	return NULL;
}

static void halt(struct dev *d)
{
	if (!d->thread_runs)
		return;
	__atomic_store_n(&d->stop, true, __ATOMIC_SEQ_CST);
	pthread_join(d->thread, NULL);
	d->thread_runs = false;
}

static void release(struct dev *d)
{
	halt(d);
	mosquitto_destroy(d->mosq);
	for (size_t i = 0; i < d->count; i++) {
		free(d->messages[i]->topic);
		free(d->messages[i]->payload);
		free(d->messages[i]);
	}
	free(d->messages);
	free(d->taken);
	box_fini(&d->box);
	free(d);
}

static void set_up(struct dev *d, const struct dev_opts *o, const char *user, const char *password)
{
	mosquitto_threaded_set(d->mosq, true);
	mosquitto_connect_callback_set(d->mosq, on_connect);
	mosquitto_disconnect_callback_set(d->mosq, on_disconnect);
	mosquitto_publish_callback_set(d->mosq, on_publish);
	mosquitto_subscribe_callback_set(d->mosq, on_subscribe);
	mosquitto_unsubscribe_callback_set(d->mosq, on_unsubscribe);
	mosquitto_message_callback_set(d->mosq, on_message);
	mosquitto_max_inflight_messages_set(d->mosq, 0);
	mosquitto_int_option(d->mosq, MOSQ_OPT_PROTOCOL_VERSION,
	                     o->mqtt31 ? MQTT_PROTOCOL_V31 : MQTT_PROTOCOL_V311);
	mosquitto_int_option(d->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_username_pw_set(d->mosq, user && *user ? user : NULL,
	                          password && *password ? password : NULL);
	if (o->will_topic)
		mosquitto_will_set(d->mosq, o->will_topic, (int)strlen(o->will_payload), o->will_payload, 0,
		                   false);
	if (o->psk)
		mosquitto_tls_psk_set(d->mosq, o->psk, o->psk_identity, NULL);
	if (o->tls_ca)
		mosquitto_tls_set(d->mosq, o->tls_ca, NULL, o->tls_cert, o->tls_key, NULL);
}

/* Starts the thread and waits for CONNACK. */
static bool await_connack(struct dev *d)
{
	int64_t end = now_ms() + CONNECT_WAIT_MS;
	bool answered;

	d->stop = d->ended = false;
	d->thread_runs = pthread_create(&d->thread, NULL, run, d) == 0;
	box_lock(&d->box);
	while (!d->answered && !d->ended && box_wait(&d->box, end)) {
	}
	answered = d->answered;
	box_unlock(&d->box);
	return answered;
}

static int keepalive_of(const struct dev_opts *o)
{
	return o->keepalive < 0 ? 0 : o->keepalive ? o->keepalive : 60;
}

static struct dev *open_client(int port, const struct dev_opts *o, const char *user,
                               const char *password)
{
	const char *host = o->unix_path ? o->unix_path : "127.0.0.1";
	struct dev *d = calloc(1, sizeof *d);
	int rc;

	mosquitto_lib_init();
	box_init(&d->box);
	d->suback_mid = d->unsuback_mid = -1;
	d->code = -1;
	d->mosq = mosquitto_new(o->client_id, o->client_id ? !o->persistent : true, d);
	set_up(d, o, user, password);
	if (o->port)
		port = o->port;
	rc = mosquitto_connect(d->mosq, host, o->unix_path ? 0 : port, keepalive_of(o));
	if (rc == MOSQ_ERR_SUCCESS && await_connack(d))
		return d;
	if (!o->may_fail)
		harness_failed("client %s: no CONNACK from port %d: %s", o->client_id, port,
		               mosquitto_strerror(rc));
	release(d);
	return NULL;
}

struct dev *client_connect(int port, const struct dev_opts *opts)
{
	struct dev_opts none = { .client_id = NULL };

	opts = opts ? opts : &none;
	return open_client(port, opts, opts->username, opts->password);
}

struct dev *dev_connect_port(int port, const char *pid, const char *name, const char *secret,
                             const struct dev_opts *opts)
{
	struct dev_opts o = opts ? *opts : (struct dev_opts){ .port = 0 };
	char *id = text_fmt("%s%s", pid, name);
	char *user = o.username ? strdup(o.username) : cred_username(pid, name);
	char *password = o.password ? strdup(o.password) : cred_password(secret, user, o.sha256);
	struct dev *d;

	if (!o.client_id)
		o.client_id = id;
	d = open_client(port, &o, user, password);
	free(id);
	free(user);
	free(password);
	return d;
}

struct dev *dev_connect(struct lan *l, const char *pid, const char *name, const char *secret,
                        const struct dev_opts *opts)
{
	return dev_connect_port(lan_port(l), pid, name, secret, opts);
}

int dev_code(const struct dev *d)
{
	return d->code;
}

bool dev_connected(struct dev *d)
{
	bool connected;

	box_lock(&d->box);
	connected = d->connected;
	box_unlock(&d->box);
	return connected;
}

bool dev_await_disconnect(struct dev *d, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	bool gone;

	box_lock(&d->box);
	while (d->connected && box_wait(&d->box, end)) {
	}
	gone = !d->connected;
	box_unlock(&d->box);
	return gone;
}

bool dev_leave(struct dev *d)
{
	mosquitto_disconnect(d->mosq);
	return dev_await_disconnect(d, 1000);
}

bool dev_reconnect(struct dev *d)
{
	halt(d);
	d->answered = false;
	return mosquitto_reconnect(d->mosq) == MOSQ_ERR_SUCCESS && await_connack(d) && d->code == 0;
}

void dev_disconnect(struct dev *d)
{
	if (!d)
		return;
	mosquitto_disconnect(d->mosq);
	/* Its thread writes DISCONNECT; without that the broker sends the will. */
	dev_await_disconnect(d, CONNECT_WAIT_MS);
	release(d);
}

void dev_drop(struct dev *d)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	halt(d);
	setsockopt(mosquitto_socket(d->mosq), SOL_SOCKET, SO_LINGER, &now, sizeof now);
	release(d);
}

int dev_publish_mid(struct dev *d, const char *topic, const void *payload, size_t len, int qos,
                    bool retain)
{
	int mid = -1;

	if (mosquitto_publish(d->mosq, &mid, topic, (int)len, payload, qos, retain) != MOSQ_ERR_SUCCESS)
		return -1;
	return mid;
}

bool dev_publish(struct dev *d, const char *topic, const char *payload, int qos)
{
	return dev_publish_mid(d, topic, payload, strlen(payload), qos, false) >= 0;
}

bool dev_acked(struct dev *d, int mid)
{
	bool acked;

	box_lock(&d->box);
	acked = d->acked[mid / 8] & (1u << (mid % 8));
	box_unlock(&d->box);
	return acked;
}

bool dev_publish_acked(struct dev *d, const char *topic, const char *payload, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	int mid = dev_publish_mid(d, topic, payload, strlen(payload), 1, false);
	bool acked;

	if (mid < 0)
		return false;
	box_lock(&d->box);
	while (!(acked = d->acked[mid / 8] & (1u << (mid % 8))) && box_wait(&d->box, end)) {
	}
	box_unlock(&d->box);
	return acked;
}

int dev_subscribe_many(struct dev *d, char *const filters[], int count, int qos)
{
	int64_t end = now_ms() + ANSWER_WAIT_MS;
	int mid, granted = -1;

	if (mosquitto_subscribe_multiple(d->mosq, &mid, count, filters, qos, 0, NULL) !=
	    MOSQ_ERR_SUCCESS)
		return -1;
	box_lock(&d->box);
	while (d->suback_mid != mid && box_wait(&d->box, end)) {
	}
	if (d->suback_mid == mid)
		granted = d->granted;
	box_unlock(&d->box);
	if (granted < 0)
		harness_failed("no SUBACK for %s", filters[0]);
	return granted;
}

int dev_subscribe(struct dev *d, const char *filter, int qos)
{
	char *copy = strdup(filter);
	int granted = dev_subscribe_many(d, &copy, 1, qos);

	free(copy);
	return granted;
}

bool dev_unsubscribe(struct dev *d, const char *filter)
{
	int64_t end = now_ms() + ANSWER_WAIT_MS;
	bool done;
	int mid;

	if (mosquitto_unsubscribe(d->mosq, &mid, filter) != MOSQ_ERR_SUCCESS)
		return false;
	box_lock(&d->box);
	while (d->unsuback_mid != mid && box_wait(&d->box, end)) {
	}
	done = d->unsuback_mid == mid;
	box_unlock(&d->box);
	return done;
}

static const struct dev_message *take(struct dev *d, const char *topic)
{
	for (size_t i = 0; i < d->count; i++) {
		if (d->taken[i] || (topic && strcmp(d->messages[i]->topic, topic) != 0))
			continue;
		d->taken[i] = true;
		return d->messages[i];
	}
	return NULL;
}

const struct dev_message *dev_await_message(struct dev *d, const char *topic, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	const struct dev_message *m;

	box_lock(&d->box);
	while (!(m = take(d, topic)) && box_wait(&d->box, end)) {
	}
	box_unlock(&d->box);
	if (!m && timeout_ms >= 1000)
		harness_failed("no message on %s in %d ms", topic ? topic : "any topic", timeout_ms);
	return m;
}

int dev_count_messages(struct dev *d, const char *topic)
{
	int n = 0;

	box_lock(&d->box);
	for (size_t i = 0; i < d->count; i++)
		n += !topic || strcmp(d->messages[i]->topic, topic) == 0;
	box_unlock(&d->box);
	return n;
}
