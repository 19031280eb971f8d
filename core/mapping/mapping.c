/* Rules applied. */
#include "core/mapping/mapping.h"

#include <stdio.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/json/json.h"
#include "core/mapping/mapping_impl.h"

bool mapping_name_is(const char *wanted, const char *name)
{
	size_t len = strlen(wanted);
	bool open = len > 0 && wanted[len - 1] == '*';

	return name && (open ? strncmp(name, wanted, len - 1) == 0 : strcmp(name, wanted) == 0);
}

enum mapping_speaker mapping_speaker_of(const struct config_mapping *m,
                                        const struct mapping_client *who)
{
	bool named = m->client && mapping_name_is(m->client, who->username);

	if (m->client_id && !mapping_name_is(m->client_id, who->client_id))
		return MAPPING_NOT_ITS_CLIENT;
	if (!m->client)
		return m->client_id ? MAPPING_BY_ID : MAPPING_ANYBODY;
	if (named && who->checked)
		return MAPPING_BY_USERNAME;
	/* Rules of before `client_id` mean either; one that has it means the username. */
	if (m->client_id)
		return MAPPING_NOT_ITS_CLIENT;
	return named || mapping_name_is(m->client, who->client_id) ? MAPPING_BY_CLAIM
	                                                           : MAPPING_NOT_ITS_CLIENT;
}

static enum status make_hit(const struct config_mapping *m, const struct captures *c,
                            struct mapping_hit *hit)
{
	char rest[MAPPING_TOPIC_MAX];
	int n;

	hit->rule = m;
	if (!mapping_expand(m->device, c, hit->device_name, sizeof(hit->device_name)) ||
	    !credential_device_name_ok(hit->device_name, strlen(hit->device_name)))
		return ST_INVALID;
	hit->topic[0] = '\0';
	if (!m->up)
		return ST_OK;
	if (!mapping_expand(m->to, c, rest, sizeof(rest)))
		return ST_INVALID;
	n = snprintf(hit->topic, sizeof(hit->topic), "%s/%s/%s", m->product_id, hit->device_name, rest);
	return n > 0 && n < (int)sizeof(hit->topic) ? ST_OK : ST_INVALID;
}

struct mapping_rules mapping_rules_of(const struct config *c)
{
	return (struct mapping_rules){ c->mappings, c->mapping_count };
}

bool mapping_names(const struct mapping_rules *r, const struct mapping_client *who)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct config_mapping *m = &r->at[i];

		if ((m->client && (mapping_name_is(m->client, who->username) ||
		                   mapping_name_is(m->client, who->client_id))) ||
		    (m->client_id && mapping_name_is(m->client_id, who->client_id)))
			return true;
	}
	return false;
}

enum status mapping_up(const struct mapping_rules *r, const struct mapping_client *who,
                       const char *topic, struct mapping_hit *hit)
{
	struct captures c;

	for (size_t i = 0; i < r->count; i++) {
		const struct config_mapping *m = &r->at[i];

		/* Tasmota's tele/{name}/LWT is of the same form as what goes up. */
		if (m->presence && mapping_match(m->presence, topic, &c))
			continue;
		hit->speaker = mapping_speaker_of(m, who);
		if (m->up && hit->speaker != MAPPING_NOT_ITS_CLIENT && mapping_match(m->up, topic, &c))
			return make_hit(m, &c, hit);
	}
	return ST_NOTFOUND;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool mapping_serves_several(const struct mapping_rules *r, const struct config_mapping *rule)
{
	if (strchr(rule->device, '{'))
		return true;
	for (size_t i = 0; i < r->count; i++) {
		const struct config_mapping *m = &r->at[i];

		if (same_text(m->client, rule->client) && same_text(m->client_id, rule->client_id) &&
		    (strcmp(m->device, rule->device) != 0 || strcmp(m->product_id, rule->product_id) != 0))
			return true;
	}
	return false;
}

/* Zigbee2MQTT tells {"state":"online"}, the others the bare word. */
static bool says(const void *payload, size_t len, const char *word)
{
	static const struct json_limits limits = { .bytes = 1024, .depth = 4, .values = 32 };
	cJSON *root = NULL;
	const char *state;
	bool same = len == strlen(word) && memcmp(payload, word, len) == 0;

	if (same || json_parse_message(payload, len, &limits, &root) != ST_OK)
		return same;
	state = json_text(root, "state");
	same = state && strcmp(state, word) == 0;
	cJSON_Delete(root);
	return same;
}

bool mapping_is_presence(const struct mapping_rules *r, const char *topic)
{
	struct captures c;

	for (size_t i = 0; i < r->count; i++) {
		if (r->at[i].presence && mapping_match(r->at[i].presence, topic, &c))
			return true;
	}
	return false;
}

enum status mapping_presence(const struct mapping_rules *r, const struct mapping_client *who,
                             const char *topic, const void *payload, size_t len,
                             struct mapping_hit *hit, bool *online)
{
	struct captures c;

	for (size_t i = 0; i < r->count; i++) {
		const struct config_mapping *m = &r->at[i];
		struct config_mapping name_only = *m;
		enum status st;

		hit->speaker = who ? mapping_speaker_of(m, who) : MAPPING_ANYBODY;
		if (!m->presence || hit->speaker == MAPPING_NOT_ITS_CLIENT ||
		    !mapping_match(m->presence, topic, &c))
			continue;
		name_only.up = NULL; /* `to` may use what only the up topic has */
		st = make_hit(&name_only, &c, hit);
		hit->rule = m;
		*online = len > 0 && says(payload, len, m->online);
		return st;
	}
	return ST_NOTFOUND;
}

/* What the captures of `device` stand for in this name. */
static bool read_name(const struct config_mapping *m, const char *product_id,
                      const char *device_name, struct captures *c)
{
	return strcmp(m->product_id, product_id) == 0 && mapping_match(m->device, device_name, c);
}

const struct config_mapping *mapping_of(const struct mapping_rules *r, const char *product_id,
                                        const char *device_name)
{
	struct captures c;

	for (size_t i = 0; i < r->count; i++) {
		if (read_name(&r->at[i], product_id, device_name, &c))
			return &r->at[i];
	}
	return NULL;
}

enum status mapping_down(const struct mapping_rules *r, const char *product_id,
                         const char *device_name, const char *rest, char local[MAPPING_TOPIC_MAX])
{
	struct captures c;

	for (size_t i = 0; i < r->count; i++) {
		const struct config_mapping *m = &r->at[i];

		if (m->down && strcmp(m->from, rest) == 0 && read_name(m, product_id, device_name, &c) &&
		    mapping_expand(m->down, &c, local, MAPPING_TOPIC_MAX))
			return ST_OK;
	}
	return ST_NOTFOUND;
}

/* --- payloads --- */

static bool is_json(const void *payload, size_t len)
{
	static const struct json_limits limits = { .bytes = 16384, .depth = 32, .values = 4096 };
	cJSON *root = NULL;
	bool ok = json_parse_message(payload, len, &limits, &root) == ST_OK;

	cJSON_Delete(root);
	return ok;
}

static enum status add_as_string(struct buf *out, const void *payload, size_t len)
{
	char text[MAPPING_TEXT_MAX + 1];

	if (len > MAPPING_TEXT_MAX || memchr(payload, '\0', len) || !utf8_ok(payload, len))
		return ST_INVALID;
	memcpy(text, payload, len);
	text[len] = '\0';
	return json_add_string(out, text);
}

enum status mapping_wrap(struct buf *out, const char *member, const void *payload, size_t len)
{
	enum status st = buf_add_text(out, "{");

	if (st == ST_OK)
		st = json_add_string(out, member);
	if (st == ST_OK)
		st = buf_add_text(out, ":");
	if (st == ST_OK && len == 0)
		st = buf_add_text(out, "\"\"");
	else if (st == ST_OK)
		st = is_json(payload, len) ? buf_add(out, payload, json_message_len(payload, len))
		                           : add_as_string(out, payload, len);
	return st == ST_OK ? buf_add_text(out, "}") : st;
}

/* --- in words --- */

void mapping_explain(const struct mapping_rules *r, const struct mapping_client *who,
                     const char *topic, char *out, size_t size)
{
	struct mapping_hit hit = { .rule = NULL };
	struct captures c;
	enum status st = mapping_up(r, who, topic, &hit);

	if (st == ST_OK) {
		snprintf(out, size, "mappings[%zu].up takes it: it goes to the hub as %s%s%s",
		         (size_t)(hit.rule - r->at), hit.topic, hit.rule->wrap ? ", wrapped in " : "",
		         hit.rule->wrap ? hit.rule->wrap : "");
		return;
	}
	if (st == ST_INVALID) {
		snprintf(out, size,
		         "mappings[%zu].up takes it, but \"%.64s\" is no device name of the hub (1-48 of "
		         "A-Z a-z 0-9 : _ -), or the topic gets too long: it stays on the LAN",
		         (size_t)(hit.rule - r->at), hit.device_name);
		return;
	}
	for (size_t i = 0; i < r->count; i++) {
		if (r->at[i].up && mapping_match(r->at[i].up, topic, &c)) {
			snprintf(out, size, "mappings[%zu].up fits, but is for the client %.64s alone", i,
			         r->at[i].client ? r->at[i].client : r->at[i].client_id);
			return;
		}
		if (r->at[i].presence && mapping_match(r->at[i].presence, topic, &c)) {
			snprintf(out, size,
			         "mappings[%zu].presence takes it: it tells whether a device is there", i);
			return;
		}
	}
	snprintf(out, size, "no rule of mappings[] fits: it stays on the LAN");
}
