#include "tests/harness/harness.h"

#include "tests/harness/box.h"
#include "tests/harness/event_list.h"

#include <mosquitto.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_WAIT_MS  20000
#define ANSWER_WAIT_MS 5000

struct sim {
	char *dir, *log, *config;
	struct sim_opts opts;
	struct proc *proc;
	int port, tls_port, admin_port, register_port, firmware_port, starts;
	struct mosquitto *admin;
	struct box box;
	int subscribed, next_id;
	int published_mid, waited_mid;
	struct list events, results;
};

static void on_message(struct mosquitto *mosq, void *arg, const struct mosquitto_message *m)
{
	struct sim *s = arg;
	cJSON *item = cJSON_ParseWithLength(m->payload, (size_t)m->payloadlen);

	(void)mosq;
	if (!item)
		return;
	box_lock(&s->box);
	list_add(strcmp(m->topic, "hubsim/event") == 0 ? &s->events : &s->results, item);
	box_changed(&s->box);
}

static void on_subscribe(struct mosquitto *mosq, void *arg, int mid, int count, const int *granted)
{
	struct sim *s = arg;

	(void)mosq;
	(void)mid;
	(void)count;
	(void)granted;
	box_lock(&s->box);
	s->subscribed++;
	box_changed(&s->box);
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid)
{
	struct sim *s = arg;

	(void)mosq;
	box_lock(&s->box);
	s->published_mid = mid;
	box_changed(&s->box);
}

static bool admin_open(struct sim *s)
{
	int64_t end = now_ms() + ANSWER_WAIT_MS;
	bool ready;

	s->subscribed = 0;
	s->admin = mosquitto_new(NULL, true, s);
	mosquitto_username_pw_set(s->admin, "hubsim-admin", "hubsim");
	mosquitto_int_option(s->admin, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_message_callback_set(s->admin, on_message);
	mosquitto_subscribe_callback_set(s->admin, on_subscribe);
	mosquitto_publish_callback_set(s->admin, on_publish);
	if (mosquitto_connect(s->admin, "127.0.0.1", s->admin_port, 60) != MOSQ_ERR_SUCCESS ||
	    mosquitto_loop_start(s->admin) != MOSQ_ERR_SUCCESS)
		return harness_failed("the simulator's admin port does not answer");
	mosquitto_subscribe(s->admin, NULL, "hubsim/event", 1);
	mosquitto_subscribe(s->admin, NULL, "hubsim/result", 1);
	box_lock(&s->box);
	while (s->subscribed < 2 && box_wait(&s->box, end)) {
	}
	ready = s->subscribed >= 2;
	box_unlock(&s->box);
	return ready || harness_failed("no SUBACK from the simulator's admin port");
}

static void admin_close(struct sim *s)
{
	if (!s->admin)
		return;
	mosquitto_disconnect(s->admin);
	mosquitto_loop_stop(s->admin, true);
	mosquitto_destroy(s->admin);
	s->admin = NULL;
}

static bool read_ports(struct sim *s, const char *path)
{
	long from = 0;
	char *text;
	cJSON *ports;

	for (int64_t end = now_ms() + START_WAIT_MS; !file_await(path, "}\n", &from, 50);) {
		if (!proc_alive(s->proc) || now_ms() > end)
			return harness_failed("the simulator did not start");
	}
	text = file_read(path);
	ports = cJSON_Parse(text);
	free(text);
	s->port = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(ports, "port"));
	s->admin_port = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(ports, "admin_port"));
	if (cJSON_IsNumber(cJSON_GetObjectItem(ports, "tls_port")))
		s->tls_port = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(ports, "tls_port"));
	cJSON_Delete(ports);
	return true;
}

struct args {
	char *argv[24];
	int count;
};

static void add(struct args *a, const char *name, const char *value)
{
	if (!value)
		return;
	a->argv[a->count++] = strdup(name);
	a->argv[a->count++] = strdup(value);
}

static void add_port(struct args *a, const char *name, int port)
{
	char text[16];

	snprintf(text, sizeof text, "%d", port);
	add(a, name, port ? text : NULL);
}

static bool launch(struct sim *s)
{
	struct args a = { .count = 0 };
	char *out = text_fmt("%s/ports.%d", s->dir, s->starts++);
	bool ok;

	a.argv[a.count++] = text_fmt("%s/hubsim/hubsim", build_dir());
	add(&a, "--dir", s->dir);
	add(&a, "--config", s->config);
	add(&a, "--tls-ca", s->opts.tls_ca);
	add(&a, "--tls-cert", s->opts.tls_cert);
	add(&a, "--tls-key", s->opts.tls_key);
	add_port(&a, "--port", s->port);
	add_port(&a, "--tls-port", s->tls_port);
	add_port(&a, "--admin-port", s->admin_port);
	add_port(&a, "--register-port", s->register_port);
	add_port(&a, "--firmware-port", s->firmware_port);
	if (s->opts.persist)
		a.argv[a.count++] = strdup("--persist");
	s->proc = proc_start(a.argv, out, s->log);
	ok = s->proc && read_ports(s, out) && admin_open(s);
	while (a.count > 0)
		free(a.argv[--a.count]);
	free(out);
	return ok;
}

struct sim *sim_start(const struct sim_opts *opts)
{
	struct sim *s = calloc(1, sizeof *s);

	mosquitto_lib_init();
	box_init(&s->box);
	if (opts)
		s->opts = *opts;
	s->dir = dir_make();
	s->log = text_fmt("%s/hubsim.log", s->dir);
	if (s->opts.config) {
		s->config = text_fmt("%s/hubsim.json", s->dir);
		file_write(s->config, s->opts.config, 0600);
		s->opts.config = NULL;
	}
	if (s->opts.registers)
		s->register_port = port_free();
	if (s->opts.firmware)
		s->firmware_port = port_free();
	if (launch(s))
		return s;
	sim_stop(s);
	return NULL;
}

static void end(struct sim *s, int signal)
{
	admin_close(s);
	if (s->proc) {
		proc_signal(s->proc, signal);
		if (proc_wait(s->proc, 5000, NULL) < 0)
			harness_failed("the simulator did not end");
		else if (signal == SIGTERM)
			proc_ended_well(s->proc);
		proc_free(s->proc);
		s->proc = NULL;
	}
}

void sim_kill(struct sim *s)
{
	end(s, SIGKILL);
}

bool sim_restart(struct sim *s)
{
	end(s, SIGTERM);
	return launch(s);
}

void sim_stop(struct sim *s)
{
	if (!s)
		return;
	end(s, SIGTERM);
	list_free(&s->events);
	list_free(&s->results);
	dir_remove(s->dir);
	box_fini(&s->box);
	free(s->dir);
	free(s->log);
	free(s->config);
	free(s);
}

int sim_port(const struct sim *s)
{
	return s->port;
}

int sim_tls_port(const struct sim *s)
{
	return s->tls_port;
}

int sim_firmware_port(const struct sim *s)
{
	return s->firmware_port;
}

int sim_register_port(const struct sim *s)
{
	return s->register_port;
}

int sim_admin_port(const struct sim *s)
{
	return s->admin_port;
}

/* With the lock held. The answer leaves the list. */
static cJSON *answer_to(struct sim *s, int id)
{
	for (size_t i = 0; i < s->results.count; i++) {
		const cJSON *got = cJSON_GetObjectItem(s->results.items[i], "id");
		cJSON *answer = s->results.items[i];

		if (s->results.taken[i] || !cJSON_IsNumber(got) || got->valueint != id)
			continue;
		s->results.taken[i] = true;
		s->results.items[i] = NULL;
		return answer;
	}
	return NULL;
}

cJSON *sim_command(struct sim *s, const char *json)
{
	int64_t end_ms = now_ms() + ANSWER_WAIT_MS;
	int id = ++s->next_id;
	cJSON *cmd = cJSON_Parse(json);
	cJSON *answer;
	char *text;

	cJSON_AddNumberToObject(cmd, "id", id);
	text = cJSON_PrintUnformatted(cmd);
	cJSON_Delete(cmd);
	if (text)
		mosquitto_publish(s->admin, NULL, "hubsim/control", (int)strlen(text), text, 1, false);
	free(text);
	box_lock(&s->box);
	while (!(answer = answer_to(s, id)) && box_wait(&s->box, end_ms)) {
	}
	box_unlock(&s->box);
	if (cJSON_IsTrue(cJSON_GetObjectItem(answer, "ok")))
		return answer;
	text = cJSON_PrintUnformatted(answer);
	harness_failed("simulator command %s: %s", json, text ? text : "no answer");
	free(text);
	cJSON_Delete(answer);
	return NULL;
}

bool sim_do(struct sim *s, const char *json)
{
	cJSON *answer = sim_command(s, json);

	cJSON_Delete(answer);
	return answer != NULL;
}

double sim_stat(struct sim *s, const char *path)
{
	cJSON *stats = sim_command(s, "{\"cmd\":\"stats\"}");
	const cJSON *at = stats;
	char *copy = strdup(path), *rest = copy, *name;
	double value;

	while (at && (name = strsep(&rest, ".")))
		at = cJSON_GetObjectItemCaseSensitive(at, name);
	value = cJSON_IsNumber(at) ? at->valuedouble : -1;
	free(copy);
	cJSON_Delete(stats);
	return value;
}

bool sim_publish(struct sim *s, const char *topic, const char *payload, int qos)
{
	int64_t end_ms = now_ms() + ANSWER_WAIT_MS;
	bool done;
	int mid;

	if (mosquitto_publish(s->admin, &mid, topic, (int)strlen(payload), payload, qos, false) !=
	    MOSQ_ERR_SUCCESS)
		return harness_failed("the application cannot publish on %s", topic);
	if (qos == 0)
		return true;
	box_lock(&s->box);
	while (s->published_mid != mid && box_wait(&s->box, end_ms)) {
	}
	done = s->published_mid == mid;
	box_unlock(&s->box);
	return done || harness_failed("no PUBACK for the application on %s", topic);
}

static const cJSON *take_event(struct sim *s, int timeout_ms, const struct pairs *p, bool quiet)
{
	int64_t end_ms = now_ms() + timeout_ms;
	const cJSON *event;

	box_lock(&s->box);
	while (!(event = list_take(&s->events, p)) && box_wait(&s->box, end_ms)) {
	}
	if (!event && !quiet)
		list_say_missing(&s->events, p, timeout_ms);
	box_unlock(&s->box);
	return event;
}

const cJSON *sim_await_event(struct sim *s, int timeout_ms, ...)
{
	struct pairs p;
	va_list ap;

	va_start(ap, timeout_ms);
	pairs_read(&p, ap);
	va_end(ap);
	return take_event(s, timeout_ms, &p, false);
}

const cJSON *sim_look_for_event(struct sim *s, int timeout_ms, ...)
{
	struct pairs p;
	va_list ap;

	va_start(ap, timeout_ms);
	pairs_read(&p, ap);
	va_end(ap);
	return take_event(s, timeout_ms, &p, true);
}

int sim_count_events(struct sim *s, ...)
{
	struct pairs p;
	va_list ap;
	int n;

	/* Its answer comes behind the events of all that the simulator did until now. */
	if (s->admin)
		sim_do(s, "{\"cmd\":\"stats\"}");
	va_start(ap, s);
	pairs_read(&p, ap);
	va_end(ap);
	box_lock(&s->box);
	n = list_count(&s->events, &p);
	box_unlock(&s->box);
	return n;
}

void sim_skip_events(struct sim *s)
{
	box_lock(&s->box);
	for (size_t i = 0; i < s->events.count; i++)
		s->events.taken[i] = true;
	box_unlock(&s->box);
}
