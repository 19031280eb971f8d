/* drop_report.h - who lost messages at a bound of the store, how many and why: a line per device at
 * the first loss, then after a minute, ten minutes and hourly while it goes on.
 * Room:  UPLINK.
 */
#ifndef HUBGATE_DROP_REPORT_H
#define HUBGATE_DROP_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/hub/credential.h"

enum drop_reason {
	DROP_STORE,   /* the whole store is at its bound */
	DROP_SHARE,   /* the device is at its share of it */
	DROP_SUSPECT, /* at either bound, of a topic that the hub does not acknowledge */
	DROP_REASONS
};

enum {
	DROP_REPORT_MS = 60000,   /* from the first report to the second */
	DROP_REPORT_DEVICES = 16, /* named in one report; of the others the sum is told */
};

struct drop_count {
	char product_id[PRODUCT_ID_LEN + 1], device_name[DEVICE_NAME_MAX + 1];
	uint64_t lost[DROP_REASONS];
};

struct drop_report {
	struct drop_count devices[DROP_REPORT_DEVICES];
	size_t count;
	uint64_t others;
	int64_t due_ms; /* of the next report; INT64_MAX: nothing to tell */
	int64_t told_ms;
	unsigned times; /* told since it began; over when a pause passed twice without a loss */
};

void drop_report_init(struct drop_report *r);
void drop_report_add(struct drop_report *r, const char *product_id, const char *device_name,
                     enum drop_reason reason, int64_t now_ms);
/* Writes what is due, and begins anew. */
void drop_report_run(struct drop_report *r, const struct log *log, int64_t now_ms);

#endif
