/* Rules that cannot work are refused when they are read. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/hub/topic.h"
#include "core/mapping/mapping_impl.h"

enum {
	KEY_MAX = 64,
	PATTERNS_MAX = 2 + 2 * 4, /* up, presence; topic and death of conditions */
};

struct checking {
	const struct mapping_rules *rules;
	const struct config_mapping *m;
	char *key, *why;
};

__attribute__((format(printf, 3, 4))) static bool wrong(const struct checking *c, const char *key,
                                                        const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, MAPPING_WHY_MAX, format, args);
	va_end(args);
	snprintf(c->key, KEY_MAX, "%s", key);
	return true;
}

static bool in_cloud(const struct mapping_rules *r, const char *pattern)
{
	struct mqtt_text product = topic_product(pattern, strlen(pattern));

	if (topic_in_hub_tree(pattern, strlen(pattern)))
		return true;
	for (size_t i = 0; i < r->count && product.len == PRODUCT_ID_LEN; i++) {
		if (memcmp(product.at, r->at[i].product_id, PRODUCT_ID_LEN) == 0)
			return true;
	}
	return false;
}

/* --- each alone --- */

static bool wrong_pattern(const struct checking *c, const char *key, const char *pattern)
{
	if (!pattern)
		return false;
	if (!mapping_pattern_ok(pattern, MAPPING_FORM_PATTERN))
		return wrong(c, key,
		             "is no pattern; write {name} for a level or a part of one, with text between "
		             "two, {name...} once for whole levels, up to %d in all, + for any level, no #",
		             MAPPING_CAPTURES);
	if (in_cloud(c->rules, pattern))
		return wrong(c, key,
		             "lies in the hub's topics; use the topics that the device has on the LAN");
	return false;
}

static bool wrong_topic(const struct checking *c, const char *key, const char *topic)
{
	if (!topic)
		return false;
	if (!mapping_pattern_ok(topic, MAPPING_FORM_TOPIC))
		return wrong(c, key,
		             "is no pattern; write {name} with text between two, up to %d, no + or #",
		             MAPPING_CAPTURES);
	return false;
}

static bool wrong_down(const struct checking *c, const char *key, const char *down)
{
	if (wrong_topic(c, key, down))
		return true;
	if (down && down[0] == '$')
		return wrong(c, key,
		             "lies in a $ tree; commands never go to $SYS, $CONTROL or any other of them, "
		             "use the topic that the device has on the LAN");
	if (down && in_cloud(c->rules, down))
		return wrong(c, key,
		             "lies in the hub's topics; use the topics that the device has on the LAN");
	return false;
}

static bool wrong_template(const struct checking *c, const char *key, const char *template)
{
	return template && !mapping_payload_template_ok(template) &&
	       wrong(c, key,
	             "has a brace without its partner; write {member}, and {{ or }} for a brace");
}

static bool wrong_forms(const struct checking *c)
{
	const struct config_mapping *m = c->m;

	if (m->device && !mapping_pattern_ok(m->device, MAPPING_FORM_TEXT))
		return wrong(c, "device", "is no pattern; write {name} with text between two, up to %d",
		             MAPPING_CAPTURES);
	if (m->wrap && !mapping_pattern_ok(m->wrap, MAPPING_FORM_TEXT))
		return wrong(c, "wrap",
		             "has a brace without its partner; write {name} for a capture of up");
	return wrong_pattern(c, "up", m->up) || wrong_pattern(c, "presence", m->presence) ||
	       wrong_topic(c, "to", m->to) || wrong_down(c, "down", m->down) ||
	       wrong_template(c, "template", m->template);
}

static bool wrong_condition(const struct checking *c, size_t i)
{
	const struct config_condition *at = (const struct config_condition *)c->m->conditions.at + i;
	const char *name, *topic = at->topic;
	char key[KEY_MAX];
	size_t len;

	snprintf(key, sizeof(key), "conditions[%zu].topic", i);
	if (!at->topic == !at->connected)
		return wrong(c, key,
		             at->topic ? "stands beside connected; make two conditions of it"
		                       : "is missing; say which topic tells it, or connected");
	if (wrong_pattern(c, key, at->topic))
		return true;
	snprintf(key, sizeof(key), "conditions[%zu].death", i);
	if (at->death && !at->topic)
		return wrong(c, key, "needs a topic, whose messages mean there");
	if (wrong_pattern(c, key, at->death))
		return true;
	while (at->death && (name = mapping_pattern_capture(&topic, &len)) != NULL) {
		if (!mapping_pattern_has(at->death, name, len))
			return wrong(c, key, "lacks {%.*s}, which topic has; both have to name the same",
			             len < 40 ? (int)len : 40, name);
	}
	return false;
}

static bool wrong_parts(const struct checking *c)
{
	const struct config_command *commands = c->m->commands.at;
	char key[KEY_MAX];

	for (size_t i = 0; i < c->m->conditions.count; i++) {
		if (wrong_condition(c, i))
			return true;
	}
	for (size_t i = 0; i < c->m->commands.count; i++) {
		snprintf(key, sizeof(key), "commands[%zu].down", i);
		if (wrong_down(c, key, commands[i].down))
			return true;
		snprintf(key, sizeof(key), "commands[%zu].template", i);
		if (wrong_template(c, key, commands[i].template))
			return true;
	}
	return false;
}

/* --- captures and where they come from --- */

static bool is_device_from(const struct config_mapping *m, const char *name, size_t len)
{
	const char *dot = m->device_from ? strrchr(m->device_from, '.') : NULL;
	const char *last = dot ? dot + 1 : m->device_from;

	return last && strlen(last) == len && memcmp(last, name, len) == 0;
}

/* from_up: of the message itself; else of any that the device ever sent. */
static bool unknown_capture(const struct checking *c, const char *key, const char *pattern,
                            bool from_up, const char *where)
{
	const struct config_mapping *m = c->m;
	const char *name;
	size_t len;

	while (pattern && (name = mapping_pattern_capture(&pattern, &len)) != NULL) {
		bool known =
			from_up ? mapping_pattern_has(m->up, name, len) : mapping_captures(m, true, name, len);

		if (!known && !is_device_from(m, name, len))
			return wrong(c, key, "uses {%.*s}, which %s does not have; it has to come from there",
			             len < 40 ? (int)len : 40, name, where);
	}
	return false;
}

/* Of a rule without up the conditions name the device; without these, its own name does. */
static bool unknown_in_device(const struct checking *c)
{
	const struct config_mapping *m = c->m;
	const char *name, *pattern = m->device;
	size_t len;

	if (m->device_from) /* the payload may have it */
		return false;
	if (m->up)
		return unknown_capture(c, "device", m->device, true, "up");
	while (pattern && mapping_condition_count(m) > 0 &&
	       (name = mapping_pattern_capture(&pattern, &len)) != NULL) {
		if (!mapping_captures(m, false, name, len))
			return wrong(c, "device",
			             "uses {%.*s}, which presence does not have; it has to come "
			             "from there",
			             len < 40 ? (int)len : 40, name);
	}
	return false;
}

static bool wrong_captures(const struct checking *c)
{
	const struct config_command *commands = c->m->commands.at;
	const struct config_mapping *m = c->m;
	char key[KEY_MAX];

	if (unknown_in_device(c) ||
	    (m->up && (unknown_capture(c, "to", m->to, true, "up") ||
	               unknown_capture(c, "wrap", m->wrap, true, "up"))) ||
	    unknown_capture(c, "down", m->down, false, "up or device"))
		return true;
	for (size_t i = 0; i < m->commands.count; i++) {
		snprintf(key, sizeof(key), "commands[%zu].down", i);
		if (unknown_capture(c, key, commands[i].down, false, "up or device"))
			return true;
	}
	return false;
}

/* --- keys beside each other --- */

static bool wrong_together(const struct checking *c)
{
	const struct config_mapping *m = c->m;

	if (!m->up && !m->down && m->commands.count == 0 && mapping_condition_count(m) == 0)
		return wrong(c, "up", "is missing; a rule needs up, down or presence");
	if (!m->device && !m->device_from)
		return wrong(c, "device", "is missing; say which device it is, or device_from");
	if (m->device_from && !m->up)
		return wrong(c, "device_from", "needs up: only its messages have such a member");
	if (m->template && !m->down)
		return wrong(c, "template",
		             "means nothing without down; put it into the command it is for");
	if (m->ts && !m->wrap)
		return wrong(c, "ts",
		             "means nothing without wrap; name the member that the payload becomes");
	for (size_t i = 0; i < m->names.count; i++) {
		if (!credential_device_name_ok(m->names.at[i].value, strlen(m->names.at[i].value)))
			return wrong(c, "names",
			             "has \"%.48s\", which is no device name; use 1-48 of A-Z a-z 0-9 : _ -",
			             m->names.at[i].value);
	}
	return false;
}

static bool clients_meet(const char *a, const char *b)
{
	return !a || !b || mapping_name_is(a, b) || mapping_name_is(b, a);
}

/* Lists may tell apart what the topics do not. */
static bool has_lists(const struct config_mapping *m)
{
	return m->allow.count > 0 || m->deny.count > 0;
}

static bool overlaps(const struct checking *c, size_t i)
{
	const struct config_mapping *m = c->m;

	for (size_t k = 0; k < i && m->up && !has_lists(m); k++) {
		const struct config_mapping *b = &c->rules->at[k];

		if (b->up && !has_lists(b) && clients_meet(m->client, b->client) &&
		    clients_meet(m->client_id, b->client_id) && mapping_pattern_meet(m->up, b->up))
			return wrong(c, "up",
			             "overlaps mappings[%zu].up: a message could be of either; give one of "
			             "them allow or deny, the first that fits takes it",
			             k);
	}
	return false;
}

bool mapping_check(const struct mapping_rules *r, size_t i, char key[KEY_MAX],
                   char why[MAPPING_WHY_MAX])
{
	const struct checking c = { r, &r->at[i], key, why };

	return wrong_together(&c) || wrong_forms(&c) || wrong_parts(&c) || wrong_captures(&c) ||
	       overlaps(&c, i);
}
