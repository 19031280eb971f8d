/* mosquitto_conf.h - what hubgate must know of the broker's own configuration.
 * Room:  any, at start. Pure: the caller reads the files.
 * Facts: docs/broker-notes.md 1.3, 1.4, 1.5, 7, and the broker's conf.c: a line is a name, blanks
 *        and a value; lines that start with # are comments; include_dir counts in
 *        the main file only.
 */
#ifndef HUBGATE_MOSQUITTO_CONF_H
#define HUBGATE_MOSQUITTO_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"
#include "core/config/config.h"

enum {
	MOSQUITTO_CONF_PLUGINS_MAX = 32,
	MOSQUITTO_CONF_LISTENERS_MAX = 64,
	MOSQUITTO_CONF_BRIDGED_MAX = 64,
	MOSQUITTO_CONF_PLACE_MAX = 128,
	MOSQUITTO_CONF_WHY_MAX = 256,
	MOSQUITTO_CONF_REFUSED_MAX = 512
};

enum anonymous {
	ANONYMOUS_UNSET,
	ANONYMOUS_NO,
	ANONYMOUS_YES
};

struct mosquitto_place { /* "FILE:LINE"; "": nowhere */
	char text[MOSQUITTO_CONF_PLACE_MAX];
};

struct mosquitto_listener {
	struct mosquitto_place at; /* of its listener line; nowhere: the default one, not named yet */
	unsigned port;             /* 0: a unix socket */
	bool tls, psk, client_certificates;
	bool
		not_mqtt; /* websockets, HTTP, behind a proxy, other versions: not as the doorbell speaks */
	unsigned max_connections; /* 0: no bound */
	struct mosquitto_place max_at;
};

/* A topic line of a native bridge. */
struct mosquitto_bridged {
	struct mosquitto_place at;
	char *filter; /* owned; on this broker, its local prefix included */
};

struct mosquitto_conf {
	bool acl_file, password_file; /* as an option or as the broker's own plugin for it */
	bool psk_file;
	bool listener; /* any listener, port or bind_address: not local-only */
	bool per_listener_settings;
	bool listener_anonymous; /* 2.1: some listener has its own allow_anonymous */
	bool identity_as_username, subject_as_username; /* on any listener */
	bool tcp_nodelay;
	bool no_queue;                  /* max_queued_messages 0 */
	enum anonymous allow_anonymous; /* the last one counts */
	bool dynamic_security;
	bool unknown_plugin; /* one that may decide about logins or topics */
	bool ours;           /* our plugin line was seen ... */
	struct mosquitto_place ours_at;
	bool ours_not_first; /* after one of a plugin that decides about logins or topics */
	char *plugins[MOSQUITTO_CONF_PLUGINS_MAX]; /* owned paths but ours, in their order */
	size_t plugin_count;
	/* The first is the broker's default one, which lines before any listener line are about. */
	struct mosquitto_listener listeners[1 + MOSQUITTO_CONF_LISTENERS_MAX];
	size_t listener_count; /* beside the first */
	long global_max;       /* of clients or connections of all listeners; 0: no bound */
	struct mosquitto_place global_max_at;
	struct mosquitto_bridged bridged[MOSQUITTO_CONF_BRIDGED_MAX];
	size_t bridged_count;  /* the first ones, that is */
	char *clientid_prefix; /* owned; clients with other ids are refused. NULL: any */
	struct mosquitto_place clientid_prefix_at;
	char refused[MOSQUITTO_CONF_REFUSED_MAX]; /* an option that does not go with us; "": none */
};

/* Reads the files of dir into conf by mosquitto_conf_read(..., NULL, NULL). Its
 * status ends the reading when it is not ST_OK. */
typedef enum status mosquitto_conf_include_fn(void *ctx, struct mosquitto_conf *conf,
                                              const char *dir);

/* Adds one file's text to conf (zeroed before the first); file is its name, for places. include
 * NULL: include_dir has no effect, as in an included file. ST_OK; ST_NOMEM; ST_FULL (more plugins
 * or listeners than fit); what include returns. Unknown names are no error. */
enum status mosquitto_conf_read(struct mosquitto_conf *conf, const char *file, const char *text,
                                size_t len, mosquitto_conf_include_fn *include, void *ctx);
void mosquitto_conf_free(struct mosquitto_conf *conf);

/* Which names in include_dir the broker reads, and in which order (as strcmp). */
bool mosquitto_conf_is_included(const char *name);
int mosquitto_conf_order(const char *a, const char *b);

/* true: hubgate cannot work on such a broker; why names place, option and fix. */
bool mosquitto_conf_refused(const struct mosquitto_conf *conf,
                            char why[MOSQUITTO_CONF_REFUSED_MAX]);

enum mosquitto_way {
	MOSQUITTO_WAY_UNKNOWN, /* no listener line has this port, or several that differ */
	MOSQUITTO_WAY_PLAIN,
	MOSQUITTO_WAY_TLS,
	MOSQUITTO_WAY_CLOSED /* to a client without key and certificate: PSK, websockets, ... */
};

/* How an MQTT client without key and certificate gets in at this port. */
enum mosquitto_way mosquitto_conf_way(const struct mosquitto_conf *conf, unsigned port);

/* The listener whose max_connections leaves no place for the doorbell beside so many devices;
 * NULL: none, or there is a unix socket with room, where the doorbell goes first. */
const struct mosquitto_listener *mosquitto_conf_crowded(const struct mosquitto_conf *conf,
                                                        size_t devices);

/* The first of the devices that clientid_prefixes keeps out with the client id that the hub wants
 * of it; device_count: none. */
size_t mosquitto_conf_kept_out(const struct mosquitto_conf *conf, const struct config *cfg);

/* What to do with topics and clients that are not ours; why says the reason, for the
 * log. ST_OK; ST_INVALID: another plugin may decide, so the user must set lan.acl
 * (*effective is then LAN_ACL_DEFER, which lets nobody in by mistake). */
enum status mosquitto_conf_acl(const struct mosquitto_conf *conf, enum lan_acl configured,
                               enum lan_acl *effective, char why[MOSQUITTO_CONF_WHY_MAX]);

/* true: without our plugin a client with any username and password was let in. A
 * broker with a plugin refuses such a client when all defer, so we must accept it.
 * In doubt false: per-listener settings, other plugins, and an explicit
 * allow_anonymous false without a listener, which 2.0.11 ignores and 2.0.21 and 2.1.2
 * honour (measured): nothing tells them apart, and closed is the safer error. */
bool mosquitto_conf_unknown_user_passes(const struct mosquitto_conf *conf);
/* true: whoever has a username gave the password for it: there is a password_file, dynamic
 * security, or an unknown plugin on a broker that lets nobody in by itself. In doubt false. */
bool mosquitto_conf_checks_users(const struct mosquitto_conf *conf);

#endif
