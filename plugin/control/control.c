#include "plugin/control/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/topic.h"
#include "plugin/base/timer.h"
#include "plugin/control/control_audit.h"
#include "plugin/control/control_devices.h"
#include "plugin/control/control_gateway.h"
#include "plugin/control/control_letters.h"
#include "plugin/control/status_report.h"
#include "plugin/devices/registration.h"
#include "plugin/lan/apps.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/lan_session.h"
#include "plugin/services/firmware.h"

enum {
	COMMANDS_MAX = 64, /* in one request */
	KNOWN_BYTES = 512,
};

struct control {
	struct control_lists *lists;
	struct control_letters *letters;
};

static const struct json_limits limits = { .bytes = 64 * 1024, .depth = 8, .values = 2048 };

/* --- life --- */

enum status control_open(struct hubgate *h)
{
	h->control = calloc(1, sizeof(*h->control));
	if (!h->control)
		return ST_NOMEM;
	h->control->lists = control_devices_new();
	h->control->letters = control_letters_new(h);
	return h->control->lists && h->control->letters ? status_report_open(h) : ST_NOMEM;
}

void control_close(struct hubgate *h)
{
	status_report_close(h);
	if (h->control) {
		control_devices_free(h->control->lists);
		control_letters_free(h->control->letters);
	}
	free(h->control);
	h->control = NULL;
}

void control_run(struct hubgate *h, int64_t now_ms)
{
	IN_ROOM(ROOM_BROKER);
	(void)now_ms;
	control_devices_run(h, h->control->lists);
	control_letters_run(h, h->control->letters);
}

int64_t control_due(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return control_devices_wait(h->control->lists) || control_letters_wait(h->control->letters)
	           ? TIMER_AT_ONCE_MS
	           : INT64_MAX;
}

/* --- who may --- */

bool control_is_topic(const char *topic)
{
	IN_ROOM(ROOM_BROKER);
	return strncmp(topic, "$CONTROL/hubgate/", strlen("$CONTROL/hubgate/")) == 0;
}

/* A device that logs in with a user name of the broker is a device, whatever that name may. */
static bool is_device(const struct hubgate *h, const struct mosquitto *client)
{
	const struct lan_session *s = lan_session_of(h, client);

	return (s && s->kind != SESSION_CONTROL) ||
	       broker_login_device(h, mosquitto_client_username(client));
}

enum app_role control_role(const struct hubgate *h, const struct mosquitto *client)
{
	const struct lan_session *s = lan_session_of(h, client);

	IN_ROOM(ROOM_BROKER);
	if (s && s->kind == SESSION_CONTROL)
		return APP_ROLE_OPERATOR;
	if (is_device(h, client))
		return APP_ROLE_NONE;
	return apps_may_publish(h, client, CONTROL_TOPIC) ? APP_ROLE_OPERATOR : apps_role(h, client);
}

bool control_may(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	const char *topic = ed->access == MOSQ_ACL_WRITE ? CONTROL_TOPIC : ASKER_RESPONSE;

	IN_ROOM(ROOM_BROKER);
	/* Who may ask may hear the answer. */
	return strcmp(ed->topic, topic) == 0 && control_role(h, ed->client) != APP_ROLE_NONE;
}

/* --- commands --- */

static void run_list_devices(struct hubgate *h, const cJSON *command, struct asker *a)
{
	control_devices_list(h, h->control->lists, command, a);
}

static void run_list_letters(struct hubgate *h, const cJSON *command, struct asker *a)
{
	control_letters_list(h, h->control->letters, command, a);
}

static void run_resend_letters(struct hubgate *h, const cJSON *command, struct asker *a)
{
	control_letters_resend(h, h->control->letters, command, a);
}

static void run_drop_letters(struct hubgate *h, const cJSON *command, struct asker *a)
{
	control_letters_drop(h, h->control->letters, command, a);
}

static void run_register(struct hubgate *h, const cJSON *command, struct asker *a)
{
	const char *product_id = json_text(command, "product_id");
	const char *device_name = json_text(command, "device_name");

	if (!product_id || !device_name)
		asker_answer(a, "product_id or device_name is missing");
	else
		registration_ask(h, product_id, device_name, a);
}

static void run_firmware_resume(struct hubgate *h, const cJSON *command, struct asker *a)
{
	const char *version = json_text(command, "version");

	if (!version)
		asker_answer(a, "version is missing");
	else
		asker_answer(a, firmware_resume(h, version) ? NULL : "no such version is stopped");
}

const struct control_command control_commands[] = {
	{ "status", APP_ROLE_VIEWER, NULL, control_gateway_status },
	{ "listDevices", APP_ROLE_VIEWER, NULL, run_list_devices },
	{ "getDevice", APP_ROLE_VIEWER, NULL, control_devices_get },
	{ "listQueue", APP_ROLE_VIEWER, NULL, control_gateway_queue },
	{ "listDeadLetters", APP_ROLE_VIEWER, NULL, run_list_letters },
	{ "resendDeadLetters", APP_ROLE_OPERATOR, "ids", run_resend_letters },
	{ "dropDeadLetters", APP_ROLE_OPERATOR, "ids", run_drop_letters },
	{ "listFirmware", APP_ROLE_VIEWER, NULL, control_gateway_firmware },
	{ "getHub", APP_ROLE_VIEWER, NULL, control_gateway_hub },
	{ "reload", APP_ROLE_OPERATOR, NULL, control_gateway_reload },
	{ "setLogLevel", APP_ROLE_OPERATOR, "level seconds", control_gateway_log_level },
	{ "register", APP_ROLE_OPERATOR, "product_id device_name", run_register },
	{ "firmwareResume", APP_ROLE_OPERATOR, "version", run_firmware_resume },
};

const size_t control_command_count = sizeof(control_commands) / sizeof(control_commands[0]);

/* --- a request --- */

static void answer_unknown(struct asker *a)
{
	char why[KNOWN_BYTES] = "unknown command; known:";
	size_t used = strlen(why);

	for (size_t i = 0; i < control_command_count && used < sizeof(why); i++)
		used += (size_t)snprintf(why + used, sizeof(why) - used, "%s %s", i > 0 ? "," : "",
		                         control_commands[i].name);
	asker_answer(a, why);
}

static const struct control_command *find(const char *name)
{
	for (size_t i = 0; i < control_command_count; i++) {
		if (strcmp(control_commands[i].name, name) == 0)
			return &control_commands[i];
	}
	return NULL;
}

static void run(struct hubgate *h, const struct mosquitto *client, const cJSON *command)
{
	struct asker *a =
		asker_new(client, json_text(command, "command"), json_text(command, "correlationData"));
	const struct control_command *row = a ? find(a->command) : NULL;

	if (!a)
		return;
	if (!row) {
		answer_unknown(a);
		return;
	}
	if (control_role(h, client) < row->role) {
		asker_answer(a, row->role == APP_ROLE_OPERATOR
		                    ? "needs the role operator in apps[] of hubgate.json"
		                    : "needs the role viewer or operator in apps[] of hubgate.json");
		return;
	}
	if (row->role == APP_ROLE_OPERATOR)
		control_audit(h, client, row, command);
	row->run(h, command, a);
}

static void run_all(struct hubgate *h, const struct mosquitto *client, const cJSON *list)
{
	int left = COMMANDS_MAX;
	const cJSON *one;

	cJSON_ArrayForEach(one, list)
	{
		if (left-- == 0) {
			asker_answer(
				asker_new(client, json_text(one, "command"), json_text(one, "correlationData")),
				"more than 64 commands in one request; this and the rest are left out");
			return;
		}
		run(h, client, one);
	}
}

int on_control(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_control *ed = event_data;
	struct hubgate *h = userdata;
	struct timespec start = callback_begin();
	cJSON *root = NULL;
	const cJSON *list;

	(void)event;
	json_parse_message(ed->payload, ed->payloadlen, &limits, &root);
	list = json_member(root, "commands");
	if (cJSON_IsArray(list))
		run_all(h, ed->client, list);
	else
		asker_answer(asker_new(ed->client, NULL, NULL),
		             "the request is no JSON object with a list of commands, or too long; send "
		             "{\"commands\":[{\"command\":\"status\"}]}");
	cJSON_Delete(root);
	timer_ring_by(h, control_due(h));
	callback_end(h, CALLBACK_MESSAGE, start);
	return MOSQ_ERR_SUCCESS;
}
