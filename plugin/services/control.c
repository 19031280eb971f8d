#include "plugin/services/control.h"

#include <string.h>

#include "core/base/room.h"
#include "core/json/json.h"
#include "plugin/base/asker.h"
#include "plugin/devices/registration.h"
#include "plugin/lan/apps.h"
#include "plugin/services/firmware.h"

enum {
	COMMANDS_MAX = 64,
};

static const struct json_limits limits = { .bytes = 64 * 1024, .depth = 8, .values = 1024 };

bool control_is_topic(const char *topic)
{
	IN_ROOM(ROOM_BROKER);
	return strncmp(topic, "$CONTROL/hubgate/", strlen("$CONTROL/hubgate/")) == 0;
}

bool control_may(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	struct mosquitto_evt_acl_check right = *ed;

	IN_ROOM(ROOM_BROKER);
	/* Who may ask may hear the answer. */
	if (ed->access != MOSQ_ACL_WRITE && strcmp(ed->topic, ASKER_RESPONSE) != 0)
		return false;
	right.topic = CONTROL_TOPIC;
	right.access = MOSQ_ACL_WRITE;
	return (ed->access != MOSQ_ACL_WRITE || strcmp(ed->topic, CONTROL_TOPIC) == 0) &&
	       apps_may(h, &right);
}

/* --- commands --- */

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

static const struct {
	const char *name;
	void (*run)(struct hubgate *h, const cJSON *command, struct asker *a);
} commands[] = {
	{ "register", run_register },
	{ "firmwareResume", run_firmware_resume },
};

static void run(struct hubgate *h, const struct mosquitto *client, const cJSON *command)
{
	const char *name = json_text(command, "command");
	struct asker *a = asker_new(client, name, json_text(command, "correlationData"));

	for (size_t i = 0; a && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, a->command) == 0) {
			commands[i].run(h, command, a);
			return;
		}
	}
	asker_answer(a, "unknown command; known: register, firmwareResume");
}

int on_control(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_control *ed = event_data;
	struct hubgate *h = userdata;
	struct timespec start = callback_begin();
	const cJSON *list, *one;
	cJSON *root = NULL;
	int left = COMMANDS_MAX;

	(void)event;
	if (json_parse_message(ed->payload, ed->payloadlen, &limits, &root) == ST_OK) {
		list = json_member(root, "commands");
		cJSON_ArrayForEach(one, list)
		{
			if (left-- > 0)
				run(h, ed->client, one);
		}
	}
	cJSON_Delete(root);
	callback_end(h, CALLBACK_MESSAGE, start);
	return MOSQ_ERR_SUCCESS;
}
