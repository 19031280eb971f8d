/* status_report.h - what the whole gateway is and does now, as JSON: for the command status, and for
 * whoever else shows it.
 * Room:  BROKER.
 */
#ifndef HUBGATE_STATUS_REPORT_H
#define HUBGATE_STATUS_REPORT_H

#include "core/json/json_writer.h"
#include "plugin/base/context.h"

enum status status_report_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void status_report_close(struct hubgate *h);

/* Members state, since_s, reason and fix of the object that is open; oldest_age_s; suspect_topics.
 */
void status_report_put_link(struct json_writer *w, struct hubgate *h,
                            const struct uplink_view *view);
void status_report_put_oldest(struct json_writer *w, const struct uplink_view *view);
void status_report_put_suspects(struct json_writer *w, const struct uplink_view *view);
/* An object; members as docs/control.md "status" says. Some 100 microseconds, and allocates nothing
 * but out. */
void status_report_put(struct json_writer *w, struct hubgate *h);

#endif
