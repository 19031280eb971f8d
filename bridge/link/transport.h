/* transport.h - one non-blocking byte stream: TCP, TLS 1.2+ or unix socket.
 * Room:  UPLINK. The cloud link's and the doorbell's. Never blocks: names are
 *        resolved by a short-lived thread that is abandoned when it hangs.
 * Usage: transport_open(), then poll transport_fd() for transport_events() and
 *        call transport_step() until it leaves ST_AGAIN; then read and write.
 */
#ifndef HUBGATE_TRANSPORT_H
#define HUBGATE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

struct transport; /* opaque */

struct transport_conf {    /* borrowed during transport_open(), copied */
	const char *host;      /* name or address; also the TLS server name */
	const char *address;   /* NULL, or the address to connect to instead */
	const char *unix_path; /* NULL, or a unix socket: host and port unused */
	uint16_t port;
	bool tls;
	bool verify;           /* certificate chain must verify */
	bool verify_host;      /* and its name must be host */
	const char *ca_file;   /* NULL: the system's CAs */
	const char *cert_file; /* NULL, or PEM client certificate ... */
	const char *key_file;  /* ... and its key */
	uint32_t attempt_ms;   /* per address: TCP connect plus TLS handshake */
};

/* Caller owns *out. ST_OK: under way. ST_NOMEM. ST_INVALID: a PEM file cannot be
 * used; *out is still set so that transport_error() can say why. now_ms is
 * milliseconds of CLOCK_MONOTONIC everywhere here. */
enum status transport_open(const struct transport_conf *conf, int64_t now_ms,
                           struct transport **out);
void transport_close(struct transport *t); /* NULL is fine; never waits */
/* As a power cut would: the peer gets a reset, nothing is flushed. */
void transport_abort(struct transport *t);

/* Drives resolving, connecting, handshaking. ST_OK: connected (also when called
 * again). ST_AGAIN: poll, or wait until transport_deadline(). Anything else:
 * failed, transport_error() says why: ST_NOTFOUND (name), ST_TIMEOUT, ST_IO,
 * ST_DENIED (certificate refused). */
enum status transport_step(struct transport *t, int64_t now_ms);
int64_t transport_deadline(const struct transport *t); /* INT64_MAX when connected */

int transport_fd(const struct transport *t); /* changes while connecting */
/* POLLIN/POLLOUT bits to wait for; want_write: there are bytes to send. */
short transport_events(const struct transport *t, bool want_write);

/* ST_OK with *n > 0; ST_AGAIN; ST_CLOSED; ST_IO. Call until ST_AGAIN: TLS may
 * hold bytes that poll() does not show. */
enum status transport_read(struct transport *t, void *data, size_t len, size_t *n);
enum status transport_write(struct transport *t, const void *data, size_t len, size_t *n);

/* "name does not resolve: ...", "certificate of the hub ...": one line for the
 * log, no secrets, naming the fix where there is one. Borrowed. */
const char *transport_error(const struct transport *t);
/* "127.0.0.1:1883", "unix:/run/x.sock" of the peer, for logs; "" before. */
const char *transport_peer(const struct transport *t);
/* Our own address on this connection (no port), "" for unix or before. */
const char *transport_local(const struct transport *t);

#endif
