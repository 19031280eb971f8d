/* faults.h - the table of what can go wrong, and what then still has to hold.
 *
 * Common to all: nothing acknowledged is lost but what `loss` excuses; first arrivals of a device
 * come in the order of its numbers; what comes twice is bounded by windows and by what publishers
 * sent again; hubgate's own account closes. */
#ifndef HUBGATE_TESTS_CRASH_FAULTS_H
#define HUBGATE_TESTS_CRASH_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

struct world;

enum loss {
	LOSS_NONE,
	LOSS_CUT,     /* messages in the part of a file that a power cut took */
	LOSS_DAMAGED, /* messages whose record has a damaged byte; hubgate counted at least as many */
	LOSS_DROPPED  /* as many as hubgate dropped at the bound, no fewer */
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
	enum loss loss;
	int rate, pad; /* of a device, messages per second and bytes; 0: 150 and 100 */
	int rate_up;   /* hub.rate_up; 0: unlimited */
	bool brief;    /* part of `make check` */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* damage.c */
bool fault_torn_tail(struct world *w);
bool fault_damage(struct world *w);

/* disk.c */
enum ready disk_small(const char **why);
const char *disk_dir(void);
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

#endif
