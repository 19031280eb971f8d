/* hub_tls.h - what every handshake with the hub has in common: the plugin's (bridge/link/tls.c) and
 * that of `hubgate check`.
 * Room:  any.
 */
#ifndef HUBGATE_HUB_TLS_H
#define HUBGATE_HUB_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* pem_password_cb. A key with a pass phrase must fail, not ask on a terminal. */
int hub_tls_no_passphrase(char *buf, int size, int rwflag, void *arg);
/* Server name only for names (RFC 6066 3), and what the certificate must say, if it must match.
 * host
 * "": none. False: OpenSSL's queue says why. */
bool hub_tls_set_names(SSL *ssl, const char *host, bool must_match);
/* As text for people, cut at size. name NULL: "". */
void hub_tls_name_text(const X509_NAME *name, char *out, size_t size);

#endif
