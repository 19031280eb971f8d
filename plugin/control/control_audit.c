#include "plugin/control/control_audit.h"

#include <stdio.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/base/broker_log.h"

enum {
	NAME_BYTES = 64,
	ARGS_BYTES = 256,
};

/* Cut, with ? for what would spoil the line. */
static const char *clean(const char *text, char out[NAME_BYTES])
{
	snprintf(out, NAME_BYTES, "%s", text ? text : "");
	for (char *p = out; *p; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7F)
			*p = '?';
	}
	return out;
}

static const char *value_of(const cJSON *node, char out[NAME_BYTES])
{
	if (cJSON_IsArray(node))
		snprintf(out, NAME_BYTES, "[%d]", cJSON_GetArraySize(node));
	else if (node->valuestring) /* numbers too: core/json/json.h */
		clean(node->valuestring, out);
	else
		snprintf(out, NAME_BYTES, "{...}");
	return out;
}

static void put_args(const char *args, const cJSON *command, char out[ARGS_BYTES])
{
	char name[NAME_BYTES], value[NAME_BYTES];
	size_t used = 0;

	out[0] = '\0';
	while (args && *args && used < ARGS_BYTES) {
		size_t len = strcspn(args, " ");
		const cJSON *node;

		snprintf(name, sizeof(name), "%.*s", (int)len, args);
		node = json_member(command, name);
		if (node)
			used += (size_t)snprintf(out + used, ARGS_BYTES - used, " %s=%s", name,
			                         value_of(node, value));
		args += len + (args[len] == ' ');
	}
}

void control_audit(struct hubgate *h, const struct mosquitto *client,
                   const struct control_command *row, const cJSON *command)
{
	char id[NAME_BYTES], user[NAME_BYTES], args[ARGS_BYTES];

	IN_ROOM(ROOM_BROKER);
	put_args(row->args, command, args);
	broker_log_audit(h, "control: %s (%s) did %s%s", clean(mosquitto_client_id(client), id),
	                 clean(mosquitto_client_username(client), user), row->name, args);
}
