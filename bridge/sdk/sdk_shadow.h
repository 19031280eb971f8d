/* sdk_shadow.h - a device's shadow for a program of its own: ask, report, hear what is desired.
 * Room:  one thread of the program, as bridge/sdk/sdk.h.
 * Facts: docs/protocol/shadow.md 1-3; docs/protocol/sdk-api.md "Other methods present in the
 * source".
 */
#ifndef HUBGATE_SDK_SHADOW_H
#define HUBGATE_SDK_SHADOW_H

#include "bridge/sdk/sdk.h"

struct sdk_shadow; /* opaque */

enum sdk_shadow_kind {
	SDK_SHADOW_GOT,     /* the answer to sdk_shadow_get() */
	SDK_SHADOW_UPDATED, /* to an update */
	SDK_SHADOW_DELTA,   /* what is desired and not reported */
};

struct sdk_shadow_news { /* borrowed during the call */
	enum sdk_shadow_kind kind;
	int64_t result;    /* of an answer: docs/protocol/shadow.md 4; 0 is fine */
	const char *token; /* of the request; NULL: none */
	const char *text;  /* the whole message, JSON, len bytes */
	size_t len;
};

typedef void sdk_shadow_fn(void *ctx, const struct sdk_shadow_news *news);

/* Subscribes the answers, and waits up to timeout_ms for the hub to grant that. Caller owns *out.
 * ST_OK; ST_DENIED; ST_TIMEOUT; ST_INVALID: ids; ST_FULL, ST_NOMEM. */
enum status sdk_shadow_init(struct sdk *p, const char *product_id, const char *device_name,
                            sdk_shadow_fn *fn, void *ctx, int timeout_ms, struct sdk_shadow **out);
void sdk_shadow_free(struct sdk_shadow *s); /* before sdk_free(); NULL is fine */

/* Each has a token of its own, {pid}-{n}. ST_OK; ST_STATE: the hub is away; ST_FULL; ST_TOOBIG;
 * ST_NOMEM. */
enum status sdk_shadow_get(struct sdk_shadow *s);
/* reported: the text of a JSON object, borrowed; null removes. ST_INVALID: it is none. */
enum status sdk_shadow_report(struct sdk_shadow *s, const char *reported);
/* Whatever is desired is done: it is cleared. */
enum status sdk_shadow_clear_desired(struct sdk_shadow *s);

#endif
