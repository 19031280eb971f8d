/* ota_msg.h - messages about firmware: what devices report on $ota/report, what the hub says on
 * $ota/update.
 * Room:  any. Pure.
 * Facts: docs/protocol/ota.md 1, 2, 6; vectors there.
 */
#ifndef HUBGATE_OTA_MSG_H
#define HUBGATE_OTA_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

enum {
	OTA_VERSION_MAX = 32, /* characters */
	OTA_MD5_LEN = 32,     /* hex digits */
	OTA_URL_MAX = 2048,
	OTA_REPORT_MAX = 512,   /* bytes of what a device reports */
	OTA_MESSAGE_MAX = 8192, /* of what is built here */
	OTA_WHY_MAX = 128,      /* of a text that says why, with NUL */
};

enum ota_code { /* docs/protocol/ota.md 1 */
	OTA_FINE = 0,
	OTA_TIMED_OUT = -1,
	OTA_NO_FILE = -2,
	OTA_NOT_ALLOWED = -3,
	OTA_BAD_MD5 = -4,
	OTA_UPDATE_FAILED = -5,
};

struct ota_image {             /* what a file is known by */
	char md5[OTA_MD5_LEN + 1]; /* lower case */
	uint64_t size;             /* bytes, more than 0 */
};

bool ota_image_same(const struct ota_image *a, const struct ota_image *b);

/* --- down --- */

enum ota_down_kind {
	OTA_OTHER,
	OTA_VERSION_RSP,
	OTA_UPDATE,
};

struct ota_command { /* update_firmware */
	char version[OTA_VERSION_MAX + 1];
	char url[OTA_URL_MAX + 1];
	struct ota_image image;
};

/* What the hub says. *kind is set with every status but ST_MALFORMED. ST_OK: with OTA_UPDATE
 * *out is filled; ST_INVALID: an update_firmware that lacks something or holds what cannot be;
 * ST_MALFORMED: no object with a type; ST_TOOBIG; ST_NOMEM. */
enum status ota_read_down(const void *text, size_t len, enum ota_down_kind *kind,
                          struct ota_command *out);
/* The same update_firmware with another url; all else as it came. ST_OK; from buf; ST_MALFORMED. */
enum status ota_put_update(struct buf *out, const void *text, size_t len, const char *url);
/* What the hub answers to report_version. ST_OK; from buf. */
enum status ota_put_version_rsp(struct buf *out, const char *version);

/* --- up --- */

enum ota_report_kind {
	OTA_REPORT_VERSION,
	OTA_REPORT_DOWNLOADING,
	OTA_REPORT_BURNING,
	OTA_REPORT_DONE,
	OTA_REPORT_FAIL,
};

struct ota_report {
	enum ota_report_kind kind;
	char version[OTA_VERSION_MAX + 1]; /* its own, else the target's; "": of progress, not given */
	int percent;                       /* of OTA_REPORT_DOWNLOADING, 0..100 */
};

/* What a device reports. ST_OK; ST_TOOBIG: over OTA_REPORT_MAX; ST_MALFORMED: no such message;
 * ST_INVALID: a type, state or version that cannot be; ST_NOMEM. */
enum status ota_read_report(const void *text, size_t len, struct ota_report *out);
bool ota_version_ok(const char *version); /* 1..32 of A-Z a-z 0-9 . _ - */
/* ST_OK; ST_INVALID: the version; from buf. */
enum status ota_put_version(struct buf *out, const char *version);
/* percent 0..100, of downloading. ST_OK; from buf. */
enum status ota_put_downloading(struct buf *out, const char *version, int percent);
/* kind: burning or done. ST_OK; from buf. */
enum status ota_put_state(struct buf *out, enum ota_report_kind kind, const char *version);
/* why: a short text; longer than a report may be it is cut. ST_OK; from buf. */
enum status ota_put_fail(struct buf *out, const char *version, enum ota_code code, const char *why);

#endif
