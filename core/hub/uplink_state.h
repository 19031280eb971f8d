/* uplink_state.h - the states of the cloud session and the legal moves.
 * Room:  any. Pure. No state is terminal except STOPPED.
 */
#ifndef HUBGATE_UPLINK_STATE_H
#define HUBGATE_UPLINK_STATE_H

#include <stdbool.h>

/* state, text for logs and metrics */
#define UPLINK_STATES(X)                                            \
	X(UPLINK_STOPPED, "stopped")                                    \
	X(UPLINK_WAITING, "waiting to reconnect")                       \
	X(UPLINK_CONNECTING, "connecting") /* name, TCP, TLS */         \
	X(UPLINK_LOGIN, "logging in")      /* CONNECT sent */           \
	X(UPLINK_PREPARING, "subscribing") /* gateway's result topic */ \
	X(UPLINK_READY, "ready")                                        \
	X(UPLINK_LEAVING, "leaving") /* last offlines, DISCONNECT */

enum uplink_state {
#define X(name, text) name,
	UPLINK_STATES(X)
#undef X
};

bool uplink_move_legal(enum uplink_state from, enum uplink_state to);
const char *uplink_state_text(enum uplink_state s);

#endif
