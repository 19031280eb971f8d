/* report.h - the plugin's numbers under $SYS/broker/hubgate/.
 * Room:  BROKER.
 */
#ifndef HUBGATE_REPORT_H
#define HUBGATE_REPORT_H

#include "plugin/base/context.h"

enum status report_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void report_close(struct hubgate *h);
/* Publishes the metrics, retained, when metrics.sys_interval_s has passed. */
void report_run(struct hubgate *h, int64_t now_ms);
/* metrics.sys_interval_s may be another now: it counts from the next turn on. */
void report_interval_changed(struct hubgate *h);

#endif
