#include "core/config/mosquitto_conf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
	struct mosquitto_conf *conf;
	const char *name;
	char *value;   /* trimmed; "" when there is none */
	size_t offset; /* of the field that the name belongs to */
	mosquitto_conf_include_fn *include;
	void *ctx;
};

/* ---- plugins ---- */

enum effect {
	DECIDES_NOTHING,
	DECIDES_SOMETHING,
	IS_ACL_FILE,
	IS_PASSWORD_FILE,
	IS_DYNAMIC_SECURITY,
	IS_OURS
};

/* Those that come with the broker (2.1 has acl_file and password_file as plugins). */
static const struct {
	const char *file;
	enum effect effect;
} plugins[] = {
	{ "mosquitto_hubgate.so", IS_OURS },
	{ "mosquitto_dynamic_security.so", IS_DYNAMIC_SECURITY },
	{ "mosquitto_acl_file.so", IS_ACL_FILE },
	{ "mosquitto_password_file.so", IS_PASSWORD_FILE },
	{ "mosquitto_persist_sqlite.so", DECIDES_NOTHING },
	{ "mosquitto_sparkplug_aware.so", DECIDES_NOTHING },
};

static enum effect effect_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof plugins / sizeof plugins[0]; i++) {
		if (strcmp(file, plugins[i].file) == 0)
			return plugins[i].effect;
	}
	return DECIDES_SOMETHING;
}

static bool another_decides(const struct mosquitto_conf *conf)
{
	for (size_t i = 0; i < conf->plugin_count; i++) {
		if (effect_of(conf->plugins[i]) != DECIDES_NOTHING)
			return true;
	}
	return false;
}

static enum status add_plugin(struct mosquitto_conf *conf, const char *path)
{
	enum effect effect = effect_of(path);

	if (effect == IS_OURS) {
		conf->ours = true;
		conf->ours_not_first |= another_decides(conf);
		return ST_OK;
	}
	if (conf->plugin_count == MOSQUITTO_CONF_PLUGINS_MAX)
		return ST_FULL;
	conf->plugins[conf->plugin_count] = strdup(path);
	if (!conf->plugins[conf->plugin_count])
		return ST_NOMEM;
	conf->plugin_count++;
	conf->acl_file |= effect == IS_ACL_FILE;
	conf->password_file |= effect == IS_PASSWORD_FILE;
	conf->dynamic_security |= effect == IS_DYNAMIC_SECURITY;
	conf->unknown_plugin |= effect == DECIDES_SOMETHING;
	return ST_OK;
}

/* ---- one function per sort of option ---- */

typedef enum status option_fn(const struct line *line);

static bool *flag_of(const struct line *line)
{
	return (bool *)((char *)line->conf + line->offset);
}

static enum status named(const struct line *line)
{
	*flag_of(line) = true;
	return ST_OK;
}

static bool is_true(const char *value)
{
	size_t len = strcspn(value, " ");

	return (len == 4 && memcmp(value, "true", 4) == 0) || (len == 1 && *value == '1');
}

static enum status set_flag(const struct line *line)
{
	*flag_of(line) = is_true(line->value);
	return ST_OK;
}

/* Options of a listener: one that has it is enough. */
static enum status any_flag(const struct line *line)
{
	*flag_of(line) |= is_true(line->value);
	return ST_OK;
}

static enum status is_zero(const struct line *line)
{
	*flag_of(line) = strtol(line->value, NULL, 10) == 0;
	return ST_OK;
}

static enum status anonymous(const struct line *line)
{
	line->conf->allow_anonymous = is_true(line->value) ? ANONYMOUS_YES : ANONYMOUS_NO;
	return ST_OK;
}

static enum status plugin(const struct line *line)
{
	return add_plugin(line->conf, line->value);
}

static enum status plugin_load(const struct line *line)
{
	const char *path = line->value + strcspn(line->value, " ");

	return add_plugin(line->conf, path + strspn(path, " "));
}

static enum status include_dir(const struct line *line)
{
	if (!line->include)
		return ST_OK;
	return line->include(line->ctx, line->conf, line->value);
}

#define FIELD(field) offsetof(struct mosquitto_conf, field)

static const struct {
	const char *name;
	option_fn *read;
	size_t offset;
} options[] = {
	{ "acl_file", named, FIELD(acl_file) },
	{ "allow_anonymous", anonymous, 0 },
	{ "auth_plugin", plugin, 0 },
	{ "bind_address", named, FIELD(listener) },
	{ "global_plugin", plugin, 0 },
	{ "include_dir", include_dir, 0 },
	{ "listener", named, FIELD(listener) },
	{ "listener_allow_anonymous", named, FIELD(listener_anonymous) },
	{ "max_queued_messages", is_zero, FIELD(no_queue) },
	{ "password_file", named, FIELD(password_file) },
	{ "per_listener_settings", set_flag, FIELD(per_listener_settings) },
	{ "plugin", plugin, 0 },
	{ "plugin_load", plugin_load, 0 },
	{ "port", named, FIELD(listener) },
	{ "psk_file", named, FIELD(psk_file) },
	{ "set_tcp_nodelay", set_flag, FIELD(tcp_nodelay) },
	{ "use_identity_as_username", any_flag, FIELD(identity_as_username) },
	{ "use_subject_as_username", any_flag, FIELD(subject_as_username) },
};

/* ---- lines ---- */

/* text: one line, owned by the caller, cut up here. */
static enum status read_line(struct line *line, char *text)
{
	char *end = text + strlen(text);

	if (*text == '#')
		return ST_OK;
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	text += strspn(text, " ");
	line->name = text;
	line->value = text + strcspn(text, " ");
	if (*line->value)
		*line->value++ = '\0';
	while (isspace((unsigned char)*line->value))
		line->value++;
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		if (strcmp(options[i].name, line->name) != 0)
			continue;
		line->offset = options[i].offset;
		return options[i].read(line);
	}
	return ST_OK;
}

enum status mosquitto_conf_read(struct mosquitto_conf *conf, const char *text, size_t len,
                                mosquitto_conf_include_fn *include, void *ctx)
{
	struct line line = { .conf = conf, .include = include, .ctx = ctx };
	enum status st = ST_OK;

	while (len > 0 && st == ST_OK) {
		const char *newline = memchr(text, '\n', len);
		size_t used = newline ? (size_t)(newline - text) : len;
		char *copy = malloc(used + 1);

		if (!copy)
			return ST_NOMEM;
		memcpy(copy, text, used); /* no NUL ends text */
		copy[used] = '\0';
		st = read_line(&line, copy);
		free(copy);
		used += newline != NULL;
		text += used;
		len -= used;
	}
	return st;
}

void mosquitto_conf_free(struct mosquitto_conf *conf)
{
	for (size_t i = 0; i < conf->plugin_count; i++)
		free(conf->plugins[i]);
	memset(conf, 0, sizeof *conf);
}

bool mosquitto_conf_is_included(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

int mosquitto_conf_order(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		int order = toupper((unsigned char)*a) - toupper((unsigned char)*b);

		if (order == 0)
			order = *a - *b;
		if (order != 0)
			return order;
	}
	return *a - *b;
}

/* ---- decisions ---- */

static const char *unknown_plugin(const struct mosquitto_conf *conf)
{
	for (size_t i = 0; i < conf->plugin_count; i++) {
		if (effect_of(conf->plugins[i]) == DECIDES_SOMETHING)
			return conf->plugins[i];
	}
	return "";
}

enum status mosquitto_conf_acl(const struct mosquitto_conf *conf, enum lan_acl configured,
                               enum lan_acl *effective, char why[MOSQUITTO_CONF_WHY_MAX])
{
	const char *reason = "lan.acl is set";

	*effective = configured;
	if (configured == LAN_ACL_AUTO && conf->unknown_plugin) {
		*effective = LAN_ACL_DEFER;
		snprintf(why, MOSQUITTO_CONF_WHY_MAX,
		         "the plugin %.80s may decide about topics too; set lan.acl to \"defer\" if it "
		         "does, else to \"allow\"",
		         unknown_plugin(conf));
		return ST_INVALID;
	}
	if (configured == LAN_ACL_AUTO) {
		*effective = conf->acl_file || conf->dynamic_security ? LAN_ACL_DEFER : LAN_ACL_ALLOW;
		reason = conf->acl_file           ? "the broker has an acl_file"
		         : conf->dynamic_security ? "the broker has dynamic security"
		                                  : "the broker has neither acl_file nor another plugin";
	}
	snprintf(why, MOSQUITTO_CONF_WHY_MAX, "%s", reason);
	return ST_OK;
}

bool mosquitto_conf_unknown_user_passes(const struct mosquitto_conf *conf)
{
	if (conf->password_file || conf->per_listener_settings || conf->listener_anonymous ||
	    another_decides(conf))
		return false;
	if (conf->allow_anonymous == ANONYMOUS_UNSET)
		return !conf->listener;
	return conf->allow_anonymous == ANONYMOUS_YES;
}
