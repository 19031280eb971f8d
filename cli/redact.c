#include "cli/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_table.h"
#include "core/json/json.h"

#define HIDDEN "(secret)"

enum {
	LEAST = 4,      /* bytes of a secret that is looked for */
	LEAST_TEXT = 8, /* of a text that only may be one */
	NAME_MAX_HERE = 64
};

struct redact {
	struct secret_text {
		char *text;
		size_t len;
	} * at; /* the longest first: one may stand in another */
	size_t count;
};

static const struct json_limits limits = { .bytes = CONFIG_BYTES_MAX,
	                                       .depth = 128,
	                                       .values = 10000000 };

struct redact *redact_new(void)
{
	return calloc(1, sizeof(struct redact));
}

void redact_free(struct redact *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++) {
		explicit_bzero(r->at[i].text, r->at[i].len);
		free(r->at[i].text);
	}
	free(r->at);
	free(r);
}

static bool is_known(const struct redact *r, const char *text, size_t len)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->at[i].len == len && memcmp(r->at[i].text, text, len) == 0)
			return true;
	}
	return false;
}

bool redact_learn(struct redact *r, const char *text, size_t len)
{
	struct secret_text *more, one = { .len = len };
	size_t at;

	if (len < LEAST || is_known(r, text, len))
		return true;
	more = realloc(r->at, (r->count + 1) * sizeof *more);
	one.text = more ? malloc(len) : NULL;
	if (more)
		r->at = more;
	if (!one.text)
		return false;
	memcpy(one.text, text, len);
	for (at = r->count++; at > 0 && more[at - 1].len < len; at--)
		more[at] = more[at - 1];
	more[at] = one;
	return true;
}

/* --- any text --- */

/* The first secret at or behind `from`; count: none. */
static size_t first(const struct redact *r, const char *text, size_t len, size_t *where)
{
	size_t found = r->count;

	*where = len;
	for (size_t i = 0; i < r->count; i++) {
		const char *at = memmem(text, len, r->at[i].text, r->at[i].len);

		if (at && (size_t)(at - text) < *where) {
			*where = (size_t)(at - text);
			found = i;
		}
	}
	return found;
}

static bool holds_one(const struct redact *r, const char *text, size_t len)
{
	size_t where;

	return first(r, text, len, &where) < r->count;
}

static enum status put_line(const struct redact *r, const char *text, size_t len, struct buf *out)
{
	enum status st = ST_OK;

	while (st == ST_OK && len > 0) {
		size_t where, found = first(r, text, len, &where), past;

		st = buf_add(out, text, where);
		past = found < r->count ? where + r->at[found].len : len;
		if (st == ST_OK && found < r->count)
			st = buf_add_text(out, HIDDEN);
		text += past;
		len -= past;
	}
	return st;
}

/* Line by line: most hold none. */
enum status redact_text(const struct redact *r, const char *text, size_t len, struct buf *out)
{
	enum status st = ST_OK;
	bool whole = !holds_one(r, text, len);

	if (whole)
		return buf_add(out, text, len);
	while (st == ST_OK && len > 0) {
		const char *newline = memchr(text, '\n', len);
		size_t line = newline ? (size_t)(newline - text) + 1 : len;

		st = put_line(r, text, line, out);
		text += line;
		len -= line;
	}
	return st;
}

/* --- hubgate.json --- */

struct walk {
	struct redact *r;
	redact_holder_fn *holder;
	void *ctx;
	bool whole; /* false: no memory */
};

static void learn(struct walk *w, const char *text)
{
	w->whole = redact_learn(w->r, text, strlen(text)) && w->whole;
}

/* All texts of a value that nobody knows. */
static void learn_all(struct walk *w, const cJSON *node)
{
	const cJSON *one;

	if (cJSON_IsString(node) && strlen(node->valuestring) >= LEAST_TEXT)
		learn(w, node->valuestring);
	cJSON_ArrayForEach(one, node) /* nothing for a scalar */
		learn_all(w, one);
}

/* Puts a text in its place; returns it. */
static cJSON *hide(struct walk *w, cJSON *parent, cJSON *node, const char *what)
{
	cJSON *text = cJSON_CreateString(what);

	if (!text || !cJSON_ReplaceItemViaPointer(parent, node, text)) {
		w->whole = false;
		return node;
	}
	return text;
}

/* The replacement keeps its name. */
static cJSON *hide_member(struct walk *w, cJSON *object, cJSON *node, const char *what)
{
	char *name = node->string ? strdup(node->string) : NULL;
	cJSON *text = hide(w, object, node, what);

	if (text != node && !text->string)
		text->string = name;
	else
		free(name);
	return text;
}

static const struct config_key *find_key(enum config_section_id section, const char *name)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (config_keys[i].section == section && strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail && strcmp(text + len - tail, end) == 0;
}

/* secret_file, key_file, token_file: not what a certificate says. */
static bool is_secret_file(const struct config_key *key)
{
	return key->kind == KIND_PATH && ends_with(key->name, "_file") &&
	       strcmp(key->name, "ca_file") != 0 && strcmp(key->name, "cert_file") != 0;
}

static cJSON *hide_holder(struct walk *w, cJSON *object, cJSON *node, bool environment)
{
	bool there = cJSON_IsString(node) && w->holder &&
	             w->holder(w->ctx, w->r, node->valuestring, environment);

	if (there && !environment)
		return node;
	learn_all(w, node);
	return hide_member(w, object, node, environment ? "(name of a variable)" : HIDDEN);
}

/* https://NAME:PASSWORD@HOST */
static cJSON *hide_login(struct walk *w, cJSON *object, cJSON *node)
{
	const char *at = strstr(node->valuestring, "://"), *end;

	if (!at)
		return node;
	at += 3;
	end = at + strcspn(at, "/?#");
	if (!memchr(at, '@', (size_t)(end - at)))
		return node;
	learn(w, at);
	return hide_member(w, object, node, "(an address with a password)");
}

static void walk_object(struct walk *w, enum config_section_id section, cJSON *object);

static void walk_parts(struct walk *w, const struct config_key *key, cJSON *list)
{
	cJSON *one;

	cJSON_ArrayForEach(one, list) walk_object(w, config_part_of(key), one);
}

/* Returns what stands there now. */
static cJSON *walk_member(struct walk *w, enum config_section_id section, cJSON *object,
                          cJSON *node)
{
	const struct config_key *key = find_key(section, node->string);

	if (!key) {
		learn_all(w, node);
		return hide_member(w, object, node, "(unknown key)");
	}
	if (cJSON_IsNull(node))
		return node;
	if (key->kind == KIND_SECRET || key->kind == KIND_PRODUCT_SECRET) {
		if (cJSON_IsString(node))
			learn(w, node->valuestring);
		learn_all(w, node);
		return hide_member(w, object, node, HIDDEN);
	}
	if (key->kind == KIND_ENV || is_secret_file(key))
		return hide_holder(w, object, node, key->kind == KIND_ENV);
	if (key->kind == KIND_PARTS)
		walk_parts(w, key, node);
	return cJSON_IsString(node) ? hide_login(w, object, node) : node;
}

static void walk_object(struct walk *w, enum config_section_id section, cJSON *object)
{
	if (!cJSON_IsObject(object)) {
		learn_all(w, object);
		return;
	}
	for (cJSON *one = object->child; one; one = one->next)
		one = walk_member(w, section, object, one);
}

static bool section_named(const char *name, enum config_section_id *out)
{
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		if (!config_sections[i].part && strcmp(config_sections[i].name, name) == 0) {
			*out = (enum config_section_id)i;
			return true;
		}
	}
	return false;
}

/* A section of the wrong shape holds whatever somebody wrote there. */
static cJSON *walk_section(struct walk *w, cJSON *root, cJSON *node)
{
	enum config_section_id section;
	bool known = section_named(node->string, &section);
	cJSON *one;

	if (!known || (config_sections[section].list ? !cJSON_IsArray(node) : !cJSON_IsObject(node))) {
		learn_all(w, node);
		return hide_member(w, root, node, "(unknown key)");
	}
	if (!config_sections[section].list) {
		walk_object(w, section, node);
		return node;
	}
	for (one = node->child; one; one = one->next) {
		if (cJSON_IsObject(one)) {
			walk_object(w, section, one);
		} else {
			learn_all(w, one);
			one = hide(w, node, one, "(no object)");
		}
	}
	return node;
}

/* What is no JSON has texts all the same. */
static void learn_quoted(struct walk *w, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end && (text = memchr(text, '"', (size_t)(end - text)))) {
		const char *close = memchr(text + 1, '"', (size_t)(end - text - 1));

		if (!close)
			return;
		if (close - text > LEAST_TEXT)
			w->whole = redact_learn(w->r, text + 1, (size_t)(close - text - 1)) && w->whole;
		text = close; /* may open the next one: rather too many */
	}
}

enum status redact_config(struct redact *r, const char *text, size_t len, redact_holder_fn *holder,
                          void *ctx, struct buf *out)
{
	struct walk w = { .r = r, .holder = holder, .ctx = ctx, .whole = true };
	cJSON *root = NULL;
	char *printed = NULL;
	enum status st = json_parse(text, len, &limits, &root, NULL, NULL, NULL);

	if (st == ST_MALFORMED || (st == ST_OK && !cJSON_IsObject(root))) {
		learn_quoted(&w, text, len);
		st = w.whole ? ST_MALFORMED : ST_NOMEM;
	} else if (st == ST_OK) {
		for (cJSON *one = root->child; one; one = one->next)
			one = walk_section(&w, root, one);
		printed = w.whole ? cJSON_Print(root) : NULL;
		st = printed ? redact_text(r, printed, strlen(printed), out) : ST_NOMEM;
	}
	free(printed);
	cJSON_Delete(root);
	return st;
}

/* --- mosquitto.conf --- */

/* Names of options whose values are secrets, by a part of them; and those that are none. */
static bool is_secret_option(const char *name)
{
	static const char *const parts[] = { "passw", "psk", "secret", "token", "pwd", "_opt_" };
	static const char *const open[] = { "password_file", "psk_file", "psk_hint",
		                                "require_certificate", "plugin_opt_config_file" };

	for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
		if (strcmp(name, open[i]) == 0)
			return false;
	}
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (strstr(name, parts[i]))
			return true;
	}
	return false;
}

static enum status put_option(struct redact *r, const char *line, size_t len, struct buf *out)
{
	size_t name_len = 0, value;
	char name[NAME_MAX_HERE];

	while (name_len < len && line[name_len] != ' ' && line[name_len] != '\t')
		name_len++;
	for (value = name_len; value < len && (line[value] == ' ' || line[value] == '\t');)
		value++;
	snprintf(name, sizeof name, "%.*s", (int)(name_len < sizeof name ? name_len : sizeof name - 1),
	         line);
	if (!is_secret_option(name) && name_len < sizeof name)
		return buf_addf(out, "%.*s\n", (int)len, line);
	if (!redact_learn(r, line + value, len - value))
		return ST_NOMEM;
	return buf_addf(out, "%s " HIDDEN "\n", name);
}

/* Comments hold passwords of yesterday. */
enum status redact_mosquitto(struct redact *r, const char *text, size_t len, struct buf *out)
{
	enum status st = ST_OK;

	while (st == ST_OK && len > 0) {
		const char *newline = memchr(text, '\n', len);
		size_t line = newline ? (size_t)(newline - text) + 1 : len, from = 0, to = line;

		while (from < to && (text[from] == ' ' || text[from] == '\t'))
			from++;
		while (to > from && (text[to - 1] == '\n' || text[to - 1] == '\r' || text[to - 1] == ' '))
			to--;
		if (to > from && text[from] != '#')
			st = put_option(r, text + from, to - from, out);
		text += line;
		len -= line;
	}
	return st;
}
