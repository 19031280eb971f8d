/* asker.h - a client that sent a command on $CONTROL/hubgate/v1 and waits for its answer.
 * Room:  BROKER; freed in any.
 * Keeps: an answer goes to its asker alone, on $CONTROL/hubgate/v1/response.
 */
#ifndef HUBGATE_ASKER_H
#define HUBGATE_ASKER_H

#include "plugin/base/broker.h"

#define ASKER_RESPONSE "$CONTROL/hubgate/v1/response"

struct asker {                               /* owned by whoever has to give the answer */
	char *client_id, *command, *correlation; /* correlation: NULL, none */
};

/* command, correlation NULL: without. NULL: no memory. */
struct asker *asker_new(const struct mosquitto *client, const char *command,
                        const char *correlation);
/* Answers and frees a. error NULL: done. a NULL: nobody waits. */
void asker_answer(struct asker *a, const char *error);
void asker_free(struct asker *a); /* NULL is fine */

#endif
