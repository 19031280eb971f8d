/* event.h - what the simulator tells: violations counted, events for the admin client.
 * Any thread may push; only the broker's main thread drains. */
#ifndef HUBSIM_EVENT_H
#define HUBSIM_EVENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

/* id, name in stats and events, what it means */
#define VIOLATIONS(X)                                                                              \
	X(FILTERS, "filters", "more than one filter in a SUBSCRIBE (docs/protocol/limits.md, Topics)") \
	X(QOS2, "qos2", "QoS 2 used (docs/protocol/connection.md 7)")                                  \
	X(RETAIN, "retain", "RETAIN set (docs/protocol/connection.md 7)")                              \
	X(WILL, "will", "will flag set (docs/protocol/connection.md 4)")                               \
	X(KEEPALIVE, "keepalive", "keep alive out of range (docs/protocol/limits.md)")                 \
	X(SUBSCRIPTIONS, "subscriptions",                                                              \
	  "too many subscriptions of one connection (docs/protocol/limits.md)")                        \
	X(CONNECT_RATE, "connect_rate",                                                                \
	  "two CONNECTs of one device too close (docs/protocol/limits.md)")                            \
	X(PUBLISH_RATE, "publish_rate",                                                                \
	  "too many PUBLISH in one second (docs/protocol/limits.md, Messages)")                        \
	X(PAYLOAD_SIZE, "payload_size",                                                                \
	  "payload over 16384 bytes (docs/protocol/limits.md, Messages)")                              \
	X(TOPIC, "topic", "topic over 255 bytes, or too many slashes (docs/protocol/limits.md)")       \
	X(FORBIDDEN_PUBLISH, "forbidden_publish",                                                      \
	  "topic not the client's to publish (docs/protocol/topics.md)")                               \
	X(FORBIDDEN_SUBSCRIBE, "forbidden_subscribe",                                                  \
	  "filter not the client's (docs/protocol/topics.md)")                                         \
	X(FRAMING, "framing", "not an MQTT packet")

enum violation {
#define X(id, name, text) VIOLATION_##id,
	VIOLATIONS(X)
#undef X
	VIOLATION_COUNT
};

struct events; /* opaque; locks itself */

/* NULL when out of memory. `rouse` is called after a push with the lock released. */
struct events *events_new(void (*rouse)(void *), void *arg);
void events_free(struct events *e); /* NULL is fine */

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t monotonic_ms(void);

/* A new event object with "ev" set; fill it, then event_push(). */
cJSON *event_new(const char *ev);
/* Takes `obj`; adds "t" and "n". Dropped while publishing is off. */
void event_push(struct events *e, cJSON *obj);
/* The oldest event as text (caller frees with free()), or NULL. */
char *event_pop(struct events *e);
void events_publishing(struct events *e, bool on);

/* Counts a violation and pushes {"ev":"violation","what":NAME,"client":..,"detail":..}. */
void violation(struct events *e, enum violation what, const char *client, const char *detail);
/* {"filters":0,...}; caller owns. */
cJSON *violations_json(struct events *e);
void violations_clear(struct events *e);

#endif
