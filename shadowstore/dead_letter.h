/* dead_letter.h - messages that were given up: DIR/dead-letter.jsonl, for a human to read, to send
 * again, or to throw away.
 * Room:  each function says whose it is. The two wait for each other, by a lock in here, which is
 *        held while the disk is waited for: BROKER never takes it.
 * Keeps: at most DEAD_LETTER_BYTES and as much again of older ones in dead-letter.jsonl.1.
 * Line:  {"time":"2026-11-24T02:30:00Z","product_id":...,"device_name":...,
 *        "topic":...,"reason":...,"qos":1,"payload":text} or, when it is no UTF-8 text,
 * "payload_base64".
 */
#ifndef HUBGATE_DEAD_LETTER_H
#define HUBGATE_DEAD_LETTER_H

#include <stdbool.h>
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

/* Room UPLINK. ST_OK; ST_IO (errno); ST_NOMEM. */
enum status dead_letter_add(const char *dir, const struct dead_letter *letter);

/* What a line is known by: made of its bytes, 1 to 48 bits. Lines that are the same have one. */
uint64_t dead_letter_id(const char *line, size_t len);

/* Room DISK. Calls each for every line, oldest first, without its newline, until it says false.
 * ST_OK, also when there are none; ST_IO (errno); ST_NOMEM. */
typedef bool dead_letter_fn(void *ctx, uint64_t id, const char *line, size_t len);
enum status dead_letter_read(const char *dir, dead_letter_fn *each, void *ctx);
/* Room DISK. Takes those lines out for which drop says true; *count says how many went. ST_OK;
 * ST_IO (errno): some may have gone; ST_NOMEM. */
enum status dead_letter_drop(const char *dir, dead_letter_fn *drop, void *ctx, size_t *count);

#endif
