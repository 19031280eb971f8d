/* crowd.h - who may stay when many are connected to a listener of ours for HTTP, and for how long.
 * Room:  any; a lock is inside, held for a look and a shutdown() (docs/rooms.md "Locks").
 * Keeps: who sends slowly keeps nobody out (core/pace/connections.h), and is disconnected when
 *        header and body are not there within CROWD_REQUEST_MS, however often it sends a byte.
 */
#ifndef HUBGATE_CROWD_H
#define HUBGATE_CROWD_H

#include <microhttpd.h>
#include <pthread.h>

#include "core/base/log.h"
#include "core/pace/connections.h"

enum {
	CROWD_MOST = 64, /* connections at once */
	/* libmicrohttpd accepts 11 at once at most, and who gives way is gone in its next turn. */
	CROWD_PLACES = 2 * CROWD_MOST,
	CROWD_REQUEST_MS = 5000, /* for a request, from the connecting or the last reply on */
};

struct crowd { /* embedded; members are bridge/http/crowd.c's */
	const char *name;
	const struct log *log;
	unsigned gone; /* connections that gave way, the last at gone_ms; libmicrohttpd's thread */
	int64_t gone_ms;
	pthread_mutex_t lock; /* of what follows */
	struct connection places[CROWD_PLACES];
	/* Of them; borrowed from the daemon, until it says that one is gone. */
	int sockets[CROWD_PLACES];
};

/* Zeroed before. name: the key of the configuration, for log lines; borrowed, as log. */
void crowd_init(struct crowd *c, const char *name, const struct log *log);
void crowd_fini(struct crowd *c);

/* libmicrohttpd's (MHD_OPTION_NOTIFY_CONNECTION): one came, or is gone. */
void crowd_on_connection(void *crowd, struct MHD_Connection *c, void **place,
                         enum MHD_ConnectionNotificationCode what);
/* CONNECTION_OPEN: it may have to give way; CONNECTION_SERVED: it is owed a reply. */
void crowd_mark(struct crowd *c, struct MHD_Connection *connection, enum connection_state state);
/* Who had its time for a request is sent away. turn_ms: until this is called again. */
void crowd_end_overdue(struct crowd *c, int64_t turn_ms);

#endif
