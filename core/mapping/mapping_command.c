/* What becomes of a command: its topic on the LAN, and its payload. */
#include <string.h>

#include "core/hub/topic.h"
#include "core/mapping/mapping_impl.h"

static struct config_command command_at(const struct config_mapping *m, size_t nth)
{
	const struct config_command *all = m->commands.at;

	if (!m->down)
		return all[nth];
	return nth == 0 ? (struct config_command){ m->from, m->down, m->template } : all[nth - 1];
}

static size_t command_count(const struct config_mapping *m)
{
	return m->commands.count + (m->down != NULL);
}

const char *mapping_from(const struct config_mapping *m, size_t nth)
{
	return nth < command_count(m) ? command_at(m, nth).from : NULL;
}

/* Values may have been anything, the rule's own text was checked at load. */
static bool may_publish(const char *topic)
{
	return topic[0] != '\0' && topic[0] != '$' && !strpbrk(topic, "+#") &&
	       !topic_in_hub_tree(topic, strlen(topic));
}

static enum status apply(const struct config_command *c, const struct mapping_values *values,
                         const void *payload, size_t len, struct mapping_down *out,
                         struct buf *rewritten)
{
	enum status st;

	out->why = "a capture of down is not known: the device has not been heard yet";
	if (!mapping_pattern_expand(c->down, values, out->topic, sizeof(out->topic)))
		return ST_INVALID;
	out->why = "what it makes is no topic that may be published";
	if (!may_publish(out->topic))
		return ST_INVALID;
	out->rewritten = c->template != NULL;
	if (!c->template)
		return ST_OK;
	buf_reset(rewritten);
	st = mapping_payload_fill(rewritten, c->template, payload, len, values);
	out->why = "the command lacks a member that the template names, or is too long";
	return st == ST_OK || st == ST_NOMEM ? st : ST_INVALID;
}

enum status mapping_down(const struct mapping_rules *r, const char *product_id,
                         const char *device_name, const char *rest,
                         const struct mapping_known *known, const void *payload, size_t len,
                         struct mapping_down *out, struct buf *rewritten)
{
	enum status st = ST_NOTFOUND;

	for (size_t i = 0; i < r->count; i++) {
		const struct config_mapping *m = &r->at[i];
		struct mapping_values values;

		if (command_count(m) == 0 || (known->up && m->up && strcmp(known->up, m->up) != 0) ||
		    !mapping_makes(m, product_id, device_name, known->original, known->values, &values))
			continue;
		for (size_t k = 0; k < command_count(m); k++) {
			struct config_command c = command_at(m, k);

			if (strcmp(c.from, rest) != 0)
				continue;
			out->rule = m;
			st = apply(&c, &values, payload, len, out, rewritten);
			if (st != ST_INVALID)
				return st;
		}
	}
	return st;
}

/* --- what has to be kept of a message --- */

static void keep(const char *pattern, const struct mapping_values *all, struct mapping_values *out)
{
	const char *name;
	size_t len;

	while (pattern && (name = mapping_pattern_capture(&pattern, &len)) != NULL) {
		const char *value = mapping_values_find(all, name, len);

		if (value && !mapping_values_find(out, name, len))
			mapping_values_add(out, name, len, value, strlen(value));
	}
}

void mapping_values_kept(const struct config_mapping *m, const struct mapping_values *all,
                         struct mapping_values *out)
{
	char made[MAPPING_NAME_MAX];

	out->len = 0;
	keep(mapping_name_template(m, made), all, out);
	for (size_t i = 0; i < mapping_condition_count(m); i++)
		keep(mapping_condition(m, i).topic, all, out);
	for (size_t i = 0; i < command_count(m); i++) {
		struct config_command c = command_at(m, i);

		keep(c.down, all, out);
		keep(c.template, all, out);
	}
}
