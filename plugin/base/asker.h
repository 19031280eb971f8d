/* asker.h - a client that sent a command on $CONTROL/hubgate/v1 and waits for its answer.
 * Room:  BROKER; freed in any.
 * Keeps: an answer goes to its asker alone, on $CONTROL/hubgate/v1/response, and is never longer
 *        than ASKER_ANSWER_MAX.
 */
#ifndef HUBGATE_ASKER_H
#define HUBGATE_ASKER_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "plugin/base/broker.h"

#define ASKER_RESPONSE "$CONTROL/hubgate/v1/response"

enum {
	ASKER_ANSWER_MAX = 64 * 1024,
	ASKER_DATA_MAX = 56 * 1024, /* the rest is room for what else stands in an answer */
	ASKER_COMMAND_MAX = 64,
	ASKER_CORRELATION_MAX = 512, /* bytes; each may take six in an answer */
};

struct asker {                               /* owned by whoever has to give the answer */
	char *client_id, *command, *correlation; /* correlation: NULL, none */
};

/* command, correlation NULL: without, as those that are longer than an answer can hold. NULL: no
 * memory. */
struct asker *asker_new(const struct mosquitto *client, const char *command,
                        const char *correlation);
/* Answers and frees a. error NULL: done. a NULL: nobody waits. */
void asker_answer(struct asker *a, const char *error);
/* The same with what was asked for: data is JSON text, at most ASKER_DATA_MAX bytes, else the
 * answer is an error that says so. */
void asker_answer_data(struct asker *a, const struct buf *data);
/* One answer of several: a stays. False: it was not sent. */
bool asker_tell(const struct asker *a, const struct buf *data);
void asker_free(struct asker *a); /* NULL is fine */

#endif
