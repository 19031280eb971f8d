/* firmware.h - updates of firmware for the devices of the LAN: downloaded once, checked, and
 * given to each from here.
 * Room:  BROKER; downloads run in NET, devices are served by HTTP.
 * Keeps: a device is told of a file only when it is here whole. With the hub there it alone
 *        decides who updates; without it a device is told only while its task is open. At most
 *        firmware.parallel devices download at once, and none of a version with which
 *        firmware.max_failures failed.
 * Facts: docs/protocol/ota.md; docs/architecture.md 4 "OTA".
 */
#ifndef HUBGATE_FIRMWARE_H
#define HUBGATE_FIRMWARE_H

#include "core/hub/ota_msg.h"
#include "core/hub/route.h"
#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

enum status firmware_open(struct hubgate *h); /* before the store. ST_OK; ST_NOMEM */
/* The uplink is made, lan.http is not: what devices may download is in h->offers. ST_OK; ST_NOMEM
 */
enum status firmware_begin(struct hubgate *h);
void firmware_close(struct hubgate *h); /* NET and HTTP have ended, or never began */

/* What is stored of updates. False: it is nothing of firmware. */
bool firmware_load(struct hubgate *h, const struct state_entry *e);

/* A message of the hub for d on $ota/update. True: taken, the device hears of it later; else it is
 * passed on as it came. */
bool firmware_take(struct hubgate *h, struct device *d, const struct uplink_down *down);
/* A message of d on $ota/report goes on. address: where its client is. Statuses of to_hub_send().
 */
enum status firmware_report(struct hubgate *h, struct device *d, const struct route *route,
                            const char *topic, const void *payload, size_t len);

/* What came from NET; who is due. */
void firmware_run(struct hubgate *h, int64_t now_ms);
int64_t firmware_due(const struct hubgate *h); /* INT64_MAX: not */

struct firmware_state { /* of the update of one device; texts are static but for version */
	char version[OTA_VERSION_MAX + 1];
	const char *state;
	int percent;       /* as the hub was told; -1: not yet */
	const char *error; /* NULL: none */
};

/* How far the update of a device is. False: it has none. */
bool firmware_is(struct hubgate *h, const struct device *d, struct firmware_state *out);

/* The command firmwareResume: a version that was stopped is told to devices again. False: it was
 * not stopped. */
bool firmware_resume(struct hubgate *h, const char *version);

#endif
