#include "bridge/sdk/sdk_shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/sdk/sdk_impl.h"
#include "core/hub/topic.h"
#include "core/json/json.h"

enum {
	MESSAGE_MAX = 16384
};

static const struct json_limits limits = { .bytes = 64 * 1024, .depth = 12, .values = 4096 };

struct sdk_shadow {
	struct sdk *program;
	sdk_shadow_fn *fn;
	void *ctx;
	unsigned requests;
	char product_id[PRODUCT_ID_LEN + 1];
	char client_id[CLIENT_ID_MAX + 1];
	char operation[TOPIC_LEN_MAX + 1], result[TOPIC_LEN_MAX + 1];
};

/* False: none that a shadow sends. */
static bool read_kind(const char *type, enum sdk_shadow_kind *out)
{
	static const char *const types[] = { "get", "update", "delta" };

	for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i], type) == 0) {
			*out = (enum sdk_shadow_kind)i;
			return true;
		}
	}
	return false;
}

static void on_message(void *ctx, const char *topic, const void *payload, size_t len, uint8_t qos)
{
	struct sdk_shadow *s = ctx;
	struct sdk_shadow_news n = { .text = payload, .len = len };
	cJSON *root = NULL;

	(void)topic;
	(void)qos;
	if (json_parse_message(payload, len, &limits, &root) == ST_OK &&
	    read_kind(json_text(root, "type"), &n.kind)) {
		n.token = json_text(root, "clientToken");
		json_int(json_member(root, "result"), true, &n.result);
		s->fn(s->ctx, &n);
	}
	cJSON_Delete(root);
}

enum status sdk_shadow_init(struct sdk *p, const char *product_id, const char *device_name,
                            sdk_shadow_fn *fn, void *ctx, int timeout_ms, struct sdk_shadow **out)
{
	struct sdk_shadow *s;
	enum status st;

	if (!credential_product_id_ok(product_id, strlen(product_id)) ||
	    !credential_device_name_ok(device_name, strlen(device_name)))
		return ST_INVALID;
	s = calloc(1, sizeof(*s));
	if (!s)
		return ST_NOMEM;
	s->program = p;
	s->fn = fn;
	s->ctx = ctx;
	memcpy(s->product_id, product_id, sizeof(s->product_id));
	credential_client_id(product_id, device_name, s->client_id);
	snprintf(s->operation, sizeof(s->operation), "$shadow/operation/%s/%s", product_id,
	         device_name);
	snprintf(s->result, sizeof(s->result), "$shadow/operation/result/%s/%s", product_id,
	         device_name);
	st = sdk_on_topic(p, s->result, on_message, s);
	if (st == ST_OK)
		st = sdk_subscribe_and_wait(p, s->client_id, s->result, 0, timeout_ms);
	if (st != ST_OK) {
		sdk_shadow_free(s);
		return st;
	}
	*out = s;
	return ST_OK;
}

void sdk_shadow_free(struct sdk_shadow *s)
{
	if (!s)
		return;
	sdk_on_topic(s->program, s->result, NULL, NULL);
	free(s);
}

/* {"type":TYPE,STATE"clientToken":"PID-N"} */
static enum status ask(struct sdk_shadow *s, const char *type, const char *state)
{
	struct buf out = BUF_MAX(MESSAGE_MAX);
	enum status st = buf_addf(&out, "{\"type\":\"%s\",", type);

	if (st == ST_OK)
		st = buf_add_text(&out, state);
	if (st == ST_OK)
		st = buf_addf(&out, "\"clientToken\":\"%s-%u\"}", s->product_id, s->requests++);
	if (st == ST_OK)
		st = uplink_publish_live(s->program->uplink, s->client_id, s->operation, out.data, out.len);
	buf_free(&out);
	return st;
}

enum status sdk_shadow_get(struct sdk_shadow *s)
{
	return ask(s, "get", "");
}

enum status sdk_shadow_report(struct sdk_shadow *s, const char *reported)
{
	struct buf state = BUF_MAX(MESSAGE_MAX);
	cJSON *root = NULL;
	enum status st = json_parse_message(reported, strlen(reported), &limits, &root);
	const char *text;

	if (st != ST_OK || !cJSON_IsObject(root))
		st = st == ST_NOMEM ? st : ST_INVALID;
	if (st == ST_OK)
		st = buf_add_text(&state, "\"state\":{\"reported\":");
	if (st == ST_OK)
		st = buf_add_text(&state, reported);
	if (st == ST_OK)
		st = buf_add_text(&state, "},");
	text = st == ST_OK ? buf_text(&state) : NULL;
	if (st == ST_OK)
		st = text ? ask(s, "update", text) : ST_NOMEM;
	cJSON_Delete(root);
	buf_free(&state);
	return st;
}

enum status sdk_shadow_clear_desired(struct sdk_shadow *s)
{
	return ask(s, "update", "\"state\":{\"desired\":null},");
}
