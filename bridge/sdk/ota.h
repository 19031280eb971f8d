/* ota.h - updates of firmware for a program of its own: one device's, in calls that block.
 * Room:  one thread of the program, as bridge/sdk/sdk.h.
 * Keeps: FETCHED with a file that ota_ioctl_number(OTA_CHECK_FIRMWARE) finds right only when size
 * and MD5 fit (core/hub/ota_download.h, as in the plugin). https is verified. Facts:
 * docs/protocol/sdk-api.md "OTA"; docs/protocol/ota.md 1-4.
 *
 * The program writes the file: ota_download_start() from where it ends, ota_fetch_yield() until
 * ota_is_fetch_finished(). What is there already it feeds by ota_reset_md5() and ota_md5_update().
 */
#ifndef HUBGATE_OTA_H
#define HUBGATE_OTA_H

#include "bridge/sdk/sdk.h"
#include "core/hub/ota_msg.h"

struct ota; /* opaque */

enum ota_state { /* docs/protocol/ota.md 4 */
	OTA_STATE_UNINITED,
	OTA_STATE_INITED,
	OTA_STATE_FETCHING, /* the hub said update_firmware */
	OTA_STATE_FETCHED,  /* all bytes were read */
	OTA_STATE_DISCONNECTED,
};

enum ota_number { /* numbers as the SDKs give them */
	OTA_FETCHED_SIZE = 0,
	OTA_FILE_SIZE = 1,
	OTA_CHECK_FIRMWARE = 4,
};

enum ota_string {
	OTA_MD5SUM = 2,
	OTA_VERSION = 3,
};

struct ota_conf { /* text is borrowed during ota_init(), but for ca_file */
	const char *product_id, *device_name;
	const char *ca_file;            /* NULL: the system's */
	sdk_message_fn *on_version_rsp; /* may be NULL */
	void *ctx;
};

/* Subscribes $ota/update, and waits up to timeout_ms for the hub to grant QoS 1. Caller owns *out.
 * ST_OK; ST_DENIED: refused, or QoS 0 granted; ST_TIMEOUT; ST_INVALID: ids; ST_FULL, ST_NOMEM. */
enum status ota_init(struct sdk *p, const struct ota_conf *conf, int timeout_ms, struct ota **out);
void ota_free(struct ota *o); /* before sdk_free(); NULL is fine */

enum ota_state ota_state_now(const struct ota *o);
bool ota_is_fetching(const struct ota *o);       /* between update_firmware and the last byte */
bool ota_is_fetch_finished(const struct ota *o); /* all bytes were read */

/* Kept until the hub acknowledges them. ST_OK; ST_INVALID: the version; ST_STATE: nothing is known
 * of an update, and version is NULL; statuses of uplink_publish(). version NULL: the target. */
enum status ota_report_version(struct ota *o, const char *version); /* not NULL; INITED again */
enum status ota_report_upgrade_begin(struct ota *o);                /* burning */
enum status ota_report_upgrade_success(struct ota *o, const char *version);
enum status ota_report_upgrade_fail(struct ota *o, const char *version, const char *why); /* -5 */

/* ST_OK: *out; ST_STATE: before update_firmware. OTA_CHECK_FIRMWARE: ST_OK, *out 0: size and MD5
 * fit; ST_INVALID, *out -1: they do not, which is reported as -4; ST_STATE: not FETCHED. */
enum status ota_ioctl_number(struct ota *o, enum ota_number which, int64_t *out);
/* ST_OK; ST_STATE; ST_TOOBIG: over size with its NUL. */
enum status ota_ioctl_string(const struct ota *o, enum ota_string which, char *out, size_t size);

/* What the program has of the file already, from its first byte. ST_OK; ST_STATE: before
 * update_firmware; ST_TOOBIG: more than the file has. */
enum status ota_reset_md5(struct ota *o);
enum status ota_md5_update(struct ota *o, const void *bytes, size_t len);

/* Asks url for the bytes from offset on of a file of size bytes, waits for the head of the reply.
 * ST_OK; ST_DENIED (403), ST_NOTFOUND (404), ST_TIMEOUT (also 408), ST_INVALID (another size, or
 * another part), ST_IO. Reports nothing. */
enum status ota_http_init(struct ota *o, const char *url, uint64_t offset, uint64_t size,
                          int timeout_ms);
/* The same with the URL of update_firmware; what fails is reported. offset 0 resets the MD5; else
 * as many bytes were fed. ST_STATE: not FETCHING, or fewer were fed. */
enum status ota_download_start(struct ota *o, uint64_t offset, int timeout_ms);
/* Reads up to size bytes; *got of them. ST_OK: *got is more than 0; ST_TIMEOUT, ST_CLOSED: cut,
 * which is reported as -1; ST_STATE: no download is under way. Reports progress: 0, then at most
 * once per second, and 100. */
enum status ota_fetch_yield(struct ota *o, void *out, size_t size, int timeout_ms, size_t *got);

#endif
