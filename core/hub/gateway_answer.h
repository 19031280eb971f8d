/* gateway_answer.h - the hub's side of the $gateway topics, for a gateway application on the LAN:
 * its requests in, the hub's replies out.
 * Room:  any. Pure.
 * Facts: docs/protocol/gateway.md 1-6. One device per request is what SDKs send, many are
 *        answered.
 */
#ifndef HUBGATE_GATEWAY_ANSWER_H
#define HUBGATE_GATEWAY_ANSWER_H

#include <cjson/cJSON.h>

#include "core/hub/gateway_msg.h"

enum {
	GATEWAY_WISHES_MAX = 64, /* devices of one request */
};

enum gateway_code { /* docs/protocol/gateway.md 6 */
	CODE_OK = 0,
	CODE_UNBOUND = -1,
	CODE_SYSTEM = -2,
	CODE_BAD_PARAMETER = 801,
	CODE_NO_DEVICE = 802,
	CODE_BAD_SIGNATURE = 803,
	CODE_BAD_METHOD = 804,
	CODE_EXPIRED = 805,
	CODE_NOT_PLAIN = 807,
	CODE_BOUND_ALREADY = 809,
};

struct gateway_wish {  /* what is asked for one device */
	const cJSON *from; /* borrowed from the request */
	char client_id[CLIENT_ID_MAX + 1];
	char product_id[PRODUCT_ID_LEN + 1];
	char device_name[DEVICE_NAME_MAX + 1];
	bool done; /* result is known */
	int64_t result;
};

struct gateway_request {
	enum gateway_op op;          /* GATEWAY_UNKNOWN and GATEWAY_SEARCH: ignore */
	cJSON *root;                 /* owned */
	struct gateway_wish *wishes; /* owned */
	size_t count;
};

/* Devices without both ids are done with 801, with ids out of their grammar with 802. ST_OK;
 * ST_MALFORMED: no JSON object with a type; ST_INVALID: an operation on devices without any, or
 * with more than GATEWAY_WISHES_MAX (the hub says 801 there); ST_TOOBIG; ST_NOMEM. On ST_OK and
 * ST_INVALID caller calls gateway_request_free(). */
enum status gateway_request_parse(const void *text, size_t len, struct gateway_request *out);
void gateway_request_free(struct gateway_request *r);

/* The signature of a bind, as far as secret (NULL: unknown here) allows: 0, or 801, 803, 804.
 * Whether it has expired is for the hub to say. docs/protocol/gateway.md 3. */
int64_t gateway_check_bind(const struct gateway_wish *w, const struct secret *secret);
/* The request for the hub that carries w's own signature. ST_OK or from buf; ST_INVALID: not one
 * that gateway_check_bind() finds complete. */
enum status gateway_put_bind_as(struct buf *out, const struct gateway_wish *w);

/* The reply once all are done: the ids in the order of the request, then the result. ST_INVALID of
 * gateway_request_parse(): "result":801 for the whole. ST_OK; ST_NOMEM; from buf. */
enum status gateway_put_reply(struct buf *out, const struct gateway_request *r);

/* A reply to describe_sub_devices, piece by piece: begin, one for each device, end. */
enum status gateway_put_list_begin(struct buf *out);
enum status gateway_put_list_device(struct buf *out, const char *product_id,
                                    const char *device_name, bool first);
enum status gateway_put_list_end(struct buf *out);

#endif
