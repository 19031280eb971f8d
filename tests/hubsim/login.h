/* login.h - who may connect (docs/protocol/connection.md 3 and 4) and what a bind signature must
 * be. */
#ifndef HUBSIM_LOGIN_H
#define HUBSIM_LOGIN_H

#include "tests/hubsim/account.h"

struct login {
	const char *client_id, *username, *password; /* password NULL: absent */
	const char *cn; /* subject CN of the client's certificate, or NULL */
};

/* NULL: accepted; else a short reason to show, static. */
const char *login_refusal(const struct cloud *c, const struct login *l);

/* Result code of a bind request's signature fields (docs/protocol/gateway.md 3 and 6):
 * 0, 801, 803, 804 or 805. */
int bind_signature_result(const struct cloud *c, const struct account *sub, const cJSON *fields);

#endif
