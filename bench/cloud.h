/* cloud.h - a cloud for both sides of a comparison: speaks just enough MQTT 3.1.1, and of the
 * gateway protocol that every device is online at once, and counts what arrives.
 *
 * A process of its own (child of the caller, killed with it) on a loopback port, so that its
 * work is in nobody's figures. Counts lie in shared memory: the child writes, the caller reads.
 * Facts: docs/protocol/gateway.md 2. No limits are enforced: that is the simulator's job.
 */
#ifndef HUBGATE_BENCH_CLOUD_H
#define HUBGATE_BENCH_CLOUD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CLOUD_DEVICES = 1500,
	CLOUD_SEQS = 1 << 18, /* sequence numbers 1..CLOUD_SEQS-1 of one device are told apart */
	CLOUD_LATENCIES = 1 << 16,
	CLOUD_CONNECTS = 64
};

/* The first bytes of every payload of the benchmarks. */
struct stamp {
	uint32_t run, device, seq, unused;
	int64_t sent_ns; /* CLOCK_MONOTONIC */
};

enum cloud_mode {
	CLOUD_UP,
	CLOUD_HELD, /* takes connections and bytes, answers nothing, counts nothing */
	CLOUD_DOWN  /* closes every connection and refuses new ones */
};

/* What comes of a publish on a topic that ends with CLOUD_UNDECLARED. */
enum cloud_forbidden {
	CLOUD_SILENT, /* no PUBACK, and the connection stays: docs/protocol/topics.md 2 */
	CLOUD_CLOSES,
};

#define CLOUD_UNDECLARED "/undeclared"

struct cloud_device {
	_Atomic uint32_t received, distinct, highest;
	_Atomic bool online;
};

struct cloud_counts {
	_Atomic uint64_t received, distinct, duplicates, reordered, stale, forbidden;
	_Atomic int64_t last_ns;            /* when the newest distinct message was counted */
	_Atomic uint32_t online;            /* devices */
	_Atomic uint32_t sent_per_s;        /* most PUBLISH packets written to us in any second */
	_Atomic uint32_t taken_per_s;       /* most of them counted in any second */
	_Atomic uint32_t unacked;           /* most QoS 1 messages of one connection not answered */
	_Atomic uint32_t connects;          /* TCP connections since the start */
	_Atomic uint32_t latencies;         /* entries of latency_ns that count */
	int64_t connect_ns[CLOUD_CONNECTS]; /* of the newest, at index modulo */
	int64_t latency_ns[CLOUD_LATENCIES];
	struct cloud_device device[CLOUD_DEVICES];
};

struct cloud_opts {
	const char *cert, *key; /* PEM files: TLS; NULL: plain TCP */
	int delay_ms;           /* added each way */
	/* Takes no more unanswered QoS 1 messages of a connection, the rest waits in its socket;
	 * 0: takes all. For a distant cloud: the broker 2.0.11 has more of a bridge's queue on the
	 * way than max_inflight_messages, 2,899 where 100 were allowed. */
	uint32_t window;
	bool knows;  /* says "session present" to whoever asks for the old session */
	int refused; /* this device gets -1 for online; negative: none. Any name not d0000... does */
	enum cloud_forbidden forbidden;
};

/* What the cloud says of itself, to every gateway that is connected. */
enum cloud_news {
	CLOUD_LIST,     /* docs/protocol/gateway.md 4: so many devices are bound */
	CLOUD_CHANGES,  /* 5: so many notices, each of one device */
	CLOUD_COMMANDS, /* so many messages of QoS 0, over all devices */
};

struct cloud; /* opaque */

struct cloud *cloud_start(const struct cloud_opts *opts); /* NULL: cannot start, said on stderr */
void cloud_stop(struct cloud *c);                         /* NULL is fine */
int cloud_port(const struct cloud *c);
/* They wait until the child did it; false: it did not in 5 s. */
bool cloud_set(struct cloud *c, enum cloud_mode mode);
bool cloud_tell(struct cloud *c, enum cloud_news news, uint32_t count);
/* Counts start at zero; messages of other runs than the returned one count as stale. 0: failed. */
uint32_t cloud_new_run(struct cloud *c);
const struct cloud_counts *cloud_counts(const struct cloud *c); /* borrowed until cloud_stop() */
/* Waits until so many distinct messages of this run came. false: none came for quiet_ms. */
bool cloud_await(const struct cloud *c, uint64_t distinct, int quiet_ms);
bool cloud_await_online(const struct cloud *c, uint32_t devices, int timeout_ms);
/* How many of the device's sequence numbers 1..upto did not come. */
uint32_t cloud_missing(const struct cloud *c, uint32_t device, uint32_t upto);

#endif
