/* Device names: what a device calls itself becomes a name of the hub. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/hub/route.h"
#include "core/mapping/mapping_impl.h"

enum {
	MARK_LEN = 9, /* - and 8 hex digits */
};

bool mapping_name_is(const char *wanted, const char *name)
{
	size_t len = strlen(wanted);
	bool open = len > 0 && wanted[len - 1] == '*';

	return name && (open ? strncmp(name, wanted, len - 1) == 0 : strcmp(name, wanted) == 0);
}

const char *mapping_name_template(const struct config_mapping *m, char out[MAPPING_NAME_MAX])
{
	const char *dot = m->device_from ? strrchr(m->device_from, '.') : NULL;

	if (m->device)
		return m->device;
	snprintf(out, MAPPING_NAME_MAX, "{%s}", dot ? dot + 1 : m->device_from ? m->device_from : "");
	return out;
}

static bool on_list(const struct config_texts *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (mapping_pattern_glob(list->at[i], name))
			return true;
	}
	return false;
}

static const char *alias_of(const struct config_mapping *m, const char *original)
{
	for (size_t i = 0; i < m->names.count; i++) {
		if (strcmp(m->names.at[i].name, original) == 0)
			return m->names.at[i].value;
	}
	return NULL;
}

/* - and the first 8 hex digits of its SHA-256: the same at every start, and another one for
 * another name. */
static bool mark_of(const char *original, char out[MARK_LEN + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(original, strlen(original), digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	snprintf(out, MARK_LEN + 1, "-%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
	return true;
}

static bool sanitize(const char *original, char out[DEVICE_NAME_MAX + 1])
{
	size_t len = strlen(original), at = 0, n = 0;
	char mark[MARK_LEN + 1];

	while (at < len && n < DEVICE_NAME_MAX - MARK_LEN) {
		size_t bytes = utf8_next(original + at, len - at);

		out[n++] = credential_device_name_ok(original + at, 1) ? original[at] : '-';
		at += bytes > 0 ? bytes : 1;
	}
	if (!mark_of(original, mark))
		return false;
	memcpy(out + n, mark, sizeof(mark));
	return len > 0;
}

enum status mapping_name_make(const struct config_mapping *m, struct mapping_hit *hit)
{
	size_t len = strlen(hit->original);
	const char *alias = alias_of(m, hit->original);

	hit->why = "deny keeps this name out";
	if (on_list(&m->deny, hit->original))
		return ST_NOTFOUND;
	hit->why = "allow does not have this name";
	if (m->allow.count > 0 && !on_list(&m->allow, hit->original))
		return ST_NOTFOUND;
	hit->why = NULL;
	if (alias || credential_device_name_ok(hit->original, len)) {
		snprintf(hit->device_name, sizeof(hit->device_name), "%s", alias ? alias : hit->original);
		return ST_OK;
	}
	if (m->sanitize && sanitize(hit->original, hit->device_name))
		return ST_OK;
	hit->why =
		"it is no device name of the hub (1-48 of A-Z a-z 0-9 : _ -); give it another in names, "
		"or set sanitize";
	return ST_INVALID;
}

/* --- of a message --- */

static bool add_member(const cJSON *root, const char *path, const char *name, size_t name_len,
                       struct mapping_values *values)
{
	const char *text = mapping_payload_text(mapping_payload_member(root, path, strlen(path)));

	return text && *text && mapping_values_add(values, name, name_len, text, strlen(text));
}

/* What `device_from` names, as a capture; and what `device` uses beside it and the topic has not.
 */
static bool add_from_payload(const struct config_mapping *m, const cJSON *root,
                             struct mapping_values *values)
{
	const char *dot = strrchr(m->device_from, '.'), *at = m->device, *name;
	const char *last = dot ? dot + 1 : m->device_from;
	char path[MAPPING_NAME_MAX];
	size_t len;

	if (!root || !add_member(root, m->device_from, last, strlen(last), values))
		return false;
	while (at && (name = mapping_pattern_capture(&at, &len)) != NULL) {
		if (mapping_values_find(values, name, len))
			continue;
		if (len >= sizeof(path))
			return false;
		memcpy(path, name, len);
		path[len] = '\0';
		if (!add_member(root, path, path, len, values))
			return false;
	}
	return true;
}

static bool look_into_payload(const struct config_mapping *m, const void *payload, size_t len,
                              struct mapping_values *values)
{
	cJSON *root;
	bool added;

	if (!m->device_from)
		return true;
	if (len > ROUTE_PAYLOAD_MAX)
		return false;
	root = mapping_payload_read(payload, len);
	added = add_from_payload(m, root, values);
	cJSON_Delete(root);
	return added;
}

enum status mapping_name_of(const struct config_mapping *m, const void *payload, size_t len,
                            struct mapping_hit *hit)
{
	char made[MAPPING_NAME_MAX];

	hit->why = len > ROUTE_PAYLOAD_MAX ? "its payload is bigger than the hub takes (16,384 bytes)"
	                                   : "its payload has no such member as device_from names";
	hit->original[0] = hit->device_name[0] = '\0';
	if (!look_into_payload(m, payload, len, &hit->values))
		return ST_INVALID;
	hit->why = "the name that device makes is too long";
	if (!mapping_pattern_expand(mapping_name_template(m, made), &hit->values, hit->original,
	                            sizeof(hit->original)))
		return ST_INVALID;
	return mapping_name_make(m, hit);
}

/* --- backwards --- */

/* What a device of this name is called on the LAN, as far as the rule alone says it. */
static const char *original_of(const struct config_mapping *m, const char *device_name)
{
	for (size_t i = 0; i < m->names.count; i++) {
		if (strcmp(m->names.at[i].value, device_name) == 0)
			return m->names.at[i].name;
	}
	return device_name;
}

bool mapping_makes(const struct config_mapping *m, const char *product_id, const char *device_name,
                   const char *original, const struct mapping_values *values,
                   struct mapping_values *values_out)
{
	char made[MAPPING_NAME_MAX];
	const char *template = mapping_name_template(m, made);
	struct mapping_hit hit = { .rule = m };
	struct mapping_values by_name;

	values_out->len = 0;
	if (strcmp(m->product_id, product_id) != 0)
		return false;
	if (values)
		*values_out = *values;
	if (!mapping_pattern_expand(template, values_out, hit.original, sizeof(hit.original))) {
		if (!original)
			original = original_of(m, device_name);
		if (strlen(original) >= sizeof(hit.original) ||
		    !mapping_pattern_match(template, original, &by_name))
			return false;
		strcpy(hit.original, original);
		mapping_values_merge(values_out, &by_name);
	}
	return mapping_name_make(m, &hit) == ST_OK && strcmp(hit.device_name, device_name) == 0;
}

const struct config_mapping *mapping_of(const struct mapping_rules *r, const char *product_id,
                                        const char *device_name, const char *original,
                                        const struct mapping_values *values)
{
	struct mapping_values unused;

	for (size_t i = 0; i < r->count; i++) {
		if (mapping_makes(&r->at[i], product_id, device_name, original, values, &unused))
			return &r->at[i];
	}
	return NULL;
}

bool mapping_makes_names(const struct config_mapping *m)
{
	return !m->device || strchr(m->device, '{');
}
