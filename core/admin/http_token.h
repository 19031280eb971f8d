/* http_token.h - whether a request to admin.http shows the token.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_HTTP_TOKEN_H
#define HUBGATE_HTTP_TOKEN_H

#include <stdbool.h>

/* authorization: the header Authorization; NULL: none. True: it is Bearer with the token, or Basic
 * with the token as password of any user name. How long it takes tells nothing of the token. */
bool http_token_ok(const char *authorization, const char *token);

#endif
