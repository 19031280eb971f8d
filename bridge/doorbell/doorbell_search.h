/* doorbell_search.h - which listener of our own broker to try next, and when not
 *                  to try one again. Used by doorbell.c alone.
 * Room:  UPLINK.
 * Keeps: a listener is tried as plain MQTT, then over TLS. A combination that
 *        was answered wrongly is left alone for a minute (ten seconds if it is
 *        the one that worked last), for each try costs the broker a log line.
 */
#ifndef HUBGATE_DOORBELL_SEARCH_H
#define HUBGATE_DOORBELL_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/doorbell/listeners.h"

enum {
	SEARCH_UNKNOWN_MS = 60000,
	SEARCH_KNOWN_MS = 10000
};

struct candidate {
	struct listener at;
	bool tls;
};

enum search_failure {
	SEARCH_UNREACHABLE, /* nobody takes the connection: free to try each round */
	SEARCH_WRONG,       /* not what is spoken there */
	SEARCH_REFUSED,     /* MQTT is spoken there, but we are not let in */
};

struct search_memo {
	char text[LISTENER_TEXT_MAX];
	bool tls;
	int64_t not_before_ms;
};

struct search {
	bool fixed;                          /* list is one configured listener */
	struct listener list[LISTENERS_MAX]; /* of this round */
	size_t count, next;                  /* next: two steps per listener */
	struct search_memo memos[2 * LISTENERS_MAX];
	size_t memo_next;      /* the oldest is overwritten */
	struct candidate good; /* the one that worked last */
	bool has_good;
	struct listener_hint hints[LISTENER_HINTS_MAX];
	size_t hint_count;
	size_t closed; /* of this round: tries left out by a hint */
};

/* only: NULL, or the configured listener, which is tried both ways whatever the hints say. Both
 * are copied. */
void doorbell_search_init(struct search *s, const struct listener *only,
                          const struct listener_hint *hints, size_t count);
/* Every listener of this round is closed to us, as the hints say. */
bool doorbell_search_shut(const struct search *s);
/* A new round over the listeners there are now, the one that worked last first. */
void doorbell_search_begin(struct search *s);
bool doorbell_search_next(struct search *s, int64_t now_ms,
                          struct candidate *out); /* false: round over */
void doorbell_search_failed(struct search *s, const struct candidate *c, enum search_failure why,
                            int64_t now_ms);
void doorbell_search_worked(struct search *s, const struct candidate *c);

#endif
