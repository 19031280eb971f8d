/* ota_task.h - one device's update, as the gateway knows it: what the hub asked for, whether it may
 * be told without the hub, how far it is.
 * Room:  any, one owner. Pure; the caller brings the time.
 * Facts: docs/protocol/ota.md 2, 5.
 */
#ifndef HUBGATE_OTA_TASK_H
#define HUBGATE_OTA_TASK_H

#include "core/hub/ota_msg.h"

enum {
	OTA_OFFLINE_OFFERS = 2, /* of one version to one device without the hub */
	OTA_NAME_MAX = 33,      /* with NUL, as OTA_ADDRESS_MAX */
	OTA_ADDRESS_MAX = 64,
	OTA_PROGRESS_MS = 1000, /* between two reports of a device's progress */
	OTA_RECORD_MAX = OTA_MESSAGE_MAX + 256,
};

struct ota_task {
	struct ota_command command;
	char *text; /* update_firmware as it came; owned, len bytes and a NUL */
	size_t len;
	int64_t at_s;     /* wall clock: the hub's last word */
	bool open;        /* neither done nor failed since */
	bool doubted;     /* the hub answered a version report, and no update_firmware followed */
	unsigned offline; /* offers of this version without the hub */
	/* Under which name the device gets the file, and where it was then; "": it was not told. */
	char name[OTA_NAME_MAX], address[OTA_ADDRESS_MAX];
	int told; /* percent; -1: nothing told yet */
	int64_t told_ms;
};

/* The hub said update_firmware, read as c. Begins the task, or goes on with it when image and
 * version are as they were. ST_OK; ST_NOMEM: as it was. */
enum status ota_task_ordered(struct ota_task *t, const struct ota_command *c, const void *text,
                             size_t len, int64_t now_s);
/* The hub answered a version report: until it says update_firmware again the task may be withdrawn.
 * True: this is news. */
bool ota_task_doubt(struct ota_task *t);
/* A device's report. True: this ended the task (done, fail, or it has the target). */
bool ota_task_reported(struct ota_task *t, const struct ota_report *r);
/* May the device be told to update although the hub is away? ttl_s 0: never. */
bool ota_task_may_offer_offline(const struct ota_task *t, int64_t now_s, uint32_t ttl_s);

/* What the hub is told of a download: the gateway's is 0-50 percent, the device's 50-100; at most
 * one a second, never less than before, 100 once. -1: nothing now. */
int ota_task_progress(struct ota_task *t, bool of_gateway, int percent, int64_t now_ms);

/* What is stored of it. ST_OK; from buf. */
enum status ota_task_put(struct buf *out, const struct ota_task *t);
/* Zeroed before. ST_OK; ST_MALFORMED; ST_NOMEM. */
enum status ota_task_read(struct ota_task *t, const void *text, size_t len);
void ota_task_fini(struct ota_task *t); /* fine when zeroed */

#endif
