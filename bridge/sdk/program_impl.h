/* program_impl.h - what the parts of bridge/sdk/program.h share:
 *   program.c         callbacks
 *   program_subdev.c  subdevices, requests that wait
 * Room: the program's thread.
 */
#ifndef HUBGATE_PROGRAM_IMPL_H
#define HUBGATE_PROGRAM_IMPL_H

#include "bridge/sdk/program.h"

struct topic_route {
	struct topic_route *next;
	program_message_fn *fn;
	void *ctx;
	char topic[];
};

struct program {
	struct uplink *uplink;
	struct wake news; /* UPLINK rings, program_run() hears */
	struct program_calls calls;
	void *ctx;
	struct topic_route *routes;
	struct subdev_entry *subdevs;
	size_t subdev_count;
	enum gateway_op asked; /* without an answer; GATEWAY_UNKNOWN: none */
	char asked_id[CLIENT_ID_MAX + 1];
	int64_t code; /* of the last answer */
};

int64_t program_now_ms(void); /* CLOCK_MONOTONIC */

#endif
