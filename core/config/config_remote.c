/* What the hub adds to hubgate.json (gateway.remote_config): few things, and the file wins. */
#include <stdio.h>
#include <string.h>

#include "core/config/config_load.h"
#include "core/json/json.h"

/* All that is taken. Every other key, of today or of a later version, is refused. */
static const struct taken {
	const char *section, *key;
} taken[] = {
	{ "devices", "product_id" },   { "devices", "device_name" }, { "mappings", "client" },
	{ "mappings", "client_id" },   { "mappings", "product_id" }, { "mappings", "device" },
	{ "mappings", "device_from" }, { "mappings", "names" },      { "mappings", "sanitize" },
	{ "mappings", "allow" },       { "mappings", "deny" },       { "mappings", "known_only" },
	{ "mappings", "up" },          { "mappings", "to" },         { "mappings", "wrap" },
	{ "mappings", "ts" },          { "mappings", "down" },       { "mappings", "from" },
	{ "mappings", "template" },    { "mappings", "commands" },   { "mappings", "presence" },
	{ "mappings", "online" },      { "mappings", "conditions" }, { "mappings", "silence_s" },
	{ "routes", "topic" },         { "routes", "policy" },       { "routes", "min_interval_ms" },
	{ "hub", "rate_up" },          { "hub", "window" },          { "presence", "grace_ms" },
};

/* And of what elements of mappings have in them. */
#define CONDITIONS "mappings[].conditions"
#define COMMANDS   "mappings[].commands"
static const struct taken taken_parts[] = {
	{ CONDITIONS, "topic" },  { CONDITIONS, "death" },     { CONDITIONS, "member" },
	{ CONDITIONS, "online" }, { CONDITIONS, "connected" }, { COMMANDS, "from" },
	{ COMMANDS, "down" },     { COMMANDS, "template" },
};

/* Lists are compared each with each: longer ones would keep DISK busy for seconds. */
static const struct most {
	const char *section;
	int elements;
} most[] = {
	{ "devices", 1500 },
	{ "mappings", 200 },
	{ "routes", 200 },
};

static const struct never {
	const char *path, *why;
} nevers[] = {
#define NEVER(path, why) { path, why },
#include "core/config/config_never.tbl"
};

/* --- may it be said at all --- */

static const char *why_never(const char *section, bool list, const char *key)
{
	char path[CONFIG_PATH_MAX];

	snprintf(path, sizeof path, "%s%s.%s", section, list ? "[]" : "", key ? key : "");
	for (size_t i = 0; i < sizeof nevers / sizeof nevers[0]; i++) {
		if (strcmp(nevers[i].path, section) == 0 || strcmp(nevers[i].path, path) == 0)
			return nevers[i].why;
	}
	return "what is not on the list of what may be";
}

static void refuse(struct config_load *l, const cJSON *node, const char *section, bool list,
                   const char *key)
{
	char path[CONFIG_PATH_MAX], shown[64];

	snprintf(path, sizeof path, "%s%s%s%s", config_shown(section, shown), list ? "[]" : "",
	         key ? "." : "", key ? key : "");
	config_error(l, node, path,
	             "is never taken from afar: it is %s; write it into hubgate.json itself",
	             why_never(section, list, key));
}

/* key NULL: anything in the section is. */
static bool is_taken(const char *section, const char *key)
{
	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
		if (strcmp(taken[i].section, section) == 0 && (!key || strcmp(taken[i].key, key) == 0))
			return true;
	}
	return false;
}

static bool is_taken_part(const char *section, const char *key)
{
	for (size_t i = 0; key && i < sizeof taken_parts / sizeof taken_parts[0]; i++) {
		if (strcmp(taken_parts[i].section, section) == 0 && strcmp(taken_parts[i].key, key) == 0)
			return true;
	}
	return false;
}

static void check_keys(struct config_load *l, const cJSON *object, const char *section, bool list)
{
	const cJSON *m;
	char shown[64];

	cJSON_ArrayForEach(m, object)
	{
		if (!is_taken(section, m->string))
			refuse(l, m, section, list, config_shown(m->string, shown));
	}
}

/* What stands in one element of mappings. */
static void check_parts(struct config_load *l, const cJSON *mapping, const char *list,
                        const char *section)
{
	const cJSON *part, *m;
	char shown[64];

	cJSON_ArrayForEach(part, json_member(mapping, list))
	{
		cJSON_ArrayForEach(m, part)
		{
			if (!is_taken_part(section, m->string))
				refuse(l, m, section, true, config_shown(m->string ? m->string : "", shown));
		}
	}
}

static void check_length(struct config_load *l, const cJSON *list)
{
	for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
		if (strcmp(most[i].section, list->string) == 0 &&
		    cJSON_GetArraySize(list) > most[i].elements)
			config_error(l, list, list->string, "has more than %d elements, which is too much",
			             most[i].elements);
	}
}

static void check_section(struct config_load *l, const cJSON *section)
{
	const cJSON *element;

	if (!is_taken(section->string, NULL)) {
		refuse(l, section, section->string, false, NULL);
		return;
	}
	if (cJSON_IsObject(section))
		check_keys(l, section, section->string, false);
	if (!cJSON_IsArray(section))
		return; /* an object, or of a wrong form, which its reader says */
	check_length(l, section);
	cJSON_ArrayForEach(element, section) check_keys(l, element, section->string, true);
}

/* --- devices: names alone, of products that register --- */

static bool same_text(const cJSON *a, const cJSON *b, const char *name)
{
	const char *x = json_text(a, name), *y = json_text(b, name);

	return x && y && strcmp(x, y) == 0;
}

static bool registers(const struct config_load *l, const cJSON *device)
{
	const cJSON *product;

	cJSON_ArrayForEach(product, json_member(l->root, "products"))
	{
		if (same_text(product, device, "product_id"))
			return cJSON_IsTrue(json_member(product, "register"));
	}
	return false;
}

static bool is_in_file(const struct config_load *l, const cJSON *device)
{
	const cJSON *d;

	cJSON_ArrayForEach(d, json_member(l->root, "devices"))
	{
		if (same_text(d, device, "product_id") && same_text(d, device, "device_name"))
			return true;
	}
	return false;
}

/* The broker's own trees, and those of other plugins: $CONTROL, $SYS. */
static void check_topic(struct config_load *l, const cJSON *object, const char *section,
                        const char *key)
{
	const char *text = json_text(object, key);
	char path[CONFIG_PATH_MAX];

	snprintf(path, sizeof path, "%s[].%s", section, key);
	if (text && text[0] == '$')
		config_error(l, json_member(object, key), path,
		             "begins with $, where the broker is commanded; no rule from afar may do that");
}

static void check_mapping(struct config_load *l, const cJSON *mapping)
{
	static const char *const topics[] = { "up", "down", "presence" };
	const cJSON *part;

	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
		check_topic(l, mapping, "mappings", topics[i]);
	check_parts(l, mapping, "conditions", CONDITIONS);
	check_parts(l, mapping, "commands", COMMANDS);
	cJSON_ArrayForEach(part, json_member(mapping, "conditions"))
	{
		check_topic(l, part, CONDITIONS, "topic");
		check_topic(l, part, CONDITIONS, "death");
	}
	cJSON_ArrayForEach(part, json_member(mapping, "commands"))
		check_topic(l, part, COMMANDS, "down");
	if (cJSON_IsObject(mapping) && !json_text(mapping, "client"))
		config_error(l, mapping, "mappings[].client",
		             "is missing; a rule from afar lets nobody speak who is not named: give the "
		             "username with which the client logs in at the broker");
}

static void check_mappings(struct config_load *l)
{
	const cJSON *mapping;

	cJSON_ArrayForEach(mapping, json_member(l->remote, "mappings")) check_mapping(l, mapping);
}

static void check_devices(struct config_load *l)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(l->remote, "devices");
	cJSON *device = list ? list->child : NULL, *next;

	if (!cJSON_IsArray(list))
		return;
	for (; device; device = next) {
		next = device->next;
		if (cJSON_IsObject(device) && !registers(l, device))
			config_error(l, device, "devices[].product_id",
			             "is no product that registers; a device needs products[].register in "
			             "hubgate.json, where its secret then comes from the hub");
		if (is_in_file(l, device))
			cJSON_Delete(cJSON_DetachItemViaPointer(list, device));
	}
}

/* --- into the file's tree --- */

/* Elements of the file come first; of routes and mappings the first that matches counts. */
static bool add_elements(cJSON *to, cJSON *from)
{
	while (from->child) {
		if (!cJSON_AddItemToArray(to, cJSON_DetachItemViaPointer(from, from->child)))
			return false;
	}
	return true;
}

static bool add_members(struct config_load *l, cJSON *to, cJSON *from)
{
	cJSON *m, *next;

	for (m = from->child; m; m = next) {
		const cJSON *own = json_member(to, m->string);

		next = m->next;
		if (own && !cJSON_IsNull(own))
			continue; /* the file wins */
		l->remote_rate |= strcmp(from->string, "hub") == 0 && strcmp(m->string, "rate_up") == 0;
		cJSON_DeleteItemFromObjectCaseSensitive(to, m->string);
		if (!cJSON_AddItemToObject(to, m->string, cJSON_DetachItemViaPointer(from, m)))
			return false;
	}
	return true;
}

static void merge_section(struct config_load *l, cJSON *section)
{
	cJSON *own = cJSON_GetObjectItemCaseSensitive(l->root, section->string);
	bool ok = true;

	if (!own)
		ok = cJSON_AddItemToObject(l->root, section->string,
		                           cJSON_DetachItemViaPointer(l->remote, section));
	else if (cJSON_IsArray(own) && cJSON_IsArray(section))
		ok = add_elements(own, section);
	else if (cJSON_IsObject(own) && cJSON_IsObject(section))
		ok = add_members(l, own, section);
	else
		config_error(l, section, section->string, "must be %s",
		             cJSON_IsArray(own) ? "a list; write [...]" : "an object; write {...}");
	if (!own && strcmp(section->string, "hub") == 0)
		l->remote_rate = json_member(section, "rate_up") != NULL;
	l->no_memory |= !ok;
}

static void note_counts(struct config_load *l)
{
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		const cJSON *list = json_member(l->root, config_sections[i].name);

		if (cJSON_IsArray(list))
			l->in_file[i] = (size_t)cJSON_GetArraySize(list);
	}
}

static bool read_remote(struct config_load *l)
{
	static const struct json_limits lim = { .bytes = CONFIG_REMOTE_BYTES_MAX,
		                                    .depth = 8,
		                                    .values = 65536 };
	struct json_error err = { 0 };

	l->reading_remote = true;
	if (json_parse(l->src->remote, l->src->remote_len, &lim, &l->remote, &err, config_note_line,
	               l) != ST_OK)
		snprintf(l->report->errors[l->report->error_count++], CONFIG_LINE_MAX,
		         "remote configuration:%u:%u: %s", err.line, err.column, err.what);
	else if (!cJSON_IsObject(l->remote))
		config_error(l, l->remote, "", "must be an object; write {...}");
	return l->report->error_count == 0;
}

void config_remote_merge(struct config_load *l)
{
	cJSON *section, *next;

	if (!read_remote(l))
		return;
	cJSON_ArrayForEach(section, l->remote) check_section(l, section);
	check_devices(l);
	check_mappings(l);
	note_counts(l);
	for (section = l->remote->child; section && l->report->error_count == 0; section = next) {
		next = section->next;
		merge_section(l, section);
	}
}

void config_remote_check(struct config_load *l)
{
	const struct region_limits *lim = region_limits(l->cfg->hub.region);
	uint32_t rate = l->cfg->hub.rate_up;

	if (l->remote_rate && lim && (rate == 0 || rate > lim->rate_max))
		config_error(l, json_member(json_member(l->root, "hub"), "rate_up"), "hub.rate_up",
		             "is not within what the hub takes (%s); use 1 to %u", lim->name,
		             lim->rate_max);
}
