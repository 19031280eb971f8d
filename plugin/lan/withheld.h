/* withheld.h - what the broker does not hand back to the device that published it.
 * Room:  BROKER.
 * Why:   the hub hands a device its own publish only where a forwarding rule is configured
 *        (docs/protocol/topics.md 2), so the broker does not either: a device that answers on the
 *        topic on which it is asked would talk to itself. Only READ can keep it, and READ says
 *        neither who published nor which message it is: the broker's callbacks come in an order,
 *        and that is what this goes by (docs/broker-notes.md 1.2, 1.3).
 * Keeps: a publish is withheld while the broker routes that very PUBLISH: same device, topic and
 *        payload as MESSAGE saw, no more often than its session has filters for it, and until any
 *        other callback. At QoS 2 that is at PUBREL, without a callback. In doubt it is delivered.
 */
#ifndef HUBGATE_WITHHELD_H
#define HUBGATE_WITHHELD_H

#include <stdbool.h>

#include "plugin/base/broker.h"
#include "plugin/base/context.h"
#include "plugin/base/device_table.h"

enum status withheld_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void withheld_close(struct hubgate *h);

/* MESSAGE: publisher published this as d (itself, or for a gateway application a device that it
 * speaks for), and does not get it back. */
void withheld_own(struct hubgate *h, const struct device *publisher, const struct device *d,
                  const struct mosquitto_evt_message *ed);
/* READ: this is what d published itself. d NULL: nobody's. */
bool withheld_is_own(struct hubgate *h, const struct device *d,
                     const struct mosquitto_evt_acl_check *ed);
bool withheld_any(const struct hubgate *h); /* else READ need not ask */

/* Any callback but READ: what the broker routed before is routed. */
void withheld_over(struct hubgate *h);

#endif
