/* unheard.h - a publish that is refused without a denial: it passes, and nobody hears it.
 * Room:  BROKER.
 * Why:   with `max_queued_messages 0` Mosquitto 2.0 disconnects whoever publishes what is denied
 *        (docs/broker-notes.md 7), a device that is wrong for ever again and again.
 * How:   WRITE allows it, MESSAGE puts our mark in the place of its payload, and READ denies the
 *        mark to everybody, whenever the broker routes it: at QoS 2 that is at PUBREL, perhaps
 *        after a restart. Nothing of what was refused is left in the broker. For a will the
 *        broker asks for WRITE as for a publish, and no MESSAGE follows. It routes it at once:
 *        what is read between such a WRITE and the next callback, with that topic and payload, is
 *        the will, and denied to everybody as well.
 * Not:   where somebody gets messages without READ (a native bridge) or a plugin before ours may
 *        answer for us; on $CONTROL topics, which the broker would obey; with retain, since a
 *        will would be kept for later. All of these are denied, and the broker disconnects.
 * Facts: docs/broker-notes.md 1.2, 1.3, 7.
 */
#ifndef HUBGATE_UNHEARD_H
#define HUBGATE_UNHEARD_H

#include <stdbool.h>

#include "plugin/base/broker.h"
#include "plugin/base/context.h"

enum status unheard_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void unheard_close(struct hubgate *h);

/* WRITE: this is to be refused. True: let it pass. */
bool unheard_write(struct hubgate *h, const struct mosquitto_evt_acl_check *ed);
/* MESSAGE: WRITE let this pass to be unheard; it carries our mark from now on. ST_NOTFOUND: it did
 * not; ST_NOMEM: deny it. */
enum status unheard_message(struct hubgate *h, struct mosquitto_evt_message *ed);
/* READ: this is nobody's to hear. */
bool unheard_is(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed);

/* Any callback but READ: what the broker routed before is routed. */
void unheard_over(struct hubgate *h);

#endif
