/* reload.h - SIGHUP: hubgate.json is read again, and what core/config/config.tbl calls LIVE counts
 * at once.
 * Room:  BROKER asks, swaps and disconnects; DISK reads and checks (plugin/reload_plan.h).
 * Keeps: a file that cannot be used changes nothing at all. The swap takes under a millisecond with
 *        2,000 devices. No client is disconnected whose device is what it was. Asked again
 *        meanwhile: the file is read once more, and the last one counts.
 */
#ifndef HUBGATE_RELOAD_H
#define HUBGATE_RELOAD_H

#include "plugin/base/context.h"

enum status reload_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void reload_close(struct hubgate *h);       /* DISK has ended, or never started */
/* SIGHUP came. Returns at once. */
void reload_ask(struct hubgate *h);
/* Takes what DISK has worked out; goes on with what does not fit one turn. */
void reload_run(struct hubgate *h, int64_t now_ms);

#endif
