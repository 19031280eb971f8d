#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/clocks.h"
#include "core/base/room.h"
#include "plugin/base/limiter.h"
#include "plugin/base/publish.h"
#include "plugin/devices/to_hub.h"
#include "plugin/services/firmware_impl.h"

struct reported { /* a report on its way; borrowed views */
	struct hubgate *h;
	struct device *device;
	const struct route *route;
	const char *topic;
	const void *payload;
	size_t len;
	struct ota_report report;
	struct firmware_task *task; /* NULL: none is open */
};

static enum status pass(const struct reported *r)
{
	return to_hub_send(r->h, r->device, r->route, r->topic, r->payload, r->len);
}

/* Without the hub the device gets what the hub would say. */
static void answer(const struct reported *r)
{
	struct buf out = BUF_MAX(OTA_MESSAGE_MAX);
	char topic[TOPIC_LEN_MAX + 1];

	snprintf(topic, sizeof(topic), "$ota/update/%s/%s", r->device->product_id,
	         r->device->device_name);
	if (ota_put_version_rsp(&out, r->report.version) == ST_OK)
		publish_on_lan(topic, out.data, out.len, 0, false);
	buf_free(&out);
}

static void offer_without_hub(const struct reported *r)
{
	struct hubgate *h = r->h;

	if (!r->task || !ota_task_may_offer_offline(&r->task->task, clocks_realtime_ms() / 1000,
	                                            h->config->firmware.task_ttl_s))
		return;
	if (!r->task->owed)
		r->task->since_ms = hubgate_now_ms();
	r->task->owed = true;
	r->task->qos = 1;
	firmware_task_look(h, hubgate_now_ms());
}

static enum status version(struct reported *r)
{
	enum status st = to_hub_send_newest(r->h, r->device, r->route, r->topic, r->payload, r->len);

	if (st != ST_OK)
		return st;
	if (r->task && ota_task_reported(&r->task->task, &r->report)) {
		firmware_task_end(r->h, r->task);
		r->task = NULL;
	} else if (r->task && r->task->stage == FIRMWARE_TOLD) {
		r->task->stage = FIRMWARE_READY; /* it began anew */
	}
	if (uplink_ready(r->h->uplink))
		return st;
	answer(r);
	offer_without_hub(r);
	return st;
}

/* The device's part is the second half of what the hub sees. */
static enum status progress(struct reported *r)
{
	struct firmware_task *t = r->task;
	struct buf out = BUF_MAX(OTA_MESSAGE_MAX);
	int64_t now_ms = hubgate_now_ms();
	int percent = r->report.percent;
	enum status st = ST_OK;

	if (!t || t->stage != FIRMWARE_TOLD)
		return pass(r);
	t->heard_ms = now_ms;
	if (percent < 100 && !firmware_offer_may_tell(r->h->firmware, now_ms))
		return ST_OK;
	percent = ota_task_progress(&t->task, false, percent, now_ms);
	if (percent >= 0 && ota_put_downloading(&out, t->task.command.version, percent) == ST_OK)
		st = to_hub_send(r->h, r->device, r->route, r->topic, out.data, out.len);
	buf_free(&out);
	return st;
}

static enum status result(struct reported *r)
{
	struct firmware_task *t = r->task;
	enum status st = pass(r);
	bool told = t && t->task.name[0];

	if (st != ST_OK || !t)
		return st;
	t->heard_ms = hubgate_now_ms();
	if (!ota_task_reported(&t->task, &r->report))
		return st;
	if (told && r->report.kind == OTA_REPORT_FAIL)
		firmware_rollout_failed(r->h, r->device->product_id, t->task.command.version);
	firmware_task_end(r->h, t);
	return st;
}

static enum status refuse(const struct reported *r, const char *why)
{
	metric_add(&r->h->metrics, M_REFUSED, 1);
	limiter_log_refusal(r->h, r->device->client_id, r->topic, why);
	return ST_OK;
}

static const char *read_report(const void *payload, size_t len, struct ota_report *out)
{
	if (ota_read_report(payload, len, out) == ST_OK)
		return NULL;
	return len > OTA_REPORT_MAX ? "a report of firmware over 512 bytes"
	                            : "no report of firmware that the hub knows";
}

const char *firmware_report_fault(const void *payload, size_t len, bool *newest)
{
	struct ota_report report;
	const char *why = read_report(payload, len, &report);

	IN_ROOM(ROOM_BROKER);
	*newest = !why && report.kind == OTA_REPORT_VERSION;
	return why;
}

enum status firmware_report(struct hubgate *h, struct device *d, const struct route *route,
                            const char *topic, const void *payload, size_t len)
{
	struct reported r = { .h = h,
		                  .device = d,
		                  .route = route,
		                  .topic = topic,
		                  .payload = payload,
		                  .len = len,
		                  .task = firmware_task_find(h->firmware, d->client_id) };
	const char *why = read_report(payload, len, &r.report);

	IN_ROOM(ROOM_BROKER);
	if (why)
		return refuse(&r, why);
	if (r.task)
		firmware_offer_renew(h, r.task);
	switch (r.report.kind) {
	case OTA_REPORT_VERSION:
		return version(&r);
	case OTA_REPORT_DOWNLOADING:
		return progress(&r);
	case OTA_REPORT_BURNING:
	case OTA_REPORT_DONE:
	case OTA_REPORT_FAIL:
		break;
	}
	return result(&r);
}
