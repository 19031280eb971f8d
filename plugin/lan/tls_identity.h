/* tls_identity.h - what the TLS handshake proved about a client: TLS-PSK and client certificates.
 * Room:  BROKER.
 * Facts: docs/protocol/connection.md 3, 9; docs/architecture.md 5.
 *
 * The broker asks for the key of a PSK identity during the handshake and says nothing of the
 * outcome; that the client then sends a CONNECT at all is the proof that it holds the key. What
 * was asked under a client's pointer counts for its login alone, once, over the same TLS
 * connection (plugin/lan/tls_watch.h), and is forgotten when its socket goes.
 */
#ifndef HUBGATE_TLS_IDENTITY_H
#define HUBGATE_TLS_IDENTITY_H

#include "plugin/base/context.h"

enum status tls_identity_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void tls_identity_close(struct hubgate *h);

int on_psk(int event, void *event_data, void *userdata);

/* The device whose identity the client proved, by key or by a certificate whose CN is its client
 * id; NULL: none. A claim by key is used up. */
struct device *tls_identity_take(struct hubgate *h, const struct mosquitto *client);
void tls_identity_forget(struct hubgate *h, const struct mosquitto *client);

#endif
