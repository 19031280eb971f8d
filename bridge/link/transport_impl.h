/* transport_impl.h - what the files of the transport share; also the seam
 * at which tests replace the name look-up. Nobody else includes it.
 * Room:  UPLINK.
 */
#ifndef HUBGATE_TRANSPORT_IMPL_H
#define HUBGATE_TRANSPORT_IMPL_H

#include <netinet/in.h>

#include "bridge/link/resolver.h"
#include "bridge/link/transport.h"

struct transport_text { /* one line for the log, always NUL-terminated, cut when long */
	char line[400];
};

void transport_text_set(struct transport_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

enum phase {
	RESOLVING,
	CONNECTING,
	HANDSHAKING,
	CONNECTED,
	FAILED
};

struct transport {
	enum phase phase;
	enum status failed;        /* what transport_step() returns in FAILED */
	int fd;                    /* -1: none */
	struct tls *tls;           /* NULL: plain */
	struct resolver *resolver; /* NULL unless RESOLVING */
	struct resolver_answer answer;
	size_t next; /* the address of answer to try next */
	uint32_t attempt_ms;
	int64_t deadline_ms;
	char *host;                   /* owned; what is looked up, for texts */
	struct transport_text reason; /* of the attempt under way */
	struct transport_text error;  /* of the transport */
	char peer[128], local[INET6_ADDRSTRLEN];
};

/* transport_open() with another look-up than resolver_system(). */
enum status transport_open_with(const struct transport_conf *conf, resolver_lookup lookup,
                                int64_t now_ms, struct transport **out);

/* Ends everything under way; from now on transport_step() returns st. Returns st. */
enum status dial_fail(struct transport *t, enum status st);
void dial_close_fd(struct transport *t);

/* --- going through the addresses of the answer --- */

/* Each returns ST_OK (connected), ST_AGAIN (an attempt is under way) or what
 * transport_step() returns for a transport with no address left. */
enum status dial_next(struct transport *t, int64_t now_ms);
enum status dial_step(struct transport *t, int64_t now_ms);
/* The attempt under way failed for t->reason. */
enum status dial_failed(struct transport *t, enum status st, int64_t now_ms);

/* --- the TLS layer over one connected socket at a time --- */

struct tls; /* opaque */

/* Reads the PEM files. error is borrowed for the life of *out and gets the
 * reason of every failure here and below. ST_OK; ST_NOMEM; ST_INVALID. On
 * anything but ST_OK *out is NULL. */
enum status tls_new(const struct transport_conf *conf, struct transport_text *error,
                    struct tls **out);
void tls_free(struct tls *tls); /* NULL is fine; sends nothing */

/* A new session over fd (borrowed until the next attach or free). ST_OK; ST_NOMEM;
 * ST_IO. */
enum status tls_attach(struct tls *tls, int fd);
/* ST_OK; ST_AGAIN; ST_IO; ST_CLOSED; ST_DENIED (certificate refused by us). */
enum status tls_handshake(struct tls *tls);
/* As transport_read() and transport_write(). */
enum status tls_read(struct tls *tls, void *data, size_t len, size_t *n);
enum status tls_write(struct tls *tls, const void *data, size_t len, size_t *n);
void tls_goodbye(struct tls *tls); /* close_notify if the socket takes it */
short tls_handshake_events(const struct tls *tls);
bool tls_read_wants_write(const struct tls *tls);

#endif
