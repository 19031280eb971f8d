#include "core/config/config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_load.h"
#include "core/json/json.h"

enum {
	NAMES_MAX = 48
};

/* ---- sections ---- */

static const struct config_key *find_key(enum config_section_id section, const char *name)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (config_keys[i].section == section && strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

static void unknown_key(struct config_load *l, enum config_section_id section, const cJSON *node,
                        const char *prefix)
{
	const char *known[NAMES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < config_key_count; i++) {
		if (config_keys[i].section == section && count < NAMES_MAX)
			known[count++] = config_keys[i].name;
	}
	config_unknown(l, node, prefix, known, count);
}

static void read_parts(struct config_load *l, const struct config_key *key, void *field,
                       const cJSON *list, const char *path);

/* Fills the structure at base. obj NULL: the section is absent. */
static void read_section(struct config_load *l, enum config_section_id section, void *base,
                         const cJSON *obj, const char *prefix)
{
	char path[CONFIG_PATH_MAX], fault[CONFIG_FAULT_MAX], expected[CONFIG_FAULT_MAX];
	const cJSON *m;

	for (size_t i = 0; i < config_key_count; i++) {
		if (config_keys[i].section != section)
			continue;
		if (!config_set_default(&config_keys[i], config_field(base, &config_keys[i])))
			l->no_memory = true;
		if (config_keys[i].deflt || json_member(obj, config_keys[i].name))
			continue;
		snprintf(path, sizeof path, "%s.%s", prefix, config_keys[i].name);
		config_error(l, obj ? obj : l->root, path, "is missing; add it: %.120s",
		             config_expected(&config_keys[i], expected));
	}
	cJSON_ArrayForEach(m, obj)
	{
		const struct config_key *key = find_key(section, m->string);

		snprintf(path, sizeof path, "%s.%s", prefix, key ? key->name : "");
		if (!key)
			unknown_key(l, section, m, prefix);
		else if (key->kind == KIND_PARTS)
			read_parts(l, key, config_field(base, key), m, path);
		else if (!config_set(l, key, config_field(base, key), m, fault) && *fault)
			config_error(l, m, path, "%s", fault);
	}
}

/* Elements of a list inside an element. */
static void read_parts(struct config_load *l, const struct config_key *key, void *field,
                       const cJSON *list, const char *path)
{
	enum config_section_id section = config_part_of(key);
	size_t size = config_sections[section].size;
	struct config_parts *parts = field;
	char expected[CONFIG_FAULT_MAX], prefix[CONFIG_PATH_MAX];
	const cJSON *obj;

	if (cJSON_IsNull(list))
		return;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > key->max) {
		config_error(l, list, path, "must be %s, at most %lld", config_expected(key, expected),
		             (long long)key->max);
		return;
	}
	parts->at = calloc((size_t)cJSON_GetArraySize(list) + 1, size);
	l->no_memory |= !parts->at;
	cJSON_ArrayForEach(obj, list)
	{
		snprintf(prefix, sizeof prefix, "%.100s[%zu]", path, parts->count);
		if (!parts->at)
			return;
		if (cJSON_IsObject(obj))
			read_section(l, section, (char *)parts->at + parts->count++ * size, obj, prefix);
		else
			config_error(l, obj, prefix, "must be an object; write {...}");
	}
}

/* Zeroed elements for the list, which cfg owns from here on. */
static void *list_base(struct config_load *l, enum config_section_id section, size_t count)
{
	void *list = calloc(count, config_sections[section].size);

	if (list) {
		*config_list_of(l->cfg, section) = list;
		*config_count_of(l->cfg, section) = count;
	}
	l->no_memory |= !list;
	return list;
}

static void read_list(struct config_load *l, enum config_section_id section, const cJSON *list)
{
	size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
	char *base = count ? list_base(l, section, count) : NULL;
	char prefix[64];
	const cJSON *obj;

	if (!base)
		return;
	cJSON_ArrayForEach(obj, list)
	{
		snprintf(prefix, sizeof prefix, "%s[%zu]", config_sections[section].name, i);
		if (cJSON_IsObject(obj))
			read_section(l, section, base + i * config_sections[section].size, obj, prefix);
		else
			config_error(l, obj, prefix, "must be an object; write {...}");
		i++;
	}
}

static void read_all(struct config_load *l)
{
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		enum config_section_id id = (enum config_section_id)i;
		const cJSON *node = json_member(l->root, config_sections[i].name);
		bool list = config_sections[i].list;

		if (config_sections[i].part)
			continue;
		if (node && !(list ? cJSON_IsArray(node) : cJSON_IsObject(node)))
			config_error(l, node, config_sections[i].name, "must be %s",
			             list ? "a list; write [...]" : "an object; write {...}");
		else if (list)
			read_list(l, id, node);
		else
			read_section(l, id, config_section_at(l->cfg, id), node, config_sections[i].name);
	}
}

static void check_root(struct config_load *l)
{
	const char *known[SECTION_COUNT];
	size_t count = 0;
	const cJSON *m;

	for (size_t i = 0; i < SECTION_COUNT; i++) {
		if (!config_sections[i].part)
			known[count++] = config_sections[i].name;
	}
	cJSON_ArrayForEach(m, l->root)
	{
		bool found = strcmp(m->string, "$schema") == 0;

		for (size_t i = 0; i < count && !found; i++)
			found = strcmp(m->string, known[i]) == 0;
		if (!found)
			config_unknown(l, m, "", known, count);
	}
}

/* ---- the whole ---- */

static enum status read_json(struct config_load *l)
{
	const struct json_limits lim = { .bytes = CONFIG_BYTES_MAX, .depth = 8, .values = 1000000 };
	struct json_error err = { 0 };
	enum status st;

	st = json_parse(l->src->text, l->src->len, &lim, &l->root, &err, config_note_line, l);
	if (st != ST_OK) {
		snprintf(l->report->errors[0], CONFIG_LINE_MAX, "%.200s:%u:%u: %s%s%s", l->src->name,
		         err.line, err.column, err.path, *err.path ? ": " : "", err.what);
		l->report->error_count = 1;
		return st;
	}
	if (cJSON_IsObject(l->root))
		return ST_OK;
	config_error(l, l->root, "", "must be an object; write {...}");
	return ST_INVALID;
}

/* cJSON_Delete alone would leave secrets in freed memory. */
static void wipe_tree(cJSON *node)
{
	cJSON *child;

	cJSON_ArrayForEach(child, node) wipe_tree(child);
	if (cJSON_IsString(node))
		explicit_bzero(node->valuestring, strlen(node->valuestring));
}

static void read_tree(struct config_load *l)
{
	check_root(l);
	read_all(l);
	if (!l->report->error_count && !l->no_memory)
		config_check(l);
	if (!l->report->error_count && !l->no_memory && l->src->remote)
		config_remote_check(l);
}

enum status config_parse(const struct config_source *src, struct config *out,
                         struct config_report *report)
{
	struct config_load l = { .src = src, .cfg = out, .report = report };
	enum status st;

	memset(out, 0, sizeof *out);
	memset(report, 0, sizeof *report);
	st = read_json(&l);
	if (st == ST_OK && src->remote)
		config_remote_merge(&l);
	if (st == ST_OK) {
		if (!report->error_count && !l.no_memory)
			read_tree(&l);
		if (l.no_memory)
			st = ST_NOMEM;
		else if (report->error_count)
			st = ST_INVALID;
	}
	if (st == ST_NOMEM && !report->error_count)
		config_error(&l, NULL, "", "out of memory");
	wipe_tree(l.root);
	cJSON_Delete(l.root);
	cJSON_Delete(l.remote);
	free(l.lines);
	if (st != ST_OK)
		config_free(out);
	return st;
}

/* ---- release ---- */

static void free_section(enum config_section_id section, void *base);

static void free_parts(const struct config_key *key, struct config_parts *parts)
{
	enum config_section_id section = config_part_of(key);

	for (size_t i = 0; i < parts->count; i++)
		free_section(section, (char *)parts->at + i * config_sections[section].size);
	free(parts->at);
}

/* Frees or wipes every field of one section's structure that needs it. */
static void free_section(enum config_section_id section, void *base)
{
	for (size_t i = 0; i < config_key_count; i++) {
		void *field = config_field(base, &config_keys[i]);

		if (config_keys[i].section != section)
			continue;
		if (config_keys[i].kind == KIND_PARTS)
			free_parts(&config_keys[i], field);
		else
			config_unset(&config_keys[i], field);
	}
}

static void free_list(struct config *cfg, enum config_section_id section)
{
	char *list = *config_list_of(cfg, section);

	for (size_t i = 0; i < *config_count_of(cfg, section); i++)
		free_section(section, list + i * config_sections[section].size);
	free(list);
}

void config_free(struct config *cfg)
{
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		if (config_sections[i].part)
			continue;
		if (!config_sections[i].list)
			free_section((enum config_section_id)i,
			             config_section_at(cfg, (enum config_section_id)i));
		else
			free_list(cfg, (enum config_section_id)i);
	}
	memset(cfg, 0, sizeof *cfg);
}
