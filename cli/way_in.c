#include "cli/way_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/json/json.h"
#include "plugin/lan/broker_conf.h"

enum {
	PORT = 1883,
	PORT_TLS = 8883
};

#define MOSQUITTO_FILE "/etc/mosquitto/mosquitto.conf"

static const struct json_limits limits = { .bytes = CONFIG_BYTES_MAX,
	                                       .depth = 128,
	                                       .values = 10000000 };

__attribute__((format(printf, 3, 4))) static enum status
says(char why[WAY_IN_WHY_MAX], enum status st, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, WAY_IN_WHY_MAX, format, args);
	va_end(args);
	return st;
}

/* --- files --- */

static enum status read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	unsigned char chunk[16384];
	enum status st = ST_OK;
	ssize_t n = 0;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ST_NOTFOUND
		       : errno == EACCES                   ? ST_DENIED
		                                           : ST_IO;
	while (st == ST_OK && (n = read(fd, chunk, sizeof chunk)) > 0)
		st = buf_add(out, chunk, (size_t)n);
	explicit_bzero(chunk, sizeof chunk);
	close(fd);
	return n < 0 ? ST_IO : st;
}

static void wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

/* name, seen from the folder of file. False: too long. */
static bool beside(const char *file, const char *name, char out[WAY_IN_PATH_MAX])
{
	const char *slash = strrchr(file, '/');
	int folder = *name != '/' && slash ? (int)(slash - file) + 1 : 0;
	int len = snprintf(out, WAY_IN_PATH_MAX, "%.*s%s", folder, file, name);

	return len >= 0 && len < WAY_IN_PATH_MAX;
}

void way_in_conf(const char *config, char out[WAY_IN_PATH_MAX])
{
	if (!beside(config, "mosquitto.conf", out) || access(out, F_OK) != 0)
		snprintf(out, WAY_IN_PATH_MAX, "%s", MOSQUITTO_FILE);
}

static const char as_whom[] =
	"call it as root (sudo hubgate ...) or as the user the broker runs as, "
	"or log in with a user name that has a role in apps[]: -u NAME";

static enum status store_of(const char *config, const struct buf *text, char out[WAY_IN_PATH_MAX],
                            char why[WAY_IN_WHY_MAX])
{
	cJSON *root = NULL;
	const char *dir;
	enum status st;

	st = json_parse((const char *)text->data, text->len, &limits, &root, NULL, NULL, NULL);
	dir = st == ST_OK ? json_text(json_member(root, "store"), "dir") : NULL;
	if (st != ST_OK)
		says(why, st, "%.400s is not JSON: hubgate check %.400s says where", config, config);
	else if (!dir || !beside(config, dir, out))
		st =
			says(why, ST_INVALID, "%.400s has no store.dir: hubgate check says what to do", config);
	cJSON_Delete(root);
	return st;
}

enum status way_in_store(const char *config, char out[WAY_IN_PATH_MAX], char why[WAY_IN_WHY_MAX])
{
	struct buf text = BUF_MAX(CONFIG_BYTES_MAX);
	enum status st = read_file(config, &text);

	if (st == ST_OK)
		st = store_of(config, &text, out, why);
	else if (st == ST_DENIED)
		says(why, st, "%.400s cannot be read by user id %u; %s", config, (unsigned)geteuid(),
		     as_whom);
	else
		says(why, st,
		     "%.400s: %s; where is it? --config FILE (or name the broker and a user: -h, -u)",
		     config, status_text(st));
	wipe(&text);
	return st;
}

/* --- as whom --- */

static enum status no_token(enum status st, const char *path, char why[WAY_IN_WHY_MAX])
{
	if (st == ST_NOTFOUND)
		return says(
			why, st,
			"there is no %.400s: the broker does not run, or its hubgate has no configuration "
			"of this name (--config FILE); systemctl status mosquitto, and hubgate check, tell",
			path);
	if (st == ST_DENIED)
		return says(why, st, "%.400s cannot be read by user id %u; %s", path, (unsigned)geteuid(),
		            as_whom);
	return says(why, st, "%.400s: %s", path, status_text(st));
}

static enum status read_token(const char *store, struct way_in *out, char why[WAY_IN_WHY_MAX])
{
	struct buf text = BUF_MAX(WAY_IN_TOKEN_MAX - 1);
	char path[WAY_IN_PATH_MAX + 16];
	enum status st;

	snprintf(path, sizeof path, "%s/control.token", store);
	st = read_file(path, &text);
	if (st == ST_OK) {
		memcpy(out->token, text.len > 0 ? text.data : (const unsigned char *)"", text.len);
		out->token[text.len] = '\0';
		out->token[strcspn(out->token, "\r\n")] = '\0';
		out->username = WAY_IN_USER;
		out->password = out->token;
		out->by_token = true;
	} else {
		no_token(st, path, why);
	}
	wipe(&text);
	return st;
}

/* Names of this machine: there the token counts. */
static bool is_here(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strncmp(host, "127.", 4) == 0;
}

static enum status find_user(const struct control_link *link, const char *config,
                             struct way_in *out, char why[WAY_IN_WHY_MAX])
{
	char store[WAY_IN_PATH_MAX];
	enum status st;

	if (link->username || link->cert) {
		out->username = link->username;
		out->password = link->password;
		return ST_OK;
	}
	if (out->port != 0 && !is_here(out->host))
		return says(
			why, ST_INVALID,
			"the token counts on the broker's own machine alone; for %.400s give a user name "
			"that has a role in apps[]: -u NAME -P PASSWORD",
			out->host);
	st = way_in_store(config, store, why);
	return st == ST_OK ? read_token(store, out, why) : st;
}

/* --- where --- */

static void at(struct way_in *out, const char *host, long port)
{
	snprintf(out->host, sizeof out->host, "%s", host);
	out->port = (int)port;
}

/* A listener that is bound everywhere is reached at loopback. */
static const char *host_of(const struct mosquitto_listener *l)
{
	if (!l->address[0] || strcmp(l->address, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(l->address, "::") == 0 ? "::1" : l->address;
}

static void find_listener(const char *config, struct way_in *out)
{
	char path[WAY_IN_PATH_MAX], why[MOSQUITTO_CONF_WHY_MAX];
	const struct mosquitto_listener *l = NULL;
	struct mosquitto_conf conf;
	enum mosquitto_way way = MOSQUITTO_WAY_UNKNOWN;

	at(out, "127.0.0.1", PORT);
	way_in_conf(config, path);
	if (broker_conf_read(path, &conf, why) != ST_OK)
		return;
	l = mosquitto_conf_door(&conf, &way);
	if (l && l != conf.listeners && l->port == 0)
		at(out, l->address, 0);
	else if (l)
		at(out, host_of(l), l->port ? (long)l->port : PORT);
	out->tls = out->unverified = way == MOSQUITTO_WAY_TLS;
	snprintf(out->id_prefix, sizeof out->id_prefix, "%s",
	         conf.clientid_prefix ? conf.clientid_prefix : "");
	mosquitto_conf_free(&conf);
}

static void find_place(const struct control_link *link, const char *config, struct way_in *out)
{
	bool tls = link->cafile || link->cert;

	if (link->unix_path)
		at(out, link->unix_path, 0);
	else if (link->host || link->port || tls)
		at(out, link->host ? link->host : "127.0.0.1",
		   link->port ? link->port
		   : tls      ? PORT_TLS
		              : PORT);
	else
		find_listener(config, out);
	if (tls) {
		out->tls = true;
		out->unverified = false;
	}
	snprintf(out->place, sizeof out->place, out->port ? "%s:%d" : "%s", out->host, out->port);
}

enum status way_in_find(const struct control_link *link, struct way_in *out,
                        char why[WAY_IN_WHY_MAX])
{
	const char *config = link->config ? link->config : CLI_CONFIG_FILE;

	*out = (struct way_in){ .cafile = link->cafile, .cert = link->cert, .key = link->key };
	find_place(link, config, out);
	return find_user(link, config, out, why);
}
