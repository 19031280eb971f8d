/* inflow_report.h - who sends how much: warns when more comes in than hub.rate_up lets out.
 * Room:  BROKER.
 */
#ifndef HUBGATE_INFLOW_REPORT_H
#define HUBGATE_INFLOW_REPORT_H

#include "plugin/base/context.h"

enum {
	INFLOW_TALKERS = 10,
};

struct inflow_talker {
	char name[PRODUCT_ID_LEN + 1 + DEVICE_NAME_MAX + 1]; /* product id, slash, device name */
	uint32_t per_minute;
};

enum status inflow_report_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void inflow_report_close(struct hubgate *h);
void inflow_report_run(struct hubgate *h, int64_t now_ms); /* cheap; does something once a minute */
/* Who sent most in the last whole minute, most first; borrowed until the next turn. Returns how
 * many. */
size_t inflow_report_talkers(const struct hubgate *h, const struct inflow_talker **out);
/* Its metrics, while so many messages are queued. */
void inflow_report_measure(struct hubgate *h, uint64_t queued);

#endif
