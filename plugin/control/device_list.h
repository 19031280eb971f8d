/* device_list.h - one page of the devices, made in slices: 1,500 of them are more than a turn.
 * Room:  BROKER.
 * Keeps: what comes or goes meanwhile moves no other one to another page. Of each device it tells
 *        what was so in the turn in which its slice was made.
 * Usage: device_list_begin(&l, "present", after, 200, ASKER_DATA_MAX);
 *        in each turn: if (device_list_run(&l, h)) { l.out is JSON, l.next tells where to go on }
 */
#ifndef HUBGATE_DEVICE_LIST_H
#define HUBGATE_DEVICE_LIST_H

#include "core/json/json_writer.h"
#include "plugin/base/context.h"

enum {
	DEVICE_LIST_COUNT_MAX = 256,
};

enum device_list_only {
	DEVICE_LIST_ALL,
	DEVICE_LIST_PRESENT,
	DEVICE_LIST_ONLINE,
	DEVICE_LIST_UNBOUND,
	DEVICE_LIST_QUEUED,
	DEVICE_LIST_ONLIES
};

struct device_list {
	enum device_list_only only;
	uint64_t after; /* serial of the last of the page before; 0: from the beginning */
	unsigned count; /* at most so many */
	uint64_t at;    /* serial of the last that was looked at */
	uint64_t last;  /* of the last that was written */
	unsigned written;
	size_t total;   /* those that `only` means, on all pages */
	bool more;      /* behind this page */
	struct buf out; /* {"devices":[...],"total":N,"next":"..."}, whole when all was looked at */
	struct json_writer w;
};

/* By its name as the command has it. False: no such name. */
bool device_list_only_named(const char *name, enum device_list_only *out);
/* after: of a page's next, as text; NULL: from the beginning. ST_OK; ST_INVALID: it is none. The
 * page's text is at most max bytes. l stays where it is until device_list_fini(). */
enum status device_list_begin(struct device_list *l, enum device_list_only only, const char *after,
                              unsigned count, size_t max);
/* A slice of some 200 microseconds. True: l->out is whole, or l->w.st says why it is not. */
bool device_list_run(struct device_list *l, struct hubgate *h);
void device_list_fini(struct device_list *l);

#endif
