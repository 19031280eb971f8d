/* What a program asks of the hub in a device's name: carried out once, in the device's turn, and
 * its result told. What the gateway wants of its own goes on around it. */
#include <stdlib.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

enum {
	SYSTEM_ERROR = -2 /* docs/protocol/gateway.md 6 */
};

void gateway_tell(struct gateway *g, struct subdev *d, enum gateway_op op, int64_t code)
{
	struct answer *a;

	if (!(d->asked & 1u << op))
		return;
	d->asked &= ~(1u << op);
	if (op == GATEWAY_BIND) {
		gateway_free_live(d->bind);
		d->bind = NULL;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return; /* who asked has a time limit of its own */
	a->dev = d;
	a->op = op;
	a->code = code;
	QUEUE_PUT(&g->answers, a);
}

void gateway_give_up(struct gateway *g, struct subdev *d)
{
	for (size_t i = 0; i < GATEWAY_ASKED_OPS; i++)
		gateway_tell(g, d, gateway_asked_order[i], SYSTEM_ERROR);
}

void gateway_ask(struct gateway *g, struct subdev *d, enum gateway_op op, struct live_msg *bind,
                 int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	d->asked |= 1u << op;
	if (op == GATEWAY_OFFLINE)
		d->present = false; /* as a success of online makes it present */
	if (op == GATEWAY_BIND) {
		gateway_free_live(d->bind);
		d->bind = bind;
	} else {
		gateway_free_live(bind);
	}
	if (!g->linked || g->leaving || (op == GATEWAY_BIND && !d->bind))
		gateway_tell(g, d, op, SYSTEM_ERROR);
	else if (op == GATEWAY_ONLINE && d->state == SUBDEV_ONLINE && d->pending == GATEWAY_UNKNOWN) {
		d->present = true;
		gateway_tell(g, d, op, 0);
	}
	if (d->pending == GATEWAY_UNKNOWN && d->asked) {
		d->due_ms = 0;
		d->attempts = 0;
	}
	gateway_update(g, d, now_ms);
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
