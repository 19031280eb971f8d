/* report.h - the plugin's numbers under $SYS/broker/hubgate/, and its log lines.
 * Room:  BROKER.
 */
#ifndef HUBGATE_REPORT_H
#define HUBGATE_REPORT_H

#include "plugin/base/context.h"

/* Publishes the metrics, retained, when metrics.sys_interval_s has passed. */
void report_run(struct hubgate *h, int64_t now_ms);

/* Sink of struct log for BROKER: the broker's log, prefix "hubgate: ". */
void report_log(void *ctx, enum log_level level, const char *line);

#endif
