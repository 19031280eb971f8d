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

/* A capture stands in text that is not known before the device is heard; all of down are such, of a
 * template others are members of the command. */
static bool is_to_be_heard(const struct config_mapping *m, const char *text, bool template,
                           const struct mapping_values *values)
{
	const char *name;
	size_t len;

	while (text && (name = mapping_pattern_capture(&text, &len)) != NULL) {
		if (!mapping_values_find(values, name, len) &&
		    (!template || mapping_captures(m, true, name, len)))
			return true;
	}
	return false;
}

static enum status fill(const struct config_mapping *m, const struct config_command *c,
                        const struct mapping_values *values, const void *payload, size_t len,
                        struct mapping_down *out, struct buf *rewritten)
{
	enum status st;

	buf_reset(rewritten);
	st = mapping_payload_fill(rewritten, c->template, payload, len, values);
	if (st == ST_OK || st == ST_NOMEM)
		return st;
	if (st == ST_NOTFOUND && is_to_be_heard(m, c->template, true, values)) {
		out->why = "a capture of template is not known: the device has not been heard yet";
		return ST_AGAIN;
	}
	out->why = "the command lacks a member that the template names, or is too long";
	return ST_INVALID;
}

static enum status apply(const struct config_mapping *m, const struct config_command *c,
                         const struct mapping_values *values, const void *payload, size_t len,
                         struct mapping_down *out, struct buf *rewritten)
{
	out->why = "a capture of down is not known: the device has not been heard yet";
	if (is_to_be_heard(m, c->down, false, values))
		return ST_AGAIN;
	out->why = "what it makes is no topic that may be published";
	if (!mapping_pattern_expand(c->down, values, out->topic, sizeof(out->topic)) ||
	    !may_publish(out->topic))
		return ST_INVALID;
	out->rewritten = c->template != NULL;
	return c->template ? fill(m, c, values, payload, len, out, rewritten) : ST_OK;
}

/* Commands come to it, and it makes this device. */
static bool serves(const struct config_mapping *m, const char *product_id, const char *device_name,
                   const struct mapping_known *known, struct mapping_values *values)
{
	return command_count(m) > 0 && (!known->up || !m->up || strcmp(known->up, m->up) == 0) &&
	       mapping_makes(m, product_id, device_name, known->original, known->values, values);
}

static bool has_from(const struct config_mapping *m, const char *rest)
{
	for (size_t k = 0; k < command_count(m); k++) {
		if (strcmp(command_at(m, k).from, rest) == 0)
			return true;
	}
	return false;
}

bool mapping_has_down(const struct mapping_rules *r, const char *product_id,
                      const char *device_name, const char *rest, const struct mapping_known *known)
{
	struct mapping_values values;

	for (size_t i = 0; i < r->count; i++) {
		if (has_from(&r->at[i], rest) && serves(&r->at[i], product_id, device_name, known, &values))
			return true;
	}
	return false;
}

/* The first of the rule's commands that takes it; else ST_AGAIN when one may later. */
static enum status take(const struct config_mapping *m, const char *rest,
                        const struct mapping_values *values, const void *payload, size_t len,
                        struct mapping_down *out, struct buf *rewritten)
{
	enum status before = ST_NOTFOUND, st;
	const char *why = NULL;

	for (size_t k = 0; k < command_count(m); k++) {
		struct config_command c = command_at(m, k);

		if (strcmp(c.from, rest) != 0)
			continue;
		st = apply(m, &c, values, payload, len, out, rewritten);
		if (st == ST_OK || st == ST_NOMEM)
			return st;
		if (before != ST_AGAIN) {
			before = st;
			why = out->why;
		}
	}
	out->why = why;
	return before;
}

enum status mapping_down(const struct mapping_rules *r, const char *product_id,
                         const char *device_name, const char *rest,
                         const struct mapping_known *known, const void *payload, size_t len,
                         struct mapping_down *out, struct buf *rewritten)
{
	enum status before = ST_NOTFOUND, st;
	const char *why = NULL;

	for (size_t i = 0; i < r->count; i++) {
		struct mapping_values values;

		if (!serves(&r->at[i], product_id, device_name, known, &values))
			continue;
		out->rule = &r->at[i];
		st = take(&r->at[i], rest, &values, payload, len, out, rewritten);
		if (st == ST_OK || st == ST_NOMEM)
			return st;
		if (before != ST_AGAIN && st != ST_NOTFOUND) {
			before = st;
			why = out->why;
		}
	}
	out->why = why;
	return before;
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
