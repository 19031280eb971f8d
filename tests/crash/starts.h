/* starts.h - starts of the broker beside the one that lan_start() knows: those that have to fail,
 * and brokers with the same store. */
#ifndef HUBGATE_TESTS_CRASH_STARTS_H
#define HUBGATE_TESTS_CRASH_STARTS_H

#include <stdbool.h>

struct world;

struct start {
	struct proc *proc;
	char *conf, *log; /* owned, of this start alone */
};

/* With the world's configuration, on another port (0: the same), with more lines at its end. */
bool start_begin(struct world *w, struct start *s, int port, const char *more);
/* Until it ended by itself. False: it did not in time, or by a signal, or with success. */
bool start_failed(struct start *s, int timeout_ms);
int start_lines(const struct start *s, const char *about); /* of hubgate, with these words */
void start_end(struct start *s);                           /* kill -9 if it runs, and frees */

/* The broker that does not run is started and ends by itself with one line that names the store. */
bool start_refused(struct world *w);

#endif
