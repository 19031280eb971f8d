/* wake.h - one thread wakes another, at most one system call until it was heard.
 * Room:  ring: any. The rest: whose descriptor it is.
 * Rule:  the hearer reads the descriptor, then clears the flag, then takes the mail. The other way
 *        round a ring between both leaves the flag set and the descriptor empty: deaf for good.
 */
#ifndef HUBGATE_WAKE_H
#define HUBGATE_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/status.h"

struct wake {
	int fd; /* eventfd */
	atomic_bool rung;
};

enum status wake_init(struct wake *w); /* ST_OK; ST_IO: no descriptor */
void wake_fini(struct wake *w);
void wake_ring(struct wake *w);
int wake_fd(const struct wake *w); /* to be polled for POLLIN */
void wake_hear(struct wake *w);
#endif
