/* proxy.h - the byte-level proxy in front of the broker: faults, and what only packets show.
 *
 * One thread of its own serves the client-facing ports, plain and TLS (TLS ends here), and talks
 * plain MQTT to the broker. Every connection comes to the broker from its own address in
 * 127.1.0.0/16, which names it in the calls below. All functions may be called from any thread. */
#ifndef HUBSIM_PROXY_H
#define HUBSIM_PROXY_H

#include "tests/hubsim/account.h"
#include "tests/hubsim/event.h"

struct proxy; /* opaque */

struct proxy_opts {
	int port, tls_port; /* 0: any */
	int broker_port;
	bool any_address;                        /* else loopback only */
	const char *tls_ca, *tls_cert, *tls_key; /* cert NULL: no TLS port; ca NULL: no client certs */
	const struct limits *limits;
	const char *admin_user, *admin_password; /* for the wake connection */
	const char *fault; /* a name of fault_names, in force before the ports open; NULL: none */
	struct events *events;
};

enum fault {
	FAULT_NONE,
	FAULT_BLACKHOLE, /* accept, read and forward nothing; existing connections too */
	FAULT_STALL,     /* as far as CONNACK, then as above */
	FAULT_REFUSE,    /* RST at accept; existing connections live on */
	FAULT_DELAY,     /* every byte `ms` later, each way */
	FAULT_COUNT
};
extern const char *const fault_names[FAULT_COUNT];

/* Opens the ports and starts the thread; when the broker accepts, one line of JSON goes to stdout.
 * Borrows what `opts` points to, for its life. NULL after a message on stderr. */
struct proxy *proxy_open(const struct proxy_opts *opts);
void proxy_close(struct proxy *p); /* NULL is fine */
/* Makes the broker's main thread run soon: the ACL check for HUBSIM_WAKE_TOPIC. */
#define HUBSIM_WAKE_TOPIC "hubsim/wake"
void proxy_wake_broker(struct proxy *p);

void proxy_fault(struct proxy *p, enum fault mode, int ms);
/* Ends connections of `client` ("PID/NAME"; NULL: all), with FIN or RST. Returns how many. */
int proxy_end(struct proxy *p, const char *client, bool reset);
/* The next `count` (negative: all) PUBACKs to clients are lost. */
void proxy_drop_pubacks(struct proxy *p, int count);

struct proxy_peer {
	char cn[64]; /* of a verified client certificate, or empty */
	unsigned keepalive;
	bool clean;
};
/* What is known of the connection from `address`; false: not one of the proxy's. */
bool proxy_peer(struct proxy *p, const char *address, struct proxy_peer *out);
/* The PUBACK of the `ordinal`th (from 1) QoS 1 PUBLISH of that connection is to be withheld. */
void proxy_withhold(struct proxy *p, const char *address, uint64_t ordinal);

/* Adds the proxy's counters to `stats`. */
void proxy_stats(struct proxy *p, cJSON *stats);
void proxy_stats_clear(struct proxy *p);

/* "PID/NAME" of a client id; the id itself when it is too short for that. */
void client_label(const char *client_id, size_t len, char *out, size_t room);

#endif
