/* command_record.h - what the state store has of one command (docs/state-format.md "Commands").
 * Room:  any. Pure.
 *
 * Key: client id of its device, space, sequence in 16 digits (hex). Value, little-endian:
 *    0  1  version, 1
 *    1  1  0
 *    2  2  length of topic
 *    4  8  milliseconds since 1970 when it came; 0: the clock was not trusted
 *   12     topic, then payload
 */
#ifndef HUBGATE_COMMAND_RECORD_H
#define HUBGATE_COMMAND_RECORD_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/hub/credential.h"

enum {
	COMMAND_KEY_MAX = CLIENT_ID_MAX + 1 + 16 + 1, /* with its NUL */
	COMMAND_RECORD_HEAD = 12,
};

struct command_record { /* borrowed views; topic is not NUL-terminated after decoding */
	const char *topic;
	size_t topic_len;
	const void *payload;
	size_t len;
	int64_t wall_ms;
};

void command_record_key(const char *client_id, uint64_t seq, char out[COMMAND_KEY_MAX]);
/* The sequence in a key; 0: it is none. *id_len: of the client id before it. */
uint64_t command_record_seq(const char *key, size_t *id_len);
/* Appends to out. ST_OK; ST_TOOBIG: a topic over 255 bytes, or from buf; ST_NOMEM. */
enum status command_record_encode(struct buf *out, const struct command_record *r);
/* ST_OK; ST_MALFORMED; ST_INVALID: another version. */
enum status command_record_decode(const void *bytes, size_t len, struct command_record *out);

#endif
