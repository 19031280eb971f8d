/* reload_plan.h - what a newly read configuration means, worked out where files may be waited for.
 * Room:  DISK makes and empties it; BROKER uses it in between (plugin/reload.c). While DISK makes
 *        it BROKER lends the running configuration and changes nothing of it.
 * Keeps: a plan is either whole, with every file read and every rule checked and all memory that
 *        its use needs, or it holds nothing but the lines that say why not.
 */
#ifndef HUBGATE_RELOAD_PLAN_H
#define HUBGATE_RELOAD_PLAN_H

#include "plugin/devices/registration.h"
#include "plugin/lan/products.h"

struct reload_device { /* an entry of devices[] that is new, gone, or not the same */
	const struct config_device *before, *after; /* NULL: it is new; it is gone */
	struct device *made;                        /* new: for the device table; owned */
	char client_id[CLIENT_ID_MAX + 1];
	bool ends; /* what its clients logged in with does not count any more */
};

struct reload_line {
	enum log_level level;
	char text[LOG_LINE_MAX];
};

struct reload_plan {
	struct hubgate *h; /* borrowed */
	bool whole;
	struct config next;        /* after its use: what is over */
	struct reload_line *lines; /* for the log, owned */
	size_t line_count, line_room, lines_lost;
	struct reload_device *devices; /* owned */
	size_t device_count, added;
	struct route_rules *routes;   /* NULL: as they are */
	struct product_list products; /* their topics are closed to others from now on */
	struct registration_plan registration;
	enum lan_acl acl; /* effective */
	bool mappings_differ;
	/* What the hub adds to the file; borrowed while the plan is made. NULL: nothing. */
	const char *remote;
	size_t remote_len;
	bool remote_fresh; /* it never counted: without it there is no plan */
	bool remote_fault; /* it is why there is no plan, or it was left out of one */
	char remote_why[CONFIG_LINE_MAX];
};

void reload_plan_make(struct reload_plan *p);  /* room DISK; p holds h and remote* alone */
void reload_plan_empty(struct reload_plan *p); /* any room; wipes; h stays */

#endif
