#include "plugin/base/asker.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/json/json.h"

enum {
	ANSWER_MAX = 4096,
};

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
	a->client_id = strdup(id ? id : "");
	a->command = strdup(command ? command : "");
	a->correlation = correlation ? strdup(correlation) : NULL;
	if (a->client_id && a->command && (a->correlation || !correlation))
		return a;
	asker_free(a);
	return NULL;
}

static enum status put_member(struct buf *out, const char *name, const char *text, bool first)
{
	enum status st = buf_addf(out, "%s\"%s\":", first ? "" : ",", name);

	return st == ST_OK ? json_add_string(out, text) : st;
}

static enum status put_answer(struct buf *out, const struct asker *a, const char *error)
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
	if (mosquitto_broker_publish(client_id, ASKER_RESPONSE, (int)text->len, copy, 1, false, NULL) !=
	    MOSQ_ERR_SUCCESS)
		mosquitto_free(copy);
}

void asker_answer(struct asker *a, const char *error)
{
	struct buf text = BUF_MAX(ANSWER_MAX);

	if (a && put_answer(&text, a, error) == ST_OK)
		send_to(a->client_id, &text);
	buf_free(&text);
	asker_free(a);
}
