/* subdev_moves.h - what is known of one subdevice at the hub, and how each fact moves it.
 * Room:  any. Pure. One table is both what the machine (core/hub/subdev_state.h) does and what is
 *        legal; docs/subdevice.md has it printed.
 * Facts: docs/protocol/gateway.md 2-8.
 */
#ifndef HUBGATE_SUBDEV_MOVES_H
#define HUBGATE_SUBDEV_MOVES_H

#include <stdbool.h>

#include "core/base/buf.h"

/* name, letter in the tables, text */

/* Confirmed in this connection. */
#define SUBDEV_CONFIRMED(X)           \
	X(SUBDEV_UNKNOWN, '?', "unknown") \
	X(SUBDEV_OFFLINE, 'f', "offline") \
	X(SUBDEV_ONLINE, 'o', "online")
/* What the hub shows, whatever connection that comes from. */
#define SUBDEV_SHOWN(X)                                 \
	X(SHOWN_NOT, '-', "not")                            \
	X(SHOWN_MAYBE, 'm', "maybe") /* asked, no answer */ \
	X(SHOWN_ONLINE, 'o', "online")
/* The first three are not known to be unbound, the others are. */
#define SUBDEV_BINDINGS(X)                                                            \
	X(BINDING_UNKNOWN, '?', "unknown")                                                \
	X(BINDING_BOUND, 'b', "bound")                                                    \
	X(BINDING_OURS, 'i', "bound by us") /* `online` has not proved it yet */          \
	X(BINDING_UNBOUND, 'u', "unbound")  /* said in an earlier connection, or aside */ \
	X(BINDING_OPEN, 'p', "bind may help")                                             \
	X(BINDING_REFUSED, 'r', "bind refused") /* in this connection */                  \
	X(BINDING_BARRED, 'x', "barred")        /* somebody unbound it: not for us to undo */

#define X(name, letter, text) name,
enum subdev_confirmed {
	SUBDEV_CONFIRMED(X)
};
enum subdev_shown {
	SUBDEV_SHOWN(X)
};
enum subdev_binding {
	SUBDEV_BINDINGS(X)
};
#undef X

struct subdev_known {
	enum subdev_binding binding;
	enum subdev_shown shown;
	enum subdev_confirmed confirmed;
};

/* fact; what comes of each binding, of what is shown, of what is confirmed, in the order of their
 * enums; text. Nothing else moves any of the three. A list may be cut, so nothing follows from not
 * being on it (docs/protocol/gateway.md 4). */
#define SUBDEV_FACTS(X)                                                                        \
	X(FACT_REMEMBERED, "?biuprx", "ooo", "?fo", "an earlier run left it online")               \
	X(FACT_LINK_UP, "?bbuuux", "-mo", "?fo", "the link is up")                                 \
	X(FACT_OWN_LINK_UP, "?biuprx", "-mo", "ooo", "the link is up, of the gateway itself")      \
	X(FACT_LINK_DOWN, "?biuprx", "-mo", "???", "the link is down")                             \
	X(FACT_ASKED_ONLINE, "?biuprx", "mmo", "?fo", "`online` went out")                         \
	X(FACT_ASKED_OFFLINE, "?biuprx", "-mo", "???", "`offline` went out")                       \
	X(FACT_ONLINE, "bbbbbbb", "ooo", "ooo", "`online`: 0")                                     \
	X(FACT_NOT_BOUND, "pprpprx", "---", "fff", "`online`: -1")                                 \
	X(FACT_NOT_ONLINE, "?biuprx", "--o", "?fo", "`online`: refused for good")                  \
	X(FACT_OFFLINE, "?biuprx", "---", "fff", "`offline`: 0, or refused for good")              \
	X(FACT_STRAY, "uuruprx", "---", "fff", "`offline`: -1")                                    \
	X(FACT_BOUND, "iiiiiii", "-mo", "?fo", "`bind` with its key: 0, 809")                      \
	X(FACT_BIND_REFUSED, "?birrrx", "-mo", "?fo", "`bind` with its key: refused for good")     \
	X(FACT_TOLD_BOUND, "bbbbbbb", "-mo", "?fo", "notified: bound; a program's `bind`: 0, 809") \
	X(FACT_TOLD_UNBOUND, "xxxxxxx", "---", "fff",                                              \
	  "notified: unbound; a program's `unbind`: 0, -1")                                        \
	X(FACT_CROSSED, "xxxxxxx", "mmm", "fff",                                                   \
	  "notified: unbound, while the answer to `online` is open")                               \
	X(FACT_DOUBTFUL, "?biuprx", "-mo", "???", "`bind`, `unbind`: done, but void")              \
	X(FACT_LISTED, "bbibbbb", "-mo", "?fo", "on the hub's list")                               \
	X(FACT_NEW_KEYS, "?bbuppx", "-mo", "?fo", "its key was told or forgotten")

enum subdev_fact {
#define X(name, binding, shown, confirmed, text) name,
	SUBDEV_FACTS(X)
#undef X
};

struct subdev_known subdev_move(struct subdev_known from, enum subdev_fact fact);
/* Some fact moves the one to the other; staying is legal. False for values outside of the enums. */
bool subdev_move_legal(struct subdev_known from, struct subdev_known to);
/* The table of moves. ST_OK or from buf. */
enum status subdev_moves_print(struct buf *out);

#endif
