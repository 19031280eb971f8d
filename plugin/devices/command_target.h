/* command_target.h - who of the LAN a command is for, and who hears it there now.
 * Room:  BROKER.
 * Keeps: a device, or the gateway application that speaks for it, hears what its session
 *        subscribes. Of a plain device (mappings[]) only its presence is known.
 */
#ifndef HUBGATE_COMMAND_TARGET_H
#define HUBGATE_COMMAND_TARGET_H

#include "core/hub/command_queue.h"
#include "plugin/base/context.h"

struct command_target {
	struct command_listener who;
	const struct mosquitto *client; /* of that session, never followed; NULL: any client's */
	bool mapped;                    /* command_message_is_mapped() */
	/* Nobody can tell whether it is there, or what tells so is wrong (presence.bursts): whoever of
	 * the LAN subscribes the topic is it. */
	bool blind;
};

/* For a command of the hub for d on topic, whose kind is kind. */
void command_target_of(const struct hubgate *h, const struct device *d, enum topic_kind kind,
                       const char *topic, int64_t now_ms, struct command_target *out);

#endif
