/* doorbell.h - the doorbell: one loopback MQTT connection to our own broker whose
 *           QoS 0 messages wake the broker's thread (docs/rooms.md).
 * Room:  UPLINK, except where a function says otherwise; inside its poll loop.
 * Keeps: never blocks, never gives up; while it does not work the broker's tick
 *        drains, so nothing is lost but time. Every ring is confirmed by BROKER.
 */
#ifndef HUBGATE_DOORBELL_H
#define HUBGATE_DOORBELL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/doorbell/listeners.h"
#include "core/base/log.h"
#include "core/base/status.h"

struct doorbell; /* opaque */

/* Copied, except log, which is borrowed for the life of the doorbell. */
struct doorbell_conf {
	const char *listener; /* "auto" or NULL, "off", "unix:/path", "host:port" */
	const char *client_id, *username, *password; /* one-time, this process only */
	const char *topic;                           /* "$hubgate/wake" */
	const struct log *log;
	const struct listener_hint *hints; /* for "auto"; of ports without one both ways are tried */
	size_t hint_count;                 /* at most LISTENER_HINTS_MAX */
};

enum doorbell_state {
	DOORBELL_OFF,
	DOORBELL_SEARCHING,
	DOORBELL_CONNECTED
};

/* Any room, before UPLINK starts. Caller owns *out. ST_OK; ST_NOMEM; ST_INVALID
 * (listener cannot be read, or a text is missing). Opens nothing yet: listeners
 * open after the plugin's start. */
enum status doorbell_new(const struct doorbell_conf *conf, struct doorbell **out);
/* After UPLINK ended. NULL is fine. Says goodbye to the broker, never waits. */
void doorbell_free(struct doorbell *w);

/* What to poll and when to call doorbell_run() at the latest (milliseconds of
 * CLOCK_MONOTONIC, as everywhere here; INT64_MAX: never). Returns how many of
 * fds were set: 0 or 1. Ask again before every poll(). */
size_t doorbell_pollfds(struct doorbell *w, struct pollfd *fds, size_t max, int64_t *deadline_ms);
/* Whatever is due: search, log in, read, write, ping. Harmless when nothing is. */
void doorbell_run(struct doorbell *w, int64_t now_ms);
/* Put the work into BROKER's mailbox first. Sends nothing while an earlier ring
 * is on its way; while not connected, and when the connection breaks before the ring was heard,
 * one follows the next login. */
void doorbell_ring(struct doorbell *w, int64_t now_ms);

/* The connection subscribes filter, now and after every login; what comes is BROKER's to see in its
 * ACL check. Copied. ST_OK, also when it is there already; ST_NOMEM. */
enum status doorbell_watch(struct doorbell *w, const char *filter);

/* Room BROKER, when it sees the topic, before it empties its mailbox: the rule of core/base/wake.h,
 * with the PUBLISH for a descriptor. A late one of a connection that is gone confirms a ring of the
 * next, and does no harm: it drains as well, and the other is still to come. */
void doorbell_confirm(struct doorbell *w);
/* Room BROKER. May a client that presents our one-time password come from there?
 * NULL or "" and texts that start as a path (unix socket), 127.0.0.0/8 also
 * mapped into IPv6, ::1, or the very address that our connection comes from. */
bool doorbell_address_ok(struct doorbell *w, const char *peer);

/* Any room. */
enum doorbell_state doorbell_state(const struct doorbell *w);
/* One line for `check`: where it is connected or what keeps it from that, with
 * the fix, and the counts of rings. Cut to size. */
void doorbell_status_text(struct doorbell *w, char *out, size_t size);

#endif
