#include "core/hub/uplink_state.h"

#include <stddef.h>

enum {
	STATE_COUNT = UPLINK_LEAVING + 1
};

#define TO(state) (1u << (state))

/* Every state gives way to STOPPED and, on failure, to WAITING. LEAVING says
 * goodbye to the hub, so only a session that logged in can take it. */
static const unsigned moves[STATE_COUNT] = {
	[UPLINK_STOPPED] = TO(UPLINK_WAITING),
	[UPLINK_WAITING] = TO(UPLINK_CONNECTING) | TO(UPLINK_STOPPED),
	[UPLINK_CONNECTING] = TO(UPLINK_LOGIN) | TO(UPLINK_WAITING) | TO(UPLINK_STOPPED),
	[UPLINK_LOGIN] = TO(UPLINK_PREPARING) | TO(UPLINK_WAITING) | TO(UPLINK_STOPPED),
	[UPLINK_PREPARING] =
		TO(UPLINK_READY) | TO(UPLINK_WAITING) | TO(UPLINK_LEAVING) | TO(UPLINK_STOPPED),
	[UPLINK_READY] = TO(UPLINK_WAITING) | TO(UPLINK_LEAVING) | TO(UPLINK_STOPPED),
	[UPLINK_LEAVING] = TO(UPLINK_STOPPED) | TO(UPLINK_WAITING),
};

static const char *const texts[STATE_COUNT] = {
#define X(name, text) [name] = text,
	UPLINK_STATES(X)
#undef X
};

bool uplink_move_legal(enum uplink_state from, enum uplink_state to)
{
	if ((size_t)from >= STATE_COUNT || (size_t)to >= STATE_COUNT)
		return false;
	return moves[from] & TO(to);
}

const char *uplink_state_text(enum uplink_state s)
{
	return (size_t)s < STATE_COUNT ? texts[s] : "unknown state";
}
