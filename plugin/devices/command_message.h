/* command_message.h - what a command of the hub is on the LAN: what the hub sent, or for a plain
 * device what its rule of mappings[] makes of it.
 * Room:  BROKER.
 * Keeps: nothing: it is made when the command is handed over, so that the rules that count then
 *        decide, and what is known of the device then.
 * Rules: core/mapping/mapping.h.
 */
#ifndef HUBGATE_COMMAND_MESSAGE_H
#define HUBGATE_COMMAND_MESSAGE_H

#include "core/base/buf.h"
#include "core/mapping/mapping.h"
#include "plugin/base/context.h"

struct command_message {
	char topic[MAPPING_TOPIC_MAX];
	const void *payload; /* the hub's, or of rewritten; not valid longer than they */
	size_t len;
	struct buf rewritten;
	const char *why; /* of ST_INVALID and ST_AGAIN, static text */
};

/* Some rule that makes d has a topic on the LAN for commands on this topic of the hub. */
bool command_message_is_mapped(const struct hubgate *h, const struct device *d, const char *topic);
/* mapped: as command_message_is_mapped() says. ST_OK; ST_AGAIN: not to be known before the device
 * is heard; ST_INVALID: no template fits it; ST_NOMEM. In any case command_message_free(). */
enum status command_message_make(const struct hubgate *h, const struct device *d, bool mapped,
                                 const char *topic, const void *payload, size_t len,
                                 struct command_message *out);
void command_message_free(struct command_message *m);
/* The same for the same topic and payload, for the time of this process. */
uint64_t command_message_hash(const struct hubgate *h, const char *topic, const void *payload,
                              size_t len);

#endif
