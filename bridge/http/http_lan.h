/* http_lan.h - HTTP for devices of the LAN, on the gateway: dynamic registration as at the hub, and
 * files of firmware (bridge/http/firmware_offers.h).
 * Room:  HTTP (libmicrohttpd's thread) and NET; the functions are for BROKER.
 * Keeps: a device is asked for at the hub once at a time and at most every 5 s; nobody waits longer
 *        than the hub's timeout; nobody is answered without the hub, but who repeats its very
 *        request because the reply was lost (core/hub/dynreg_replies.h); a source that asks too
 *        often, and a request that was used before, is refused in the protocol's form. Who sends
 *        slowly keeps nobody out, and has its time (bridge/http/crowd.h).
 * Facts: docs/protocol/dynreg.md 1, 3, 4.
 *
 * Requests are not judged by their age: a device that never had the time must be able to register,
 * and a reply tells nothing to who does not hold the product secret.
 */
#ifndef HUBGATE_HTTP_LAN_H
#define HUBGATE_HTTP_LAN_H

#include "bridge/http/dynreg_device.h"
#include "bridge/http/firmware_offers.h"
#include "bridge/http/listen_socket.h"
#include "core/base/log.h"
#include "shadowstore/secrets.h"

enum {
	HTTP_DEVICE_MS = 5000, /* between two calls for one device (docs/protocol/dynreg.md 4) */
	HTTP_BURST = 60,       /* of one source at once, then */
	HTTP_PER_S = 10,
	HTTP_PRODUCT_SECRET_MAX = 32,
};

struct http_lan; /* opaque */

struct http_product {
	char product_id[PRODUCT_ID_LEN + 1];
	char product_secret[HTTP_PRODUCT_SECRET_MAX + 1];
};

struct http_products { /* one block */
	size_t count;
	struct http_product at[];
};

struct http_lan_conf {  /* borrowed until http_lan_close() */
	const char *listen; /* as bridge/http/listen_socket.h takes it */
	const struct dynreg_hub *hub;
	struct net *net;
	struct secrets *secrets;
	struct firmware_offers *offers; /* what is downloaded here; NULL: nothing */
	const struct log *log;
	/* Room NET: a device got its secret, which is stored. */
	void (*registered)(void *ctx, const char *client_id, const struct secret *secret);
	void *ctx;
};

/* Listens, begins no thread: who connects waits. net is not started yet. Caller owns *out. ST_OK;
 * ST_INVALID: the hub's URL; ST_IO: it cannot be listened on; ST_NOMEM; why says it. */
enum status http_lan_open(const struct http_lan_conf *conf, char why[LISTEN_SOCKET_WHY_MAX],
                          struct http_lan **out);
/* Room BROKER. Those that may register, from the next request on; takes products. NULL is fine for
 * h. */
void http_lan_set_products(struct http_lan *h, struct http_products *products);
/* Room BROKER. A device proved its secret: the replies that it got are given to nobody any more.
 * NULL is fine for h. */
void http_lan_logged_in(struct http_lan *h, const char *client_id);
void http_products_free(struct http_products *products); /* any room; wipes; NULL is fine */
/* Serves. ST_OK; ST_IO: no thread; it is deaf from then on. */
enum status http_lan_start(struct http_lan *h);
/* From now on requests are refused. NULL is fine. */
void http_lan_quiesce(struct http_lan *h);
/* Ends the thread. net_stop() came before, so nobody waits any more. NULL is fine. */
void http_lan_stop(struct http_lan *h);
void http_lan_close(struct http_lan *h); /* stopped, or never started; NULL is fine */

#endif
