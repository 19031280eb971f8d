/* sdk_shadow.h - device shadows of a program: the hub's document of the gateway, or of a subdevice
 * that is online. The plugin answers its LAN from a document of its own and uses core/shadow.
 * Room:  one thread of the program, as bridge/sdk/sdk.h; from a callback nothing that waits may be
 *        called.
 * Facts: docs/protocol/shadow.md 2-5; docs/protocol/sdk-api.md "Other methods present in the
 *        source".
 */
#ifndef HUBGATE_SDK_SHADOW_H
#define HUBGATE_SDK_SHADOW_H

#include "bridge/sdk/sdk.h"
#include "core/base/buf.h"

/* The answer topic of this device is subscribed, for good; what the application desires comes to
 * on_delta (NULL: to nobody), as the hub sends it. Again: another on_delta. ST_OK; ST_INVALID: ids;
 * ST_FULL, ST_NOMEM. */
enum status sdk_shadow_init(struct sdk *p, const char *product_id, const char *device_name,
                            sdk_message_fn *on_delta, void *ctx);

/* One request to the hub, waiting up to timeout_ms. ST_OK: *code is the hub's "result", and reply
 * (NULL: not wanted) holds the whole answer, a JSON text. ST_STATE: not initialised, or the hub is
 * away; ST_TIMEOUT; ST_INVALID: ids; ST_MALFORMED: attributes are no JSON object; ST_TOOBIG;
 * ST_FULL, ST_NOMEM. */
enum status sdk_shadow_get(struct sdk *p, const char *product_id, const char *device_name,
                           int timeout_ms, int64_t *code, struct buf *reply);
/* attributes: a JSON object as text, the device's "reported"; a null deletes one. */
enum status sdk_shadow_update(struct sdk *p, const char *product_id, const char *device_name,
                              const char *attributes, int timeout_ms, int64_t *code,
                              struct buf *reply);
/* The device did what was desired: all of it is cleared. */
enum status sdk_shadow_clear_desired(struct sdk *p, const char *product_id, const char *device_name,
                                     int timeout_ms, int64_t *code, struct buf *reply);

#endif
