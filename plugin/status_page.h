/* status_page.h - what admin.http shows (bridge/admin/admin.h): made here, once a second.
 * Room:  BROKER.
 * Keeps: the devices are looked at in slices of STATUS_PAGE_SLICE_US, and only while somebody looks
 *        at them.
 */
#ifndef HUBGATE_STATUS_PAGE_H
#define HUBGATE_STATUS_PAGE_H

#include "plugin/base/context.h"

enum {
	STATUS_PAGE_SLICE_US = 200,
	STATUS_PAGE_EACH_MS = 1000,
};

/* Listens, where the configuration says so. ST_OK; ST_IO, which is logged; ST_NOMEM. */
enum status status_page_open(struct hubgate *h);
enum status status_page_start(struct hubgate *h); /* ST_OK; ST_IO: no thread */
bool status_page_stop(struct hubgate *h, uint32_t wait_ms);
void status_page_run(struct hubgate *h, int64_t now_ms);
int64_t status_page_due(const struct hubgate *h);
void status_page_close(struct hubgate *h);

#endif
