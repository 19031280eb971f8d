/* control_call.h - a command sent to hubgate in a running broker, and its answer.
 * One connection by libmosquitto (MQTT 5, whose refusals have reasons), one command at a time.
 * Facts: docs/control.md.
 */
#ifndef HUBGATE_CLI_CONTROL_CALL_H
#define HUBGATE_CLI_CONTROL_CALL_H

#include <cjson/cJSON.h>

#include "cli/arguments.h"

struct control_call; /* opaque */

/* Connects, logs in and subscribes the answers. CLI_OK: the caller closes *out. What fails, here
 * and below, is told as cli_failed() does, or stands in why (WAY_IN_WHY_MAX, borrowed until
 * the close) where that is not NULL: for who tries again. */
int control_call_open(const struct cli_command *c, const struct control_link *link, char *why,
                      struct control_call **out);
void control_call_close(struct control_call *call); /* NULL is fine */

/* members: what the command takes, or NULL; taken. CLI_OK: *data is what came, never NULL, and the
 * caller's (cJSON_Delete). */
int control_call_ask(struct control_call *call, const char *command, cJSON *members, cJSON **data);

/* The same for lists that come in pages: the member `list` of all of them in one answer, the rest
 * from the first page. members: borrowed. */
int control_call_pages(struct control_call *call, const char *command, const cJSON *members,
                       const char *list, cJSON **data);

/* What else comes for the command that was asked last, for at most timeout_ms. CLI_OK with *event
 * NULL: nothing; else the caller's. */
int control_call_event(struct control_call *call, long timeout_ms, cJSON **event);

/* The members of a command about one device; NULL: no memory. */
cJSON *control_call_device(const struct cli_name *name);

#endif
