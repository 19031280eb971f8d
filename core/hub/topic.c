#include "core/hub/topic.h"

#include <stdio.h>
#include <string.h>

struct rule {
	enum topic_kind kind;
	const char *prefix;
	size_t prefix_len;
	unsigned may;
	int levels;
};

static const struct rule rules[] = {
#define X(kind, prefix, may, levels) { kind, prefix, sizeof prefix - 1, may, levels },
	TOPIC_TABLE(X)
#undef X
};

enum {
	RULE_COUNT = sizeof rules / sizeof rules[0]
};

/* What the device waits for after it published. */
static const enum topic_kind answers[TOPIC_CUSTOM + 1] = {
	[TOPIC_SHADOW] = TOPIC_SHADOW_RESULT,
	[TOPIC_OTA_REPORT] = TOPIC_OTA_UPDATE,
	[TOPIC_CONFIG] = TOPIC_CONFIG_RESULT,
	[TOPIC_CONFIG_REPORT] = TOPIC_CONFIG_RESULT,
	[TOPIC_SYS] = TOPIC_SYS_RESULT,
	[TOPIC_LOG] = TOPIC_LOG_RESULT,
	[TOPIC_RESOURCE_UP] = TOPIC_RESOURCE_DOWN,
	[TOPIC_TEMPLATE] = TOPIC_TEMPLATE_RESULT,
	[TOPIC_THING_UP_PROPERTY] = TOPIC_THING_DOWN_PROPERTY,
	[TOPIC_THING_UP_EVENT] = TOPIC_THING_DOWN_EVENT,
	[TOPIC_THING_UP_SERVICE] = TOPIC_THING_DOWN_SERVICE,
};

/* Older names of what the hub has, and the names of today. */
static const enum topic_kind renamed[TOPIC_CUSTOM + 1] = {
	[TOPIC_CONFIG_REPORT] = TOPIC_CONFIG,
	[TOPIC_CONFIG_UPDATE] = TOPIC_CONFIG_RESULT,
};

static const bool worthless_late[TOPIC_CUSTOM + 1] = {
	[TOPIC_RRPC_TXD] = true, [TOPIC_SYS] = true,           [TOPIC_LOG] = true,
	[TOPIC_CONFIG] = true,   [TOPIC_CONFIG_REPORT] = true,
};

static const char share_tree[] = "$share";
static const char own_tree[] = "$hubgate";

static bool text_is(struct mqtt_text t, const char *bytes, size_t len)
{
	return t.len == len && memcmp(t.at, bytes, len) == 0;
}

static bool starts_with(struct mqtt_text t, const char *prefix, size_t len)
{
	return t.len >= len && memcmp(t.at, prefix, len) == 0;
}

static bool is_wildcard(struct mqtt_text level)
{
	return level.len == 1 && (*level.at == '+' || *level.at == '#');
}

/* Takes the first level and its slash off *from. True when there was a slash. */
static bool cut_level(struct mqtt_text *from, struct mqtt_text *level)
{
	const char *slash = from->len ? memchr(from->at, '/', from->len) : NULL;

	*level = *from;
	if (slash)
		level->len = (size_t)(slash - from->at);
	from->at += level->len + (slash != NULL);
	from->len -= level->len + (slash != NULL);
	return slash != NULL;
}

static struct mqtt_text first_level(struct mqtt_text t)
{
	struct mqtt_text level;

	cut_level(&t, &level);
	return level;
}

/* Takes $share/{group}/ off *t. False: it begins like one but is none. */
static bool cut_share(struct mqtt_text *t, bool *shared)
{
	struct mqtt_text rest = *t, level;

	*shared = text_is(first_level(rest), share_tree, sizeof share_tree - 1);
	if (!*shared)
		return true;
	if (!cut_level(&rest, &level) || !cut_level(&rest, &level) || level.len == 0 ||
	    memchr(level.at, '+', level.len) || memchr(level.at, '#', level.len) || rest.len == 0)
		return false;
	*t = rest;
	return !text_is(first_level(rest), share_tree, sizeof share_tree - 1);
}

static bool in_hub_tree(struct mqtt_text t)
{
	struct mqtt_text first = first_level(t);

	if (first.len == 0 || *first.at != '$')
		return false;
	for (size_t i = 0; i < RULE_COUNT; i++) {
		if (rules[i].prefix_len > first.len && rules[i].prefix[first.len] == '/' &&
		    starts_with(first, rules[i].prefix, first.len))
			return true;
	}
	return text_is(first, own_tree, sizeof own_tree - 1);
}

static struct mqtt_text product_of(struct mqtt_text t)
{
	struct mqtt_text first = first_level(t);

	if (!credential_product_id_ok(first.at, first.len))
		first.len = 0;
	return first;
}

static bool over_limits(struct mqtt_text t)
{
	size_t slashes = 0;

	if (t.len > TOPIC_LEN_MAX)
		return true;
	for (size_t i = 0; i < t.len; i++)
		slashes += t.at[i] == '/';
	return slashes > TOPIC_SLASHES_MAX;
}

/* MQTT 4.7.1: wildcards fill their level, '#' is the last one. */
static bool wildcards_legal(struct mqtt_text t)
{
	struct mqtt_text level;
	bool more;

	do {
		more = cut_level(&t, &level);
		if (is_wildcard(level)) {
			if (*level.at == '#' && more)
				return false;
		} else if (level.len > 0 &&
		           (memchr(level.at, '+', level.len) || memchr(level.at, '#', level.len))) {
			return false;
		}
	} while (more);
	return true;
}

static bool has_wildcard(struct mqtt_text t)
{
	return t.len > 0 && (memchr(t.at, '+', t.len) || memchr(t.at, '#', t.len));
}

/* What follows {dname}: slash tells whether anything can. Wildcards are in legal
 * places already. */
static bool rest_fits(const struct rule *r, struct mqtt_text rest, bool slash)
{
	if (r->levels == 0)
		return !slash;
	if (rest.len == 0)
		return false;
	if (r->levels == TOPIC_MANY)
		return true;
	if (has_wildcard(rest))
		return r->kind == TOPIC_RRPC_RXD && text_is(rest, "+", 1);
	return !memchr(rest.at, '/', rest.len);
}

static bool fits(const struct rule *r, struct mqtt_text t, struct topic *out)
{
	bool slash;

	if (!starts_with(t, r->prefix, r->prefix_len))
		return false;
	t.at += r->prefix_len;
	t.len -= r->prefix_len;
	if (!cut_level(&t, &out->product_id) ||
	    !credential_product_id_ok(out->product_id.at, out->product_id.len))
		return false;
	slash = cut_level(&t, &out->device_name);
	if (!credential_device_name_ok(out->device_name.at, out->device_name.len) ||
	    !rest_fits(r, t, slash))
		return false;
	out->rest = t;
	out->may = r->may;
	out->kind = r->kind;
	return true;
}

/* A '$' at the front leaves out TOPIC_CUSTOM, anything else all but it. */
static bool find_rule(struct mqtt_text t, struct topic *out)
{
	bool system = t.len > 0 && *t.at == '$';

	for (size_t i = 0; i < RULE_COUNT; i++) {
		if ((rules[i].prefix_len > 0) == system && fits(&rules[i], t, out))
			return true;
	}
	memset(out, 0, sizeof(*out));
	return false;
}

static bool wildcard_for_device(struct mqtt_text t)
{
	struct mqtt_text level;

	cut_level(&t, &level);
	return is_wildcard(first_level(t));
}

static enum status judge(struct mqtt_text t, struct topic *out)
{
	bool tree = in_hub_tree(t), product = product_of(t).len > 0;

	if (!tree && !product)
		return ST_OK;
	if (over_limits(t))
		return ST_TOOBIG;
	if (find_rule(t, out))
		return ST_OK;
	return tree || wildcard_for_device(t) ? ST_INVALID : ST_OK;
}

enum status topic_parse(const char *text, size_t len, struct topic *out)
{
	struct mqtt_text t = { text, len };

	memset(out, 0, sizeof(*out));
	if (has_wildcard(t))
		return ST_INVALID;
	return judge(t, out);
}

enum status topic_parse_filter(const char *text, size_t len, struct topic *out, bool *shared)
{
	struct mqtt_text t = { text, len };
	bool is_shared, legal;

	memset(out, 0, sizeof(*out));
	legal = cut_share(&t, &is_shared) && wildcards_legal(t);
	if (shared)
		*shared = is_shared;
	return legal ? judge(t, out) : ST_INVALID;
}

bool topic_in_hub_tree(const char *text, size_t len)
{
	struct mqtt_text t = { text, len };
	bool shared;

	return cut_share(&t, &shared) && in_hub_tree(t);
}

struct mqtt_text topic_product(const char *text, size_t len)
{
	struct mqtt_text t = { text, len };
	bool shared;

	cut_share(&t, &shared);
	return product_of(t);
}

bool topic_is_device(const struct topic *t, const char *product_id, const char *device_name)
{
	return t->kind != TOPIC_NONE && text_is(t->product_id, product_id, strlen(product_id)) &&
	       text_is(t->device_name, device_name, strlen(device_name));
}

bool topic_late_is_worthless(enum topic_kind kind)
{
	return worthless_late[kind];
}

/* The topic of this kind of the same device. The longest prefix, ids and slash are far below the
 * limit of a whole topic. */
static void put_other(const struct topic *t, enum topic_kind kind, char out[TOPIC_LEN_MAX + 1])
{
	snprintf(out, TOPIC_LEN_MAX + 1, "%s%.*s/%.*s", rules[kind - 1].prefix, (int)t->product_id.len,
	         t->product_id.at, (int)t->device_name.len, t->device_name.at);
}

enum status topic_answer_filter(const char *topic, char out[TOPIC_LEN_MAX + 1])
{
	struct topic t;

	if (topic_parse(topic, strlen(topic), &t) != ST_OK || answers[t.kind] == TOPIC_NONE)
		return ST_NOTFOUND;
	put_other(&t, answers[t.kind], out);
	return ST_OK;
}

const char *topic_at_hub(const char *text, char out[TOPIC_LEN_MAX + 1])
{
	struct topic t;

	if (topic_parse(text, strlen(text), &t) != ST_OK || renamed[t.kind] == TOPIC_NONE)
		return text;
	put_other(&t, renamed[t.kind], out);
	return out;
}

bool topic_matches(const char *filter, const char *topic)
{
	struct mqtt_text f = { filter, strlen(filter) }, t = { topic, strlen(topic) };
	struct mqtt_text want, have;
	bool more_f = true, more_t = true;

	if (*topic == '$' && (*filter == '+' || *filter == '#'))
		return false;
	while (more_f) {
		more_f = cut_level(&f, &want);
		if (text_is(want, "#", 1)) /* the parent level itself matches too */
			return !more_f;
		if (!more_t)
			return false;
		more_t = cut_level(&t, &have);
		if (!text_is(want, "+", 1) && !text_is(want, have.at, have.len))
			return false;
	}
	return !more_t;
}
