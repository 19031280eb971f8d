/* trace_event.h - one step of one message of a device that somebody traces, and its JSON.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_TRACE_EVENT_H
#define HUBGATE_TRACE_EVENT_H

#include "core/base/buf.h"
#include "core/hub/topic.h"

/* step, its name on $CONTROL. The way up: */
#define TRACE_STEPS(X)                                                                \
	X(TRACE_PUBLISHED, "lan_publish")                                                 \
	X(TRACE_ANSWERED, "answered")         /* here, by a service: it does not go up */ \
	X(TRACE_STORED, "stored")             /* before the broker's PUBACK */            \
	X(TRACE_IN_MEMORY, "in_memory")       /* QoS 0, or worthless when late */         \
	X(TRACE_SENT, "sent")                 /* written to the hub's socket */           \
	X(TRACE_ACKNOWLEDGED, "acknowledged") /* by the hub's PUBACK */                   \
	X(TRACE_CUT, "cut")                   /* the link ended before that: again */     \
	X(TRACE_ASIDE, "aside")               /* others overtake it */                    \
	X(TRACE_REFUSED, "refused")                                                       \
	X(TRACE_DROPPED, "dropped")                                                       \
	/* the way down: */                                                               \
	X(TRACE_COMMAND, "command")     /* the hub sent it */                             \
	X(TRACE_KEPT, "kept")           /* its device cannot take it now */               \
	X(TRACE_DELIVERED, "delivered") /* handed to the broker for the LAN */            \
	/* of the trace: */                                                               \
	X(TRACE_LOST, "lost") /* seq: events that are missing here */                     \
	X(TRACE_ENDED, "ended")

enum trace_step {
#define X(step, name) step,
	TRACE_STEPS(X)
#undef X
};

enum {
	TRACES_MAX = 4 /* devices that are traced at one time */
};

struct trace_about {   /* what a step is about; borrowed */
	const char *topic; /* NULL: not known */
	size_t bytes;      /* of the payload */
	uint64_t seq;      /* of the journal, the same in all steps of a message; 0: it has none */
	uint8_t qos;
	const char *why; /* static text; NULL: nothing to say */
	int64_t at_us;   /* when; 0: now */
	int64_t took_us; /* of TRACE_STORED: the write; else 0 */
};

struct trace_event {
	enum trace_step step;
	int64_t at_us;   /* CLOCK_MONOTONIC */
	int64_t took_us; /* the rest as in struct trace_about */
	const char *why;
	uint64_t seq;
	size_t bytes;
	uint8_t qos;
	char client_id[CLIENT_ID_MAX + 1];
	char topic[TOPIC_LEN_MAX + 1]; /* a longer one is cut; "": not known */
};

/* about->at_us is not 0. */
void trace_event_make(struct trace_event *out, enum trace_step step, const char *client_id,
                      const struct trace_about *about);
/* {"event":{"at_us":N,"step":"..."...}}, at_us counted from begin_us. ST_OK or from buf. */
enum status trace_event_put(struct buf *out, const struct trace_event *e, int64_t begin_us);

#endif
