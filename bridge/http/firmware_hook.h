/* firmware_hook.h - the program that installs firmware for the gateway itself.
 * Room:  NET starts it and waits for it; new, start, take, free: BROKER.
 * Keeps: without a shell, in a process group of its own, with the default signal mask and actions,
 * no descriptor but 0 (nothing), 1 and 2 (the broker's), and an environment that holds PATH and
 *        nothing of the broker's. It outlives us: a hook may restart the broker.
 */
#ifndef HUBGATE_FIRMWARE_HOOK_H
#define HUBGATE_FIRMWARE_HOOK_H

#include "bridge/http/net.h"
#include "core/base/log.h"

enum {
	FIRMWARE_HOOK_LATER = 75, /* exit: the result shows at the next start */
	FIRMWARE_HOOK_ARG_MAX = 4400,
};

struct firmware_hook; /* opaque */

struct firmware_hook_conf { /* borrowed until firmware_hook_free() */
	const char *program;
	uint32_t limit_s; /* then it is ended, with its group */
	const struct log *log;
	void (*ring)(void *ctx); /* room NET: there is something to take */
	void *ctx;
};

/* Before net_start(). Caller owns *out. ST_OK; ST_NOMEM. */
enum status firmware_hook_new(struct net *n, const struct firmware_hook_conf *conf,
                              struct firmware_hook **out);
void firmware_hook_free(struct firmware_hook *k); /* NET has ended; NULL is fine */
/* Runs `program file version`. ST_OK; ST_FULL: one runs already; ST_TOOBIG. */
enum status firmware_hook_start(struct firmware_hook *k, const char *file, const char *version);
/* ST_OK: it ended, *code is its exit code; 128 and more: by a signal; -1: it could not be run, or
 * its time was over. ST_EMPTY. */
enum status firmware_hook_take(struct firmware_hook *k, int *code);

#endif
