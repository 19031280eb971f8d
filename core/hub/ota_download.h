/* ota_download.h - the download of one file, without the network and the disk: where it goes on,
 * what its bytes amount to, and what a reply or an end means.
 * Room:  any, one owner. Pure (MD5 from OpenSSL).
 * Keeps: whole only when size and MD5 fit. The file under it holds exactly `have` bytes whenever a
 *        step was carried out.
 * Facts: docs/protocol/ota.md 3, 4.
 *
 * A driver (NET's for the plugin, one that blocks for programs with the C interface) feeds what is
 * there already, asks, and passes on the reply, the bytes and the end; each tells what to do.
 */
#ifndef HUBGATE_OTA_DOWNLOAD_H
#define HUBGATE_OTA_DOWNLOAD_H

#include "core/hub/http_range.h"
#include "core/hub/ota_msg.h"

enum {
	OTA_TRIES_MAX = 4,   /* without progress: the first and 3 more */
	OTA_PAUSE_MS = 1000, /* before the next try, doubled with each that brought nothing */
	OTA_PAUSE_MAX_MS = 60000,
};

enum ota_download_state {
	OTA_RESUMING, /* what is there already is fed */
	OTA_ASKED,
	OTA_READING,
	OTA_PAUSED, /* to be asked again */
	OTA_WHOLE,
	OTA_FAILED,
};

enum ota_step {
	OTA_STEP_ON,
	OTA_STEP_RESTART, /* what is there is void: cut the file to 0 bytes, then go on */
	OTA_STEP_AGAIN,   /* ask again after ota_download_pause_ms(); the file is kept */
	OTA_STEP_ANEW,    /* as AGAIN, with the file cut to 0 bytes */
	OTA_STEP_NO_URL,  /* this URL is of no use: ask another, or ota_download_give_up() */
	OTA_STEP_WHOLE,
	OTA_STEP_FAILED, /* code and why; the file is to be deleted */
};

struct ota_reply { /* the head of a reply */
	long status;
	bool has_length, has_range;
	uint64_t length;       /* Content-Length */
	uint64_t first, total; /* Content-Range; total 0: not said */
};

enum ota_end { /* of a body */
	OTA_END_CLEAN,
	OTA_END_CUT,
	OTA_END_SILENT, /* nothing came for too long */
};

struct ota_download { /* embedded; look at it freely */
	struct ota_image image;
	enum ota_download_state state;
	uint64_t have;    /* bytes digested */
	uint64_t resumed; /* of these, fed */
	uint64_t most;    /* that it ever had: only more than that is progress */
	unsigned idle;    /* tries in a row without progress */
	enum ota_code code;
	char why[OTA_WHY_MAX]; /* of the last that went wrong */
	void *md5;             /* owned */
};

enum status ota_download_init(struct ota_download *d, const struct ota_image *image); /* ST_NOMEM */
void ota_download_fini(struct ota_download *d); /* fine when zeroed */

/* In OTA_RESUMING. ON; RESTART: more bytes than the image has; WHOLE: it is all there. */
enum ota_step ota_download_feed(struct ota_download *d, const void *bytes, size_t len);
/* All was fed, and it is not whole. ON; RESTART: as many bytes as the image, but others. */
enum ota_step ota_download_fed(struct ota_download *d);
/* It is asked now: from this byte on. 0: without Range. */
uint64_t ota_download_asked(struct ota_download *d);
/* ON, RESTART, AGAIN, ANEW, NO_URL, FAILED. */
enum ota_step ota_download_reply(struct ota_download *d, const struct ota_reply *reply);
/* ON, WHOLE, ANEW, FAILED. */
enum ota_step ota_download_bytes(struct ota_download *d, const void *bytes, size_t len);
/* The reply is over, or none came; why: what the driver knows. counts: false when the network is
 * known to be down, and the try does not count. AGAIN, FAILED. */
enum ota_step ota_download_ended(struct ota_download *d, enum ota_end end, bool counts,
                                 const char *why);
/* No other URL is left: it fails with what the last one said. */
enum ota_step ota_download_give_up(struct ota_download *d);
/* For a reason of the driver's own. */
enum ota_step ota_download_fail(struct ota_download *d, enum ota_code code, const char *why);

uint32_t ota_download_pause_ms(const struct ota_download *d);
int ota_download_percent(const struct ota_download *d); /* 0..100, 100 only when whole */

#endif
