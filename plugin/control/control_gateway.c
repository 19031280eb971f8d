#include "plugin/control/control_gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/base/broker_log.h"
#include "plugin/control/control_answer.h"
#include "plugin/control/control_devices.h"
#include "plugin/control/cursor.h"
#include "plugin/control/status_report.h"
#include "plugin/devices/gauges.h"
#include "plugin/services/firmware.h"

enum {
	NAMED_MAX = 20,
	NAME_BYTES = 64,
	QUEUE_MAX = 256,
	TASKS_MAX = 256,
	TASK_BYTES = 512,        /* of one task, at most */
	LOOKS_MAX = 4096,        /* at devices, for one page of tasks */
	LEVEL_S_MAX = 7 * 86400, /* of setLogLevel */
};

void control_gateway_status(struct hubgate *h, const cJSON *command, struct asker *a)
{
	struct control_answer out;

	IN_ROOM(ROOM_BROKER);
	(void)command;
	control_answer_begin(&out);
	status_report_put(&out.w, h);
	control_answer_end(&out, a);
}

/* --- getHub --- */

static void put_name(struct json_writer *w, const char *product_id, const char *device_name)
{
	char text[NAME_BYTES];

	snprintf(text, sizeof(text), "%s/%s", product_id, device_name);
	json_put_text(w, NULL, text);
}

static void put_bindings(struct json_writer *w, const struct hubgate *h)
{
	const struct device *unbound[NAMED_MAX];
	size_t count[3] = { 0 }, named = 0;
	struct table_at at;

	for (const struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		if (d->retired || d->own)
			continue;
		count[d->bound]++;
		if (d->bound == BOUND_NO && named < NAMED_MAX)
			unbound[named++] = d;
	}
	json_open(w, "bindings", '{');
	json_put_count(w, "bound", count[BOUND_YES]);
	json_put_count(w, "unbound", count[BOUND_NO]);
	json_put_count(w, "unknown", count[BOUND_UNKNOWN]);
	json_open(w, "unbound_names", '[');
	for (size_t i = 0; i < named; i++)
		put_name(w, unbound[i]->product_id, unbound[i]->device_name);
	json_close(w, ']');
	json_close(w, '}');
}

static const char *doorbell_text(const struct hubgate *h)
{
	static const char *const texts[] = {
		[DOORBELL_OFF] = "off",
		[DOORBELL_SEARCHING] = "searching",
		[DOORBELL_CONNECTED] = "connected",
	};
	const struct doorbell *d = uplink_doorbell(h->uplink);

	return d ? texts[doorbell_state(d)] : texts[DOORBELL_OFF];
}

static void put_around(struct json_writer *w, const struct hubgate *h)
{
	const struct config *c = h->config;

	json_open(w, "limits", '{');
	json_put_count(w, "rate_up", c->hub.rate_up);
	json_put_count(w, "subscriptions", metric_get(&h->metrics, M_SUBSCRIPTIONS));
	json_put_count(w, "max_subscriptions", c->hub.max_subscriptions);
	json_close(w, '}');
	json_open(w, "http", '{');
	json_put_text(w, "listen", c->lan.http);
	json_put_text(w, "state", strcmp(c->lan.http, "off") == 0 ? "off" : "listening");
	json_close(w, '}');
}

void control_gateway_hub(struct hubgate *h, const cJSON *command, struct asker *a)
{
	struct control_answer out;
	struct uplink_view view;

	IN_ROOM(ROOM_BROKER);
	(void)command;
	uplink_look(h->uplink, &view);
	control_answer_begin(&out);
	json_open(&out.w, NULL, '{');
	status_report_put_link(&out.w, h, &view);
	json_put_text(&out.w, "doorbell", doorbell_text(h));
	put_bindings(&out.w, h);
	status_report_put_suspects(&out.w, &view);
	put_around(&out.w, h);
	json_close(&out.w, '}');
	control_answer_end(&out, a);
}

/* --- listQueue --- */

static void put_waiting(struct json_writer *w, const struct journal_waiting *q)
{
	char product_id[PRODUCT_ID_LEN + 1], text[NAME_BYTES];
	const char *device_name = credential_split(q->device, product_id);

	snprintf(text, sizeof(text), "%s%s%s", device_name ? product_id : "", device_name ? "/" : "",
	         device_name ? device_name : q->device);
	json_open(w, NULL, '{');
	json_put_text(w, "name", text);
	json_put_count(w, "messages", q->messages);
	json_close(w, '}');
}

static void put_queue(struct json_writer *w, struct hubgate *h, struct journal_waiting *most,
                      unsigned max)
{
	struct uplink_view view;
	size_t count = 0;
	bool known = journal_most(h->journal, most, max, &count);

	gauges_measure(h);
	uplink_look(h->uplink, &view);
	json_open(w, NULL, '{');
	json_put_count(w, "messages", metric_get(&h->metrics, M_QUEUED));
	json_put_count(w, "bytes", metric_get(&h->metrics, M_QUEUED_BYTES));
	status_report_put_oldest(w, &view);
	json_put_bool(w, "complete", known);
	json_open(w, "devices", '[');
	for (size_t i = 0; i < count; i++)
		put_waiting(w, &most[i]);
	json_close(w, ']');
	json_close(w, '}');
}

void control_gateway_queue(struct hubgate *h, const cJSON *command, struct asker *a)
{
	unsigned max = control_devices_count(command, QUEUE_MAX, a);
	struct control_answer out;
	struct journal_waiting *most;

	IN_ROOM(ROOM_BROKER);
	if (max == 0)
		return;
	control_answer_begin(&out);
	most = calloc(max, sizeof(*most));
	if (most)
		put_queue(&out.w, h, most, max);
	else
		out.w.st = ST_NOMEM;
	free(most);
	control_answer_end(&out, a);
}

/* --- listFirmware --- */

static void put_task(struct json_writer *w, const struct device *d, const struct firmware_state *f)
{
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), "%s/%s", d->product_id, d->device_name);
	json_open(w, NULL, '{');
	json_put_text(w, "name", name);
	json_put_text(w, "version", f->version);
	json_put_text(w, "state", f->state);
	if (f->percent < 0)
		json_put_null(w, "percent");
	else
		json_put_int(w, "percent", f->percent);
	json_put_text(w, "error", f->error);
	json_close(w, '}');
}

/* From the device behind this one on; where the next page begins, 0: there is none. */
static uint64_t put_tasks(struct control_answer *out, struct hubgate *h, uint64_t at,
                          unsigned count)
{
	struct firmware_state f;

	for (int looks = 0; looks < LOOKS_MAX; looks++) {
		const struct device *d = device_table_behind(h->devices, at);

		if (!d)
			return 0;
		if (firmware_is(h, d, &f)) {
			if (count-- == 0 || control_answer_room(out) < TASK_BYTES)
				return at;
			put_task(&out->w, d, &f);
		}
		at = d->serial;
	}
	return at;
}

void control_gateway_firmware(struct hubgate *h, const cJSON *command, struct asker *a)
{
	unsigned count = control_devices_count(command, TASKS_MAX, a);
	struct control_answer out;
	uint64_t at = 0;

	IN_ROOM(ROOM_BROKER);
	if (count == 0)
		return;
	if (!cursor_read(json_text(command, "from"), &at)) {
		asker_answer(a, CURSOR_WRONG);
		return;
	}
	control_answer_begin(&out);
	json_open(&out.w, NULL, '{');
	json_open(&out.w, "tasks", '[');
	at = put_tasks(&out, h, at, count);
	json_close(&out.w, ']');
	json_put_count(&out.w, "cache_bytes", metric_get(&h->metrics, M_FIRMWARE_CACHE));
	if (at != 0)
		cursor_put(&out.w, at);
	json_close(&out.w, '}');
	control_answer_end(&out, a);
}

/* --- changes --- */

void control_gateway_reload(struct hubgate *h, const cJSON *command, struct asker *a)
{
	IN_ROOM(ROOM_BROKER);
	(void)command;
	if (h->reload_for)
		h->reload_for(h, a);
	else
		asker_answer(a, "there is no file to read again");
}

static const char *const levels[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_NOTE] = "note",
	[LOG_FINE] = "fine",
};

void control_gateway_log_level(struct hubgate *h, const cJSON *command, struct asker *a)
{
	const char *name = json_text(command, "level");
	const cJSON *node = json_member(command, "seconds");
	struct control_answer out;
	int64_t seconds = 0;
	size_t level = 0;

	IN_ROOM(ROOM_BROKER);
	while (name && level <= LOG_FINE && strcmp(levels[level], name) != 0)
		level++;
	if (!name || level > LOG_FINE) {
		asker_answer(a, "level is missing or none; use error, warn, note or fine");
		return;
	}
	if (node && (!json_int(node, false, &seconds) || seconds < 1 || seconds > LEVEL_S_MAX)) {
		asker_answer(a, "seconds is out of range; use a whole number from 1 to 604800, or leave it "
		                "out");
		return;
	}
	control_answer_begin(&out);
	json_open(&out.w, NULL, '{');
	json_put_text(&out.w, "was",
	              levels[broker_log_set_level(h, (enum log_level)level, (uint32_t)seconds)]);
	json_close(&out.w, '}');
	control_answer_end(&out, a);
}
