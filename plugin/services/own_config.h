/* own_config.h - remote configuration of the gateway itself (gateway.remote_config): asked of the
 * hub, handed to the reload, the last good one kept, the result told to the hub.
 * Room:  BROKER. A text that is lent may be read by DISK until it is settled or given back.
 * Keeps: what counts is the last text that was accepted as a whole, also after a restart. Nothing
 *        happens without the option.
 * Facts: docs/remote-configuration.md; docs/protocol/other.md 3.
 */
#ifndef HUBGATE_OWN_CONFIG_H
#define HUBGATE_OWN_CONFIG_H

#include "core/hub/config_msg.h"
#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

enum own_config_verdict { /* numbers are "result" of what the hub is told */
	OWN_CONFIG_COUNTS = 0,
	OWN_CONFIG_REFUSED = 1, /* the last good one counts on */
	OWN_CONFIG_LEFT_OUT =
		2, /* what was good does not fit the file any more: the file alone counts */
};

enum status own_config_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void own_config_close(struct hubgate *h);
/* A record of an earlier run, by client id. Always true: it waits for no device. */
bool own_config_load(struct hubgate *h, const struct state_entry *e);
/* The gateway's answer topic is subscribed. Once, after the uplink was made. True: there is a text
 * that counted in an earlier run. */
bool own_config_start(struct hubgate *h);
/* Asks the hub after each connecting, until it answers. */
void own_config_run(struct hubgate *h, int64_t now_ms);
int64_t
own_config_due(const struct hubgate *h); /* a text may be tried then; INT64_MAX: none waits */

/* The hub's word to the gateway. */
void own_config_said(struct hubgate *h, const struct config_msg *msg);
/* A text that was not tried yet, and may be now: at most one a second is. */
bool own_config_waits(const struct hubgate *h);

/* For the reload: the text to be merged into the file, NULL: none. *fresh: it never counted. It
 * stays as it is until one of the following. */
const char *own_config_lend(struct hubgate *h, size_t *len, bool *fresh);
/* The reload begins again: a fresh text waits again. */
void own_config_give_back(struct hubgate *h);
/* The file itself cannot be used, so nothing is known of a fresh text: it waits for the next reload
 * that somebody asks for. */
void own_config_hold(struct hubgate *h);
/* What became of it. why: one line about a text that does not count; NULL of one that does. */
void own_config_settle(struct hubgate *h, enum own_config_verdict verdict, const char *why);

#endif
