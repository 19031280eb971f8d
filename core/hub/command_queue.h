/* command_queue.h - commands of the hub that wait for their devices: order, bounds, and what is to
 * be done with each.
 * Room:  any; one owner. Pure: who hears what, and when it is, come in.
 * Keeps: order per device, by sequence. A command leaves when somebody says so (remove), never by
 *        itself.
 * Facts: docs/architecture.md 4 "Command down"; docs/protocol/topics.md 1.
 */
#ifndef HUBGATE_COMMAND_QUEUE_H
#define HUBGATE_COMMAND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/hub/topic.h"

enum {
	COMMAND_DEVICE_MAX = 32, /* of one device */
	COMMAND_MAX = 1000,
	COMMAND_UNKEPT_MAX = 10, /* the hub has no acknowledgement of them */
	COMMAND_LIVE_MS = 60000, /* a session lives so long with it at most before it counts as heard */
	COMMAND_AGAIN_MS = 100,  /* by then the broker has routed what it was given */
};

enum command_drop { /* why one is given up */
	COMMAND_DROP_NONE,
	COMMAND_DROP_DEVICE, /* COMMAND_DEVICE_MAX */
	COMMAND_DROP_ALL,    /* COMMAND_MAX */
	COMMAND_DROP_DISK,   /* COMMAND_UNKEPT_MAX: the disk takes none, and memory is for so many */
	COMMAND_DROP_AGE,
	COMMAND_DROP_GONE,  /* its device was unbound or removed */
	COMMAND_DROP_UNFIT, /* mappings[] make nothing of it */
	COMMAND_DROPS
};

struct command { /* owned by who makes it */
	struct command *prev, *next;
	void *device; /* only compared */
	uint64_t seq; /* 1, 2, ... */
	enum topic_kind kind;
	char *topic; /* of the hub; owned, as payload */
	void *payload;
	size_t len;
	bool kept;          /* in the store, and acknowledged to the hub; else by packet_id, epoch */
	bool over;          /* only its record still has to be erased: it counts for nothing */
	uint16_t packet_id; /* at the hub */
	uint32_t epoch;
	int64_t wall_ms;  /* when it came; 0: the clock was not trusted */
	int64_t since_ms; /* when it came or was loaded, of a clock that nobody sets */
	/* The last session that it was handed to, and its connection then; 0: none was. */
	uint64_t session, connection;
	bool taken;  /* that session has it, or the broker for it */
	bool wanted; /* of a plain device: its topic was subscribed since */
	int64_t at_ms;
	/* What was handed over then, which may be other than what the hub sent. */
	size_t lan_len;
	uint64_t lan_hash; /* of its topic and payload */
};

struct command_queue { /* zeroed before first use */
	LINE_OF(struct command) line;
	size_t count, unkept; /* of these; none that are over */
	uint64_t last_seq;
};

/* In its place by c->seq; 0: it gets the next one. */
void command_queue_put(struct command_queue *q, struct command *c);
void command_queue_remove(struct command_queue *q, struct command *c);
/* c->kept becomes true. */
void command_queue_kept(struct command_queue *q, struct command *c);
/* It is over, its record is not erased. */
void command_queue_end(struct command_queue *q, struct command *c);
size_t command_queue_count(const struct command_queue *q, const void *device);
/* Which one has to go, after one was put for device: the oldest within the bound that is passed.
 * NULL: none. */
struct command *command_queue_excess(const struct command_queue *q, const void *device,
                                     enum command_drop *why);

/* Who could hear a command now. */
struct command_listener {
	uint64_t session;    /* 0: nobody is there */
	uint64_t connection; /* the one that it has now */
	bool sure;           /* what the session subscribes is known: nobody hears what it does not */
	bool subscribes;     /* it subscribes the command's topic, as far as that is known */
	int64_t since_ms;    /* its connection lives */
	int64_t live_ms;     /* until what it has counts as heard */
};

enum command_step {
	COMMAND_STAYS,
	COMMAND_GOES,  /* to the broker, which has it for the session then */
	COMMAND_TRIED, /* to the broker; whether it finds a subscription is seen by who may read it */
	COMMAND_SOON,  /* the broker may not have routed it yet: again at c->at_ms + COMMAND_AGAIN_MS,
	                * and what came later for its device goes behind it */
	COMMAND_HEARD, /* it ends */
};

/* Whether session has c already. */
bool command_is_with(const struct command *c, uint64_t session);
/* When it counts as heard by the session that has it, if that lives on. */
int64_t command_heard_ms(const struct command *c, const struct command_listener *l);
enum command_step command_next(const struct command *c, const struct command_listener *l,
                               int64_t now_ms);
/* Nothing of the device has to go before a command that comes now. */
bool command_queue_is_clear(const struct command_queue *q, const void *device, uint64_t session);

/* Is a QoS 1 message of this kind for a device that is not there worth keeping? Answers and calls
 * are not: who asked does not wait any more; but a remote configuration comes on the topic of its
 * answers when it is distributed (docs/protocol/other.md 3). An update of firmware comes again
 * (docs/protocol/ota.md 5). */
bool command_is_kept(enum topic_kind kind);

/* Milliseconds since it came, as far as can be known. wall_ms 0: the clock is not trusted. */
int64_t command_age_ms(const struct command *c, int64_t now_ms, int64_t wall_ms);

/* How long a session with this keep alive (0: none, or not known) lives with a command before it
 * counts as heard. */
int64_t command_live_ms(int keepalive_s);

#endif
