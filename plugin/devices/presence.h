/* presence.h - which devices are there, and when the hub shall hear of it.
 * Room:  BROKER.
 * Keeps: keyed by the client's pointer, not its id: a take-over, a failed login
 *        with a live device's id or the end of a kept session's old object never
 *        takes a device offline that is there (docs/broker-notes.md 1.6, 8(e)).
 */
#ifndef HUBGATE_PRESENCE_H
#define HUBGATE_PRESENCE_H

#include "plugin/devices/command.h"
#include "plugin/lan/lan_session.h"

enum presence_unsaid { /* what the uplink has not been told of a device */
	UNSAID_NOTHING,
	UNSAID_STANDING, /* how far it is known to be ours */
	UNSAID_PRESENCE, /* whether it is there */
	UNSAID_ALL,
};

struct presence { /* one per device */
	struct device *device;
	struct lan_session *current; /* NULL: not on the LAN */
	/* When grace ends: gone by then, or back with commands that still wait; else 0. */
	int64_t leave_ms;
	bool clean;       /* its last session ended with the connection */
	bool secret_told; /* the uplink has it */
	bool standing_told;
	bool intruded; /* plugin/devices/one_client: somebody else has its client id */
	enum presence_unsaid unsaid;
	unsigned ended;               /* the reload that ended its sessions; 0: none did */
	struct presence *prev, *next; /* in the line of those in grace */
	struct held_line held;        /* commands that wait for it */
};

/* Before the first device. presence_close() is for all that are in the device table. */
enum status presence_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void presence_close(struct hubgate *h);
/* Any room, while d is not in the device table yet. ST_OK, also again; ST_NOMEM. */
enum status presence_attach(struct device *d);

/* d is retired: it is not there, and the hub hears of it without a grace time. */
void presence_retire(struct hubgate *h, struct device *d);
/* An order about d found no room: all that the uplink has to know of d is said again, next turn. */
void presence_say_again(struct hubgate *h, struct device *d);
/* What the uplink knows of d has changed as a whole, or d is back: it is all said again. */
void presence_renew(struct hubgate *h, struct device *d);
/* presence.grace_ms was before_ms: times under way end as if they had begun with what it is. */
void presence_grace_changed(struct hubgate *h, uint32_t before_ms);

/* s was accepted; the device is there. A session it takes over is not a leave: it waits with
 * plugin/devices/one_client. */
void presence_arrived(struct hubgate *h, struct lan_session *s);
/* The client's socket is gone. Removes s. */
void presence_left(struct hubgate *h, struct lan_session *s);
/* What the uplink has to know before all else: how far the device is known to be ours, and its
 * secret, with which it can bind one of which the hub says that it is not bound. Once. ST_OK;
 * ST_FULL, ST_NOMEM: say it again. */
enum status presence_introduce(struct hubgate *h, struct presence *p);
/* The gateway application speaks for d, or does not any more: the uplink hears whether the device
 * is there. */
void presence_changed(struct hubgate *h, struct device *d);
void presence_standing_changed(struct hubgate *h, struct device *d);
/* On the LAN, or somebody speaks for it, grace time included. */
bool presence_is_there(const struct hubgate *h, const struct device *d);
/* d ends: its presence is freed, and the uplink is not told. No client is logged in as d. */
void presence_forget(struct hubgate *h, struct device *d);
/* What mappings[] tell of d: d->online. Gone counts after the grace time; what was held meanwhile
 * goes out when it is back. */
void presence_mapped(struct hubgate *h, struct device *d, bool online);
void presence_unspoken(struct hubgate *h, struct device *d); /* no rule tells of d any more */
/* Grace times that are over, and what the uplink has not been told: of some devices, the others
 * have their turn at once after it. */
void presence_run(struct hubgate *h, int64_t now_ms);
int64_t presence_due(const struct hubgate *h); /* INT64_MAX: nothing is under way */

/* Where commands for d wait: with the device, or with the gateway application that speaks for it.
 */
struct presence *presence_listener(const struct hubgate *h, const struct device *d);
/* True when a command shall wait for the device to come back: it is inside its
 * grace time and the broker keeps nothing for it (for a plain device never). */
bool presence_in_grace(const struct presence *p);

#endif
