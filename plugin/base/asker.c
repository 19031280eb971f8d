#include "plugin/base/asker.h"

#include <stdlib.h>
#include <string.h>

#include "core/json/json_writer.h"

void asker_free(struct asker *a)
{
	if (!a)
		return;
	free(a->client_id);
	free(a->command);
	free(a->correlation);
	free(a);
}

struct asker *asker_new(const struct mosquitto *client, const char *command,
                        const char *correlation)
{
	const char *id = mosquitto_client_id(client);
	struct asker *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	if (command && strlen(command) > ASKER_COMMAND_MAX)
		command = NULL;
	if (correlation && strlen(correlation) > ASKER_CORRELATION_MAX)
		correlation = NULL;
	a->client_id = strdup(id ? id : "");
	a->command = strdup(command ? command : "");
	a->correlation = correlation ? strdup(correlation) : NULL;
	if (a->client_id && a->command && (a->correlation || !correlation))
		return a;
	asker_free(a);
	return NULL;
}

/* Of error and data one, or none. */
static enum status put_answer(struct buf *out, const struct asker *a, const char *error,
                              const struct buf *data)
{
	struct json_writer w = JSON_WRITER(out);

	json_open(&w, NULL, '{');
	json_open(&w, "responses", '[');
	json_open(&w, NULL, '{');
	json_put_text(&w, "command", a->command);
	if (a->correlation)
		json_put_text(&w, "correlationData", a->correlation);
	if (error)
		json_put_text(&w, "error", error);
	else if (data)
		json_put_raw(&w, "data", data->data, data->len);
	json_close(&w, '}');
	json_close(&w, ']');
	json_close(&w, '}');
	return w.st;
}

/* To this client alone, whatever others subscribe. */
static bool send_to(const char *client_id, const struct buf *text)
{
	void *copy = mosquitto_malloc(text->len);

	if (!copy)
		return false;
	memcpy(copy, text->data, text->len);
	if (mosquitto_broker_publish(client_id, ASKER_RESPONSE, (int)text->len, copy, 1, false, NULL) ==
	    MOSQ_ERR_SUCCESS)
		return true;
	mosquitto_free(copy);
	return false;
}

static bool answer(const struct asker *a, const char *error, const struct buf *data)
{
	struct buf text = BUF_MAX(ASKER_ANSWER_MAX);
	bool sent = false;

	if (data && data->len > ASKER_DATA_MAX)
		error = "the answer would be longer than 64 KiB; ask for less of it";
	if (put_answer(&text, a, error, data) == ST_OK)
		sent = send_to(a->client_id, &text);
	buf_free(&text);
	return sent;
}

void asker_answer(struct asker *a, const char *error)
{
	if (a)
		answer(a, error, NULL);
	asker_free(a);
}

void asker_answer_data(struct asker *a, const struct buf *data)
{
	if (a)
		answer(a, NULL, data);
	asker_free(a);
}

bool asker_tell(const struct asker *a, const struct buf *data)
{
	return answer(a, NULL, data);
}
