/* Payloads: members looked up, wrapped, and put into templates. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/json/json.h"
#include "core/mapping/mapping_impl.h"

enum {
	READ_BYTES_MAX = 65536,
	READ_DEPTH_MAX = 128,
	READ_VALUES_MAX = 65536,
};

cJSON *mapping_payload_read(const void *payload, size_t len)
{
	static const struct json_limits limits = { READ_BYTES_MAX, READ_DEPTH_MAX, READ_VALUES_MAX };
	cJSON *root = NULL;

	return payload && json_parse_message(payload, len, &limits, &root) == ST_OK ? root : NULL;
}

/* The member whose name is these bytes. */
static const cJSON *member(const cJSON *obj, const char *name, size_t len)
{
	const cJSON *m;

	if (!cJSON_IsObject(obj))
		return NULL;
	cJSON_ArrayForEach(m, obj)
	{
		if (strlen(m->string) == len && memcmp(m->string, name, len) == 0)
			return m;
	}
	return NULL;
}

const cJSON *mapping_payload_member(const cJSON *root, const char *path, size_t len)
{
	const cJSON *whole = member(root, path, len);
	const char *dot;

	if (whole) /* names may have dots in them */
		return whole;
	while (root && (dot = memchr(path, '.', len)) != NULL) {
		root = member(root, path, (size_t)(dot - path));
		len -= (size_t)(dot + 1 - path);
		path = dot + 1;
	}
	return member(root, path, len);
}

const char *mapping_payload_text(const cJSON *node)
{
	if (cJSON_IsBool(node))
		return cJSON_IsTrue(node) ? "true" : "false";
	return cJSON_IsString(node) || json_is_number(node) ? node->valuestring : NULL;
}

/* --- wrapping --- */

static enum status add_as_string(struct buf *out, const void *payload, size_t len)
{
	char *text = malloc(len + 1);
	enum status st;

	if (!text)
		return ST_NOMEM;
	memcpy(text, payload, len);
	text[len] = '\0';
	st = json_add_string(out, text);
	free(text);
	return st;
}

static enum status add_value(struct buf *out, const void *payload, size_t len, const char **why)
{
	if (len == 0)
		return buf_add_text(out, "\"\"");
	if (json_valid(payload, len))
		return buf_add(out, payload, json_message_len(payload, len));
	*why = "its payload is neither JSON nor text in UTF-8, so it cannot be wrapped";
	if (memchr(payload, '\0', len) || !utf8_ok(payload, len))
		return ST_INVALID;
	return add_as_string(out, payload, len);
}

/* {"a":{"b": of the path a.b; depth counts the braces. */
static enum status open_path(struct buf *out, const char *path, const struct mapping_values *values,
                             size_t *depth)
{
	enum status st = ST_OK;

	while (path && st == ST_OK) {
		size_t len = strcspn(path, ".");
		char part[MAPPING_NAME_MAX], name[MAPPING_NAME_MAX];

		if (len >= sizeof(part))
			return ST_TOOBIG;
		memcpy(part, path, len);
		part[len] = '\0';
		path = path[len] ? path + len + 1 : NULL;
		if (!mapping_pattern_expand(part, values, name, sizeof(name)))
			return ST_INVALID;
		st = buf_add_text(out, "{");
		if (st == ST_OK)
			st = json_add_string(out, name);
		if (st == ST_OK)
			st = buf_add_text(out, ":");
		++*depth;
	}
	return st;
}

enum status mapping_wrap(struct buf *out, const struct config_mapping *m,
                         const struct mapping_values *values, const void *payload, size_t len,
                         int64_t now_ms, const char **why)
{
	size_t depth = 0;
	enum status st;

	*why = "a capture of wrap has no value in this topic, or is no text";
	st = open_path(out, m->wrap, values, &depth);
	if (st == ST_OK)
		st = add_value(out, payload, len, why);
	while (st == ST_OK && depth-- > 1)
		st = buf_add_text(out, "}");
	if (st == ST_OK && m->ts)
		st = buf_addf(out, ",\"ts\":%" PRId64, now_ms);
	return st == ST_OK ? buf_add_text(out, "}") : st;
}

/* --- templates --- */

static enum status add_json(struct buf *out, const cJSON *node)
{
	const char *text = mapping_payload_text(node);
	char *printed;
	enum status st;

	if (text)
		return buf_add_text(out, text);
	printed = cJSON_PrintUnformatted(node);
	if (!printed)
		return ST_NOMEM;
	st = buf_add_text(out, printed);
	free(printed);
	return st;
}

struct filling {
	struct buf *out;
	const void *payload;
	size_t len;
	const cJSON *root; /* NULL: no JSON */
	const struct mapping_values *values;
};

/* A member of the command goes before a capture. */
static enum status add_named(const struct filling *f, const char *name, size_t len)
{
	const cJSON *node = NULL;
	const char *value;

	if (len == 1 && *name == '.')
		return buf_add(f->out, f->payload, f->len);
	if (f->root)
		node = mapping_payload_member(f->root, name, len);
	if (node)
		return add_json(f->out, node);
	value = mapping_values_find(f->values, name, len);
	return value ? buf_add_text(f->out, value) : ST_NOTFOUND;
}

/* {{ and }} are braces. NULL: a brace alone. */
static const char *brace(const char *at, const char **name, size_t *len)
{
	const char *close;

	*name = NULL;
	*len = 1;
	if (at[0] == at[1])
		return at + 2;
	close = *at == '{' ? strchr(at, '}') : NULL;
	if (!close || close == at + 1)
		return NULL;
	*name = at + 1;
	*len = (size_t)(close - at - 1);
	return close + 1;
}

static enum status fill(const struct filling *f, const char *template)
{
	enum status st = ST_OK;

	while (*template && st == ST_OK) {
		size_t plain = strcspn(template, "{}"), len = 0;
		const char *name = NULL, *next;

		st = buf_add(f->out, template, plain);
		template += plain;
		if (st != ST_OK || !*template)
			break;
		next = brace(template, &name, &len);
		if (!next)
			return ST_INVALID;
		st = name ? add_named(f, name, len) : buf_add(f->out, template, 1);
		template = next;
	}
	return st;
}

enum status mapping_payload_fill(struct buf *out, const char *template, const void *payload,
                                 size_t len, const struct mapping_values *values)
{
	cJSON *root = mapping_payload_read(payload, len);
	const struct filling f = { out, payload, len, root, values };
	enum status st = fill(&f, template);

	cJSON_Delete(root);
	return st;
}

bool mapping_payload_template_ok(const char *template)
{
	const char *name;
	size_t len;

	for (template += strcspn(template, "{}"); *template; template += strcspn(template, "{}")) {
		template = brace(template, &name, &len);
		if (!template)
			return false;
	}
	return true;
}
