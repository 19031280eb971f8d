/* status.h - the one set of results that functions here return.
 * Room: any. Pure.
 */
#ifndef HUBGATE_STATUS_H
#define HUBGATE_STATUS_H

/* name, short text for logs */
#define STATUS_TABLE(X)                                                  \
	X(ST_OK, "ok")                                                       \
	X(ST_AGAIN, "not yet")       /* would block, or more bytes needed */ \
	X(ST_EMPTY, "nothing there") /* a queue or list has no element */    \
	X(ST_FULL, "full")           /* a bound is reached, nothing kept */  \
	X(ST_NOSPACE, "no room on the disk")                                 \
	X(ST_TOOBIG, "too large")      /* a size limit, never retried */     \
	X(ST_MALFORMED, "malformed")   /* input that breaks its grammar */   \
	X(ST_INVALID, "invalid value") /* well-formed, but not allowed */    \
	X(ST_NOTFOUND, "not found")                                          \
	X(ST_EXISTS, "already exists")                                       \
	X(ST_DENIED, "denied")                                               \
	X(ST_CLOSED, "closed by the peer")                                   \
	X(ST_TIMEOUT, "timed out")                                           \
	X(ST_IO, "input or output error")                                    \
	X(ST_NOMEM, "out of memory")                                         \
	X(ST_STATE, "not possible in this state")

enum status {
#define X(name, text) name,
	STATUS_TABLE(X)
#undef X
};

/* Static text, never NULL, also for values outside the table. */
const char *status_text(enum status st);

#endif
