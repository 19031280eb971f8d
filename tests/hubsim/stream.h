/* stream.h - a non-blocking socket, with or without TLS, and bytes waiting to go out on it. */
#ifndef HUBSIM_STREAM_H
#define HUBSIM_STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunk;

struct stream {
	int fd; /* -1: closed */
	SSL *ssl;
	bool handshake_out; /* TLS wants to write before it can go on */
	uint8_t *in;        /* received, not yet taken */
	size_t in_len, in_room;
	struct chunk *out, **out_tail;
	size_t out_bytes;
};

enum stream_result {
	STREAM_OK,
	STREAM_EOF,
	STREAM_ERROR
};

/* Takes `fd`. `ctx` NULL: plain. */
void stream_init(struct stream *s, int fd, SSL_CTX *ctx);
void stream_fini(struct stream *s);

/* Reads what is there (bounded) into `in`. */
enum stream_result stream_fill(struct stream *s);
/* Drops `n` bytes from the front of `in`. */
void stream_taken(struct stream *s, size_t n);
/* Copies `data`, to leave at `due_ms` (CLOCK_MONOTONIC) or later, in order. */
void stream_queue(struct stream *s, const void *data, size_t len, int64_t due_ms);
/* Writes what is due. STREAM_EOF is not returned. */
enum stream_result stream_flush(struct stream *s, int64_t now_ms);
/* When the next queued bytes are due; -1: none. */
int64_t stream_due(const struct stream *s);

/* A clean end: close notify and FIN. */
void stream_shutdown(struct stream *s);
/* RST. */
void stream_reset(struct stream *s);
/* Subject CN of the peer's certificate; empty when there is none. */
void stream_peer_name(const struct stream *s, char *out, size_t room);

/* A listening loopback socket on *port (0: chosen, and stored). -1 after a message on stderr. */
int stream_listen(int *port, bool any_address);
/* Connecting to loopback `port` from source address `from` ("127.x.y.z"); -1 on failure. */
int stream_connect(int port, const char *from);
/* A TLS server context that asks for, but does not need, a client certificate when `ca` is given.
 * NULL after a message on stderr. */
SSL_CTX *stream_tls(const char *ca, const char *cert, const char *key);

#endif
