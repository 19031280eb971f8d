/* gen_wire.h - what the benchmark's publishers say. */
#ifndef HUBGATE_BENCH_GEN_WIRE_H
#define HUBGATE_BENCH_GEN_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/cloud.h"
#include "tests/mqtt/packet.h"

int wire_dial(int port); /* loopback, without delay; -1: refused */
/* Hub credentials of the device; name NULL: an anonymous client called `product`. */
void wire_connect(struct packets *w, const char *product, const char *name, const char *secret);
/* On {product}/{device}/topic. */
void wire_publish(struct packets *w, const char *topic, int qos, size_t payload,
                  const struct stamp *s);
void wire_subscribe(struct packets *w, const char *filter);
void wire_message(struct packets *w, const char *topic, const char *payload); /* QoS 0 */

#endif
