#include "core/hub/config_msg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"

static const struct json_limits request_limits = { .bytes = 4096, .depth = 8, .values = 64 };
static const struct json_limits limits = { .bytes = CONFIG_MSG_BYTES_MAX,
	                                       .depth = 32,
	                                       .values = 65536 };

static bool has_type(const cJSON *root, const char *type)
{
	const char *text = json_text(root, "type");

	return text && strcmp(text, type) == 0;
}

bool config_msg_is_get(const void *payload, size_t len)
{
	cJSON *root = NULL;
	bool get =
		json_parse_message(payload, len, &request_limits, &root) == ST_OK && has_type(root, "get");

	cJSON_Delete(root);
	return get;
}

static enum status add_object(struct buf *out, const cJSON *object)
{
	char *text = cJSON_PrintUnformatted(object);
	enum status st = text ? buf_add_text(out, text) : ST_NOMEM;

	cJSON_free(text);
	return st;
}

/* An object, or a text that holds one. */
static enum status take_content(const cJSON *node, struct buf *out)
{
	const char *text = cJSON_GetStringValue(node);
	cJSON *inner = NULL;
	enum status st = ST_INVALID;

	if (cJSON_IsObject(node))
		return add_object(out, node);
	if (text && json_parse_message(text, strlen(text), &limits, &inner) == ST_OK &&
	    cJSON_IsObject(inner))
		st = add_object(out, inner);
	cJSON_Delete(inner);
	return st;
}

static enum status read_message(const cJSON *root, struct config_msg *out)
{
	const cJSON *result = json_member(root, "result");

	out->push = has_type(root, "push");
	if (!out->push && !has_type(root, "reply"))
		return ST_INVALID;
	if (!json_int(result, true, &out->code) && (result || !out->push))
		return ST_INVALID;
	return out->code == CONFIG_MSG_OK ? take_content(json_member(root, "payload"), &out->content)
	                                  : ST_OK;
}

enum status config_msg_parse(const void *payload, size_t len, struct config_msg *out)
{
	cJSON *root = NULL;
	enum status st;

	*out = (struct config_msg){ .content = BUF_MAX(CONFIG_MSG_BYTES_MAX) };
	st = json_parse_message(payload, len, &limits, &root);
	if (st == ST_OK)
		st = read_message(root, out);
	if (st != ST_OK)
		buf_free(&out->content);
	cJSON_Delete(root);
	return st;
}

enum status config_msg_put_reply(struct buf *out, int64_t code, const void *content, size_t len)
{
	size_t before = out->len;
	enum status st = buf_addf(out, "{\"type\":\"reply\",\"result\":%" PRId64, code);

	if (st == ST_OK && code == CONFIG_MSG_OK)
		st = buf_add_text(out, ",\"payload\":");
	if (st == ST_OK && code == CONFIG_MSG_OK)
		st = buf_add(out, content, len);
	if (st == ST_OK)
		st = buf_add_u8(out, '}');
	if (st != ST_OK)
		out->len = before;
	return st;
}
