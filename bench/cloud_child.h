/* cloud_child.h - between cloud.c (the caller's half), cloud_child.c (the process) and
 * cloud_mqtt.c (what its connections say). */
#ifndef HUBGATE_BENCH_CLOUD_CHILD_H
#define HUBGATE_BENCH_CLOUD_CHILD_H

#include <openssl/ssl.h>

#include "bench/cloud.h"
#include "tests/mqtt/packet.h"

enum {
	CLOUD_RATE_RING = 1 << 17,
	CLOUD_INPUT_MAX = 1 << 16
};

/* What both processes see. */
struct cloud_shared {
	struct cloud_counts counts;
	_Atomic uint32_t mode, run;   /* wanted by the caller */
	_Atomic uint32_t news, tell;  /* enum cloud_news, so many of them; 0: nothing to tell */
	_Atomic uint32_t asked, done; /* commands given and carried out */
	uint64_t seen[CLOUD_DEVICES][CLOUD_SEQS / 64];
};

/* Events of the last second. */
struct rate {
	int64_t at_ns[CLOUD_RATE_RING];
	uint64_t head, tail;
};

/* Bytes that travel for a while: one entry per piece, oldest first. */
struct piece {
	struct piece *next;
	int64_t due_ns;
	size_t len;
	unsigned char data[];
};

struct road {
	struct piece *first, **last;
};

struct peer {
	int fd;
	SSL *ssl;
	bool broken, gateway;   /* gateway: it subscribed */
	uint32_t unacked;       /* QoS 1 messages that came, PUBACKs not yet written */
	struct packets in, out; /* whole packets not yet seen; bytes to be written now */
	struct road up, down;   /* delayed packets in; delayed bytes out */
};

struct cloud_child {
	struct cloud_shared *shared;
	struct cloud_opts opts;
	uint32_t run;
	int listener, wake;
	int64_t now_ns; /* of this turn */
	struct rate sent, taken;
	bool known;           /* somebody left a session here */
	struct packets reply; /* the packet being made */
};

int64_t cloud_clock_ns(void);
/* Never returns to the caller's program. */
_Noreturn void cloud_child_run(struct cloud_shared *shared, const struct cloud_opts *opts,
                               int listener, int wake);
/* The packets in p->in are judged: counted as written, then carried out or delayed. */
void peer_take_input(struct cloud_child *c, struct peer *p);
/* Carries out what has arrived by now. */
void peer_arrivals(struct cloud_child *c, struct peer *p);
/* News for the peer, if it is a gateway. */
void peer_tell(struct cloud_child *c, struct peer *p, enum cloud_news news, uint32_t count);
void road_put(struct road *r, int64_t due_ns, const void *data, size_t len);
void road_fini(struct road *r);

#endif
