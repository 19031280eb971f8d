/* Patterns: taken apart, matched, filled in, compared, checked. */
#include <stdio.h>
#include <string.h>

#include "core/hub/topic.h"
#include "core/mapping/mapping_impl.h"

bool mapping_level(const char **at, struct level *out)
{
	const char *open, *close;

	memset(out, 0, sizeof(*out));
	out->text = *at;
	out->len = strcspn(*at, "/");
	*at = out->text[out->len] ? out->text + out->len + 1 : NULL;
	if (memchr(out->text, '+', out->len) || memchr(out->text, '#', out->len)) {
		out->any = out->len == 1 && *out->text == '+';
		return out->any;
	}
	open = memchr(out->text, '{', out->len);
	close = memchr(out->text, '}', out->len);
	if (!open && !close)
		return true;
	if (!open || !close || close < open + 2)
		return false;
	out->name = open + 1;
	out->name_len = (size_t)(close - open - 1);
	out->before_len = (size_t)(open - out->text);
	out->after_len = out->len - out->before_len - out->name_len - 2;
	return !memchr(close + 1, '{', out->after_len) && !memchr(close + 1, '}', out->after_len) &&
	       !memchr(out->name, '{', out->name_len);
}

static const char *after_of(const struct level *l)
{
	return l->text + l->len - l->after_len;
}

static bool level_matches(const struct level *l, const char *text, size_t len, struct captures *c)
{
	size_t fixed = l->before_len + l->after_len;

	if (l->any)
		return true;
	if (!l->name)
		return len == l->len && memcmp(l->text, text, len) == 0;
	if (len <= fixed || memcmp(l->text, text, l->before_len) != 0 ||
	    memcmp(after_of(l), text + len - l->after_len, l->after_len) != 0 ||
	    c->count == MAPPING_CAPTURES)
		return false;
	c->at[c->count].name = l->name;
	c->at[c->count].name_len = l->name_len;
	c->at[c->count].value = text + l->before_len;
	c->at[c->count++].value_len = len - fixed;
	return true;
}

bool mapping_match(const char *pattern, const char *text, struct captures *out)
{
	struct level l;

	out->count = 0;
	while (pattern && text) {
		size_t len = strcspn(text, "/");

		if (!mapping_level(&pattern, &l) || !level_matches(&l, text, len, out))
			return false;
		text = text[len] ? text + len + 1 : NULL;
	}
	return !pattern && !text;
}

static bool add(char *out, size_t size, size_t *at, const char *text, size_t len)
{
	if (*at + len >= size)
		return false;
	memcpy(out + *at, text, len);
	*at += len;
	out[*at] = '\0';
	return true;
}

static bool add_value(char *out, size_t size, size_t *at, const struct level *l,
                      const struct captures *c)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->at[i].name_len == l->name_len && memcmp(c->at[i].name, l->name, l->name_len) == 0)
			return add(out, size, at, c->at[i].value, c->at[i].value_len);
	}
	return false;
}

bool mapping_expand(const char *pattern, const struct captures *c, char *out, size_t size)
{
	struct level l;
	size_t at = 0;
	bool ok = true;

	out[0] = '\0';
	while (pattern && ok) {
		ok = mapping_level(&pattern, &l) && !l.any;
		if (ok && l.name)
			ok = add(out, size, &at, l.text, l.before_len) && add_value(out, size, &at, &l, c) &&
			     add(out, size, &at, after_of(&l), l.after_len);
		else if (ok)
			ok = add(out, size, &at, l.text, l.len);
		if (ok && pattern)
			ok = add(out, size, &at, "/", 1);
	}
	return ok;
}

void mapping_filter(const char *pattern, char out[MAPPING_TOPIC_MAX])
{
	struct level l;
	size_t at = 0;

	out[0] = '\0';
	while (pattern && mapping_level(&pattern, &l)) {
		bool fits = l.name || l.any ? add(out, MAPPING_TOPIC_MAX, &at, "+", 1)
		                            : add(out, MAPPING_TOPIC_MAX, &at, l.text, l.len);

		if (!fits || (pattern && !add(out, MAPPING_TOPIC_MAX, &at, "/", 1)))
			return;
	}
}

/* --- checks at load --- */

static bool well_formed(const char *pattern, bool may_any)
{
	struct level l;
	size_t captures = 0;

	do {
		if (!mapping_level(&pattern, &l) || (l.any && !may_any))
			return false;
		captures += l.name != NULL;
	} while (pattern);
	return captures <= MAPPING_CAPTURES;
}

static bool has_capture(const char *pattern, const struct level *wanted)
{
	struct level l;

	while (pattern && mapping_level(&pattern, &l)) {
		if (l.name && l.name_len == wanted->name_len &&
		    memcmp(l.name, wanted->name, l.name_len) == 0)
			return true;
	}
	return false;
}

/* The first capture of `pattern` that `source` does not have, in out; false: none. */
static bool unknown_capture(const char *pattern, const char *source, char out[64])
{
	struct level l;

	while (pattern && mapping_level(&pattern, &l)) {
		if (!l.name || has_capture(source, &l))
			continue;
		snprintf(out, 64, "{%.*s}", (int)(l.name_len < 40 ? l.name_len : 40), l.name);
		return true;
	}
	return false;
}

/* May one text be of both forms? May say yes wrongly where both have captures. */
static bool levels_meet(const struct level *a, const struct level *b)
{
	size_t before = a->before_len < b->before_len ? a->before_len : b->before_len;
	size_t after = a->after_len < b->after_len ? a->after_len : b->after_len;
	struct captures c = { .count = 0 };

	if (a->any || b->any)
		return true;
	if (!a->name && !b->name)
		return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
	if (!a->name)
		return level_matches(b, a->text, a->len, &c);
	if (!b->name)
		return level_matches(a, b->text, b->len, &c);
	return memcmp(a->text, b->text, before) == 0 &&
	       memcmp(after_of(a) + a->after_len - after, after_of(b) + b->after_len - after, after) ==
	           0;
}

static bool patterns_meet(const char *a, const char *b)
{
	struct level la, lb;

	while (a && b) {
		if (!mapping_level(&a, &la) || !mapping_level(&b, &lb) || !levels_meet(&la, &lb))
			return false;
	}
	return !a && !b;
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

static const char *check_forms(const struct mapping_rules *r, const struct config_mapping *m,
                               char why[MAPPING_WHY_MAX])
{
	const struct {
		const char *key, *pattern;
		bool may_any;
	} rows[] = {
		{ "up", m->up, true },
		{ "to", m->to, false },
		{ "device", m->device, false },
		{ "down", m->down, false },
		{ "presence", m->presence, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].pattern && !well_formed(rows[i].pattern, rows[i].may_any)) {
			snprintf(why, MAPPING_WHY_MAX,
			         "is no pattern; write {name} once in a level, up to %d times%s",
			         MAPPING_CAPTURES, rows[i].may_any ? ", + for any level, no #" : ", no + or #");
			return rows[i].key;
		}
		if (rows[i].pattern && i != 1 && i != 2 && in_cloud(r, rows[i].pattern)) {
			snprintf(why, MAPPING_WHY_MAX,
			         "lies in the hub's topics; use the topics that the device has on the LAN");
			return rows[i].key;
		}
	}
	return NULL;
}

static const char *check_captures(const struct config_mapping *m, char why[MAPPING_WHY_MAX])
{
	const struct {
		const char *key, *pattern, *source, *where;
	} rows[] = {
		{ "device", m->device, m->up, "up" },
		{ "device", m->device, m->presence, "presence" },
		{ "to", m->to, m->up, "up" },
		{ "down", m->down, m->device, "device" },
	};
	char name[64];

	if (!m->up && !m->presence && !m->down) {
		snprintf(why, MAPPING_WHY_MAX, "is missing; a rule needs up, down or presence");
		return "up";
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].pattern || !rows[i].source ||
		    !unknown_capture(rows[i].pattern, rows[i].source, name))
			continue;
		snprintf(why, MAPPING_WHY_MAX, "uses %s, which %s does not have; it has to come from there",
		         name, rows[i].where);
		return rows[i].key;
	}
	if (m->presence && !m->online) {
		snprintf(why, MAPPING_WHY_MAX, "is missing; say which payload of presence means online");
		return "online";
	}
	return NULL;
}

static bool names_meet(const char *a, const char *b)
{
	return !a || !b || mapping_name_is(a, b) || mapping_name_is(b, a);
}

static bool same_clients(const struct config_mapping *a, const struct config_mapping *b)
{
	return names_meet(a->client, b->client) && names_meet(a->client_id, b->client_id);
}

const char *mapping_check(const struct mapping_rules *r, size_t i, char why[MAPPING_WHY_MAX])
{
	const struct config_mapping *m = &r->at[i];
	const char *key = check_forms(r, m, why);

	if (!key)
		key = check_captures(m, why);
	for (size_t k = 0; k <= i && !key; k++) {
		const struct config_mapping *b = &r->at[k];

		if (k < i && m->up && b->up && same_clients(m, b) && patterns_meet(m->up, b->up)) {
			snprintf(why, MAPPING_WHY_MAX,
			         "overlaps mappings[%zu].up: a message could be of either", k);
			key = "up";
		} else if (m->up && b->down && patterns_meet(m->up, b->down)) {
			snprintf(why, MAPPING_WHY_MAX,
			         "takes what mappings[%zu].down publishes: a command would go up again", k);
			key = "up";
		} else if (k < i && m->down && b->up && patterns_meet(m->down, b->up)) {
			snprintf(why, MAPPING_WHY_MAX,
			         "is taken by mappings[%zu].up: a command would go up again", k);
			key = "down";
		}
	}
	return key;
}
