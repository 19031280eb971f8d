/* gen_wire.h - the packets of the benchmark's publishers, MQTT 3.1.1. */
#ifndef HUBGATE_BENCH_GEN_WIRE_H
#define HUBGATE_BENCH_GEN_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/cloud.h"

enum {
	WIRE_CONNACK = 0x20,
	WIRE_PUBACK = 0x40
};

struct wire { /* bytes to be written; zeroed is empty */
	unsigned char *data;
	size_t len, room;
};

void wire_fini(struct wire *w);
int wire_dial(int port); /* loopback, without delay; -1: refused */
/* Hub credentials of the device; name NULL: an anonymous client called `product`. */
void wire_connect(struct wire *w, const char *product, const char *name, const char *secret);
void wire_publish(struct wire *w, int qos, size_t payload, const struct stamp *s);
void wire_subscribe(struct wire *w, const char *filter);
void wire_message(struct wire *w, const char *topic, const char *payload); /* QoS 0 */

#endif
