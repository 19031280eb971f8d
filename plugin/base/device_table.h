/* device_table.h - the devices of this gateway and what is remembered of each.
 * Room:  BROKER.
 * Keeps: a device lives as long as the table; pointers to it stay valid. One that is retired is
 *        found by nobody, keeps what is stored of it, and is the same again when it is added again.
 *        Only a name that is not known to be ours is ever freed (plugin/devices/names).
 */
#ifndef HUBGATE_DEVICE_TABLE_H
#define HUBGATE_DEVICE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/base/table.h"
#include "core/hub/credential.h"
#include "core/hub/gateway_msg.h"
#include "core/hub/standing.h"

struct presence; /* plugin/devices/presence.h */
struct shadow;   /* plugin/services/shadow.h */
struct mapped;   /* plugin/devices/mapped.h */
struct wait_line;

enum {
	DEVICE_FILTERS_MAX = 128
};

struct device_filter { /* a subscription, mirrored at the hub */
	struct device_filter *next;
	uint8_t qos;
	bool earlier;        /* of an earlier session; the one that is here began anew without it */
	uint64_t connection; /* the last that subscribed it (struct lan_session); 0: it ended that */
	char text[];
};

/* Why a device is known: bits of device.origins. Without any it may be let go. */
enum origin {
	ORIGIN_CONFIGURED = 1,
	ORIGIN_REGISTERED = 2,  /* its secret came of dynamic registration */
	ORIGIN_APPLICATION = 4, /* the gateway application speaks for it: it brought it online */
	ORIGIN_MAPPING = 8,     /* a rule of mappings[] makes it: plugin/services/mapping_service */
	ORIGIN_NAMED = 16, /* the gateway application asked for it, or the store has messages of it: no
	                    * reason to stay known when another one ends */
};

enum bound { /* as the hub last said */
	BOUND_UNKNOWN,
	BOUND_YES,
	BOUND_NO,
};

struct device {
	struct table_node node;
	char product_id[PRODUCT_ID_LEN + 1];
	char device_name[DEVICE_NAME_MAX + 1];
	char client_id[CLIENT_ID_MAX + 1];
	struct secret secret;
	struct device_certificate certificate;
	bool own;         /* the gateway itself, for a gateway application on the LAN */
	bool retired;     /* not known any more */
	unsigned origins; /* enum origin */
	enum bound bound;
	bool proven;                /* the hub called it bound at some time */
	bool at_hub;                /* the hub confirmed it online, in this connection */
	enum gateway_op refused_op; /* what the hub refused last, and has not allowed since */
	int64_t refused_code;       /* 0: nothing */
	bool plain;                 /* devices[]: it never logs in, its secret only binds */
	bool guarded;           /* devices[] says how it logs in: who speaks for it must be proven */
	const char *objection;  /* to who spoke for it last, static text, logged; NULL: none */
	bool logged_in;         /* by itself, at some time: nobody else speaks for it */
	bool had_client;        /* a client was or is it, and may be remembered as that: never freed */
	bool stored;            /* something of it stands in the state store */
	enum standing standing; /* kept by plugin/devices/names, as what follows */
	int64_t heard_ms;       /* of a name that is not known to be ours */
	struct device *prev, *next; /* in the line of its standing */
	uint64_t serial;            /* in the order in which they were put; never 0, never another's */
	bool online;                /* as far as mappings[] tell */
	struct device_filter *filters;
	size_t filter_count;
	char *login_id;    /* of its newest login, where that is not client_id; else NULL */
	uint32_t accepted; /* messages since plugin/devices/inflow_report last looked */
	struct min_interval *min_interval; /* owned by plugin/devices/min_interval; NULL: none */
	struct presence *presence;         /* owned by plugin/devices/presence */
	struct shadow *shadow;   /* owned by plugin/services/shadow; NULL: it never used one */
	struct mapped *mapped;   /* owned by plugin/devices/mapped; NULL: no rule ever made it */
	struct wait_line *waits; /* owned by plugin/devices/registration; NULL: it does not register */
};

struct device_table; /* opaque */

struct device_table *device_table_new(uint64_t seed); /* NULL: no memory */
void device_table_free(struct device_table *r);       /* wipes secrets; NULL is fine */

/* Any room. A device for device_table_put(). Caller owns it (device_discard). NULL: no memory, or
 * ids out of their grammar. */
struct device *device_make(const char *product_id, const char *device_name,
                           const struct secret *secret);
void device_discard(struct device *d); /* never put; NULL is fine */

/* Takes made, unless such a device is or was there: that one comes back, not retired, with made's
 * secret if it has one. NULL: no memory, which device_table_reserve() rules out. */
struct device *device_table_put(struct device_table *r, struct device *made);
enum status device_table_reserve(struct device_table *r, size_t more); /* ST_OK; ST_NOMEM */
void device_table_retire(struct device_table *r, struct device *d);

void device_table_remove(struct device_table *r, struct device *d); /* frees d */

/* ST_OK; ST_EXISTS; ST_NOMEM; ST_INVALID: ids out of their grammar. */
enum status device_table_add(struct device_table *r, const char *product_id,
                             const char *device_name, const struct secret *secret,
                             struct device **out);
/* NULL: unknown. len without NUL. */
struct device *device_table_find(const struct device_table *r, const char *client_id, size_t len);
struct device *device_table_named(const struct device_table *r, const char *product_id,
                                  const char *device_name); /* NULL: unknown */
/* True: it is there, or was retired. */
bool device_table_remembers(const struct device_table *r, const char *client_id, size_t len);
size_t device_table_known(const struct device_table *r); /* how many, without those retired */
/* All, those retired included, as by table_first() and table_next(). */
struct device *device_table_first(const struct device_table *r, struct table_at *at);
struct device *device_table_next(const struct device_table *r, struct table_at *at);

/* The same, one by one in the order of their serials, whatever happens to the table in between: the
 * first behind this one; 0: of all. NULL: no more. Who comes meanwhile is the last. */
struct device *device_table_behind(const struct device_table *r, uint64_t serial);

/* The client id of its newest login that is known to live. */
const char *device_login_id(const struct device *d);
enum status device_set_login_id(struct device *d, const char *id); /* ST_OK; ST_NOMEM */

/* ST_OK: new, or with another QoS; ST_EXISTS: as it was; ST_FULL: over
 * DEVICE_FILTERS_MAX; ST_NOMEM. */
enum status device_subscribe(struct device *d, const char *filter, uint8_t qos);
/* Its session has no subscription yet: all that are remembered are of earlier ones. */
void device_begins_anew(struct device *d);
bool device_subscribes(const struct device *d, const char *filter); /* this very filter */
/* A connection has subscribed this very filter; 0: it has ended that. Nothing when d has it not. */
void device_set_connection(struct device *d, const char *filter, uint64_t connection);
/* True: that connection is known to subscribe topic. */
bool device_hears(const struct device *d, const char *topic, uint64_t connection);
/* The connection was seen to get a message on topic: by whatever filter of d that matches. */
void device_heard(struct device *d, const char *topic, uint64_t connection);
/* ST_OK; ST_NOTFOUND. */
enum status device_unsubscribe(struct device *d, const char *filter);

#endif
