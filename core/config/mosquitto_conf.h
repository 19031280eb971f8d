/* mosquitto_conf.h - what hubgate must know of the broker's own configuration.
 * Room:  any, at start. Pure: the caller reads the files.
 * Facts: docs/broker-notes.md 1.4, 1.5, and the broker's conf.c: a line is a name, blanks
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
	MOSQUITTO_CONF_WHY_MAX = 256
};

enum anonymous {
	ANONYMOUS_UNSET,
	ANONYMOUS_NO,
	ANONYMOUS_YES
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
	bool ours;           /* our plugin line was seen */
	bool ours_not_first; /* after one of a plugin that decides about logins or topics */
	char *plugins[MOSQUITTO_CONF_PLUGINS_MAX]; /* owned paths but ours, in their order */
	size_t plugin_count;
};

/* Reads the files of dir into conf by mosquitto_conf_read(..., NULL, NULL). Its
 * status ends the reading when it is not ST_OK. */
typedef enum status mosquitto_conf_include_fn(void *ctx, struct mosquitto_conf *conf,
                                              const char *dir);

/* Adds one file's text to conf (zeroed before the first). include NULL: include_dir
 * has no effect, as in an included file. ST_OK; ST_NOMEM; ST_FULL (more plugins than
 * MOSQUITTO_CONF_PLUGINS_MAX); what include returns. Unknown names are no error. */
enum status mosquitto_conf_read(struct mosquitto_conf *conf, const char *text, size_t len,
                                mosquitto_conf_include_fn *include, void *ctx);
void mosquitto_conf_free(struct mosquitto_conf *conf);

/* Which names in include_dir the broker reads, and in which order (as strcmp). */
bool mosquitto_conf_is_included(const char *name);
int mosquitto_conf_order(const char *a, const char *b);

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

#endif
