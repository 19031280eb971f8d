/* stock_actions.h - what clients that are no devices do on a broker, and what came of it. */
#ifndef HUBGATE_TESTS_STOCK_ACTIONS_H
#define HUBGATE_TESTS_STOCK_ACTIONS_H

#include "tests/e2e/broker_start.h"

enum {
	STOCK_ACTORS = 10,
	STOCK_TOPICS = 8,
	STOCK_FILTERS = 10,
	/* of the actors */
	STOCK_ANONYMOUS = 3, /* without user name */
	STOCK_ALICES = 3     /* with user "alice" and password "right-pw" */
};

struct stock_use {
	int granted;
	bool acked, got_own, admin_got, kept, got_admins;
};

struct stock_outcome {
	int code, filters[STOCK_FILTERS], will;
	struct stock_use topics[STOCK_TOPICS];
	bool survives_reload;
};

/* Every actor connects, subscribes, publishes, leaves a will. User "admin", "right-pw", watches:
 * where that user is refused, only the CONNACKs are noted. Sends SIGHUPs to the broker. */
void stock_act(struct broker *b, struct stock_outcome out[STOCK_ACTORS]);
/* Says on stderr what differs. */
bool stock_same(const struct stock_outcome stock[STOCK_ACTORS],
                const struct stock_outcome ours[STOCK_ACTORS]);
int stock_let_in(const struct stock_outcome out[STOCK_ACTORS]);

#endif
