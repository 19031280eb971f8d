/* Rules chosen and applied. */
#include "core/mapping/mapping.h"

#include <stdio.h>
#include <string.h>

#include "core/mapping/mapping_impl.h"

struct mapping_rules mapping_rules_of(const struct config *c)
{
	return (struct mapping_rules){ c->mappings, c->mapping_count };
}

/* --- who may speak --- */

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

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool mapping_serves_several(const struct mapping_rules *r, const struct config_mapping *rule)
{
	if (mapping_makes_names(rule))
		return true;
	for (size_t i = 0; i < r->count; i++) {
		const struct config_mapping *m = &r->at[i];

		if (same_text(m->client, rule->client) && same_text(m->client_id, rule->client_id) &&
		    (!same_text(m->device, rule->device) || strcmp(m->product_id, rule->product_id) != 0))
			return true;
	}
	return false;
}

/* --- which device --- */

bool mapping_captures(const struct config_mapping *m, bool with_device, const char *name,
                      size_t len)
{
	const struct config_condition *conditions = m->conditions.at;
	char made[MAPPING_NAME_MAX];

	if ((m->up && mapping_pattern_has(m->up, name, len)) ||
	    (m->presence && mapping_pattern_has(m->presence, name, len)) ||
	    (with_device && mapping_pattern_has(mapping_name_template(m, made), name, len)))
		return true;
	for (size_t i = 0; i < m->conditions.count; i++) {
		if (conditions[i].topic && mapping_pattern_has(conditions[i].topic, name, len))
			return true;
	}
	return false;
}

static enum status hub_topic(const struct config_mapping *m, struct mapping_hit *hit)
{
	char rest[MAPPING_TOPIC_MAX];
	int n;

	hit->why = "the topic at the hub gets too long";
	if (!mapping_pattern_expand(m->to, &hit->values, rest, sizeof(rest)))
		return ST_INVALID;
	n = snprintf(hit->topic, sizeof(hit->topic), "%s/%s/%s", m->product_id, hit->device_name, rest);
	return n > 0 && n < (int)sizeof(hit->topic) ? ST_OK : ST_INVALID;
}

/* Tasmota's tele/{name}/LWT is of the same form as what goes up. */
static bool is_told_by(const struct config_mapping *m, const char *topic)
{
	const struct mapping_rules one = { m, 1 };

	return mapping_is_presence(&one, topic);
}

enum status mapping_up(const struct mapping_rules *r, const struct mapping_client *who,
                       const char *topic, const void *payload, size_t len, struct mapping_hit *hit)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct config_mapping *m = &r->at[i];
		enum status st;

		hit->speaker = m->up ? mapping_speaker_of(m, who) : MAPPING_NOT_ITS_CLIENT;
		if (hit->speaker == MAPPING_NOT_ITS_CLIENT ||
		    !mapping_pattern_match(m->up, topic, &hit->values) || is_told_by(m, topic))
			continue;
		hit->rule = m;
		st = mapping_name_of(m, payload, len, hit);
		if (st != ST_NOTFOUND) /* a list keeps the name out: another rule may take it */
			return st == ST_OK ? hub_topic(m, hit) : st;
	}
	return ST_NOTFOUND;
}
