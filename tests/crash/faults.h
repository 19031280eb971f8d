/* faults.h - the table of what can go wrong, and what then still has to hold.
 *
 * Common to all: nothing acknowledged is lost but what `loss` excuses; first arrivals of a device
 * come in the order of its numbers; what comes twice is bounded by windows and by what publishers
 * sent again; hubgate's own account closes. */
#ifndef HUBGATE_TESTS_CRASH_FAULTS_H
#define HUBGATE_TESTS_CRASH_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/crash/load.h"

struct world;

/* A device of the simulator that publishes nothing; a scenario that uses it names it in `devices`.
 */
#define EAR        "ear"
#define EAR_SECRET "ZGV2aWNlLWVhci1wc2stLQ=="
#define EAR_ACCOUNT                                                                              \
	",{\"product_id\":\"" LOAD_PRODUCT "\",\"device_name\":\"" EAR "\",\"secret\":\"" EAR_SECRET \
	"\"}"

enum loss {
	LOSS_NONE,
	LOSS_CUT,      /* messages in the part of a file that a power cut took */
	LOSS_DAMAGED,  /* messages whose record has a damaged byte; hubgate counted at least as many */
	LOSS_DROPPED,  /* as many as hubgate dropped at the bound, no fewer */
	LOSS_POWER_CUT /* acknowledged less than store.flush_ms and two syncs before a power cut */
};

enum ready {
	READY,
	NOT_PERMITTED, /* skipped, with the reason */
	NOT_READY
};

struct scenario {
	const char *name;
	bool (*disturb)(struct world *w); /* false: world_broken() has the reason */
	/* In the run's own process, before anything is started. NULL: nothing to prepare. */
	enum ready (*prepare)(const char **why);
	const char *(*store_dir)(void); /* NULL: below the broker's directory */
	const char *store;              /* members for "store"; NULL: defaults */
	const char *devices;            /* more of devices[], each with a comma before; NULL: none */
	char *(*patch)(void);           /* more members, each with a comma before. Freed. NULL: none */
	char *(*conf)(void);            /* lines for mosquitto.conf. Freed. NULL: none */
	int flush_ms;                   /* where `store` is NULL; 0: 200; FLUSH_BEFORE_ACK: 0 */
	enum loss loss;
	int rate, pad; /* of a device, messages per second and bytes; 0: 150 and 100 */
	int shadow;    /* every so many messages an update of the device's shadow; 0: none */
	int rate_up;   /* hub.rate_up; 0: unlimited */
	bool brief;    /* part of `make check` */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* damage.c */
bool fault_torn_tail(struct world *w);
bool fault_damage(struct world *w);

/* disk.c */
enum ready disk_small(const char **why); /* 2 MiB */
enum ready disk_large(const char **why); /* 48 MiB */
const char *disk_dir(void);              /* where it is mounted */
const char *disk_store(void);            /* a directory below that */
/* Publishers got nothing acknowledged for `ms`, within `timeout_ms`. */
bool disk_await_stall(const struct world *w, int ms, int timeout_ms);
enum ready disk_plain_user(const char **why);
bool fault_disk_full(struct world *w);
bool fault_readonly_start(struct world *w);
bool fault_readonly_later(struct world *w);

/* stops.c */
enum ready stops_prepare(const char **why);
enum ready starts_prepare(const char **why);
char *stops_patch(void);
char *stops_conf(void);
bool fault_stops(struct world *w);
bool fault_failing_starts(struct world *w);

/* commands.c */
bool fault_commands(struct world *w);

/* faults_power.c */
bool fault_power_cut(struct world *w);
bool fault_power_cut_writeback(struct world *w);
bool fault_slow_sync(struct world *w);
bool fault_sync_fails_once(struct world *w);
bool fault_sync_fails_for_a_while(struct world *w);

/* faults_start.c */
bool fault_readdir_at_start(struct world *w);
bool fault_open_at_start(struct world *w);
bool fault_read_at_start(struct world *w);

/* faults_upgrade.c */
bool fault_upgrade(struct world *w);
bool fault_upgrade_power_cut(struct world *w);

/* faults_owner.c */
bool fault_second_broker(struct world *w);
bool fault_handover(struct world *w);
bool fault_foreign_full(struct world *w);

#endif
