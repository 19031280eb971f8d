/* registration.h - dynamic registration: configured devices without a secret, devices of the LAN
 * that ask at lan.http, and the secrets that came of it. NET and lan.http begin and end here.
 * Room:  BROKER; what it starts lives in NET and HTTP.
 * Keeps: a secret is on disk before anybody is told of it. A device is asked for again after 5 s at
 *        the earliest, after at most 10 minutes, and only where asking again may help.
 * Facts: docs/protocol/dynreg.md; docs/architecture.md 4 "Dynamic registration".
 */
#ifndef HUBGATE_REGISTRATION_H
#define HUBGATE_REGISTRATION_H

#include "plugin/base/asker.h"
#include "plugin/base/context.h"

/* The devices are in the device table, store.dir is there. Gives those their secrets that were
 * registered before. ST_OK; ST_IO (logged); ST_NOMEM. */
enum status registration_open(struct hubgate *h);
struct net;
/* NET, for others who download: from registration_open() to registration_close(). NULL: no product
 * registers, and neither lan.http nor firmware.hook is set. */
struct net *registration_net(struct hubgate *h);
/* The uplink is made. Listens at lan.http, where who connects waits. ST_OK; ST_INVALID, ST_IO
 * (logged); ST_NOMEM. */
enum status registration_listen(struct hubgate *h);
enum status registration_start(struct hubgate *h); /* NET begins. ST_OK; ST_IO: no thread */
enum status registration_serve(struct hubgate *h); /* HTTP begins, or it is logged. ST_OK */

struct registration_grant {
	char client_id[CLIENT_ID_MAX + 1];
	struct secret secret;
};

struct registration_plan {          /* what a new configuration means; zeroed before it is made */
	bool wanted;                    /* false: nothing */
	struct registrations *made;     /* no product was there before; NULL: some was */
	struct http_products *products; /* those that register */
	struct registration_grant *grants; /* of earlier registrations */
	size_t grant_count, grant_room;
};

/* Room DISK, while BROKER changes nothing of h: reads the secrets file. ST_OK; ST_INVALID, ST_IO
 * (logged); ST_NOMEM. */
enum status registration_prepare(struct hubgate *h, const struct config *next,
                                 const struct log *log, struct registration_plan *out);

/* Room BROKER. h->config and its devices are the new ones. */
void registration_apply(struct hubgate *h, struct registration_plan *p);
void registration_plan_free(struct registration_plan *p); /* any room; wipes; fine when zeroed */

/* A device is registered now, for a command; takes asker, who gets the result. */
void registration_ask(struct hubgate *h, const char *product_id, const char *device_name,
                      struct asker *asker);
/* A device proved its secret at a login: no reply of lan.http is given again for it. */
void registration_logged_in(struct hubgate *h, const struct device *d);
/* What came back; who is due. */
void registration_run(struct hubgate *h, int64_t now_ms);
/* When it wants to run again; INT64_MAX: not. */
int64_t registration_due(const struct hubgate *h);
/* NET and HTTP are told to end; does not wait. */
void registration_quit(struct hubgate *h);
/* Ends NET, at most wait_ms, then HTTP. False: NET hangs, both are left behind with what they use:
 * configuration, device table, the uplink's log. */
bool registration_stop(struct hubgate *h, uint32_t wait_ms);
void registration_close(struct hubgate *h); /* stopped, or never started */

#endif
