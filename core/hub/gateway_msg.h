/* gateway_msg.h - the JSON of the $gateway topics, in and out.
 * Room:  any. Pure.
 * Facts: docs/protocol/gateway.md 1-6. One device per request is sent, many accepted.
 */
#ifndef HUBGATE_GATEWAY_MSG_H
#define HUBGATE_GATEWAY_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/hub/credential.h"

enum gateway_op {
	GATEWAY_UNKNOWN, /* any other type: ignore */
	GATEWAY_ONLINE,
	GATEWAY_OFFLINE,
	GATEWAY_BIND,
	GATEWAY_UNBIND,
	GATEWAY_DESCRIBE,
	GATEWAY_CHANGE,
	GATEWAY_SEARCH,
};

/* docs/protocol/gateway.md 6, "Treat as" */
enum gateway_verdict {
	VERDICT_OK,
	VERDICT_UNBOUND, /* -1: needs a bind */
	VERDICT_RETRY,   /* -2 and codes unknown to us */
	VERDICT_PERMANENT,
};

const char *gateway_op_name(enum gateway_op op); /* "online", ... */
/* 809 (already bound) is VERDICT_OK for GATEWAY_BIND; -1 there is permanent: binding
 * again would not help. */
enum gateway_verdict gateway_verdict(enum gateway_op op, int64_t code);
/* What the code means and what the user should do; static, never NULL. */
const char *gateway_code_text(int64_t code);

/* {"type":"online","payload":{"devices":[{...}]}} for ONLINE, OFFLINE, UNBIND.
 * ST_OK or from buf; ST_INVALID for another op or ids out of their grammar. */
enum status gateway_put_request(struct buf *out, enum gateway_op op, const char *product_id,
                                const char *device_name);
enum bind_auth {
	BIND_PSK,
	BIND_CERTIFICATE, /* secret->text is a digest of the certificate, in hex */
};

/* docs/protocol/gateway.md 3; random up to 2147483647. Statuses as above and those of
 * credential_bind_signature(). */
enum status gateway_put_bind(struct buf *out, const char *product_id, const char *device_name,
                             const struct secret *secret, uint32_t random, uint64_t timestamp_s,
                             enum hash hash, enum bind_auth auth);
/* ST_OK or from buf. docs/protocol/gateway.md 4, 5. */
enum status gateway_put_describe(struct buf *out);
enum status gateway_put_change_ack(struct buf *out, int result);

struct gateway_device {
	char product_id[PRODUCT_ID_LEN + 1];
	char device_name[DEVICE_NAME_MAX + 1];
	bool has_result;
	int64_t result;
};

struct gateway_msg {
	enum gateway_op op;
	bool has_status;
	int64_t status;                 /* of CHANGE: 1 bound, 0 unbound */
	struct gateway_device *devices; /* owned */
	size_t count;                   /* elements with illegal ids are left out */
};

/* ST_OK (unknown types and search_devices too, without devices); ST_MALFORMED: no
 * object with a type, or payload or devices of the wrong JSON type; ST_TOOBIG: over
 * 512 KB or 8192 devices; ST_NOMEM. devices as [], null or absent: count 0. Caller
 * calls gateway_msg_free() after ST_OK. */
enum status gateway_parse(const void *text, size_t len, struct gateway_msg *out);
void gateway_msg_free(struct gateway_msg *m);

#endif
