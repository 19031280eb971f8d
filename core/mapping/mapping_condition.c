/* What tells whether a device is there. */
#include <string.h>

#include "core/mapping/mapping_impl.h"

size_t mapping_condition_count(const struct config_mapping *m)
{
	return m->conditions.count + (m->presence != NULL);
}

struct mapping_condition mapping_condition(const struct config_mapping *m, size_t i)
{
	const struct config_condition *c = m->conditions.at;

	if (m->presence && i == 0)
		return (struct mapping_condition){
			.topic = m->presence,
			/* A list of one; nobody writes it. */
			.online = { (char **)(uintptr_t)&m->online, 1 },
		};
	c += i - (m->presence != NULL);
	return (struct mapping_condition){ c->topic, c->death, c->member, c->online, c->connected };
}

static bool is_word(const struct config_texts *words, const char *text, size_t len)
{
	for (size_t i = 0; i < words->count; i++) {
		if (strlen(words->at[i]) == len && memcmp(words->at[i], text, len) == 0)
			return true;
	}
	return false;
}

/* The bare word; or a member: Zigbee2MQTT tells {"state":"online"}. */
static bool says_there(const struct mapping_condition *c, const void *payload, size_t len)
{
	const char *name = c->member ? c->member : "state", *text = NULL;
	cJSON *root;
	bool there;

	if (len == 0)
		return false; /* what was retained is taken away */
	if (!c->member && is_word(&c->online, payload, len))
		return true;
	root = mapping_payload_read(payload, len);
	if (root)
		text = mapping_payload_text(mapping_payload_member(root, name, strlen(name)));
	there = text && is_word(&c->online, text, strlen(text));
	cJSON_Delete(root);
	return there;
}

enum mapping_told mapping_condition_told(const struct mapping_condition *c, const char *topic,
                                         const void *payload, size_t len,
                                         struct mapping_values *values)
{
	if (c->death && mapping_pattern_match(c->death, topic, values))
		return MAPPING_TOLD_GONE;
	if (!c->topic || !mapping_pattern_match(c->topic, topic, values))
		return MAPPING_TOLD_NOTHING;
	if (c->death)
		return len > 0 ? MAPPING_TOLD_THERE : MAPPING_TOLD_NOTHING;
	return says_there(c, payload, len) ? MAPPING_TOLD_THERE : MAPPING_TOLD_GONE;
}

/* Captures that the rule's messages do not have stand for anything. */
static const char *source_of(const struct config_mapping *m, char made[MAPPING_NAME_MAX])
{
	return m->up ? m->up : mapping_name_template(m, made);
}

bool mapping_condition_key(const struct config_mapping *m, const struct mapping_condition *c,
                           const struct mapping_values *values, char out[MAPPING_TOPIC_MAX])
{
	char made[MAPPING_NAME_MAX];
	const char *source = source_of(m, made), *at = c->topic, *name;
	struct mapping_values shown = { .len = 0 };
	size_t len;

	while ((name = mapping_pattern_capture(&at, &len)) != NULL) {
		const char *value =
			mapping_pattern_has(source, name, len) ? mapping_values_find(values, name, len) : "+";

		if (!value || !mapping_values_add(&shown, name, len, value, strlen(value)))
			return false;
	}
	/* A span is {name...} in the pattern, and its value has that name. */
	return mapping_pattern_expand(c->topic, &shown, out, MAPPING_TOPIC_MAX);
}

enum status mapping_condition_device(const struct config_mapping *m,
                                     const struct mapping_values *values, struct mapping_hit *hit)
{
	char made[MAPPING_NAME_MAX];

	hit->rule = m;
	hit->values = *values;
	hit->topic[0] = '\0';
	if (m->device_from || !mapping_pattern_expand(mapping_name_template(m, made), values,
	                                              hit->original, sizeof(hit->original)))
		return ST_NOTFOUND;
	return mapping_name_make(m, hit);
}

bool mapping_is_presence(const struct mapping_rules *r, const char *topic)
{
	struct mapping_values unused;

	for (size_t i = 0; i < r->count; i++) {
		for (size_t k = 0; k < mapping_condition_count(&r->at[i]); k++) {
			struct mapping_condition c = mapping_condition(&r->at[i], k);

			if ((c.topic && mapping_pattern_match(c.topic, topic, &unused)) ||
			    (c.death && mapping_pattern_match(c.death, topic, &unused)))
				return true;
		}
	}
	return false;
}
