/* context.h - everything the plugin is, hung off one pointer.
 * Room:  BROKER.
 */
#ifndef HUBGATE_CONTEXT_H
#define HUBGATE_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "bridge/doorbell/doorbell.h"
#include "bridge/uplink/uplink.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/room.h"
#include "core/config/config.h"
#include "plugin/base/broker.h"
#include "plugin/base/device_table.h"
#include "plugin/base/hubgate.h"
#include "plugin/base/parts.h"
#include "shadowstore/disk.h"
#include "shadowstore/journal/journal.h"
#include "shadowstore/store.h"

struct clock_trust;      /* core/base/clock.h */
struct asker;            /* plugin/base/asker.h */
struct broker_log;       /* plugin/base/broker_log */
struct broker_version;   /* plugin/control/broker_version */
struct limiters;         /* plugin/base/limiter */
struct traces;           /* plugin/base/trace */
struct broker_logins;    /* plugin/lan/broker_login */
struct broker_rights;    /* plugin/lan/broker_rights.h */
struct client_ids;       /* plugin/lan/client_ids */
struct control_login;    /* plugin/lan/control_login */
struct doorbell_login;   /* plugin/lan/doorbell_login.h */
struct lan_sessions;     /* plugin/lan/lan_session */
struct product_list;     /* plugin/lan/products.h */
struct tls_identities;   /* plugin/lan/tls_identity */
struct stored;           /* plugin/devices/stored */
struct presences;        /* plugin/devices/presence */
struct silences;         /* plugin/devices/silence */
struct commands;         /* plugin/devices/command */
struct names;            /* plugin/devices/names */
struct inflow_report;    /* plugin/devices/inflow_report */
struct registrations;    /* plugin/devices/registration */
struct device_service;   /* plugin/devices/device_service.h */
struct shadows;          /* plugin/services/shadow */
struct mapping_state;    /* plugin/services/mapping_service */
struct mapping_presence; /* plugin/services/mapping_presence */
struct mapping_register; /* plugin/services/mapping_register */
struct gateway_asks;     /* plugin/services/gateway_service */
struct rrpc;             /* core/hub/rrpc.h */
struct remote_configs;   /* plugin/services/remote_config */
struct own_config;       /* plugin/services/own_config */
struct firmware;         /* plugin/services/firmware */
struct firmware_offers;  /* bridge/http/firmware_offers.h */
struct timekeeper;       /* plugin/services/timekeeper */
struct withheld;         /* plugin/lan/withheld */
struct unheard;          /* plugin/lan/unheard */
struct reload;           /* plugin/reload */
struct control;          /* plugin/control/control */
struct status_report;    /* plugin/control/status_report */
struct report;           /* plugin/report */
struct exit_handler;     /* plugin/exit_handler */

/* Beside what all need, handles, each made by the part that is named above. Where a header is named
 * others may look into it; else its file alone knows what is in it. */
struct hubgate {
	mosquitto_plugin_id_t *id;
	char *config_path; /* NULL: none to read again */
	struct config *config;
	struct log log;
	struct metrics metrics;
	uint64_t seed;
	struct parts parts;
	int64_t turn_due_ms;           /* plugin/base/timer; 0: never set */
	struct broker_log *broker_log; /* NULL: not yet */
	struct limiters *limiters;
	struct traces *traces; /* NULL: none runs */

	/* What stands in store.dir, and the way to the hub. */
	struct store *store; /* closed last of all that stands there */
	struct journal *journal;
	struct state *state; /* NULL: nothing is remembered, as disk */
	struct disk *disk;
	struct stored *stored; /* NULL: no state, nothing is stored */
	struct uplink *uplink;
	bool uplink_hangs; /* at the end: the journal is still its */

	/* The LAN. */
	bool has_connect_event;                           /* the broker is 2.1 or newer */
	bool reloading;                                   /* between RELOAD and the next tick */
	struct mosquitto *(*find_client)(const char *id); /* of the broker; NULL: it has none (2.0) */
	struct broker_rights *rights;
	struct broker_logins *logins;
	struct doorbell_login *doorbell;
	struct control_login *control_login; /* NULL: nobody has a token */
	struct lan_sessions *sessions;
	struct client_ids *client_ids;
	bool kicking; /* the broker is ending a session that another login replaced */
	struct product_list *products;
	struct tls_identities *tls_identities;
	struct withheld *withheld;
	struct unheard *unheard;

	/* The devices. */
	struct device_table *devices;
	struct device *own; /* the gateway itself, in the device table */
	struct one_client *one_client;
	struct presences *presences;
	struct silences *silences;
	struct commands *commands;
	struct names *names;
	struct inflow_report *inflow;
	struct registrations *registrations; /* NULL: no product registers */

	/* The services. */
	struct shadows *shadows;
	const struct device_service *shadow_service; /* plugin/services/shadow */
	struct gateway_asks *asks;
	struct firmware *firmware;
	struct firmware_offers *offers; /* firmware at lan.http; NULL: none */
	struct rrpc *rrpc;              /* kept by plugin/services/rrpc_service */
	struct remote_configs *remote_configs;
	struct own_config *own_config;
	struct mapping_state *mapping;
	struct mapping_presence *mapping_presence;
	struct mapping_register *mapping_register;
	/* Of plugin/services/mapping_service, for plugin/devices: d ends, or is retired; erase: what
	 * stands in the state store too. */
	void (*forget_mapped)(struct hubgate *h, struct device *d, bool erase);
	/* Of the same, for plugin/services/mapping_presence: the rules have changed. False: none makes
	 * d any more, it is forgotten. */
	bool (*renew_mapped)(struct hubgate *h, struct device *d);
	struct timekeeper *timekeeper;
	const struct clock_trust *clock; /* kept by the timekeeper, read by all */

	/* The whole. Of plugin/reload, for plugin/control: reads the file again, and answers what came
	 * of it; takes a. NULL: it cannot be read again. */
	void (*reload_for)(struct hubgate *h, struct asker *a);
	struct reload *reload; /* NULL: none, as disk */
	unsigned reload_round; /* counts the configurations taken over */
	struct control *control;
	struct broker_version *broker_version;
	struct status_report *status_report;
	struct report *report;
	struct exit_handler *exit_handler;
};

/* Measures one callback: struct timespec start = callback_begin(); ...
 * callback_end(h, CALLBACK_ACL, start). */
static inline struct timespec callback_begin(void)
{
	struct timespec now;

	IN_ROOM(ROOM_BROKER);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now;
}

static inline void callback_end(struct hubgate *h, enum callback which, struct timespec start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	histogram_add(&h->metrics.callbacks[which],
	              (uint64_t)(now.tv_sec - start.tv_sec) * 1000000000u +
	                  (uint64_t)(now.tv_nsec - start.tv_nsec));
}

#endif
