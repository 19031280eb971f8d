/* Device shadows while the hub is away: answered by the plugin, and by what a user would write
 * otherwise, a client at the same broker that subscribes the requests (a process of its own, with
 * cJSON and libmosquitto, which writes every change to a file before it answers). */
#include <mosquitto.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/asker.h"
#include "bench/measure.h"
#include "bench/scene.h"
#include "tests/harness/harness.h"

enum {
	DEVICES = 50,
	WINDOW = 20,
	STEADY_RATE = 1000,
	STEADY = 10000,
	BURST = 50000,
	BURST_QUICK = 15000,
	RUN_MS = 60000,
	READY_MS = 5000,
	ROUNDS_MAX = 16
};

/* --- the responder, in its own process --- */

struct responder {
	cJSON *documents; /* by topic */
	FILE *file;
	unsigned version;
};

static void respond(struct mosquitto *m, void *ctx, const struct mosquitto_message *in)
{
	struct responder *r = ctx;
	cJSON *request = cJSON_ParseWithLength(in->payload, (size_t)in->payloadlen), *root, *payload;
	const cJSON *reported = cJSON_GetObjectItem(cJSON_GetObjectItem(request, "state"), "reported");
	cJSON *document = cJSON_GetObjectItem(r->documents, in->topic), *state;
	const cJSON *item;
	char topic[128], *text;

	if (!document)
		document = cJSON_AddObjectToObject(r->documents, in->topic);
	cJSON_ArrayForEach(item, reported)
	{
		cJSON_DeleteItemFromObject(document, item->string);
		cJSON_AddItemToObject(document, item->string, cJSON_Duplicate(item, true));
	}
	if (reported) {
		text = cJSON_PrintUnformatted(document);
		fprintf(r->file, "%s %s\n", in->topic, text);
		fflush(r->file);
		free(text);
		r->version++;
	}
	root = cJSON_CreateObject();
	cJSON_AddItemToObject(root, "clientToken",
	                      cJSON_Duplicate(cJSON_GetObjectItem(request, "clientToken"), true));
	payload = cJSON_AddObjectToObject(root, "payload");
	state = cJSON_AddObjectToObject(payload, "state");
	cJSON_AddItemToObject(state, "reported", cJSON_Duplicate(reported ? reported : document, true));
	cJSON_AddNumberToObject(payload, "timestamp", (double)time(NULL));
	cJSON_AddNumberToObject(payload, "version", r->version);
	cJSON_AddNumberToObject(root, "result", 0);
	cJSON_AddNumberToObject(root, "timestamp", (double)time(NULL));
	cJSON_AddStringToObject(root, "type", reported ? "update" : "get");
	text = cJSON_PrintUnformatted(root);
	snprintf(topic, sizeof(topic), "$shadow/operation/result/%s",
	         in->topic + strlen("$shadow/operation/"));
	mosquitto_publish(m, NULL, topic, (int)strlen(text), text, 0, false);
	free(text);
	cJSON_Delete(root);
	cJSON_Delete(request);
}

static void on_subscribe(struct mosquitto *m, void *ctx, int mid, int count, const int *granted)
{
	const char ready = 'r';

	(void)m;
	(void)ctx;
	(void)mid;
	(void)count;
	(void)granted;
	if (write(STDOUT_FILENO, &ready, 1) != 1)
		_exit(EXIT_FAILURE);
}

static void responder_main(int port, const char *path)
{
	struct responder r = { .documents = cJSON_CreateObject(), .file = fopen(path, "we") };
	struct mosquitto *m;

	mosquitto_lib_init();
	m = mosquitto_new("responder", true, &r);
	mosquitto_message_callback_set(m, respond);
	mosquitto_subscribe_callback_set(m, on_subscribe);
	mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
	if (!r.file || mosquitto_connect(m, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS ||
	    mosquitto_subscribe(m, NULL, "$shadow/operation/+/+", 0) != MOSQ_ERR_SUCCESS)
		_exit(EXIT_FAILURE);
	mosquitto_loop_forever(m, -1, 1);
	_exit(EXIT_SUCCESS);
}

/* 0: it does not work. */
static pid_t responder_start(int port, const char *path)
{
	int ready[2];
	struct pollfd p = { .events = POLLIN };
	pid_t parent = getpid(), pid;

	if (pipe(ready) != 0)
		return 0;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || dup2(ready[1], STDOUT_FILENO) < 0)
			_exit(EXIT_FAILURE);
		responder_main(port, path);
	}
	close(ready[1]);
	p.fd = ready[0];
	if (pid > 0 && poll(&p, 1, READY_MS) == 1 && (p.revents & POLLIN)) {
		close(ready[0]);
		return pid;
	}
	close(ready[0]);
	if (pid > 0)
		kill(pid, SIGKILL);
	return 0;
}

static void responder_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* --- one side --- */

struct figures {
	double gets, updates, p99_us; /* 0: failed */
};

static double per_second(struct asker *a, const struct asker_work *w)
{
	struct asker_result r;

	if (!asker_run(a, w, &r))
		return 0;
	return r.answered / ((double)(r.end_ns - r.start_ns) / 1e9);
}

static void take_figures(const struct bench *b, int port, struct figures *out)
{
	uint32_t burst = b->quick ? BURST_QUICK : BURST;
	const struct asker_work updates = {
		.update = true, .window = WINDOW, .total = burst, .timeout_ms = RUN_MS
	};
	const struct asker_work gets = { .window = WINDOW, .total = burst, .timeout_ms = RUN_MS };
	const struct asker_work steady = {
		.rate = STEADY_RATE, .window = WINDOW, .total = STEADY, .timeout_ms = RUN_MS
	};
	struct asker *a = asker_open(port, DEVICES);
	struct asker_result r;

	*out = (struct figures){ 0 };
	if (!a)
		return;
	out->updates = per_second(a, &updates);
	out->gets = per_second(a, &gets);
	if (asker_run(a, &steady, &r))
		out->p99_us = measure_quantile_ns(r.answer_ns, r.answers, 0.99) / 1e3;
	asker_close(a);
}

static bool take_side(const struct bench *b, enum side_kind kind, struct figures *out)
{
	const struct side_opts opts = {
		.kind = kind, .cloud_port = port_free(), .window = 20, .devices = DEVICES
	};
	struct side *s = side_start(&opts);
	char *path = s ? text_fmt("%s.shadows", side_store(s)) : NULL;
	pid_t responder = 0;

	*out = (struct figures){ 0 };
	if (s && kind != SIDE_PLUGIN)
		responder = responder_start(side_port(s), path);
	if (s && (kind == SIDE_PLUGIN || responder > 0))
		take_figures(b, side_port(s), out);
	responder_stop(responder);
	free(path);
	side_stop(s);
	return out->gets > 0 && out->updates > 0 && out->p99_us > 0;
}

static double median(double *values, const struct bench *b)
{
	return measure_quantile(values, (size_t)b->rounds, 0.5);
}

static void row(struct bench *b, const char *what, const char *unit, double (*values)[ROUNDS_MAX])
{
	const struct result r = { .bench = "shadow",
		                      .what = what,
		                      .unit = unit,
		                      .plugin = median(values[0], b),
		                      .bridge = median(values[1], b) };

	table_add(b->table, &r);
}

void bench_shadow(struct bench *b)
{
	double gets[2][ROUNDS_MAX], updates[2][ROUNDS_MAX], p99[2][ROUNDS_MAX];
	static const enum side_kind kinds[2] = { SIDE_PLUGIN, SIDE_BRIDGE };

	for (int i = 0; i < b->rounds; i++) {
		for (int k = 0; k < 2; k++) {
			struct figures f;

			if (!take_side(b, kinds[k], &f)) {
				table_failed(b->table, "shadow", k ? "the responder" : "the plugin");
				return;
			}
			gets[k][i] = f.gets;
			updates[k][i] = f.updates;
			p99[k][i] = f.p99_us;
		}
	}
	row(b, "hub away, 50 devices: gets (right: external responder)", "1/s", gets);
	row(b, "hub away, 50 devices: updates (right: external responder)", "1/s", updates);
	row(b, "hub away, get at 1,000/s: p99 (right: external responder)", "us", p99);
	scene_row(b, "shadow", "gets answered", "1/s", median(gets[0], b), BAR_AT_LEAST, 10000);
	scene_row(b, "shadow", "updates answered", "1/s", median(updates[0], b), BAR_AT_LEAST, 5000);
	scene_row(b, "shadow", "get at 1,000/s, p99", "us", median(p99[0], b), BAR_AT_MOST, 2000);
}
