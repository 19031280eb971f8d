/* scene.h - the hub simulator, a LAN broker with the plugin and the devices dev1 and dev2, for
 * the suites about the way between LAN and hub. What cannot be set up ends the test. */
#ifndef HUBGATE_TESTS_SCENE_H
#define HUBGATE_TESTS_SCENE_H

#include "tests/harness/harness.h"

#define PRODUCT "SUBPRODUC1"
#define GATEWAY "GWPRODUCT1/gw1"

enum {
	WAIT_MS = 10000, /* for what comes at once on an idle machine */
};

struct scene_opts {
	const char *hub;    /* members for "hub", each with a comma before; they win over the scene's */
	const char *store;  /* members for "store", without a leading comma */
	const char *more;   /* members for the whole file, each with a comma before */
	int grace_ms;       /* 0: 200 */
	const char *limits; /* members for the simulator's "limits", each with a comma before */
	int hub_rate;       /* what the simulator takes per second; 0: 30 */
	int connect_s;      /* pause it demands between two connects; 0: 1 */
	const char *const *names; /* further devices of the product, bound to the gateway; NULL ends */
	int street;               /* further devices s1, s2, ... of the product, bound to the gateway */
	bool dev2_unbound;        /* dev2 exists at the hub, not bound to the gateway */
	bool firmware;            /* the hub has files of firmware */
	bool hub_unreached;       /* do not wait for the gateway's login */
	bool plain;               /* dev1 and dev2 never log in */
	const char *user;         /* the broker checks usernames: this one's password is "right" */
};

struct scene {
	struct sim *sim;
	struct lan *lan;
};

/* Reconnects after 1 s, publishes its numbers every second. NULL: defaults. */
struct scene scene_start(const struct scene_opts *opts);
void scene_end(struct scene *s);

/* A file of certificates made once for all tests: ca.pem, server.pem, server.key, client.pem,
 * client.key (of the gateway), as certs_make() does. Caller frees. */
char *scene_cert(const char *file);

/* JSON for the simulator and for hubgate.json that scene_start() uses; caller frees. */
char *scene_sim_config(const struct scene_opts *opts);
char *scene_patch(const struct scene_opts *opts);

/* A device with its hub credentials, accepted by the LAN broker. */
struct dev *scene_device(struct scene *s, const char *name, const struct dev_opts *opts);
/* The same, and the hub has seen it come online. */
struct dev *scene_online_device(struct scene *s, const char *name, const struct dev_opts *opts);

/* The next such event, "ev" and "device" given. NULL after WAIT_MS. */
const cJSON *scene_await(struct scene *s, const char *ev, const char *device);
int scene_count(struct scene *s, const char *ev, const char *device);
/* The next accepted publish on `topic`; NULL after timeout_ms. */
const cJSON *scene_await_publish(struct scene *s, const char *topic, int timeout_ms);
/* The hub granted this filter to the gateway. */
bool scene_await_filter(struct scene *s, const char *filter);
double scene_number(const cJSON *event, const char *name); /* -1: missing */

/* Publishes {"seq":from} .. {"seq":to} at QoS 1; true when the LAN broker acknowledged all. */
bool scene_publish_run(struct dev *d, const char *topic, int from, int to, int timeout_ms);
/* Waits until the hub has `count` different numbers of a device ("dev1"). */
bool scene_await_distinct(struct scene *s, const char *name, int count, int timeout_ms);
/* A number of the device's tally: "missing", "reordered", "duplicates", ... */
double scene_tally(struct scene *s, const char *name, const char *what);
double scene_violations(struct scene *s); /* all of them */

/* One publication of $SYS/broker/hubgate/NAME after this call; caller frees; NULL: none. */
char *scene_sys(struct scene *s, const char *name);
/* The same for numbers that belong together: all from one publication. */
bool scene_metrics(struct scene *s, const char *const names[], double values[], int count);
/* Waits until hubgate says that one of its numbers is this. */
bool scene_await_metric(struct scene *s, const char *name, double value);
/* Waits until so many QoS 1 messages of the hub are on their way to the gateway, or without its
 * PUBACK. */
bool scene_await_unacknowledged(struct scene *s, int count);
/* Waits until hubgate says that the hub acknowledged `count` messages. */
bool scene_await_delivered(struct scene *s, int count);
/* How often `text` stands in the LAN broker's log. */
int scene_log_count(struct scene *s, const char *text);

/* The broker's stop takes so long at most: 2 s, whatever the network does; a second more in a
 * crowd. */
int scene_stop_max_ms(void);

#endif
