/* island.h - a network of its own for a test that asks where the gateway connects to: nothing of
 * the machine's is in it, and whatever address is asked for leads back to the test.
 *
 *   203.0.113.0/24     of no interface: servers of the test stand there as if far away
 *   ISLAND_OWN         of an interface: the gateway's own, beside loopback
 *   169.254.0.0/16     leads here too, so that who asks is heard
 *
 * It takes the right to make namespaces. Main thread; programs and threads begun in between
 * live there. */
#ifndef HUBGATE_TESTS_ISLAND_H
#define HUBGATE_TESTS_ISLAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define ISLAND_OWN "198.51.100.4"

struct island_name { /* all others do not exist */
	const char *name;
	/* IPv4 addresses with blanks between, of one lookup after the other; the last stays. */
	const char *answers[3];
	atomic_int asked;
};

/* False: not to be had here, which is said on stderr; the test is to return. */
bool island_enter(struct island_name *names, size_t count); /* names: borrowed until the end */
void island_leave(void);

#endif
