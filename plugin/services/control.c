#include "plugin/services/control.h"

#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"
#include "plugin/devices/registration.h"
#include "plugin/lan/apps.h"

enum {
	COMMANDS_MAX = 64,
	ANSWER_MAX = 4096,
};

static const struct json_limits limits = { .bytes = 64 * 1024, .depth = 8, .values = 1024 };

bool control_is_topic(const char *topic)
{
	return strncmp(topic, "$CONTROL/hubgate/", strlen("$CONTROL/hubgate/")) == 0;
}

bool control_may(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	struct mosquitto_evt_acl_check right = *ed;

	/* Who may ask may hear the answer. */
	if (ed->access != MOSQ_ACL_WRITE && strcmp(ed->topic, CONTROL_RESPONSE) != 0)
		return false;
	right.topic = CONTROL_TOPIC;
	right.access = MOSQ_ACL_WRITE;
	return (ed->access != MOSQ_ACL_WRITE || strcmp(ed->topic, CONTROL_TOPIC) == 0) &&
	       apps_may(h, &right);
}

/* --- answers --- */

void control_forget(struct control_asker *a)
{
	if (!a)
		return;
	free(a->client_id);
	free(a->command);
	free(a->correlation);
	free(a);
}

static enum status put_member(struct buf *out, const char *name, const char *text, bool first)
{
	enum status st = buf_addf(out, "%s\"%s\":", first ? "" : ",", name);

	return st == ST_OK ? json_add_string(out, text) : st;
}

static enum status put_answer(struct buf *out, const struct control_asker *a, const char *error)
{
	enum status st = buf_add_text(out, "{\"responses\":[{");

	if (st == ST_OK)
		st = put_member(out, "command", a->command, true);
	if (st == ST_OK && a->correlation)
		st = put_member(out, "correlationData", a->correlation, false);
	if (st == ST_OK && error)
		st = put_member(out, "error", error, false);
	return st == ST_OK ? buf_add_text(out, "}]}") : st;
}

/* To this client alone, whatever others subscribe. */
static void send_to(const char *client_id, const struct buf *text)
{
	void *copy = mosquitto_malloc(text->len);

	if (!copy)
		return;
	memcpy(copy, text->data, text->len);
	if (mosquitto_broker_publish(client_id, CONTROL_RESPONSE, (int)text->len, copy, 1, false,
	                             NULL) != MOSQ_ERR_SUCCESS)
		mosquitto_free(copy);
}

void control_answer(struct control_asker *a, const char *error)
{
	struct buf text = BUF_MAX(ANSWER_MAX);

	if (a && put_answer(&text, a, error) == ST_OK)
		send_to(a->client_id, &text);
	buf_free(&text);
	control_forget(a);
}

static struct control_asker *asker_of(const struct mosquitto *client, const cJSON *command)
{
	const char *correlation = json_text(command, "correlationData");
	const char *name = json_text(command, "command"), *id = mosquitto_client_id(client);
	struct control_asker *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->client_id = strdup(id ? id : "");
	a->command = strdup(name ? name : "");
	a->correlation = correlation ? strdup(correlation) : NULL;
	if (a->client_id && a->command && (a->correlation || !correlation))
		return a;
	control_forget(a);
	return NULL;
}

/* --- commands --- */

static void run_register(struct hubgate *h, const cJSON *command, struct control_asker *a)
{
	const char *product_id = json_text(command, "product_id");
	const char *device_name = json_text(command, "device_name");

	if (!product_id || !device_name)
		control_answer(a, "product_id or device_name is missing");
	else
		registration_ask(h, product_id, device_name, a);
}

static const struct {
	const char *name;
	void (*run)(struct hubgate *h, const cJSON *command, struct control_asker *a);
} commands[] = {
	{ "register", run_register },
};

static void run(struct hubgate *h, const struct mosquitto *client, const cJSON *command)
{
	struct control_asker *a = asker_of(client, command);

	for (size_t i = 0; a && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, a->command) == 0) {
			commands[i].run(h, command, a);
			return;
		}
	}
	control_answer(a, "unknown command; known: register");
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
	if (json_parse(ed->payload, ed->payloadlen, &limits, &root, NULL, NULL, NULL) == ST_OK) {
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
