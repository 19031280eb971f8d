/* echo.h - recognises the hub's copies of what we sent ourselves.
 * Room:  UPLINK. Pure.
 * Facts: docs/protocol/topics.md 2: who publishes to a topic that it also subscribes
 *        gets its own message back. The LAN delivered it already: one echo per
 *        transmission of the same (topic, length, content) is swallowed within
 *        30 s; in doubt it is delivered.
 */
#ifndef HUBGATE_ECHO_H
#define HUBGATE_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/mqtt/mqtt_codec.h"

enum {
	ECHO_LIFE_MS = 30000,
	ECHO_MAX = 4096
};

struct echo; /* opaque; the oldest of ECHO_MAX is forgotten */

enum status echo_new(uint64_t seed, struct echo **out); /* ST_OK; ST_NOMEM */
void echo_free(struct echo *e);                         /* NULL is fine */
/* now_ms: of a clock that never goes back. Without memory the send is not noted. */
void echo_sent(struct echo *e, int64_t now_ms, struct mqtt_text topic, const void *payload,
               size_t len);
/* True once per echo_sent() of the same message in the last 30 s. */
bool echo_is(struct echo *e, int64_t now_ms, struct mqtt_text topic, const void *payload,
             size_t len);
void echo_clear(struct echo *e); /* as if nothing had been sent */

#endif
