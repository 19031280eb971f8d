/* inflow_report.h - who sends how much: warns when more comes in than hub.rate_up lets out.
 * Room:  BROKER.
 */
#ifndef HUBGATE_INFLOW_REPORT_H
#define HUBGATE_INFLOW_REPORT_H

#include "plugin/base/context.h"

void inflow_report_run(struct hubgate *h, int64_t now_ms); /* cheap; does something once a minute */

#endif
