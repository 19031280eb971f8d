/* control_login.h - at which broker a command logs in, and as whom: what the options of the
 * connection leave open comes from hubgate.json, the mosquitto.conf beside it, and the token.
 * Facts: docs/operation.md "The command".
 */
#ifndef HUBGATE_CLI_CONTROL_LOGIN_H
#define HUBGATE_CLI_CONTROL_LOGIN_H

#include "cli/arguments.h"
#include "core/base/status.h"

enum {
	CONTROL_LOGIN_PATH_MAX = 4096,
	CONTROL_LOGIN_TOKEN_MAX = 128, /* with NUL; it has 64 digits */
	CONTROL_LOGIN_WHY_MAX = 1024
};

#define CONTROL_LOGIN_USER "$hubgate-control"

struct control_login {
	char host[CONTROL_LOGIN_PATH_MAX];       /* or the path of a unix socket */
	int port;                                /* 0: a unix socket */
	char place[CONTROL_LOGIN_PATH_MAX + 16]; /* for messages */
	const char *username, *password;         /* NULL: none */
	const char *cafile, *cert, *key;         /* NULL: none */
	bool tls, unverified;                    /* unverified: this machine's own, found by itself */
	bool by_token;                           /* password is token */
	char token[CONTROL_LOGIN_TOKEN_MAX];
};

/* ST_OK: wipe it with explicit_bzero(). Else why says what to do. Borrows the link's texts. */
enum status control_login_find(const struct control_link *link, struct control_login *out,
                               char why[CONTROL_LOGIN_WHY_MAX]);

/* store.dir of a hubgate.json, whatever else is wrong with that file. */
enum status control_login_store(const char *config, char out[CONTROL_LOGIN_PATH_MAX],
                                char why[CONTROL_LOGIN_WHY_MAX]);
/* The mosquitto.conf beside a hubgate.json, whether it exists or not. */
void control_login_conf(const char *config, char out[CONTROL_LOGIN_PATH_MAX]);

#endif
