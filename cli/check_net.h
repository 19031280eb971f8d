/* check_net.h - what the online checks learn on their way, each from the one before it.
 * cli/check_network.c goes as far as TLS, cli/check_hub.c asks who has the gateway's session.
 */
#ifndef HUBGATE_CLI_CHECK_NET_H
#define HUBGATE_CLI_CHECK_NET_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "cli/check.h"
#include "cli/net_look.h"

enum { /* each step, and all together */
	CHECK_NET_NAME_MS = 4000,
	CHECK_NET_TCP_MS = 4000,
	CHECK_NET_TLS_MS = 4000,
	CHECK_NET_BROKER_MS = 3000, /* one question to the broker ... */
	CHECK_NET_FIRST_MS = 6000,  /* ... and all of them, while it is at its first login */
	CHECK_NET_LOGIN_MS = 9000,
	CHECK_NET_ALL_MS = 20000
};

enum check_step {
	STEP_NOT_TAKEN,
	STEP_DONE,
	STEP_FAILED
};

struct check_net {
	int64_t until; /* CLOCK_MONOTONIC, ms: of all checks together */
	enum check_step name, tcp, tls;
	struct resolver_answer answer; /* name: of hub.address, else hub.host */
	int fd;                        /* tcp: to the hub; -1: none */
	cJSON *hub;                    /* what the broker says of its session; NULL: not asked */
	cJSON *devices;                /* and of its devices; NULL: the same */
	bool broker;                   /* somebody has the lock of the store */
};

void check_net_begin(struct check_net *n);
void check_net_end(struct check_net *n);
/* When a step of so many milliseconds is over. */
int64_t check_net_until(const struct check_net *n, int64_t ms);

#endif
