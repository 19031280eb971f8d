/* firmware_impl.h - what the parts of plugin/services/firmware.h share:
 *   firmware.c          life; what the hub says; what NET brings
 *   firmware_report.c   what devices report
 *   firmware_offer.c    telling devices, within firmware.parallel
 *   firmware_task.c     the tasks, and what is stored of them
 *   firmware_rollout.c  versions with which devices failed
 *   firmware_own.c      the gateway itself
 * Room: BROKER.
 */
#ifndef HUBGATE_FIRMWARE_IMPL_H
#define HUBGATE_FIRMWARE_IMPL_H

#include "bridge/http/firmware_fetch.h"
#include "bridge/http/firmware_offers.h"
#include "core/hub/ota_task.h"
#include "plugin/services/firmware.h"

enum {
	FIRMWARE_LEAVE_BYTES = 32 << 20,
	FIRMWARE_STORE_MAX = 256 << 20,
	FIRMWARE_TASKS_MAX = 3000,
	FIRMWARE_TURN_MS = 1000,         /* between two looks at all tasks */
	FIRMWARE_SILENT_MS = 15 * 60000, /* a device that was told and says nothing has no place */
	FIRMWARE_KEEP_S = 7 * 24 * 3600, /* a task of which nothing was heard */
	FIRMWARE_OFFERS_PER_TURN = 4,    /* the others of the broker wait meanwhile */
	FIRMWARE_ASKS_PER_TURN = 32,     /* whether it is the turn of one */
	FIRMWARE_PROGRESS_PER_S = 4,     /* reports of progress, of all devices together */
};

enum firmware_stage {
	FIRMWARE_WAITS, /* for its file */
	FIRMWARE_READY, /* its file is here */
	FIRMWARE_TOLD,  /* it has a place among those that download */
};

struct firmware_task {
	struct table_node node;
	char client_id[CLIENT_ID_MAX + 1];
	struct ota_task task;
	enum firmware_stage stage;
	bool owed;        /* it is to be told when its file is here and it is its turn */
	bool unsaid;      /* NET was not told that its file is wanted */
	uint8_t qos;      /* of the message that it is owed */
	int64_t since_ms; /* since when it is owed */
	unsigned round;   /* in which it was asked last */
	int64_t heard_ms; /* while FIRMWARE_TOLD */
};

struct rollout { /* a version of a product with which devices failed */
	struct rollout *next;
	unsigned failures;
	bool told; /* that it is stopped */
	char key[PRODUCT_ID_LEN + 1 + OTA_VERSION_MAX + 1];
};

struct firmware {
	bool on; /* devices can download from here */
	uint64_t seed;
	struct table tasks;
	struct firmware_fetch *fetch; /* NULL: nothing is downloaded */
	struct firmware_hook *hook;   /* NULL: nothing is installed here */
	bool was_ready;               /* the hub, at the last turn with a hook */
	bool start_judged;            /* what an earlier run's hook came to */
	struct rollout *rollouts;
	int64_t look_ms;   /* of the next look at all tasks; INT64_MAX: none */
	unsigned round;    /* of those that were asked whether it is their turn */
	int64_t budget_ms; /* since when budget counts */
	unsigned budget;   /* reports of progress told since */
	bool passed_told;  /* that messages are passed on */
};

/* --- firmware_task.c --- */

struct firmware_task *firmware_task_find(const struct firmware *f, const char *client_id);
struct firmware_task *firmware_task_add(struct hubgate *h,
                                        const char *client_id); /* NULL: no room */
/* Gone: from memory, the store, lan.http; NET hears of it when nobody else wants the file. */
void firmware_task_end(struct hubgate *h, struct firmware_task *t);
void firmware_task_store(struct hubgate *h, const struct firmware_task *t);
bool firmware_task_load(struct hubgate *h, const struct state_entry *e);
void firmware_task_want(struct hubgate *h, struct firmware_task *t); /* its file, of NET */
void firmware_task_close_all(struct firmware *f);
void firmware_task_look(struct hubgate *h, int64_t at_ms); /* all of them, by then */
void firmware_task_count(struct hubgate *h);               /* the metrics */

/* --- firmware_offer.c --- */

/* Tells t's device if it is its turn. False: not now. */
bool firmware_offer(struct hubgate *h, struct firmware_task *t);
/* lan.http follows the device, after a restart and when it has another address. */
void firmware_offer_renew(struct hubgate *h, struct firmware_task *t);
/* Whether one more report of progress may go up now. */
bool firmware_offer_may_tell(struct firmware *f, int64_t now_ms);

/* --- firmware_own.c --- */

enum status firmware_own_begin(struct hubgate *h); /* ST_OK; ST_NOMEM */
bool firmware_own_takes(const struct hubgate *h);  /* update_firmware for the gateway is ours */
void firmware_own_here(struct hubgate *h, struct firmware_task *t);
void firmware_own_progress(struct hubgate *h, struct firmware_task *t, int percent);
void firmware_own_run(struct hubgate *h);

/* --- firmware_rollout.c --- */

void firmware_rollout_failed(struct hubgate *h, const char *product_id, const char *version);
bool firmware_rollout_stopped(struct hubgate *h, const char *product_id, const char *version);
bool firmware_rollout_load(struct hubgate *h, const struct state_entry *e);
void firmware_rollout_close(struct firmware *f);

#endif
