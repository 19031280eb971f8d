/* forward.h - who hears a publish besides the application (docs/protocol/topics.md 2): not its
 * publisher, but where the operator configured a forwarding rule, a copy that the rule engine
 * writes anew. Main thread only.
 */
#ifndef HUBSIM_FORWARD_H
#define HUBSIM_FORWARD_H

#include <stdbool.h>
#include <stddef.h>

struct mosquitto;

struct forward {
	char *topic; /* of the rule, from it and to it; owned; NULL: none */
	/* What the broker routes just now; never followed. On 2.1 no callback comes before it routes
	 * what we answered or copied, which may get the freed payload's memory: so what it says counts
	 * too. */
	const struct mosquitto *publisher;
	const void *payload;
	char *said; /* topic, NUL, payload; owned */
	size_t said_len;
};

void forward_fini(struct forward *f);
bool forward_rule(struct forward *f, const char *topic); /* "": none. false: no memory */
/* MESSAGE of a device. */
void forward_message(struct forward *f, const struct mosquitto *client, const char *topic,
                     const void *payload, size_t len);
/* READ: the client published this. */
bool forward_is_own(const struct forward *f, const struct mosquitto *client, const char *topic,
                    const void *payload, size_t len);
void forward_over(struct forward *f); /* any callback but READ */

#endif
