/* shadow.h - device shadows: answered here, kept equal with the hub's.
 * Room:  BROKER.
 * Keeps: stored before said: no reply and no delta tells what a crash could take back. Requests of
 *        one device are answered in order.
 * Facts: docs/protocol/shadow.md; core/shadow/shadow_doc.h and core/shadow/shadow_sync.h decide,
 * this carries out.
 *
 * A device has a shadow from the moment it subscribes $shadow/operation/result/ or asks for it, or
 * a local application does; from then on its answers are subscribed at the hub.
 */
#ifndef HUBGATE_SHADOW_H
#define HUBGATE_SHADOW_H

#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

/* Local applications, with rights from apps[]: requests on .../operation/{pid}/{dname}, answers on
 * .../operation/result/{pid}/{dname}. */
#define SHADOW_APP_TREE "$hubgate/shadow/operation/"

#define SHADOW_RESULT_TREE "$shadow/operation/result/"

enum {
	SHADOW_WAITING_MAX = 16, /* requests of one device that wait for its first document */
	SHADOW_ASKED_MAX = 32,   /* requests at the hub, over all devices */
	SHADOW_LOOK_MS = 500, /* gets that can wait: two a second (docs/architecture.md 4, Presence) */
};

struct shadow; /* opaque */

enum status shadow_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void shadow_close(struct hubgate *h);
/* A stored document of a device that has none yet. An unreadable one is logged and fetched again.
 * False: of no device that is known. */
bool shadow_load(struct hubgate *h, const struct state_entry *e);
/* Everything stored has been handed out. */
void shadow_loaded(struct hubgate *h);

/* filter is the one by which a device gets its answers. */
bool shadow_is_result(const char *filter);
/* d takes part from now on. ST_OK, also again; ST_NOMEM. */
enum status shadow_follow(struct hubgate *h, struct device *d);
/* Tells the uplink of d's shadow, again or for the first time. ST_OK; ST_FULL, ST_NOMEM: say it
 * later. Nothing to say without a shadow: ST_OK. */
enum status shadow_tell(struct hubgate *h, const struct device *d);

/* d is retired: nothing more is asked for it, and who waits for an answer gets none. Its document
 * stays. d is back: it takes part again. */
void shadow_retire(struct hubgate *h, struct device *d);
void shadow_return(struct hubgate *h, struct device *d);
/* d is ours now: what it has is stored. */
void shadow_keep(struct hubgate *h, struct device *d);
/* d ends, with its document; stored: that stands in the state store too. */
void shadow_forget(struct hubgate *h, struct device *d, bool stored);
/* A message of d on $shadow/operation/. */
void shadow_request(struct hubgate *h, struct device *d, const void *payload, size_t len);
/* A message of a local application below SHADOW_APP_TREE. */
void shadow_app_request(struct hubgate *h, const char *topic, const void *payload, size_t len);

/* From the hub: a message on $shadow/operation/result/ of d; news of the uplink. */
void shadow_message(struct hubgate *h, struct device *d, const struct uplink_down *down);
void shadow_news(struct hubgate *h, const struct uplink_down *news);
/* The version of d's document, and whether the hub lacks something of it. False: it has none. */
bool shadow_is(const struct device *d, uint64_t *version, bool *dirty);
/* What is due. */
void shadow_run(struct hubgate *h, int64_t now_ms);
int64_t shadow_due(const struct hubgate *h); /* INT64_MAX: nothing is */

#endif
