#include "tests/hubsim/control.h"

#include "tests/hubsim/firmware.h"
#include "tests/hubsim/register.h"
#include "tests/hubsim/send.h"

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL, or why not (static). `out` receives members of the answer. */
typedef const char *(*command_fn)(struct sim *s, const cJSON *cmd, cJSON *out);

static const char *text_of(const cJSON *cmd, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(cmd, name));

	return text ? text : "";
}

static int number_of(const cJSON *cmd, const char *name, int otherwise)
{
	const cJSON *item = cJSON_GetObjectItem(cmd, name);

	return cJSON_IsNumber(item) ? item->valueint : otherwise;
}

static const char *run_stats(struct sim *s, const cJSON *cmd, cJSON *out)
{
	cJSON *online = cJSON_AddArrayToObject(out, "online");
	cJSON *devices = cJSON_AddObjectToObject(out, "devices");
	size_t most = 0;

	(void)cmd;
	for (size_t i = 0; i < s->cloud->count; i++) {
		const struct account *a = &s->cloud->accounts[i];

		if (a->most_filters > most)
			most = a->most_filters;
		if (a->online)
			cJSON_AddItemToArray(online, cJSON_CreateString(a->key));
		if (a->published > 0)
			cJSON_AddItemToObject(devices, a->key, account_tally_json(a));
	}
	cJSON_AddNumberToObject(out, "most_subscriptions", (double)most);
	cJSON_AddNumberToObject(out, "publishes", (double)s->publishes);
	cJSON_AddNumberToObject(out, "forbidden_publish", (double)s->forbidden_publishes);
	cJSON_AddNumberToObject(out, "logins_refused", (double)s->logins_refused);
	cJSON_AddItemToObject(out, "violations", violations_json(s->events));
	cJSON_AddItemToObject(out, "gateway", gatewayop_stats(s->gatewayop));
	cJSON_AddItemToObject(out, "shadow", shadows_stats(s->shadows));
	proxy_stats(s->proxy, out);
	return NULL;
}

static const char *run_reset_stats(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)cmd;
	(void)out;
	for (size_t i = 0; i < s->cloud->count; i++) {
		struct account *a = &s->cloud->accounts[i];

		account_tally_reset(a);
		a->most_filters = a->filter_count;
	}
	s->publishes = s->forbidden_publishes = s->logins_refused = 0;
	violations_clear(s->events);
	proxy_stats_clear(s->proxy);
	return NULL;
}

static const char *run_devices(struct sim *s, const cJSON *cmd, cJSON *out)
{
	cJSON *list = cJSON_AddArrayToObject(out, "devices");

	(void)cmd;
	for (size_t i = 0; i < s->cloud->count; i++) {
		const struct account *a = &s->cloud->accounts[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "device", a->key);
		if (a->bound)
			cJSON_AddStringToObject(item, "gateway", a->bound->key);
		cJSON_AddBoolToObject(item, "online", a->online);
		cJSON_AddBoolToObject(item, "disabled", a->disabled);
		cJSON_AddItemToArray(list, item);
	}
	return NULL;
}

static const char *run_fault(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)out;
	for (int i = 0; i < FAULT_COUNT; i++) {
		if (strcmp(fault_names[i], text_of(cmd, "mode")) != 0)
			continue;
		proxy_fault(s->proxy, (enum fault)i, number_of(cmd, "ms", 0));
		return NULL;
	}
	return "unknown mode";
}

static const char *end_connections(struct sim *s, const cJSON *cmd, cJSON *out, bool reset)
{
	const char *client = text_of(cmd, "client");

	cJSON_AddNumberToObject(out, "ended", proxy_end(s->proxy, *client ? client : NULL, reset));
	return NULL;
}

static const char *run_cut(struct sim *s, const cJSON *cmd, cJSON *out)
{
	return end_connections(s, cmd, out, false);
}

static const char *run_reset(struct sim *s, const cJSON *cmd, cJSON *out)
{
	return end_connections(s, cmd, out, true);
}

static const char *run_drop_puback(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)out;
	proxy_drop_pubacks(s->proxy, number_of(cmd, "count", 1));
	return NULL;
}

static const char *run_gateway_result(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)out;
	gatewayop_force(s->gatewayop, text_of(cmd, "op"), text_of(cmd, "device"),
	                number_of(cmd, "result", -2), number_of(cmd, "count", 1));
	return NULL;
}

static const char *run_gateway_silent(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)out;
	gatewayop_silence(s->gatewayop, text_of(cmd, "op"), number_of(cmd, "count", 1));
	return NULL;
}

static const char *run_gateway_cross(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)cmd;
	(void)out;
	gatewayop_cross(s->gatewayop);
	return NULL;
}

static const char *run_bind(struct sim *s, const cJSON *cmd, cJSON *out)
{
	struct account *gw = account_find(s->cloud, text_of(cmd, "gateway"));
	struct account *sub = account_find(s->cloud, text_of(cmd, "device"));

	(void)out;
	if (!gw || !sub)
		return "unknown gateway or device";
	gatewayop_console(s->gatewayop, sub, gw);
	return NULL;
}

static const char *run_unbind(struct sim *s, const cJSON *cmd, cJSON *out)
{
	struct account *sub = account_find(s->cloud, text_of(cmd, "device"));

	(void)out;
	if (!sub)
		return "unknown device";
	gatewayop_console(s->gatewayop, sub, NULL);
	return NULL;
}

static const char *run_kick(struct sim *s, const cJSON *cmd, cJSON *out)
{
	const struct account *a = account_find(s->cloud, text_of(cmd, "client"));
	char id[KEY_ROOM];

	(void)out;
	if (!a)
		return "unknown client";
	snprintf(id, sizeof id, "%.10s%s", a->key, a->key + PID_LEN + 1);
	return mosquitto_kick_client_by_clientid(id, false) == MOSQ_ERR_SUCCESS ? NULL
	                                                                        : "not connected";
}

static const char *run_disable(struct sim *s, const cJSON *cmd, cJSON *out)
{
	struct account *a = account_find(s->cloud, text_of(cmd, "device"));

	(void)out;
	if (!a)
		return "unknown device";
	a->disabled = !cJSON_IsFalse(cJSON_GetObjectItem(cmd, "disabled"));
	return NULL;
}

static const char *run_clock(struct sim *s, const cJSON *cmd, cJSON *out)
{
	const cJSON *offset = cJSON_GetObjectItem(cmd, "offset_ms");

	(void)out;
	s->cloud->clock_offset_ms = cJSON_IsNumber(offset) ? (int64_t)offset->valuedouble : 0;
	return NULL;
}

static const char *run_desire(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)out;
	return shadows_desire(s->shadows, text_of(cmd, "device"), cJSON_GetObjectItem(cmd, "desired"));
}

static const char *run_shadow(struct sim *s, const cJSON *cmd, cJSON *out)
{
	if (!account_find(s->cloud, text_of(cmd, "device")))
		return "unknown device";
	shadows_show(s->shadows, text_of(cmd, "device"), out);
	return NULL;
}

static const char *run_shadow_forget(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)out;
	shadows_forget(s->shadows, text_of(cmd, "device"));
	return NULL;
}

static const char *run_shadow_mute(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)out;
	shadows_mute(s->shadows, number_of(cmd, "count", 1));
	return NULL;
}

static const char *run_shadow_habits(struct sim *s, const cJSON *cmd, cJSON *out)
{
	const struct shadow_habits habits = {
		.digits17 = cJSON_IsTrue(cJSON_GetObjectItem(cmd, "digits17")),
		.first_version = (unsigned)number_of(cmd, "first_version", 1),
		.tail = (char)number_of(cmd, "tail", '\n'),
	};

	(void)out;
	shadows_behave(s->shadows, &habits);
	return NULL;
}

static const char *run_readings(struct sim *s, const cJSON *cmd, cJSON *out)
{
	const char *several = text_of(cmd, "several");

	(void)out;
	s->cloud->readings = (struct readings){
		.echo = cJSON_IsTrue(cJSON_GetObjectItem(cmd, "echo")),
		.bind_notice = cJSON_IsTrue(cJSON_GetObjectItem(cmd, "bind_notice")),
		.again_silent = strcmp(text_of(cmd, "again"), "silent") == 0,
		.again = number_of(cmd, "again", 0),
		.several = strcmp(several, "first") == 0     ? SEVERAL_FIRST
		           : strcmp(several, "refused") == 0 ? SEVERAL_REFUSED
		                                             : SEVERAL_EACH,
	};
	return NULL;
}

static const char *run_register_fault(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)out;
	if (!s->registrar)
		return "started without --register-port";
	registrar_fault(s->registrar, text_of(cmd, "kind"), number_of(cmd, "count", 1));
	return NULL;
}

static const char *run_events(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)out;
	events_publishing(s->events, !cJSON_IsFalse(cJSON_GetObjectItem(cmd, "publish")));
	return NULL;
}

static const char *run_declare(struct sim *s, const cJSON *cmd, cJSON *out)
{
	bool publish = !cJSON_IsFalse(cJSON_GetObjectItem(cmd, "publish"));
	bool subscribe = !cJSON_IsFalse(cJSON_GetObjectItem(cmd, "subscribe"));

	(void)out;
	if (!*text_of(cmd, "name"))
		return "no name";
	return cloud_declare(s->cloud, text_of(cmd, "name"), publish, subscribe) ? NULL : "no memory";
}

static const char *run_dislike(struct sim *s, const cJSON *cmd, cJSON *out)
{
	const char *text = text_of(cmd, "text");

	(void)out;
	free(s->cloud->disliked);
	s->cloud->disliked = *text ? strdup(text) : NULL;
	s->cloud->closes = cJSON_IsTrue(cJSON_GetObjectItem(cmd, "close"));
	return NULL;
}

static const char *run_forward(struct sim *s, const cJSON *cmd, cJSON *out)
{
	(void)out;
	return forward_rule(&s->forward, text_of(cmd, "topic")) ? NULL : "no memory";
}

static const char *run_firmware(struct sim *s, const cJSON *cmd, cJSON *out)
{
	static const struct {
		const char *name;
		const char *(*run)(struct firmwares *f, const cJSON *cmd, cJSON *out);
	} all[] = {
		{ "firmware", firmwares_make },          { "firmware_fault", firmwares_fault },
		{ "ota_task", firmwares_task },          { "ota_withdraw", firmwares_withdraw },
		{ "firmware_served", firmwares_served },
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (strcmp(all[i].name, text_of(cmd, "cmd")) == 0)
			return s->firmwares ? all[i].run(s->firmwares, cmd, out)
			                    : "started without --firmware-port";
	}
	return "unknown command";
}

static const struct {
	const char *name;
	command_fn run;
} commands[] = {
	{ "stats", run_stats },
	{ "reset_stats", run_reset_stats },
	{ "devices", run_devices },
	{ "fault", run_fault },
	{ "cut", run_cut },
	{ "reset", run_reset },
	{ "drop_puback", run_drop_puback },
	{ "gateway_result", run_gateway_result },
	{ "gateway_silent", run_gateway_silent },
	{ "declare", run_declare },
	{ "dislike", run_dislike },
	{ "gateway_cross", run_gateway_cross },
	{ "bind", run_bind },
	{ "unbind", run_unbind },
	{ "kick", run_kick },
	{ "disable", run_disable },
	{ "clock", run_clock },
	{ "desire", run_desire },
	{ "shadow", run_shadow },
	{ "shadow_forget", run_shadow_forget },
	{ "shadow_mute", run_shadow_mute },
	{ "shadow_habits", run_shadow_habits },
	{ "readings", run_readings },
	{ "register_fault", run_register_fault },
	{ "events", run_events },
	{ "forward", run_forward },
	{ "firmware", run_firmware },
	{ "firmware_fault", run_firmware },
	{ "firmware_served", run_firmware },
	{ "ota_task", run_firmware },
	{ "ota_withdraw", run_firmware },
};

static const char *carry_out(struct sim *s, const cJSON *cmd, cJSON *out)
{
	const char *name = text_of(cmd, "cmd"), *why;
	bool known;

	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(s, cmd, out);
	}
	why = services_command(s->services, name, cmd, out, &known);
	return known ? why : "unknown command";
}

void control_message(struct sim *s, const void *payload, size_t len)
{
	cJSON *cmd = cJSON_ParseWithLength(payload, len);
	cJSON *out = cJSON_CreateObject();
	const cJSON *id = cJSON_GetObjectItem(cmd, "id");
	const char *error;
	char *text;

	if (id)
		cJSON_AddItemToObject(out, "id", cJSON_Duplicate(id, true));
	cJSON_AddStringToObject(out, "cmd", text_of(cmd, "cmd"));
	error = carry_out(s, cmd, out);
	cJSON_AddBoolToObject(out, "ok", error == NULL);
	if (error)
		cJSON_AddStringToObject(out, "error", error);
	text = cJSON_PrintUnformatted(out);
	if (text)
		send_message(RESULT_TOPIC, text, strlen(text), 1);
	free(text);
	cJSON_Delete(out);
	cJSON_Delete(cmd);
}
