#include "core/config/mosquitto_conf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_SHOWN = 100 /* bytes of a file's name, the last ones */
};

struct line {
	struct mosquitto_conf *conf;
	const char *file;
	unsigned number;
	const char *name;
	char *value;   /* trimmed; "" when there is none */
	size_t offset; /* of the field that the name belongs to */
	mosquitto_conf_include_fn *include;
	void *ctx;
};

static struct mosquitto_place place_of(const struct line *line)
{
	struct mosquitto_place place;
	size_t len = strlen(line->file), over = len > FILE_SHOWN ? len - FILE_SHOWN : 0;

	snprintf(place.text, sizeof place.text, "%s%s:%u", over ? "..." : "", line->file + over,
	         line->number);
	return place;
}

/* The first one is told. */
static void refuse(const struct line *line, const char *why)
{
	struct mosquitto_conf *conf = line->conf;

	if (!conf->refused[0])
		snprintf(conf->refused, sizeof conf->refused, "%s: %.40s: %.300s", place_of(line).text,
		         line->name, why);
}

/* Lines are about the last listener that was named. */
static struct mosquitto_listener *listener_of(const struct line *line)
{
	return &line->conf->listeners[line->conf->listener_count];
}

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

static bool another_decides_logins(const struct mosquitto_conf *conf)
{
	for (size_t i = 0; i < conf->plugin_count; i++) {
		enum effect effect = effect_of(conf->plugins[i]);

		if (effect != DECIDES_NOTHING && effect != IS_ACL_FILE)
			return true;
	}
	return false;
}

static enum status add_ours(const struct line *line)
{
	struct mosquitto_conf *conf = line->conf;
	char why[MOSQUITTO_CONF_WHY_MAX];

	if (conf->ours) {
		snprintf(why, sizeof why,
		         "hubgate is loaded a second time, first at %s; keep one of the two lines",
		         conf->ours_at.text);
		refuse(line, why);
		return ST_OK;
	}
	conf->ours = true;
	conf->ours_at = place_of(line);
	conf->ours_not_first = another_decides(conf);
	return ST_OK;
}

static enum status add_plugin(const struct line *line, const char *path)
{
	struct mosquitto_conf *conf = line->conf;
	enum effect effect = effect_of(path);

	if (effect == IS_OURS)
		return add_ours(line);
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
	return add_plugin(line, line->value);
}

/* Cuts the first word off *rest. */
static char *next_word(char **rest)
{
	char *word = *rest, *end = word + strcspn(word, " ");

	*rest = end + strspn(end, " ");
	*end = '\0';
	return word;
}

/* Of 2.1: only listeners that name it by plugin_use have the plugin, and sessions that the broker
 * restored have no listener. */
static enum status plugin_load(const struct line *line)
{
	char *path = line->value;

	next_word(&path);
	if (effect_of(path) == IS_OURS)
		refuse(line,
		       "binds hubgate to the listeners that use it: elsewhere anybody with a device's "
		       "client id would be that device; load it for all, with global_plugin instead");
	return add_plugin(line, path);
}

/* ---- listeners ---- */

static enum status listener(const struct line *line)
{
	struct mosquitto_conf *conf = line->conf;

	if (conf->listener_count == MOSQUITTO_CONF_LISTENERS_MAX)
		return ST_FULL;
	conf->listener = true;
	conf->listener_count++;
	listener_of(line)->at = place_of(line);
	listener_of(line)->port = (unsigned)strtoul(line->value, NULL, 10);
	return ST_OK;
}

/* port and bind_address name the default listener. */
static enum status default_listener(const struct line *line)
{
	struct mosquitto_listener *l = &line->conf->listeners[0];

	line->conf->listener = true;
	l->at = place_of(line);
	if (strcmp(line->name, "port") == 0)
		l->port = (unsigned)strtoul(line->value, NULL, 10);
	return ST_OK;
}

static enum status certfile(const struct line *line)
{
	listener_of(line)->tls = true;
	return ST_OK;
}

static enum status psk_hint(const struct line *line)
{
	listener_of(line)->psk = true;
	return ST_OK;
}

static enum status protocol(const struct line *line)
{
	listener_of(line)->not_mqtt = strcmp(line->value, "mqtt") != 0;
	return ST_OK;
}

/* Of 2.1: a header comes before the first packet. */
static enum status proxy_protocol(const struct line *line)
{
	listener_of(line)->not_mqtt = true;
	return ST_OK;
}

/* Of 2.1: the doorbell speaks 3.1.1, which is 4. */
static enum status protocol_versions(const struct line *line)
{
	listener_of(line)->not_mqtt |= strchr(line->value, '4') == NULL;
	return ST_OK;
}

static enum status require_certificate(const struct line *line)
{
	listener_of(line)->client_certificates = is_true(line->value);
	return ST_OK;
}

static enum status max_connections(const struct line *line)
{
	long max = strtol(line->value, NULL, 10);

	listener_of(line)->max_connections = max > 0 ? (unsigned)max : 0;
	listener_of(line)->max_at = place_of(line);
	return ST_OK;
}

/* Of 2.1: global_max_clients, which counts kept sessions too, and global_max_connections. */
static enum status global_max(const struct line *line)
{
	struct mosquitto_conf *conf = line->conf;
	long max = strtol(line->value, NULL, 10);

	if (max > 0 && (conf->global_max == 0 || max < conf->global_max)) {
		conf->global_max = max;
		conf->global_max_at = place_of(line);
	}
	return ST_OK;
}

static enum status mount_point(const struct line *line)
{
	refuse(line, "puts a prefix before the topics of its clients, so that those of devices and of "
	             "the doorbell are not the hub's any more; take it out");
	return ST_OK;
}

static enum status username_as_clientid(const struct line *line)
{
	if (is_true(line->value))
		refuse(line, "gives a device another client id at each login, since its user name is "
		             "another one each time; take it out");
	return ST_OK;
}

static enum status clientid_prefixes(const struct line *line)
{
	struct mosquitto_conf *conf = line->conf;

	free(conf->clientid_prefix);
	conf->clientid_prefix = strdup(line->value);
	conf->clientid_prefix_at = place_of(line);
	return conf->clientid_prefix ? ST_OK : ST_NOMEM;
}

/* ---- native bridges ---- */

/* topic PATTERN [DIRECTION [QOS [LOCAL-PREFIX [REMOTE-PREFIX]]]], "" for an empty text. */
static enum status bridge_topic(const struct line *line)
{
	struct mosquitto_conf *conf = line->conf;
	char *rest = line->value, *pattern = next_word(&rest), *prefix;
	struct mosquitto_bridged *b;

	next_word(&rest);
	next_word(&rest);
	prefix = next_word(&rest);
	if (conf->bridged_count == MOSQUITTO_CONF_BRIDGED_MAX)
		return ST_OK;
	b = &conf->bridged[conf->bridged_count];
	if (asprintf(&b->filter, "%s%s", strcmp(prefix, "\"\"") == 0 ? "" : prefix,
	             strcmp(pattern, "\"\"") == 0 ? "" : pattern) < 0) {
		b->filter = NULL;
		return ST_NOMEM;
	}
	b->at = place_of(line);
	conf->bridged_count++;
	return ST_OK;
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
	{ "accept_protocol_versions", protocol_versions, 0 },
	{ "acl_file", named, FIELD(acl_file) },
	{ "allow_anonymous", anonymous, 0 },
	{ "auth_plugin", plugin, 0 },
	{ "bind_address", default_listener, 0 },
	{ "certfile", certfile, 0 },
	{ "clientid_prefixes", clientid_prefixes, 0 },
	{ "enable_proxy_protocol", proxy_protocol, 0 },
	{ "global_max_clients", global_max, 0 },
	{ "global_max_connections", global_max, 0 },
	{ "global_plugin", plugin, 0 },
	{ "include_dir", include_dir, 0 },
	{ "listener", listener, 0 },
	{ "listener_allow_anonymous", named, FIELD(listener_anonymous) },
	{ "max_connections", max_connections, 0 },
	{ "max_queued_messages", is_zero, FIELD(no_queue) },
	{ "mount_point", mount_point, 0 },
	{ "password_file", named, FIELD(password_file) },
	{ "per_listener_settings", set_flag, FIELD(per_listener_settings) },
	{ "plugin", plugin, 0 },
	{ "plugin_load", plugin_load, 0 },
	{ "port", default_listener, 0 },
	{ "protocol", protocol, 0 },
	{ "psk_file", named, FIELD(psk_file) },
	{ "psk_hint", psk_hint, 0 },
	{ "require_certificate", require_certificate, 0 },
	{ "set_tcp_nodelay", set_flag, FIELD(tcp_nodelay) },
	{ "topic", bridge_topic, 0 },
	{ "use_identity_as_username", any_flag, FIELD(identity_as_username) },
	{ "use_subject_as_username", any_flag, FIELD(subject_as_username) },
	{ "use_username_as_clientid", username_as_clientid, 0 },
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

enum status mosquitto_conf_read(struct mosquitto_conf *conf, const char *file, const char *text,
                                size_t len, mosquitto_conf_include_fn *include, void *ctx)
{
	struct line line = { .conf = conf, .file = file, .include = include, .ctx = ctx };
	enum status st = ST_OK;

	while (len > 0 && st == ST_OK) {
		const char *newline = memchr(text, '\n', len);
		size_t used = newline ? (size_t)(newline - text) : len;
		char *copy = malloc(used + 1);

		if (!copy)
			return ST_NOMEM;
		memcpy(copy, text, used); /* no NUL ends text */
		copy[used] = '\0';
		line.number++;
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
	for (size_t i = 0; i < conf->bridged_count; i++)
		free(conf->bridged[i].filter);
	free(conf->clientid_prefix);
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

/* The default listener is open when it is named, or when there is no other. */
static size_t first_listener(const struct mosquitto_conf *conf)
{
	return conf->listeners[0].at.text[0] || conf->listener_count == 0 ? 0 : 1;
}

bool mosquitto_conf_refused(const struct mosquitto_conf *conf, char why[MOSQUITTO_CONF_REFUSED_MAX])
{
	snprintf(why, MOSQUITTO_CONF_REFUSED_MAX, "%s", conf->refused);
	return why[0] != '\0';
}

static enum mosquitto_way way_of(const struct mosquitto_listener *l)
{
	if (l->not_mqtt || (l->psk && !l->tls) || (l->tls && l->client_certificates))
		return MOSQUITTO_WAY_CLOSED;
	return l->tls ? MOSQUITTO_WAY_TLS : MOSQUITTO_WAY_PLAIN;
}

enum mosquitto_way mosquitto_conf_way(const struct mosquitto_conf *conf, unsigned port)
{
	enum mosquitto_way way = MOSQUITTO_WAY_UNKNOWN;

	for (size_t i = first_listener(conf); i <= conf->listener_count; i++) {
		const struct mosquitto_listener *l = &conf->listeners[i];

		if (l->port != port)
			continue;
		if (way != MOSQUITTO_WAY_UNKNOWN && way != way_of(l))
			return MOSQUITTO_WAY_UNKNOWN;
		way = way_of(l);
	}
	return way;
}

const struct mosquitto_listener *mosquitto_conf_crowded(const struct mosquitto_conf *conf,
                                                        size_t devices)
{
	const struct mosquitto_listener *crowded = NULL;

	for (size_t i = first_listener(conf); i <= conf->listener_count; i++) {
		const struct mosquitto_listener *l = &conf->listeners[i];

		bool full = l->max_connections > 0 && l->max_connections <= devices;

		if (i > 0 && l->port == 0 && !full)
			return NULL;
		if (!crowded && full)
			crowded = l;
	}
	return crowded;
}

static const char *unknown_plugin(const struct mosquitto_conf *conf)
{
	for (size_t i = 0; i < conf->plugin_count; i++) {
		if (effect_of(conf->plugins[i]) == DECIDES_SOMETHING)
			return conf->plugins[i];
	}
	return "";
}

size_t mosquitto_conf_kept_out(const struct mosquitto_conf *conf, const struct config *cfg)
{
	const char *prefix = conf->clientid_prefix;
	char id[CLIENT_ID_MAX + 1];

	for (size_t i = 0; prefix && i < cfg->device_count; i++) {
		const struct config_device *d = &cfg->devices[i];

		credential_client_id(d->product_id, d->device_name, id);
		if (!d->login && strncmp(id, prefix, strlen(prefix)) != 0)
			return i;
	}
	return cfg->device_count;
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
	    another_decides_logins(conf))
		return false;
	if (conf->allow_anonymous == ANONYMOUS_UNSET)
		return !conf->listener;
	return conf->allow_anonymous == ANONYMOUS_YES;
}

/* A plugin that nobody knows may leave logins alone: then it is the broker that must let nobody in.
 */
bool mosquitto_conf_checks_users(const struct mosquitto_conf *conf)
{
	bool open = conf->allow_anonymous == ANONYMOUS_UNSET ? !conf->listener
	                                                     : conf->allow_anonymous == ANONYMOUS_YES;

	if (conf->per_listener_settings)
		return false;
	return conf->password_file || conf->dynamic_security ||
	       (another_decides_logins(conf) && !open && !conf->listener_anonymous);
}
