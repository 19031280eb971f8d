/* inflow_report.h - who sends how much: warns when more comes in than hub.rate_up lets out.
 * Room:  BROKER.
 */
#ifndef HUBGATE_INFLOW_REPORT_H
#define HUBGATE_INFLOW_REPORT_H

#include "plugin/base/context.h"

enum status inflow_report_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void inflow_report_close(struct hubgate *h);
void inflow_report_run(struct hubgate *h, int64_t now_ms); /* cheap; does something once a minute */
/* Its metrics, while so many messages are queued. */
void inflow_report_measure(struct hubgate *h, uint64_t queued);

#endif
