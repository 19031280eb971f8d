/* dead_letter.h - messages that were given up, for a human to read: DIR/dead-letter.jsonl.
 * Room:  UPLINK.
 * Keeps: at most DEAD_LETTER_BYTES and as much again of older ones in dead-letter.jsonl.1.
 * Line:  {"time":"2026-11-24T02:30:00Z","product_id":...,"device_name":...,
 *        "topic":...,"reason":...,"qos":1,"payload":text} or, when it is no UTF-8 text,
 * "payload_base64".
 */
#ifndef HUBGATE_DEAD_LETTER_H
#define HUBGATE_DEAD_LETTER_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "core/base/status.h"

enum {
	DEAD_LETTER_BYTES = 1 << 20
};

struct dead_letter { /* borrowed */
	const char *product_id, *device_name, *topic, *reason;
	const void *payload;
	size_t len;
	uint8_t qos;
	time_t time; /* when it was given up */
};

/* ST_OK; ST_IO (errno); ST_NOMEM. */
enum status dead_letter_add(const char *dir, const struct dead_letter *letter);

#endif
