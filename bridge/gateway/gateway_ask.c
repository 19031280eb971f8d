/* What a program asks of the hub in a device's name: carried out once, in the device's turn, and
 * its result told. What the gateway wants of its own goes on around it. */
#include <stdlib.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

enum {
	SYSTEM_ERROR = -2 /* docs/protocol/gateway.md 6 */
};

void gateway_ask(struct gateway *g, struct subdev *d, enum gateway_op op, struct live_msg *bind,
                 int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	if (op == GATEWAY_BIND && !bind) { /* no memory for it */
		gateway_tell(g, d, op, SYSTEM_ERROR);
		return;
	}
	gateway_free_live(op == GATEWAY_BIND ? d->bind : bind);
	if (op == GATEWAY_BIND)
		d->bind = bind;
	gateway_take(g, d, &(struct subdev_event){ .kind = SUBDEV_IN_ASKED, .op = op }, now_ms);
}

void gateway_ask_list(struct gateway *g, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	g->describe = true;
	g->describe_ms = now_ms;
}

struct answer *gateway_answer(struct gateway *g)
{
	struct answer *a;

	IN_ROOM(ROOM_UPLINK);
	return QUEUE_TAKE(&g->answers, a) ? a : NULL;
}
