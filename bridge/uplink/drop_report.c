#include "bridge/uplink/drop_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/room.h"

static const char *const reasons[DROP_REASONS] = {
	[DROP_STORE] = "the store is at its bound (store.max_messages, store.max_bytes) and this "
				   "device fills it most",
	[DROP_SHARE] = "it is at its share of the store (store.device_share)",
	[DROP_SUSPECT] = "at a bound of the store those go first which the hub does not acknowledge",
};

void drop_report_init(struct drop_report *r)
{
	*r = (struct drop_report){ .due_ms = INT64_MAX };
}

static struct drop_count *count_of(struct drop_report *r, const char *product_id,
                                   const char *device_name)
{
	struct drop_count *c;

	for (size_t i = 0; i < r->count; i++) {
		c = &r->devices[i];
		if (strcmp(c->device_name, device_name) == 0 && strcmp(c->product_id, product_id) == 0)
			return c;
	}
	if (r->count == DROP_REPORT_DEVICES)
		return NULL;
	c = &r->devices[r->count++];
	memset(c, 0, sizeof(*c));
	snprintf(c->product_id, sizeof(c->product_id), "%s", product_id);
	snprintf(c->device_name, sizeof(c->device_name), "%s", device_name);
	return c;
}

static int64_t pause_ms(const struct drop_report *r)
{
	return r->times <= 1   ? DROP_REPORT_MS
	       : r->times == 2 ? 10 * DROP_REPORT_MS
	                       : 60 * DROP_REPORT_MS;
}

void drop_report_add(struct drop_report *r, const char *product_id, const char *device_name,
                     enum drop_reason reason, int64_t now_ms)
{
	struct drop_count *c = count_of(r, product_id, device_name);

	IN_ROOM(ROOM_UPLINK);
	if (c)
		c->lost[reason]++;
	else
		r->others++;
	if (r->due_ms != INT64_MAX)
		return;
	if (now_ms - r->told_ms >= 2 * pause_ms(r))
		r->times = 0;
	r->due_ms =
		r->times > 0 && r->told_ms + pause_ms(r) > now_ms ? r->told_ms + pause_ms(r) : now_ms;
}

void drop_report_run(struct drop_report *r, const struct log *log, int64_t now_ms)
{
	unsigned times = r->times;

	IN_ROOM(ROOM_UPLINK);
	if (now_ms < r->due_ms)
		return;
	for (size_t i = 0; i < r->count * DROP_REASONS; i++) {
		const struct drop_count *c = &r->devices[i / DROP_REASONS];
		uint64_t lost = c->lost[i % DROP_REASONS];

		if (lost > 0)
			log_line(log, LOG_WARN, "%s/%s lost its %" PRIu64 " oldest messages that waited: %s",
			         c->product_id, c->device_name, lost, reasons[i % DROP_REASONS]);
	}
	if (r->others > 0)
		log_line(log, LOG_WARN,
		         "other devices lost %" PRIu64 " messages that waited, at a bound of the store",
		         r->others);
	drop_report_init(r);
	r->times = times + 1;
	r->told_ms = now_ms;
}
