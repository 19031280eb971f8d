/* rights_world.h - a hub with custom topics, a broker, dev1 online at the hub, and a client that
 * is no device: for the suites about who may touch which topic. */
#ifndef HUBGATE_TESTS_RIGHTS_WORLD_H
#define HUBGATE_TESTS_RIGHTS_WORLD_H

#include "tests/harness/harness.h"

#define PID     "SUBPRODUC1"
#define NAME    "dev1"
#define OWN     PID "/" NAME
#define SECRET  "ZGV2aWNlLW9uZS1wc2stLQ=="
#define SECRET2 "ZGV2aWNlLXR3by1wc2stLQ=="
#define EVENT   OWN "/event"
#define SYS     "$SYS/broker/hubgate/"

#define A10  "aaaaaaaaaa"
#define A50  A10 A10 A10 A10 A10
#define A200 A50 A50 A50 A50
#define T255 OWN "/up/" A200 A10 A10 A10 "aaaaaa"
#define DEEP OWN "/deep/1/2/3/4/5/6/7/8" /* 10 slashes */

enum {
	DENIED = 0x80,
	AWAIT_MS = 5000
};

struct world {
	struct sim *sim;
	struct lan *lan;
	struct dev *device, *plain;
};

struct world world_start(void); /* what cannot be set up ends the test */
void world_stop(struct world *w);
/* Another client that is no device. */
struct dev *world_plain(struct lan *l, const char *id);

bool world_at_hub(struct world *w, const char *topic); /* waits for a publish there */
/* A publish of dev1 that came after all others is at the hub. */
bool world_marker(struct world *w, const char *text);
bool world_not_at_hub(struct world *w, const char *topic);
/* A payload "forged" is at the hub, or anything that the hub forbids. The gateway itself uses some
 * of the topics that devices may not. */
bool world_forged(struct world *w);
/* Waits until the metric is published with that value; false when it is above. */
bool world_metric(struct world *w, const char *name, int value);
/* Publishes and waits for the acknowledgement of any QoS above 0. */
bool world_publish(struct dev *d, const char *topic, const void *payload, size_t len, int qos,
                   bool retain);

#endif
