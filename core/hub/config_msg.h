/* config_msg.h - remote configuration: what devices ask, what the hub says.
 * Room:  any. Pure.
 * Facts: docs/protocol/other.md 3: $config/operation, .../result, and their older names.
 */
#ifndef HUBGATE_CONFIG_MSG_H
#define HUBGATE_CONFIG_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"

#define CONFIG_MSG_GET "{\"type\":\"get\"}"

enum {
	CONFIG_MSG_BYTES_MAX = 256 << 10 /* the console takes 128 KiB of configuration */
};

enum config_msg_code { /* "result" */
	CONFIG_MSG_OK = 0,
	CONFIG_MSG_DISABLED = 1001,
	CONFIG_MSG_NONE = 1002,
	CONFIG_MSG_INVALID = 1003,
};

bool config_msg_is_get(const void *payload, size_t len);

struct config_msg {
	bool push; /* the operator distributes it; else it answers a get */
	int64_t code;
	struct buf content; /* the configuration itself: one JSON object as text; empty with a code */
};

/* The hub's message; a push without a result has 0. Numbers of the configuration keep their
 * spelling. Caller owns out->content when ST_OK (buf_free). ST_MALFORMED; ST_INVALID: neither reply
 * nor push, no code, or 0 without an object; ST_TOOBIG; ST_NOMEM. */
enum status config_msg_parse(const void *payload, size_t len, struct config_msg *out);

/* Appends the answer to a get. Statuses of buf_add(). */
enum status config_msg_put_reply(struct buf *out, int64_t code, const void *content, size_t len);

#endif
