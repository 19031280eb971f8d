#include "bridge/sdk/sdk_shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/sdk/sdk_impl.h"
#include "core/base/clocks.h"
#include "core/base/list.h"
#include "core/json/json.h"

enum {
	REQUEST_MAX = 16384, /* docs/protocol/limits.md "Messages" */
};

static const struct json_limits limits = { .bytes = 128 * 1024, .depth = 16, .values = 16384 };

static enum status topic_of(const char *tree, const char *product_id, const char *device_name,
                            char out[SDK_TOPIC_MAX])
{
	if (!credential_product_id_ok(product_id, strlen(product_id)) ||
	    !credential_device_name_ok(device_name, strlen(device_name)))
		return ST_INVALID;
	snprintf(out, SDK_TOPIC_MAX, "$shadow/operation/%s%s/%s", tree, product_id, device_name);
	return ST_OK;
}

/* --- what the hub says --- */

static void take_answer(struct sdk *p, const cJSON *root, const void *payload, size_t len)
{
	const char *token = json_text(root, "clientToken");

	if (!p->shadow_waits || !token || strcmp(token, p->shadow_token) != 0 ||
	    !json_int(json_member(root, "result"), true, &p->shadow_code))
		return;
	p->shadow_waits = false;
	p->shadow_status = p->shadow_reply ? buf_add(p->shadow_reply, payload, len) : ST_OK;
}

static void on_result(void *ctx, const char *topic, const void *payload, size_t len, uint8_t qos)
{
	const struct sdk_shadow *s = ctx;
	cJSON *root = NULL;
	const char *type;

	if (json_parse_message(payload, len, &limits, &root) == ST_OK) {
		type = json_text(root, "type");
		if (type && strcmp(type, "delta") != 0)
			take_answer(s->program, root, payload, len);
		else if (type && s->on_delta)
			s->on_delta(s->ctx, topic, payload, len, qos);
	}
	cJSON_Delete(root);
}

/* --- devices --- */

static struct sdk_shadow *find(const struct sdk *p, const char *topic)
{
	struct sdk_shadow *s = p->shadows;

	while (s && strcmp(s->topic, topic) != 0)
		s = s->next;
	return s;
}

static struct sdk_shadow *add(struct sdk *p, const char *topic)
{
	struct sdk_shadow *s = calloc(1, sizeof(*s));

	if (!s || sdk_on_topic(p, topic, on_result, s) != ST_OK) {
		free(s);
		return NULL;
	}
	s->program = p;
	snprintf(s->topic, sizeof(s->topic), "%s", topic);
	LIST_PUSH(&p->shadows, s);
	return s;
}

enum status sdk_shadow_init(struct sdk *p, const char *product_id, const char *device_name,
                            sdk_message_fn *on_delta, void *ctx)
{
	char topic[SDK_TOPIC_MAX], client_id[CLIENT_ID_MAX + 1];
	enum status st = topic_of("result/", product_id, device_name, topic);
	struct sdk_shadow *s;

	if (st != ST_OK)
		return st;
	s = find(p, topic);
	if (!s)
		s = add(p, topic);
	if (!s)
		return ST_NOMEM;
	s->on_delta = on_delta;
	s->ctx = ctx;
	credential_client_id(product_id, device_name, client_id);
	return uplink_subscribe(p->uplink, client_id, topic, 0);
}

/* --- requests --- */

/* `state` is the member of the request with its comma, "" for a get. */
static enum status send(struct sdk *p, const char *product_id, const char *device_name,
                        const char *type, const char *state)
{
	char topic[SDK_TOPIC_MAX], client_id[CLIENT_ID_MAX + 1];
	struct buf text = BUF_MAX(REQUEST_MAX);
	enum status st = topic_of("result/", product_id, device_name, topic);

	if (st == ST_OK && !find(p, topic))
		st = ST_STATE;
	if (st != ST_OK)
		return st;
	topic_of("", product_id, device_name, topic);
	credential_client_id(product_id, device_name, client_id);
	snprintf(p->shadow_token, sizeof(p->shadow_token), "%s-%u", product_id, p->shadow_number++);
	st =
		buf_addf(&text, "{\"type\":\"%s\",%s\"clientToken\":\"%s\"}", type, state, p->shadow_token);
	if (st == ST_OK)
		st = uplink_publish_live(p->uplink, client_id, topic, text.data, text.len);
	buf_free(&text);
	return st;
}

static enum status ask(struct sdk *p, const char *product_id, const char *device_name,
                       const char *type, const char *state, int timeout_ms, int64_t *code,
                       struct buf *reply)
{
	int64_t end_ms = clocks_monotonic_ms() + timeout_ms;
	enum status st = send(p, product_id, device_name, type, state);

	if (st != ST_OK)
		return st;
	p->shadow_waits = true;
	p->shadow_reply = reply;
	while (p->shadow_waits && clocks_monotonic_ms() < end_ms)
		sdk_run(p, (int)(end_ms - clocks_monotonic_ms()));
	p->shadow_reply = NULL;
	if (p->shadow_waits) {
		p->shadow_waits = false;
		return ST_TIMEOUT;
	}
	*code = p->shadow_code;
	return p->shadow_status;
}

enum status sdk_shadow_get(struct sdk *p, const char *product_id, const char *device_name,
                           int timeout_ms, int64_t *code, struct buf *reply)
{
	return ask(p, product_id, device_name, "get", "", timeout_ms, code, reply);
}

static bool is_object(const char *text)
{
	cJSON *root = NULL;
	bool object = json_parse(text, strlen(text), &limits, &root, NULL, NULL, NULL) == ST_OK &&
	              cJSON_IsObject(root);

	cJSON_Delete(root);
	return object;
}

enum status sdk_shadow_update(struct sdk *p, const char *product_id, const char *device_name,
                              const char *attributes, int timeout_ms, int64_t *code,
                              struct buf *reply)
{
	struct buf state = BUF_MAX(REQUEST_MAX);
	enum status st = is_object(attributes) ? ST_OK : ST_MALFORMED;

	if (st == ST_OK)
		st = buf_addf(&state, "\"state\":{\"reported\":%s},", attributes);
	if (st == ST_OK && !buf_text(&state))
		st = ST_NOMEM;
	if (st == ST_OK)
		st = ask(p, product_id, device_name, "update", buf_text(&state), timeout_ms, code, reply);
	buf_free(&state);
	return st;
}

enum status sdk_shadow_clear_desired(struct sdk *p, const char *product_id, const char *device_name,
                                     int timeout_ms, int64_t *code, struct buf *reply)
{
	return ask(p, product_id, device_name, "update", "\"state\":{\"desired\":null},", timeout_ms,
	           code, reply);
}
