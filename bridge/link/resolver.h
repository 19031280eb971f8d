/* resolver.h - one name look-up that may hang without anybody waiting for it.
 * Room:  UPLINK, NET; one owner per look-up. Each runs in a detached thread of
 *        its own with every signal masked; resolver_drop() abandons a thread
 *        that hangs in the system's resolver, which then frees what is left
 *        whenever it returns, even after the plugin's cleanup.
 */
#ifndef HUBGATE_RESOLVER_H
#define HUBGATE_RESOLVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/status.h"

enum {
	RESOLVER_ADDRESSES_MAX = 16, /* of one answer; more are not looked at */
	RESOLVER_THREADS_MAX = 16,   /* under way in this process, hanging ones too */
};

struct resolver_answer {
	struct sockaddr_storage address[RESOLVER_ADDRESSES_MAX];
	socklen_t len[RESOLVER_ADDRESSES_MAX];
	size_t count;
};

/* Fills answer or returns an EAI_ code of getaddrinfo(). May block; runs in the
 * look-up's own thread and must not touch anything that can go away. */
typedef int (*resolver_lookup)(const char *host, uint16_t port, struct resolver_answer *answer);

struct resolver; /* opaque */

/* The system's resolver, addresses in the order of RFC 6724. Blocks. */
int resolver_system(const char *host, uint16_t port, struct resolver_answer *answer);

/* Never blocks. ST_OK: host is an address literal, answer is filled.
 * ST_NOTFOUND: it is a name. */
enum status resolver_literal(const char *host, uint16_t port, struct resolver_answer *answer);

/* host is copied. Caller owns *out. ST_OK; ST_NOMEM; ST_FULL (earlier look-ups
 * still hang); ST_IO (no descriptor or thread to be had). */
enum status resolver_start(const char *host, uint16_t port, resolver_lookup lookup,
                           struct resolver **out);
int resolver_fd(const struct resolver *r); /* readable when the answer is there */
/* ST_OK with answer filled; ST_AGAIN; ST_NOTFOUND with *why set to static text. */
enum status resolver_take(struct resolver *r, struct resolver_answer *answer, const char **why);
void resolver_drop(struct resolver *r); /* NULL is fine; never waits */

#endif
