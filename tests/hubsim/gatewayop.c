#include "tests/hubsim/gatewayop.h"

#include "tests/hubsim/login.h"
#include "tests/hubsim/send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum op {
	OP_ONLINE,
	OP_OFFLINE,
	OP_BIND,
	OP_UNBIND,
	OP_DESCRIBE,
	OP_CHANGE,
	OP_COUNT
};
#define FORCED_MAX 64

struct forced {
	char device[KEY_ROOM];
	enum op op;
	int result, count;
};

struct gatewayop {
	struct cloud *cloud;
	struct events *events;
	struct forced forced[FORCED_MAX];
	int silent[OP_COUNT];
	bool crossing;  /* the next reply waits for a `change` */
	cJSON *crossed; /* and this one does */
	struct account *crossed_gw;
	uint64_t requests[OP_COUNT], bad_json, change_sent, change_acks;
};

static const char up[] = "$gateway/operation/";

static int online(struct gatewayop *g, struct account *gw, struct account *sub,
                  const cJSON *fields);
static int offline(struct gatewayop *g, struct account *gw, struct account *sub,
                   const cJSON *fields);
/* The code is a choice: nobody published one for this. */
static bool has_all_it_may(const struct cloud *c, const struct account *gw)
{
	int bound = 0;

	for (size_t i = 0; i < c->count; i++)
		bound += c->accounts[i].bound == gw;
	return c->limits.enforce && c->limits.subdevices > 0 && bound >= c->limits.subdevices;
}

static int bind_sub(struct gatewayop *g, struct account *gw, struct account *sub,
                    const cJSON *fields);
static int unbind(struct gatewayop *g, struct account *gw, struct account *sub,
                  const cJSON *fields);

static const struct {
	const char *name;
	int (*run)(struct gatewayop *g, struct account *gw, struct account *sub, const cJSON *fields);
} ops[OP_COUNT] = {
	[OP_ONLINE] = { "online", online },
	[OP_OFFLINE] = { "offline", offline },
	[OP_BIND] = { "bind", bind_sub },
	[OP_UNBIND] = { "unbind", unbind },
	[OP_DESCRIBE] = { "describe_sub_devices", NULL },
	[OP_CHANGE] = { "change", NULL },
};

struct gatewayop *gatewayop_new(struct cloud *c, struct events *e)
{
	struct gatewayop *g = calloc(1, sizeof *g);

	if (g) {
		g->cloud = c;
		g->events = e;
	}
	return g;
}

void gatewayop_free(struct gatewayop *g)
{
	if (g)
		cJSON_Delete(g->crossed);
	free(g);
}

static enum op op_named(const char *name)
{
	int i = 0;

	while (i < OP_COUNT && (!name || strcmp(ops[i].name, name) != 0))
		i++;
	return (enum op)i;
}

static int online(struct gatewayop *g, struct account *gw, struct account *sub, const cJSON *fields)
{
	(void)fields;
	if (sub->bound != gw)
		return -1;
	if (sub->online)
		return g->cloud->readings.again;
	sub->online = true;
	cloud_save(g->cloud);
	return 0;
}

static int offline(struct gatewayop *g, struct account *gw, struct account *sub,
                   const cJSON *fields)
{
	(void)fields;
	if (sub->bound != gw)
		return -1;
	sub->online = false;
	cloud_save(g->cloud);
	return 0;
}

static int bind_sub(struct gatewayop *g, struct account *gw, struct account *sub,
                    const cJSON *fields)
{
	int result;

	if (sub->gateway || sub == gw)
		return 807;
	result = bind_signature_result(g->cloud, sub, fields);
	if (result != 0)
		return result;
	if (sub->bound)
		return sub->bound == gw ? 809 : 806;
	if (has_all_it_may(g->cloud, gw))
		return 808;
	sub->bound = gw;
	gw->gateway = true;
	cloud_save(g->cloud);
	return 0;
}

static int unbind(struct gatewayop *g, struct account *gw, struct account *sub, const cJSON *fields)
{
	(void)fields;
	if (sub->bound != gw)
		return -1;
	sub->bound = NULL;
	sub->online = false;
	cloud_save(g->cloud);
	return 0;
}

static bool forced_result(struct gatewayop *g, enum op op, const char *device, int *result)
{
	for (int i = 0; i < FORCED_MAX; i++) {
		struct forced *f = &g->forced[i];

		if (f->count == 0 || f->op != op || (*f->device && strcmp(f->device, device) != 0))
			continue;
		if (f->count > 0)
			f->count--;
		*result = f->result;
		return true;
	}
	return false;
}

static int judge(struct gatewayop *g, enum op op, struct account *gw, const cJSON *fields,
                 char device[KEY_ROOM])
{
	const char *pid = cJSON_GetStringValue(cJSON_GetObjectItem(fields, "product_id"));
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(fields, "device_name"));
	struct account *sub;
	int result;

	snprintf(device, KEY_ROOM, "%.10s/%.48s", pid ? pid : "", name ? name : "");
	if (forced_result(g, op, device, &result))
		return result;
	if (!pid || !name)
		return 801;
	sub = account_of(g->cloud, pid, name);
	return sub ? ops[op].run(g, gw, sub, fields) : 802;
}

static void report(struct gatewayop *g, enum op op, const struct account *gw, const char *device,
                   int result)
{
	cJSON *ev = event_new(ops[op].name);

	cJSON_AddStringToObject(ev, "device", device);
	cJSON_AddStringToObject(ev, "gateway", gw->key);
	cJSON_AddNumberToObject(ev, "result", result);
	event_push(g->events, ev);
}

static void reply(const struct account *gw, const cJSON *root)
{
	char topic[sizeof "$gateway/operation/result/" + KEY_ROOM];
	char *text = cJSON_PrintUnformatted(root);

	snprintf(topic, sizeof topic, "$gateway/operation/result/%s", gw->key);
	if (text)
		send_message(topic, text, strlen(text), 0);
	free(text);
}

static cJSON *reply_root(enum op op, cJSON **devices)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *payload;

	cJSON_AddStringToObject(root, "type", ops[op].name);
	payload = cJSON_AddObjectToObject(root, "payload");
	*devices = cJSON_AddArrayToObject(payload, "devices");
	return root;
}

/* The names as the request ordered them, then the result. */
static cJSON *answered(const cJSON *fields, int result)
{
	cJSON *out = cJSON_CreateObject();
	const cJSON *item;

	cJSON_ArrayForEach(item, fields)
	{
		if (item->string &&
		    (strcmp(item->string, "product_id") == 0 || strcmp(item->string, "device_name") == 0))
			cJSON_AddItemToObject(out, item->string, cJSON_Duplicate(item, true));
	}
	cJSON_AddNumberToObject(out, "result", result);
	return out;
}

static cJSON *names_of(const struct account *a)
{
	cJSON *item = cJSON_CreateObject();
	char pid[PID_LEN + 1];

	snprintf(pid, sizeof pid, "%.10s", a->key);
	cJSON_AddStringToObject(item, "product_id", pid);
	cJSON_AddStringToObject(item, "device_name", a->key + PID_LEN + 1);
	return item;
}

/* The console and, by one reading, the gateway itself changed who is bound. */
static void tell_change(struct gatewayop *g, const struct account *gw, const struct account *sub,
                        bool bound)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *payload, *devices;

	cJSON_AddStringToObject(root, "type", "change");
	payload = cJSON_AddObjectToObject(root, "payload");
	cJSON_AddNumberToObject(payload, "status", bound);
	devices = cJSON_AddArrayToObject(payload, "devices");
	cJSON_AddItemToArray(devices, names_of(sub));
	reply(gw, root);
	g->change_sent++;
	cJSON_Delete(root);
}

static struct account *subject_of(const struct gatewayop *g, const cJSON *fields)
{
	const char *pid = cJSON_GetStringValue(cJSON_GetObjectItem(fields, "product_id"));
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(fields, "device_name"));

	return pid && name ? account_of(g->cloud, pid, name) : NULL;
}

/* By one reading nobody answers for a device that is online already. */
static bool passes_over(const struct gatewayop *g, enum op op, const cJSON *asked)
{
	const struct account *sub = subject_of(g, cJSON_GetArrayItem(asked, 0));

	return op == OP_ONLINE && g->cloud->readings.again_silent && sub && sub->online;
}

static void per_device(struct gatewayop *g, enum op op, struct account *gw, const cJSON *request)
{
	const cJSON *asked = cJSON_GetObjectItem(cJSON_GetObjectItem(request, "payload"), "devices");
	enum several several = g->cloud->readings.several;
	bool refused = several == SEVERAL_REFUSED && cJSON_GetArraySize(asked) > 1;
	const cJSON *judged = refused ? NULL : asked;
	char device[KEY_ROOM];
	const cJSON *fields;
	cJSON *devices;
	cJSON *root;

	if (passes_over(g, op, asked))
		return;
	root = reply_root(op, &devices);
	cJSON_ArrayForEach(fields, judged)
	{
		int result = judge(g, op, gw, fields, device);

		cJSON_AddItemToArray(devices, answered(fields, result));
		report(g, op, gw, device, result);
		if (several == SEVERAL_FIRST)
			break;
	}
	if (!cJSON_IsArray(asked) || cJSON_GetArraySize(asked) == 0 || refused)
		cJSON_AddNumberToObject(root, "result", 801);
	if (g->crossing) {
		g->crossing = false;
		cJSON_Delete(g->crossed);
		g->crossed = root;
		g->crossed_gw = gw;
		return;
	}
	reply(gw, root);
	if (op == OP_BIND && g->cloud->readings.bind_notice && subject_of(g, asked->child) &&
	    subject_of(g, asked->child)->bound == gw)
		tell_change(g, gw, subject_of(g, asked->child), true);
	cJSON_Delete(root);
}

/* Split where a message would pass limits.describe_bytes; the real hub's way is not published. */
static void describe(struct gatewayop *g, const struct account *gw)
{
	const size_t per_device = sizeof "{\"product_id\":\"\",\"device_name\":\"\"}," + KEY_ROOM;
	size_t room = (size_t)g->cloud->limits.describe_bytes / per_device;
	size_t held = 0;
	cJSON *devices;
	cJSON *root = reply_root(OP_DESCRIBE, &devices);

	for (size_t i = 0; i < g->cloud->count; i++) {
		if (g->cloud->accounts[i].bound != gw)
			continue;
		if (held == room && room > 0) {
			reply(gw, root);
			cJSON_Delete(root);
			root = reply_root(OP_DESCRIBE, &devices);
			held = 0;
		}
		cJSON_AddItemToArray(devices, names_of(&g->cloud->accounts[i]));
		held++;
	}
	reply(gw, root);
	cJSON_Delete(root);
	report(g, OP_DESCRIBE, gw, "", 0);
}

static void change_acknowledged(struct gatewayop *g, const struct account *gw, const cJSON *request)
{
	const cJSON *result = cJSON_GetObjectItem(request, "result");
	cJSON *ev = event_new("change_ack");

	g->change_acks++;
	cJSON_AddStringToObject(ev, "gateway", gw->key);
	cJSON_AddNumberToObject(ev, "result", cJSON_IsNumber(result) ? result->valueint : -1);
	event_push(g->events, ev);
}

static void carry_out(struct gatewayop *g, struct account *gw, const cJSON *request)
{
	enum op op = op_named(cJSON_GetStringValue(cJSON_GetObjectItem(request, "type")));

	if (op == OP_COUNT)
		return;
	g->requests[op]++;
	if (g->silent[op] != 0) {
		if (g->silent[op] > 0)
			g->silent[op]--;
		return;
	}
	if (op == OP_CHANGE)
		change_acknowledged(g, gw, request);
	else if (op == OP_DESCRIBE)
		describe(g, gw);
	else
		per_device(g, op, gw, request);
}

static void answer_time(struct gatewayop *g, const char *key, const cJSON *request)
{
	char topic[sizeof "$sys/operation/result/" + KEY_ROOM];
	char text[160];
	long long now = (long long)cloud_now_ms(g->cloud);
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(request, "type"));

	if (!type || strcmp(type, "get") != 0)
		return;
	snprintf(topic, sizeof topic, "$sys/operation/result/%s", key);
	snprintf(text, sizeof text,
	         "{\"ntptime1\":%lld,\"ntptime2\":%lld,\"time\":%lld,\"type\":\"get\"}", now, now,
	         now / 1000);
	send_message(topic, text, strlen(text), 0);
}

void gatewayop_message(struct gatewayop *g, struct account *who, const char *topic,
                       const void *payload, size_t len)
{
	static const char sys[] = "$sys/operation/";
	bool gateway = strncmp(topic, up, sizeof up - 1) == 0;
	cJSON *request;

	if (!gateway && strncmp(topic, sys, sizeof sys - 1) != 0)
		return;
	request = cJSON_ParseWithLength(payload, len);
	if (!request)
		g->bad_json++;
	else if (gateway)
		carry_out(g, who, request);
	else
		answer_time(g, topic + sizeof sys - 1, request);
	cJSON_Delete(request);
}

void gatewayop_force(struct gatewayop *g, const char *op, const char *device, int result, int count)
{
	enum op wanted = op_named(op);
	struct forced *free_slot = NULL;

	for (int i = 0; i < FORCED_MAX; i++) {
		struct forced *f = &g->forced[i];

		if (f->count != 0 && f->op == wanted && strcmp(f->device, device) == 0)
			f->count = 0;
		if (f->count == 0 && !free_slot)
			free_slot = f;
	}
	if (!free_slot || wanted == OP_COUNT)
		return;
	free_slot->op = wanted;
	free_slot->result = result;
	free_slot->count = count;
	snprintf(free_slot->device, sizeof free_slot->device, "%s", device);
}

void gatewayop_silence(struct gatewayop *g, const char *op, int count)
{
	for (int i = 0; i < OP_COUNT; i++) {
		if (!*op || strcmp(ops[i].name, op) == 0)
			g->silent[i] = count;
	}
}

void gatewayop_cross(struct gatewayop *g)
{
	g->crossing = true;
}

void gatewayop_console(struct gatewayop *g, struct account *sub, struct account *gw)
{
	struct account *told = gw ? gw : sub->bound;

	sub->bound = gw;
	sub->online = false;
	if (gw)
		gw->gateway = true;
	cloud_save(g->cloud);
	if (told)
		tell_change(g, told, sub, gw != NULL);
	if (g->crossed)
		reply(g->crossed_gw, g->crossed);
	cJSON_Delete(g->crossed);
	g->crossed = NULL;
}

cJSON *gatewayop_stats(const struct gatewayop *g)
{
	cJSON *obj = cJSON_CreateObject();
	cJSON *requests = cJSON_AddObjectToObject(obj, "requests");

	for (int i = 0; i < OP_COUNT; i++)
		cJSON_AddNumberToObject(requests, ops[i].name, (double)g->requests[i]);
	cJSON_AddNumberToObject(obj, "bad_json", (double)g->bad_json);
	cJSON_AddNumberToObject(obj, "change_sent", (double)g->change_sent);
	cJSON_AddNumberToObject(obj, "change_acks", (double)g->change_acks);
	return obj;
}
