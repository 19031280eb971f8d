/* sample_store.h - what every sample of a store holds (tests/samples/README.md), for the program
 * that writes one and for the test that reads them. A change here makes the samples that exist
 * untrue. */
#ifndef HUBGATE_TESTS_SAMPLE_STORE_H
#define HUBGATE_TESTS_SAMPLE_STORE_H

#include "tests/e2e/scene.h"

#define SAMPLE_DEAD "{\"why\":\"me\"}"

/* The shadow of dev1: what it reported while the hub was there, then while it was away, and what
 * has become of both. */
#define SAMPLE_REPORTED_1 "{\"temperature\":21,\"place\":\"cellar\"}"
#define SAMPLE_REPORTED_2 "{\"temperature\":22}"
#define SAMPLE_REPORTED   "\"reported\":{\"temperature\":22,\"place\":\"cellar\"}"

enum {
	SAMPLE_DEVICES = 3,
	SAMPLE_DEAD_COUNT = 1,
};

/* {"seq":n} on SUBPRODUC1/NAME/event. Up to `delivered` the hub has acknowledged; from there to
 * `accepted` they wait. Message `qos0` was sent at QoS 0 (0: none). */
struct sample_device {
	const char *name, *event, *control; /* topics; the second is subscribed at QoS 1 */
	const char *secret;
	int delivered, accepted, qos0;
};

/* dev3 has no secret in hubgate.json: it was registered. */
extern const struct sample_device sample_devices[SAMPLE_DEVICES];

int sample_delivered(void); /* over all devices */
int sample_queued(void);

struct sample_opts {
	const char *store; /* members for "store" */
	bool before;       /* the hub registers dev3 and is there; else it knows it and is away */
};

/* Simulator and broker with the three devices. What cannot be set up ends the test. */
struct scene sample_scene(const struct sample_opts *opts);
struct dev *sample_login(struct scene *s, const struct sample_device *d);

#endif
