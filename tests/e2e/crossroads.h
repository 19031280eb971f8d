/* crossroads.h - a server over HTTP at every address that leads to this machine: it sends who asks
 * elsewhere, or hands through what the hub's server of files has, and knows at which of its
 * addresses it was found.
 *
 *   GET /go?LOCATION   302, Location: LOCATION as it stands
 *   GET /round         302 to itself
 *   GET anything else  is asked of 127.0.0.1:through
 */
#ifndef HUBGATE_TESTS_CROSSROADS_H
#define HUBGATE_TESTS_CROSSROADS_H

struct crossroads;

struct crossroads *crossroads_start(int through); /* what cannot be set up ends the test */
void crossroads_stop(struct crossroads *c);
int crossroads_port(const struct crossroads *c);
/* Connections to addresses that begin so: "203.0.113.", "". */
int crossroads_found(struct crossroads *c, const char *at);

#endif
