/* seen.h - what the hub took, message by message, in the order of arrival.
 *
 * A client of the simulator's admin port at QoS 0: the simulator hands it a message before it
 * acknowledges the message to the gateway, so a kill of the simulator takes nothing from here that
 * the gateway believes delivered. */
#ifndef HUBGATE_TESTS_SEEN_H
#define HUBGATE_TESTS_SEEN_H

#include <stdbool.h>
#include <stdint.h>

struct seen; /* opaque */

struct seen_counts {
	uint64_t received, distinct, duplicates, reordered;
};

struct seen *seen_new(void); /* caller owns; NULL: no memory */
void seen_free(struct seen *s);
/* Subscribes at the simulator; until SUBACK. May be repeated after seen_detach(). */
bool seen_attach(struct seen *s, int admin_port);
/* Lets go; of a simulator that died only after what it sent was taken in. */
void seen_detach(struct seen *s, bool died);

bool seen_has(struct seen *s, int dev, int seq);
void seen_counts(struct seen *s, struct seen_counts *out);
/* Waits until more than `received` arrived. */
bool seen_await_more(struct seen *s, uint64_t received, int timeout_ms);
/* Waits until nothing arrived for quiet_ms. */
bool seen_await_quiet(struct seen *s, int quiet_ms, int timeout_ms);

#endif
