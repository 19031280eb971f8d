/* The gateway's own firmware: reported, downloaded, and handed to firmware.hook. */
#include <stdio.h>
#include <string.h>

#include "bridge/http/firmware_cache.h"
#include "bridge/http/firmware_hook.h"
#include "core/base/room.h"
#include "plugin/devices/registration.h"
#include "plugin/devices/to_hub.h"
#include "plugin/services/firmware_impl.h"

/* In place of a name under which a device downloads: the hook was begun. */
#define BEGUN "hook"

enum {
	FILE_MAX = FIRMWARE_HOOK_ARG_MAX,
};

static const char *version_of(const struct hubgate *h)
{
	return h->config->gateway.version ? h->config->gateway.version : HUBGATE_VERSION;
}

static void update_topic(const struct hubgate *h, char out[TOPIC_LEN_MAX + 1])
{
	snprintf(out, TOPIC_LEN_MAX + 1, "$ota/update/%s/%s", h->own->product_id, h->own->device_name);
}

static void send_up(struct hubgate *h, const struct buf *text, uint8_t qos, bool newest)
{
	const struct route route = { .action = ROUTE_FORWARD, .qos = qos, .kind = TOPIC_OTA_REPORT };
	char topic[TOPIC_LEN_MAX + 1];

	snprintf(topic, sizeof(topic), "$ota/report/%s/%s", h->own->product_id, h->own->device_name);
	if (newest)
		to_hub_send_newest(h, h->own, &route, topic, text->data, text->len);
	else
		to_hub_send(h, h->own, &route, topic, text->data, text->len);
}

static void report_version(struct hubgate *h)
{
	struct buf text = BUF_MAX(OTA_MESSAGE_MAX);

	if (ota_put_version(&text, version_of(h)) == ST_OK)
		send_up(h, &text, 1, true);
	buf_free(&text);
}

static void report_state(struct hubgate *h, enum ota_report_kind kind, const char *version)
{
	struct buf text = BUF_MAX(OTA_MESSAGE_MAX);

	if (ota_put_state(&text, kind, version) == ST_OK)
		send_up(h, &text, 1, false);
	buf_free(&text);
}

/* Of the task; it is over. */
static void report_end(struct hubgate *h, struct firmware_task *t, const char *why)
{
	struct buf text = BUF_MAX(OTA_MESSAGE_MAX);
	const char *version = t->task.command.version;

	if (!why)
		report_state(h, OTA_REPORT_DONE, version);
	else if (ota_put_fail(&text, version, OTA_UPDATE_FAILED, why) == ST_OK)
		send_up(h, &text, 1, false);
	log_line(&h->log, why ? LOG_ERROR : LOG_NOTE, "firmware %s for the gateway: %s", version,
	         why ? why : "installed");
	buf_free(&text);
	firmware_task_end(h, t);
}

static void ring(void *ctx)
{
	const struct hubgate *h = ctx;

	uplink_ring(h->uplink);
}

enum status firmware_own_begin(struct hubgate *h)
{
	const struct config_firmware *c = &h->config->firmware;
	const struct firmware_hook_conf conf = { .program = c->hook,
		                                     .limit_s = c->hook_s,
		                                     .log = uplink_log(h->uplink),
		                                     .ring = ring,
		                                     .ctx = h };
	char topic[TOPIC_LEN_MAX + 1];
	enum status st;

	if (!c->hook)
		return ST_OK;
	st = firmware_hook_new(registration_net(h), &conf, &h->firmware->hook);
	if (st != ST_OK)
		return st;
	update_topic(h, topic);
	uplink_subscribe(h->uplink, h->own->client_id, topic, 1);
	return ST_OK;
}

/* Once: a hook that ran before this start may have been what made it. */
static void judge_start(struct hubgate *h)
{
	struct firmware_task *t = firmware_task_find(h->firmware, h->own->client_id);

	h->firmware->start_judged = true;
	if (!t || strcmp(t->task.name, BEGUN) != 0)
		return;
	report_end(h, t,
	           strcmp(version_of(h), t->task.command.version) == 0
	               ? NULL
	               : "the version is another after the start");
}

bool firmware_own_takes(const struct hubgate *h)
{
	char topic[TOPIC_LEN_MAX + 1];

	update_topic(h, topic);
	/* A gateway application that subscribes it updates by itself. */
	return h->firmware->hook && !device_subscribes(h->own, topic);
}

void firmware_own_here(struct hubgate *h, struct firmware_task *t)
{
	char file[FILE_MAX], name[FIRMWARE_NAME_MAX];
	const char *version = t->task.command.version;

	if (strcmp(t->task.name, BEGUN) == 0)
		return; /* it runs, or its result comes later */
	firmware_cache_name(&t->task.command.image, false, name);
	if (snprintf(file, sizeof(file), "%s/%s", h->config->firmware.dir, name) >= (int)sizeof(file) ||
	    firmware_hook_start(h->firmware->hook, file, version) != ST_OK) {
		report_end(h, t, "the hook cannot be run");
		return;
	}
	t->owed = false;
	snprintf(t->task.name, sizeof(t->task.name), BEGUN);
	firmware_task_store(h, t);
	report_state(h, OTA_REPORT_BURNING, version);
}

void firmware_own_progress(struct hubgate *h, struct firmware_task *t, int percent)
{
	struct buf text = BUF_MAX(OTA_MESSAGE_MAX);

	/* There is one download, not two, so it is all of the way. */
	percent = ota_task_progress(&t->task, true, 2 * percent, hubgate_now_ms());
	if (percent >= 0 && uplink_ready(h->uplink) &&
	    ota_put_downloading(&text, t->task.command.version, percent) == ST_OK)
		send_up(h, &text, 0, false);
	buf_free(&text);
}

static void hook_ended(struct hubgate *h, int code)
{
	struct firmware_task *t = firmware_task_find(h->firmware, h->own->client_id);
	char why[OTA_WHY_MAX];

	if (!t || strcmp(t->task.name, BEGUN) != 0)
		return;
	if (code == FIRMWARE_HOOK_LATER) {
		log_line(&h->log, LOG_NOTE,
		         "firmware %s for the gateway: the result shows at the next start",
		         t->task.command.version);
		return;
	}
	snprintf(why, sizeof(why), "the hook ended with code %d", code);
	report_end(h, t, code == 0 ? NULL : code < 0 ? "the hook could not be run to its end" : why);
}

void firmware_own_run(struct hubgate *h)
{
	struct firmware *f = h->firmware;
	bool ready = uplink_ready(h->uplink);
	int code;

	if (!f->hook)
		return;
	if (!f->start_judged)
		judge_start(h);
	if (ready && !f->was_ready)
		report_version(h);
	f->was_ready = ready;
	if (firmware_hook_take(f->hook, &code) == ST_OK)
		hook_ended(h, code);
}
