/* gen.h - publishers: many LAN devices in one thread, one poll loop, little CPU.
 *
 * Device n is SUBPRODUC1/d000n with the secret GEN_SECRET and publishes on its topic `data`
 * payloads that begin with struct stamp (cloud.h). Times in nanoseconds are CLOCK_MONOTONIC.
 */
#ifndef HUBGATE_BENCH_GEN_H
#define HUBGATE_BENCH_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/cloud.h"

#define GEN_PRODUCT "SUBPRODUC1"
#define GEN_SECRET  "ZGV2aWNlLW9uZS1wc2stLQ=="

enum {
	GEN_WINDOW = 1000,      /* most unacknowledged publishes of one client */
	GEN_LATENCIES = 1 << 16 /* PUBACK times kept */
};

struct gen_opts {
	int port; /* of the LAN broker, loopback */
	uint32_t first, clients;
};

struct gen_work {
	uint32_t run;      /* from cloud_new_run() */
	const char *topic; /* behind the device's name; NULL: "data" */
	int qos;           /* 0 or 1 */
	size_t payload;    /* bytes, at least a stamp */
	uint32_t each;     /* messages per client */
	double rate;       /* of all clients together per second; 0: as fast as it goes */
	double flood;      /* client 0 alone, per second, instead of its part; 0: none */
	uint32_t window;   /* unacknowledged per client, QoS 1 */
	uint32_t backlog;  /* QoS 0: most messages written and not yet counted by `cloud` */
	const struct cloud *cloud;
	int timeout_ms;
};

struct gen_result {
	uint64_t written, acked;
	int64_t start_ns, end_ns;
	int64_t *ack_ns; /* borrowed until the next run: publish to PUBACK, QoS 1 */
	size_t acks;
};

struct gen; /* opaque */

/* Connects and waits for every CONNACK. NULL: said on stderr. */
struct gen *gen_open(const struct gen_opts *opts);
void gen_close(struct gen *g); /* NULL is fine */
/* Publishes until every client wrote `each` messages and, at QoS 1, has its PUBACKs. Sequence
 * numbers start at 1. false: a connection was lost or timeout_ms over; *out says how far it got. */
bool gen_run(struct gen *g, const struct gen_work *w, struct gen_result *out);
/* PUBACKs that this client got in this run: its messages 1..n. */
uint32_t gen_acked(const struct gen *g, uint32_t client);
/* The value of a retained topic, read by an anonymous client; caller frees; NULL: none in 5 s. */
char *gen_retained(int port, const char *topic);
int64_t gen_clock_ns(void);

#endif
