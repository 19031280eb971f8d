/* control_client.h - asks the gateway on $CONTROL/hubgate/v1, as the command `hubgate` does. */
#ifndef HUBGATE_TESTS_CONTROL_CLIENT_H
#define HUBGATE_TESTS_CONTROL_CLIENT_H

#include <cjson/cJSON.h>

#include "tests/harness/harness.h"

#define CONTROL_RESPONSE "$CONTROL/hubgate/v1/response"

/* The content of control.token of this broker's store; caller frees; NULL: there is none. */
char *control_token(const struct lan *l);
/* A client with it. May be refused: dev_code(). */
struct dev *control_login(struct lan *l, const char *token);
/* The same with the token that there is, accepted, and it hears answers. */
struct dev *control_connect(struct lan *l);
/* One command with the members of this JSON object text; waits for its answer, of which "data" or
 * "error" stand in the result. Caller owns (cJSON_Delete); NULL: none came. */
cJSON *control_ask(struct dev *d, const char *command, const char *members);
/* The same; the error's text, "" for none. Static, until the next call. */
const char *control_error(struct dev *d, const char *command, const char *members);
/* A number, a text or a truth value (1, 0) below "data", by dotted path; -1, "" when it is missing.
 */
double control_number(const cJSON *answer, const char *path);
const char *control_text(const cJSON *answer, const char *path);

#endif
