/* firmware_offers.h - what devices of the LAN may download from lan.http, under which names.
 * Room:  BROKER; firmware_offers_answer(): HTTP.
 * Keeps: a name is one level, cannot be guessed, and stands for one device and one task. It is
 *        answered until its time is over, only to the address that the device has at the broker
 *        (unless that is not asked for), and only with a file that was checked. One download per
 *        name: a newer one ends the older.
 * Facts: docs/protocol/ota.md 3, 5.
 */
#ifndef HUBGATE_FIRMWARE_OFFERS_H
#define HUBGATE_FIRMWARE_OFFERS_H

#include <stdbool.h>

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/hub/credential.h"
#include "core/hub/ota_msg.h"

enum {
	FIRMWARE_TOKEN_MAX = 33,   /* of a name, with NUL */
	FIRMWARE_PATH_MAX = 4300,  /* of a file */
	FIRMWARE_ADDRESS_MAX = 64, /* of an address as text, with NUL */
};

struct firmware_offers; /* opaque */

struct firmware_offer { /* copied */
	char name[FIRMWARE_TOKEN_MAX];
	char client_id[CLIENT_ID_MAX + 1];
	struct ota_image image;
	bool any_address;
	char address[FIRMWARE_ADDRESS_MAX]; /* where the device is; "": nowhere, nobody gets it */
	int64_t until_ms;                   /* CLOCK_MONOTONIC */
};

/* Files are DIR/MD5-SIZE. log, metrics, dir: borrowed. Caller owns *out. ST_OK; ST_NOMEM. */
enum status firmware_offers_new(const char *dir, const struct log *log, struct metrics *metrics,
                                struct firmware_offers **out);
void firmware_offers_free(struct firmware_offers *o); /* HTTP has ended; NULL is fine */

/* A name that nobody can guess. ST_OK; ST_IO: no random bytes. */
enum status firmware_offers_name(char out[FIRMWARE_TOKEN_MAX]);
/* One with the same name is replaced. ST_OK; ST_NOMEM. */
enum status firmware_offers_put(struct firmware_offers *o, const struct firmware_offer *offer);
void firmware_offers_drop(struct firmware_offers *o, const char *name); /* unknown: no effect */

struct MHD_Connection;
/* Room HTTP. GET or HEAD of url. *serves: a file is on its way. False: the connection is to end. */
bool firmware_offers_answer(struct firmware_offers *o, struct MHD_Connection *c, const char *url,
                            bool *serves);

#endif
