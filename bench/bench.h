/* bench.h - the benchmarks, by name. Each adds its rows to the table; what cannot be carried out
 * is a row too. */
#ifndef HUBGATE_BENCH_BENCH_H
#define HUBGATE_BENCH_BENCH_H

#include <stdbool.h>

#include "bench/cloud.h"
#include "bench/side.h"
#include "bench/table.h"

struct bench {
	struct table *table;
	bool quick;
	int rounds;                  /* at least 7, quick: 3 */
	const char *ca, *cert, *key; /* files */
};

enum {
	BENCH_WINDOW = 100, /* on the way to the cloud, both sides */
	BENCH_GATHER_MS = 20000
};

void bench_forward(struct bench *b);    /* compare.c: delivered rate, CPU */
void bench_distance(struct bench *b);   /* compare.c: the same with a cloud 50 ms away */
void bench_latency(struct bench *b);    /* compare.c */
void bench_outage(struct bench *b);     /* outage.c: 20 s without a cloud */
void bench_kill(struct bench *b);       /* outage.c: kill -9 while messages wait */
void bench_rate(struct bench *b);       /* limits.c: rate_up, black hole */
void bench_fair(struct bench *b);       /* limits.c: one device floods */
void bench_neighbours(struct bench *b); /* neighbours.c: what trouble of some costs the others */
void bench_disk(struct bench *b);       /* limits.c: one device cannot be delivered */
void bench_sync(struct bench *b);       /* limits.c: what a quiet gateway writes */
void bench_memory(struct bench *b);     /* room.c: backlog, idle devices */
void bench_million(struct bench *b);    /* room.c: start with a million queued */
void bench_callbacks(struct bench *b);  /* callbacks.c: the LAN in every state of the cloud */
void bench_shadow(struct bench *b);     /* shadow.c: get and update, beside an external responder */
void bench_shadows(struct bench *b);    /* shadows.c: 1,500 devices with news after an outage */
void bench_rrpc(struct bench *b);       /* rrpc.c: what the gateway adds to a call */
void bench_downloads(struct bench *b);  /* downloads.c: telemetry of others meanwhile */
void bench_reconnect(struct bench *b);  /* reconnect.c: 1,500 devices come back */

#endif
