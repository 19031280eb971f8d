#include "plugin/devices/gauges.h"

#include "core/base/room.h"
#include "plugin/devices/inflow_report.h"

void gauges_measure(struct hubgate *h)
{
	struct journal_counts c;

	IN_ROOM(ROOM_BROKER);
	journal_counts(h->journal, &c);
	metric_set(&h->metrics, M_ACCEPTED, c.accepted);
	metric_set(&h->metrics, M_QUEUED, c.queued);
	metric_set(&h->metrics, M_QUEUED_BYTES, c.queued_bytes);
	metric_set(&h->metrics, M_DELIVERED, c.ended[JOURNAL_DELIVERED]);
	metric_set(&h->metrics, M_DROPPED_BOUND, c.ended[JOURNAL_DROP_BOUND]);
	metric_set(&h->metrics, M_DROPPED_SUSPECT, c.ended[JOURNAL_DROP_SUSPECT]);
	metric_set(&h->metrics, M_DROPPED_POISON, c.ended[JOURNAL_DROP_POISON]);
	metric_set(&h->metrics, M_DROPPED_AGE, c.ended[JOURNAL_DROP_AGE]);
	metric_set(&h->metrics, M_DROPPED_DAMAGED, c.ended[JOURNAL_DROP_DAMAGED]);
	metric_set(&h->metrics, M_SUPERSEDED, c.ended[JOURNAL_SUPERSEDED]);
	metric_set(&h->metrics, M_STORE_BOUND, c.bound_bytes);
	metric_set(&h->metrics, M_SYNCS, c.syncs);
	metric_set(&h->metrics, M_SYNC_FAILED, c.sync_failures);
	metric_set(&h->metrics, M_REWRITTEN, c.rewritten);
	metric_set(&h->metrics, M_SYNC_MS, c.sync_ms);
	metric_set(&h->metrics, M_SYNC_LONGEST, c.sync_longest_ms);
	inflow_report_measure(h, c.queued);
	metric_set(&h->metrics, M_DOORBELL,
	           uplink_doorbell(h->uplink) &&
	               doorbell_state(uplink_doorbell(h->uplink)) == DOORBELL_CONNECTED);
}
