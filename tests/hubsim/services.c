#include "tests/hubsim/services.h"

#include "tests/hubsim/send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TOPIC_ROOM = 192,
	CALLS_KEPT = 4096,
	CONFIG_NONE = 1002,
	LEVEL_DEFAULT = 4
};

struct call {
	char device[KEY_ROOM];
	int64_t sent_ms;
	bool answered;
};

struct product { /* its remote configuration */
	struct product *next;
	char id[PID_LEN + 1];
	int result;
	char *text; /* JSON; NULL: none */
};

struct services {
	struct cloud *cloud;
	struct events *events;
	struct call calls[CALLS_KEPT]; /* by process id, modulo */
	unsigned last_call;
	struct product *products;
	int log_level;
	cJSON *download; /* the task that devices are given; NULL: none */
};

struct services *services_new(struct cloud *c, struct events *e)
{
	struct services *s = calloc(1, sizeof *s);

	if (s) {
		s->cloud = c;
		s->events = e;
		s->log_level = LEVEL_DEFAULT;
	}
	return s;
}

void services_free(struct services *s)
{
	if (!s)
		return;
	while (s->products) {
		struct product *p = s->products;

		s->products = p->next;
		free(p->text);
		free(p);
	}
	cJSON_Delete(s->download);
	free(s);
}

static const char *text_of(const cJSON *obj, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(obj, name));

	return text ? text : "";
}

static bool type_is(const cJSON *request, const char *type)
{
	return strcmp(text_of(request, "type"), type) == 0;
}

static void send_json(const char *tree, const char *device, const cJSON *json, int qos)
{
	char *text = cJSON_PrintUnformatted(json);
	char topic[TOPIC_ROOM];

	snprintf(topic, sizeof topic, "%s%s", tree, device);
	if (text)
		send_message(topic, text, strlen(text), qos);
	cJSON_free(text);
}

/* --- calls --- */

static bool reachable(const struct account *a)
{
	return !a->bound || a->online;
}

static const char *run_rrpc(struct services *s, const cJSON *cmd, cJSON *out)
{
	const struct account *a = account_find(s->cloud, text_of(cmd, "device"));
	const char *payload = text_of(cmd, "payload");
	unsigned id = s->last_call + 1;
	char topic[TOPIC_ROOM];

	if (!a)
		return "unknown device";
	if (!reachable(a))
		return "device is offline";
	s->last_call = id;
	snprintf(s->calls[id % CALLS_KEPT].device, KEY_ROOM, "%s", a->key);
	s->calls[id % CALLS_KEPT].sent_ms = monotonic_ms();
	s->calls[id % CALLS_KEPT].answered = false;
	snprintf(topic, sizeof topic, "$rrpc/rxd/%s/%u", a->key, id);
	cJSON_AddNumberToObject(out, "process_id", id);
	send_message(topic, payload, strlen(payload), 0);
	return NULL;
}

/* `at`: PID/NAME/PROCESS_ID. */
static void take_answer(struct services *s, const char *at, const void *payload, size_t len)
{
	const char *id = strrchr(at, '/') + 1;
	struct call *c = &s->calls[strtoul(id, NULL, 10) % CALLS_KEPT];
	size_t key_len = (size_t)(id - 1 - at);
	bool known = strlen(c->device) == key_len && memcmp(c->device, at, key_len) == 0;
	char *text = strndup(payload ? payload : "", len), *device = strndup(at, key_len);
	cJSON *ev = event_new("rrpc_answer");

	cJSON_AddStringToObject(ev, "device", device ? device : "");
	cJSON_AddStringToObject(ev, "process_id", id);
	cJSON_AddStringToObject(ev, "payload", text ? text : "");
	cJSON_AddBoolToObject(ev, "expected", known && !c->answered);
	cJSON_AddNumberToObject(ev, "ms", known ? (double)(monotonic_ms() - c->sent_ms) : -1);
	if (known)
		c->answered = true;
	event_push(s->events, ev);
	free(text);
	free(device);
}

/* --- broadcast --- */

static const char *run_broadcast(struct services *s, const cJSON *cmd, cJSON *out)
{
	const char *product = text_of(cmd, "product"), *payload = text_of(cmd, "payload");
	char topic[TOPIC_ROOM];
	int copies = 0;

	for (size_t i = 0; i < s->cloud->count; i++) {
		const struct account *a = &s->cloud->accounts[i];

		if (strncmp(a->key, product, PID_LEN) != 0 || !reachable(a))
			continue;
		snprintf(topic, sizeof topic, "$broadcast/rxd/%s", a->key);
		send_message(topic, payload, strlen(payload), 1);
		copies++;
	}
	cJSON_AddNumberToObject(out, "copies", copies);
	return strlen(product) == PID_LEN ? NULL : "unknown product";
}

/* --- remote configuration --- */

static struct product *product_of(struct services *s, const char *id)
{
	struct product *p = s->products;

	while (p && strncmp(p->id, id, PID_LEN) != 0)
		p = p->next;
	if (p)
		return p;
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	snprintf(p->id, sizeof p->id, "%.10s", id);
	p->result = CONFIG_NONE;
	p->next = s->products;
	s->products = p;
	return p;
}

static void tell_config(struct services *s, const char *device, const char *type)
{
	const struct product *p = product_of(s, device);
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "type", type);
	if (strcmp(type, "reply") == 0)
		cJSON_AddNumberToObject(json, "result", p ? p->result : CONFIG_NONE);
	if (p && p->text && p->result == 0)
		cJSON_AddRawToObject(json, "payload", p->text);
	send_json("$config/operation/result/", device, json, 1);
	cJSON_Delete(json);
}

/* The operator saves a configuration, or takes it away; nobody hears of it yet. */
static const char *run_remote_config(struct services *s, const cJSON *cmd, cJSON *out)
{
	struct product *p = product_of(s, text_of(cmd, "product"));
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(cmd, "result");
	const cJSON *payload = cJSON_GetObjectItemCaseSensitive(cmd, "payload");

	(void)out;
	if (!p)
		return "no memory";
	free(p->text);
	p->text = payload ? cJSON_PrintUnformatted(payload) : NULL;
	p->result = cJSON_IsNumber(result) ? result->valueint : payload ? 0 : CONFIG_NONE;
	return NULL;
}

/* ... and presses "distribute". */
static const char *run_push(struct services *s, const cJSON *cmd, cJSON *out)
{
	const char *product = text_of(cmd, "product");

	(void)out;
	for (size_t i = 0; i < s->cloud->count; i++) {
		const struct account *a = &s->cloud->accounts[i];

		if (strncmp(a->key, product, PID_LEN) == 0 && reachable(a))
			tell_config(s, a->key, "push");
	}
	return strlen(product) == PID_LEN ? NULL : "unknown product";
}

/* --- the level of logs --- */

static void tell_level(struct services *s, const char *device, const char *token)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "type", "get_log_level");
	if (*token)
		cJSON_AddStringToObject(json, "clientToken", token);
	cJSON_AddNumberToObject(json, "log_level", s->log_level);
	cJSON_AddNumberToObject(json, "result", 0);
	cJSON_AddNumberToObject(json, "timestamp", (double)(cloud_now_ms(s->cloud) / 1000));
	send_json("$log/operation/result/", device, json, 0);
	cJSON_Delete(json);
}

static const char *run_log_level(struct services *s, const cJSON *cmd, cJSON *out)
{
	const cJSON *level = cJSON_GetObjectItemCaseSensitive(cmd, "level");

	(void)out;
	if (!account_find(s->cloud, text_of(cmd, "device")))
		return "unknown device";
	s->log_level = cJSON_IsNumber(level) ? level->valueint : LEVEL_DEFAULT;
	tell_level(s, text_of(cmd, "device"), "");
	return NULL;
}

/* --- file resources --- */

static const char *run_resource_task(struct services *s, const cJSON *cmd, cJSON *out)
{
	const cJSON *task = cJSON_GetObjectItemCaseSensitive(cmd, "task");

	(void)out;
	cJSON_Delete(s->download);
	s->download = cJSON_IsObject(task) ? cJSON_Duplicate(task, true) : NULL;
	return NULL;
}

static cJSON *progress_taken(const char *type)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "type", type);
	cJSON_AddNumberToObject(json, "result_code", 0);
	cJSON_AddStringToObject(json, "result_msg", "ok");
	return json;
}

static cJSON *task_of(const cJSON *from, const char *type)
{
	cJSON *json = from ? cJSON_Duplicate(from, true) : cJSON_CreateObject();

	cJSON_DeleteItemFromObjectCaseSensitive(json, "type");
	cJSON_AddStringToObject(json, "type", type);
	return json;
}

static void take_resource(struct services *s, const char *device, const cJSON *request)
{
	cJSON *json = NULL;

	if (type_is(request, "create_upload_task")) {
		json = task_of(request, "create_upload_task_rsp");
		cJSON_AddStringToObject(json, "url", "https://files.example/upload");
	} else if (type_is(request, "get_download_task")) {
		json = task_of(s->download, "get_download_task_rsp");
	} else if (type_is(request, "report_upload_progress")) {
		json = progress_taken("report_upload_progress_rsp");
	} else if (type_is(request, "report_download_progress")) {
		json = progress_taken("report_download_progress_rsp");
	}
	if (json)
		send_json("$resource/down/service/", device, json, 1);
	cJSON_Delete(json);
}

/* --- in --- */

static void take_config(struct services *s, const char *device, const cJSON *request)
{
	if (type_is(request, "get"))
		tell_config(s, device, "reply");
}

static void take_log(struct services *s, const char *device, const cJSON *request)
{
	if (type_is(request, "get_log_level"))
		tell_level(s, device, text_of(request, "clientToken"));
}

static const struct {
	const char *prefix;
	void (*take)(struct services *s, const char *device, const cJSON *request);
} requests[] = {
	{ "$config/operation/", take_config },
	{ "$log/operation/", take_log },
	{ "$resource/up/service/", take_resource },
};

void services_message(struct services *s, const char *topic, const void *payload, size_t len)
{
	static const char answers[] = "$rrpc/txd/";

	if (strncmp(topic, answers, sizeof answers - 1) == 0) {
		take_answer(s, topic + sizeof answers - 1, payload, len);
		return;
	}
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		size_t prefix_len = strlen(requests[i].prefix);
		cJSON *request;

		if (strncmp(topic, requests[i].prefix, prefix_len) != 0)
			continue;
		request = cJSON_ParseWithLength(payload, len);
		requests[i].take(s, topic + prefix_len, request);
		cJSON_Delete(request);
		return;
	}
}

static const struct {
	const char *name;
	const char *(*run)(struct services *s, const cJSON *cmd, cJSON *out);
} commands[] = {
	{ "rrpc", run_rrpc },
	{ "broadcast", run_broadcast },
	{ "remote_config", run_remote_config },
	{ "remote_config_push", run_push },
	{ "log_level", run_log_level },
	{ "resource_task", run_resource_task },
};

const char *services_command(struct services *s, const char *name, const cJSON *cmd, cJSON *out,
                             bool *known)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		*known = true;
		return commands[i].run(s, cmd, out);
	}
	*known = false;
	return NULL;
}
