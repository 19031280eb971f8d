/* flight.h - QoS 1 publishes that the hub has not acknowledged yet.
 * Room:  UPLINK. Pure.
 * Facts: docs/architecture.md 6 "Poison": a publish not acknowledged while later ones
 *        are is suspect after 10 s; it then leaves the window, so that it stops
 *        nobody, and its owner decides what becomes of it.
 */
#ifndef HUBGATE_FLIGHT_H
#define HUBGATE_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

enum {
	FLIGHT_SUSPECT_MS = 10000
};

struct flight_entry {
	void *owner; /* borrowed; the device */
	uint64_t seq;
	int64_t sent_ms;
	uint64_t order;     /* rises with every transmission */
	uint16_t packet_id; /* 0: free slot */
};

struct flight {
	struct flight_entry *slots; /* owned, room of them; more than window after it shrank */
	size_t room, window, count;
	uint64_t order, acked_order; /* of the newest acknowledged */
};

enum status flight_init(struct flight *f, size_t window); /* ST_OK; ST_NOMEM */
/* Nothing leaves for it: above a smaller window nothing more goes out until answers came. ST_OK;
 * ST_NOMEM: as before. */
enum status flight_set_window(struct flight *f, size_t window);
void flight_fini(struct flight *f);
bool flight_full(const struct flight *f);
/* ST_OK; ST_FULL. A packet id that is in already is renewed. */
enum status flight_add(struct flight *f, void *owner, uint64_t seq, uint16_t packet_id,
                       int64_t now_ms);
/* Takes the entry out into *out. false: no such packet id. */
bool flight_ack(struct flight *f, uint16_t packet_id, struct flight_entry *out);
/* Takes one suspect out into *out; false: none. */
bool flight_suspect(struct flight *f, int64_t now_ms, struct flight_entry *out);
/* Time of the oldest transmission that waits, INT64_MAX: none. */
int64_t flight_oldest_ms(const struct flight *f);
void flight_clear(struct flight *f); /* the connection is gone */

#endif
