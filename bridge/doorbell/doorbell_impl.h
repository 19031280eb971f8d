/* doorbell_impl.h - the inside of the doorbell, shared by doorbell*.c alone.
 * Room:  UPLINK, except what struct doorbell marks as seen by others.
 */
#ifndef HUBGATE_DOORBELL_IMPL_H
#define HUBGATE_DOORBELL_IMPL_H

#include <stdatomic.h>

#include "bridge/doorbell/doorbell.h"
#include "bridge/doorbell/doorbell_search.h"
#include "bridge/doorbell/shared_text.h"
#include "bridge/link/transport.h"
#include "core/base/buf.h"

/* To connect, and again until the CONNACK. */
enum {
	DOORBELL_ATTEMPT_MS = 2000
};

enum step {
	IDLE,
	OPENING,
	LOGGING_IN,
	UP
};

/* What keeps the doorbell from working; within a round the later ones explain
 * more than the earlier. */
enum trouble {
	NOT_YET,
	NO_LISTENER,
	UNREACHABLE,
	NOT_MQTT,
	REFUSED,
	LOST,
	MUTE,
	UNCONFIRMED,
	NONE
};

struct watched {
	struct watched *next;
	char filter[];
};

struct doorbell {
	struct watched *watched;
	const struct log *log;
	char *client_id, *username, *password, *topic;
	struct search search;
	enum step step;
	struct candidate at;    /* not in IDLE */
	struct transport *link; /* NULL in IDLE */
	struct buf out, in;
	bool broken;                          /* found while ringing, dealt with by doorbell_run() */
	int64_t due_ms;                       /* IDLE: next round; LOGGING_IN: CONNACK; UP: next ping */
	int64_t pong_by_ms;                   /* INT64_MAX: no ping on its way */
	bool awaiting;                        /* a ring is unconfirmed, as far as UPLINK knows ... */
	int64_t rung_ms;                      /* ... and was written then, INT64_MAX: not yet */
	unsigned rounds;                      /* since the last confirmed ring */
	enum trouble worst, told;             /* of this round; last told to the log */
	char detail[LISTENER_TEXT_MAX + 160]; /* to worst */
	int64_t lost_ms;                      /* the broker closed it then; 0: never */
	bool held;                            /* ... and that is not told yet: it may be stopping */
	char lost[160];                       /* why, while held */
	atomic_int state;                     /* enum doorbell_state */
	atomic_bool ringing;
	atomic_ullong rings, unconfirmed;
	struct shared_text local, status; /* our address; what `check` shows */
};

/* doorbell_view.c: what the log, `check` and BROKER see. detail is "" or what was met. */
const char *doorbell_trouble_text(enum trouble trouble);
void doorbell_complain(struct doorbell *w, enum trouble trouble, const char *detail,
                       int64_t now_ms);
void doorbell_works(struct doorbell *w); /* the ring under way was confirmed */

/* doorbell_attempt.c: from a round over the listeners to the CONNECT packet. */
void doorbell_begin_round(struct doorbell *w, int64_t now_ms);
void doorbell_run_opening(struct doorbell *w, int64_t now_ms);
/* The login under way failed; the next candidate or the end of the round follows. */
void doorbell_attempt_failed(struct doorbell *w, enum search_failure why, const char *detail,
                             int64_t now_ms);
void doorbell_lose(struct doorbell *w, enum trouble trouble,
                   int64_t now_ms); /* an established one */
void doorbell_hang_up(struct doorbell *w);

#endif
