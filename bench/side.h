/* side.h - one side of a comparison: a LAN broker with the plugin, or with Mosquitto's own
 * bridge, towards the same kind of cloud. Nothing but warnings is logged, and both send without
 * delay (set_tcp_nodelay). */
#ifndef HUBGATE_BENCH_SIDE_H
#define HUBGATE_BENCH_SIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum side_kind {
	SIDE_PLUGIN,
	SIDE_BRIDGE,       /* nothing is lost while it runs: queues without bounds */
	SIDE_BRIDGE_STOCK, /* the broker's defaults; the window is 20 */
	SIDE_BRIDGE_KEPT   /* as SIDE_BRIDGE, and its queue goes to the disk once per second */
};

struct side_opts {
	enum side_kind kind;
	int cloud_port;
	const char *ca;        /* file: TLS to the cloud; NULL: TCP */
	int window;            /* messages on the way to the cloud */
	int rate_up;           /* of the plugin; 0: no limit */
	uint32_t devices;      /* configured at the plugin */
	uint64_t max_messages; /* of the plugin's store; 0: its most */
	const char *hub_host;  /* NULL: the loopback address */
	const char *mappings;  /* rules, as JSON; NULL: none */
};

struct side; /* opaque */

struct side *side_start(const struct side_opts *opts); /* until it listens; NULL: said on stderr */
void side_stop(struct side *s);                        /* and removes its files; NULL is fine */
void side_kill(struct side *s);                        /* kill -9 */
/* Milliseconds from exec until it accepts; -1: it does not in 60 s. */
int side_start_again(struct side *s);
int side_port(const struct side *s);
pid_t side_pid(const struct side *s);
const char *side_store(const struct side *s); /* the plugin's directory */
/* A number below $SYS/broker/hubgate/; -1: none. */
double side_metric(const struct side *s, const char *name);
/* Time in callbacks, microseconds; -1: none. which: "p999", an upper bound, or "max". */
double side_callback_us(const struct side *s, const char *which);

#endif
