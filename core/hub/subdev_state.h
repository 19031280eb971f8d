/* subdev_state.h - one subdevice at the hub as a stated machine: what happens, what is known after
 * it (by the table of core/hub/subdev_moves.h), and what to ask of the hub next.
 * Room:  any. Pure: time and chance come in by call.
 * Keeps: at most one request under way; asks for nothing that is confirmed already; whatever a
 *        program asked is answered once. A notification voids what was asked before it: that
 *        reply only ends the wait, and what is still wanted is asked again.
 * Facts: docs/protocol/gateway.md 2-8; told as a whole in docs/subdevice.md.
 * Times: milliseconds of CLOCK_MONOTONIC.
 */
#ifndef HUBGATE_SUBDEV_STATE_H
#define HUBGATE_SUBDEV_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/hub/gateway_msg.h"
#include "core/hub/subdev_moves.h"

enum {               /* why it is to be online, bits */
	SUBDEV_HERE = 1, /* on the LAN, grace time included */
	SUBDEV_WORK = 2, /* it has messages, or the hub lacks something of its shadow */
};

/* What the gateway is doing, the same for all its subdevices. */
enum subdev_phase {
	PHASE_AWAY,     /* no link */
	PHASE_SETTLING, /* who an earlier run left online may still come back */
	PHASE_READY,
	PHASE_LEAVING, /* offline is all that is asked for */
};

struct subdev_world {
	enum subdev_phase phase;
	bool binds;         /* devices with a key, when the hub says that they are not bound */
	uint32_t answer_ms; /* how long a reply may take */
	uint64_t random;    /* for pauses; moves on with every use */
};

enum {
	SUBDEV_ATTEMPTS = 3,
	SUBDEV_RETRY_MS = 60000,
};

struct subdev_request {
	enum gateway_op op; /* GATEWAY_UNKNOWN: none is under way */
	bool asked;         /* by a program */
	bool voided;        /* a notification came after it: its reply counts for nothing */
	int64_t until_ms;   /* then it is given up */
};

struct subdev_state {
	bool own; /* the gateway itself: there while the link is, never asked for */
	struct subdev_known known;
	unsigned reasons; /* to be online */
	unsigned keys;    /* it can be bound with, one after the other */
	enum hash hash;   /* of its signature */
	unsigned asked;   /* bits 1 << op: a program waits for the result */
	struct subdev_request request;
	unsigned given_up, void_late; /* bits: a reply may still come; it counts for nothing */
	unsigned attempts;
	bool unproven;     /* what the hub refused is asked again ever later, links or not ... */
	unsigned refusals; /* ... after so many */
	int64_t due_ms;    /* the next request not before */
	int64_t reported;  /* last code that was news, so that it is news once */
};

#define SUBDEV_INPUTS(X)                                                              \
	X(SUBDEV_IN_REMEMBERED) /* an earlier run left it online */                       \
	X(SUBDEV_IN_PRESENT)                                                              \
	X(SUBDEV_IN_ABSENT)                                                               \
	X(SUBDEV_IN_WORK)                                                                 \
	X(SUBDEV_IN_IDLE)                                                                 \
	X(SUBDEV_IN_LINK_UP)                                                              \
	X(SUBDEV_IN_LINK_DOWN)                                                            \
	X(SUBDEV_IN_LEAVING)                                                              \
	X(SUBDEV_IN_SENT)     /* op */                                                    \
	X(SUBDEV_IN_REPLY)    /* op, code when has_code */                                \
	X(SUBDEV_IN_SILENCE)  /* the request under way is given up */                     \
	X(SUBDEV_IN_BOUND)    /* notified */                                              \
	X(SUBDEV_IN_UNBOUND)  /* notified */                                              \
	X(SUBDEV_IN_LISTED)   /* one of the hub's list of what is bound */                \
	X(SUBDEV_IN_KEYS)     /* keys: how many there are now; 0: forget */               \
	X(SUBDEV_IN_ASKED)    /* op, by a program */                                      \
	X(SUBDEV_IN_UNPROVEN) /* a name that nobody says is ours (core/hub/standing.h) */ \
	X(SUBDEV_IN_PROVEN)   /* it is */

enum subdev_input {
#define X(name) name,
	SUBDEV_INPUTS(X)
#undef X
};

struct subdev_event {
	enum subdev_input kind;
	enum gateway_op op;
	bool has_code;
	int64_t code; /* docs/protocol/gateway.md 6 */
	unsigned keys;
};

/* What is worth a line in the log, or an act of whoever holds the rest of the device. */
enum subdev_news {
	SUBDEV_NOTHING,
	SUBDEV_CAME_ONLINE,
	SUBDEV_WENT_OFFLINE,
	SUBDEV_WAS_BOUND,   /* by somebody */
	SUBDEV_WAS_UNBOUND, /* what was sent and not acknowledged is to be sent again */
	SUBDEV_BOUND_IT,    /* with its key */
	SUBDEV_NEXT_KEY,    /* the first key is used up, the next is to be the first */
	SUBDEV_IS_REFUSED,  /* op and code; not again for the same code */
	SUBDEV_NO_ANSWER,   /* to op, for the third time */
};

struct subdev_effect {
	enum subdev_news news;
	enum gateway_op op;
	int64_t code;
	unsigned answered; /* bits 1 << op: programs are to be told answer */
	int64_t answer;
	bool ignored; /* a reply that counts for nothing */
};

void subdev_init(struct subdev_state *s, bool own);
/* What happens, and what comes of it. */
void subdev_take(struct subdev_state *s, struct subdev_world *w, const struct subdev_event *e,
                 int64_t now_ms, struct subdev_effect *out);
/* The next request, whether or not its time has come; GATEWAY_UNKNOWN: none, or one is under
 * way. */
enum gateway_op subdev_next(const struct subdev_state *s, const struct subdev_world *w);
/* When to look again: the next request may go, or the one under way is given up; INT64_MAX:
 * never. */
int64_t subdev_due(const struct subdev_state *s, const struct subdev_world *w);
bool subdev_unbound(const struct subdev_state *s); /* as far as the hub said */
/* After how many attempts that failed: 2, 4, 8 s, then 60, with up to half of it on top, so that a
 * thousand devices do not come back as one (docs/protocol/gateway.md 7). */
int64_t subdev_pause_ms(struct subdev_world *w, unsigned attempts);

#endif
