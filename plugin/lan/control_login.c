#include "plugin/lan/control_login.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/room.h"
#include "shadowstore/control_token.h"

enum {
	TOKEN_BYTES = 32,
};

struct control_login {
	char token[2 * TOKEN_BYTES + 1]; /* "": there is none */
};

static enum status make_token(char out[2 * TOKEN_BYTES + 1])
{
	unsigned char bytes[TOKEN_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return ST_IO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	explicit_bzero(bytes, sizeof(bytes));
	return ST_OK;
}

enum status control_login_open(struct hubgate *h)
{
	const char *dir = h->config->store.dir;
	struct control_login *l = calloc(1, sizeof(*l));

	if (!l)
		return ST_NOMEM;
	h->control_login = l;
	if (make_token(l->token) != ST_OK)
		return ST_IO;
	if (control_token_write(dir, l->token) == ST_OK)
		return ST_OK;
	log_line(&h->log, LOG_WARN,
	         "%s/control.token cannot be written (%s): the command hubgate needs a user name of "
	         "apps[] until the broker is started again",
	         dir, strerror(errno));
	explicit_bzero(l->token, sizeof(l->token));
	return ST_OK;
}

bool control_login_stop(struct hubgate *h, uint32_t wait_ms)
{
	(void)wait_ms;
	IN_ROOM(ROOM_BROKER);
	if (h->control_login)
		control_token_remove(h->config->store.dir);
	return true;
}

void control_login_close(struct hubgate *h)
{
	if (h->control_login)
		explicit_bzero(h->control_login->token, sizeof(h->control_login->token));
	free(h->control_login);
	h->control_login = NULL;
}

bool control_login_is(const char *username)
{
	IN_ROOM(ROOM_BROKER);
	return username && strcmp(username, CONFIG_CONTROL_USERNAME) == 0;
}

static bool is_this_machine(const char *address)
{
	return !address || !address[0] || address[0] == '/' || strncmp(address, "127.", 4) == 0 ||
	       strcmp(address, "::1") == 0 || strncmp(address, "::ffff:127.", 11) == 0;
}

const char *control_login_fault(const struct hubgate *h, const char *password, const char *address)
{
	const struct control_login *l = h->control_login;

	IN_ROOM(ROOM_BROKER);
	if (!is_this_machine(address))
		return "user name " CONFIG_CONTROL_USERNAME " is for the command hubgate on this machine "
			   "(127.0.0.1, ::1 or a unix socket)";
	if (!l || !l->token[0])
		return "there is no control.token in store.dir, the log of the start says why";
	if (!password || strlen(password) != strlen(l->token) ||
	    CRYPTO_memcmp(password, l->token, strlen(l->token)) != 0)
		return "wrong token: it is in control.token in store.dir, and new at each start of the "
			   "broker";
	return NULL;
}
