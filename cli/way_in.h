/* way_in.h - at which broker a command logs in, and as whom: what the options of the
 * connection leave open comes from hubgate.json, the mosquitto.conf beside it, and the token.
 * Facts: docs/control.md "Who may".
 */
#ifndef HUBGATE_CLI_WAY_IN_H
#define HUBGATE_CLI_WAY_IN_H

#include "cli/arguments.h"
#include "core/base/status.h"

enum {
	WAY_IN_PATH_MAX = 4096,
	WAY_IN_TOKEN_MAX = 128, /* with NUL; it has 64 digits */
	WAY_IN_WHY_MAX = 1024,
	WAY_IN_PREFIX_MAX = 64
};

#define WAY_IN_USER "$hubgate-control"

struct way_in {
	char host[WAY_IN_PATH_MAX];        /* or the path of a unix socket */
	int port;                          /* 0: a unix socket */
	char place[WAY_IN_PATH_MAX + 16];  /* for messages */
	const char *username, *password;   /* NULL: none */
	const char *cafile, *cert, *key;   /* NULL: none */
	bool tls, unverified;              /* unverified: this machine's own, found by itself */
	char id_prefix[WAY_IN_PREFIX_MAX]; /* that the broker wants of client ids; "": none is known */
	bool by_token;                     /* password is token */
	char token[WAY_IN_TOKEN_MAX];
};

/* ST_OK: wipe it with explicit_bzero(). Else why says what to do. Borrows the link's texts. */
enum status way_in_find(const struct control_link *link, struct way_in *out,
                        char why[WAY_IN_WHY_MAX]);

/* store.dir of a hubgate.json, whatever else is wrong with that file. */
enum status way_in_store(const char *config, char out[WAY_IN_PATH_MAX], char why[WAY_IN_WHY_MAX]);
/* The mosquitto.conf beside a hubgate.json, whether it exists or not. */
void way_in_conf(const char *config, char out[WAY_IN_PATH_MAX]);

#endif
