/* remote_config.h - remote configuration of devices: the hub's, and while it is away the last one
 * of the product, which is remembered.
 * Room:  BROKER.
 * Facts: docs/protocol/other.md 3. A device may use the topics of today or their older names; at
 *        the hub they are those of today.
 */
#ifndef HUBGATE_REMOTE_CONFIG_H
#define HUBGATE_REMOTE_CONFIG_H

#include "core/hub/topic.h"
#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

enum {
	REMOTE_CONFIG_PRODUCTS_MAX = 256 /* of more only the hub answers */
};

enum status remote_config_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void remote_config_close(struct hubgate *h);
/* A record of an earlier run, by product id. Always true: it waits for no device. */
bool remote_config_load(struct hubgate *h, const struct state_entry *e);

/* remote_config_request() takes it. */
bool remote_config_serves(const struct device *d, const void *payload, size_t len);
/* d published on $config/operation or $config/report. True: it was a get, and goes up under the
 * name of today, or is answered here. */
bool remote_config_request(struct hubgate *h, const struct device *d, const void *payload,
                           size_t len);
/* Gets that the hub does not answer within two seconds are answered here. */
void remote_config_run(struct hubgate *h, int64_t now_ms);
int64_t remote_config_due(const struct hubgate *h); /* INT64_MAX: none waits */
/* The hub's word for d, remembered for its product. True: handed on under the older name, which is
 * all that d listens to; false: d gets it as it came. */
bool remote_config_message(struct hubgate *h, const struct device *d,
                           const struct uplink_down *down);

#endif
