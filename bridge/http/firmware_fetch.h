/* firmware_fetch.h - firmware from where the hub says that it is, into files of the gateway.
 * Room:  NET fetches; new, want, release, take, free: BROKER.
 * Keeps: an image is downloaded once, however many want it and from however many URLs; it goes on
 *        after a cut, a restart, kill -9; here it is only when size and MD5 fit, also after a
 *        restart. Every connection is judged by the address that it goes to.
 * Facts: docs/protocol/ota.md 3; core/hub/ota_download.h.
 */
#ifndef HUBGATE_FIRMWARE_FETCH_H
#define HUBGATE_FIRMWARE_FETCH_H

#include "bridge/http/net.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/hub/ota_msg.h"

enum {
	FIRMWARE_FETCHES_MAX = 4, /* at once; more wait */
	FIRMWARE_WANTS_MAX = 4096,
};

struct firmware_fetch; /* opaque */

struct firmware_fetch_conf { /* borrowed until firmware_fetch_free() */
	const char *dir;
	uint64_t max_bytes, leave_bytes; /* of all files; on the disk */
	uint32_t stall_s;                /* without a byte, and it is tried again */
	const char *ca_file;             /* NULL: the system's */
	const char *hosts;               /* core/hub/ota_url.h; NULL: any */
	bool allow_local;                /* addresses of this host and of the link, for tests */
	const struct log *log;
	struct metrics *metrics;
	/* Room NET. False: the hub cannot be reached, and what fails meanwhile does not count. */
	bool (*hub_is_there)(void *ctx);
	void (*ring)(void *ctx); /* room NET: there is something to take */
	void *ctx;
};

enum firmware_news_kind {
	FIRMWARE_PROGRESS,
	FIRMWARE_HERE,   /* checked, and it stays until it is released */
	FIRMWARE_FAILED, /* deleted, and wanted by nobody from now on */
};

struct firmware_news {
	enum firmware_news_kind kind;
	struct ota_image image;
	int percent;
	enum ota_code code; /* of FIRMWARE_FAILED, as why */
	char why[OTA_WHY_MAX];
};

/* Before net_start(). Caller owns *out. ST_OK; ST_NOMEM. */
enum status firmware_fetch_new(struct net *n, const struct firmware_fetch_conf *conf,
                               struct firmware_fetch **out);
void firmware_fetch_free(struct firmware_fetch *f); /* NET has ended; NULL is fine */

/* The image is wanted, by one more URL; the newest is asked first. Says FIRMWARE_HERE or
 * FIRMWARE_FAILED later, HERE also when it is. ST_OK; ST_FULL, ST_NOMEM: say it again. */
enum status firmware_fetch_want(struct firmware_fetch *f, const struct ota_image *image,
                                const char *url);
/* Nobody wants it any more: a download ends, the file may go. Statuses as above. */
enum status firmware_fetch_release(struct firmware_fetch *f, const struct ota_image *image);
enum status firmware_fetch_take(struct firmware_fetch *f, struct firmware_news *out); /* ST_EMPTY */

#endif
