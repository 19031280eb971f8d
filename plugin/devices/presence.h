/* presence.h - which devices are there, and when the hub shall hear of it.
 * Room:  BROKER.
 * Keeps: keyed by the client's pointer, not its id: a take-over, a failed login
 *        with a live device's id or the end of a kept session's old object never
 *        takes a device offline that is there (docs/broker-notes.md 1.6, 8(e)).
 */
#ifndef HUBGATE_PRESENCE_H
#define HUBGATE_PRESENCE_H

#include "plugin/devices/silence.h"
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
	int64_t leave_ms; /* when grace ends and it is gone; 0: it is not in its grace time */
	bool secret_told; /* the uplink has it */
	bool standing_told;
	bool intruded; /* plugin/devices/one_client: somebody else has its client id */
	enum presence_unsaid unsaid;
	unsigned ended;               /* the reload that ended its sessions; 0: none did */
	struct presence *prev, *next; /* in the line of those in grace */
	struct quiet quiet;           /* while current cannot be noticed gone */
	/* The session that the broker keeps for it while it is away, since then; serial 0: none, or not
	 * known. */
	struct {
		uint64_t serial;
		int64_t left_ms;
	} kept;
	/* Of mappings[]: since when it is there, and as which session (of presence_sessions()). 0: it
	 * was never heard of. */
	uint64_t mapped_serial;
	int64_t mapped_ms;
	bool bursts;      /* gone by what mappings[] tell, but it sent something: see leave_ms */
	size_t commands;  /* that wait for it: plugin/devices/command */
	bool overflows;   /* some of them were dropped, which is logged */
	uint64_t blocked; /* the look at them in which one could not go */
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
/* s sent something that a plugin sees. */
void presence_heard(struct hubgate *h, struct lan_session *s);
/* What the uplink has to know before all else: how far the device is known to be ours, and its
 * secret, with which it can bind one of which the hub says that it is not bound. Once. ST_OK;
 * ST_FULL, ST_NOMEM: say it again. */
enum status presence_introduce(struct hubgate *h, struct presence *p);
/* The gateway application speaks for d, or does not any more: the uplink hears whether the device
 * is there. */
void presence_changed(struct hubgate *h, struct device *d);
void presence_standing_changed(struct hubgate *h, struct device *d);
/* On the LAN and not silent, or somebody speaks for it, grace time included. */
bool presence_is_there(const struct hubgate *h, const struct device *d);
/* d ends: its presence is freed, and the uplink is not told. No client is logged in as d. */
void presence_forget(struct hubgate *h, struct device *d);
/* What mappings[] tell of d: d->online. Gone counts after the grace time. */
void presence_mapped(struct hubgate *h, struct device *d, bool online);
/* They tell that d is gone, and yet it sent something: it is there for the grace time, and what
 * waits for it is tried. */
void presence_mapped_burst(struct hubgate *h, struct device *d);
void presence_unspoken(struct hubgate *h, struct device *d); /* no rule tells of d any more */
/* Grace times that are over, and what the uplink has not been told: of some devices, the others
 * have their turn at once after it. */
void presence_run(struct hubgate *h, int64_t now_ms);
int64_t presence_due(const struct hubgate *h); /* INT64_MAX: nothing is under way */

/* Who hears commands for d: the device, or the gateway application that speaks for it. */
struct presence *presence_listener(const struct hubgate *h, const struct device *d);
/* The session that hears them. NULL: nobody is there, or a login is under way. */
const struct lan_session *presence_session(const struct hubgate *h, const struct device *d);
/* Grows whenever a session begins or a mapped device appears. */
uint64_t presence_sessions(const struct hubgate *h);

#endif
