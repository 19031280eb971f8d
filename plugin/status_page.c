#include "plugin/status_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/admin/admin.h"
#include "core/base/room.h"
#include "plugin/base/timer.h"
#include "plugin/control/device_report.h"
#include "plugin/control/status_report.h"
#include "plugin/devices/presence.h"
#include "plugin/services/shadow.h"

enum {
	SLICE_DEVICES = 64,
	SPARE_DEVICES = 64, /* that become known while a list is made; more are in the next one */
};

struct status_page {
	struct admin *admin;
	struct history history;
	int64_t next_ms;          /* of a snapshot */
	struct device_rows *list; /* under way; NULL: none */
	uint64_t at;              /* serial of the device that was looked at last */
	int64_t list_ms;          /* the next list does not begin earlier */
	struct buf row;
};

/* --- life --- */

/* Room ADMIN. */
static void ring(void *ctx)
{
	struct hubgate *h = ctx;

	uplink_ring(h->uplink);
}

static bool is_on(const struct hubgate *h)
{
	return h->config->admin.http && strcmp(h->config->admin.http, "off") != 0;
}

static enum status listen_at(struct hubgate *h, struct status_page *p)
{
	const struct config_admin *c = &h->config->admin;
	const struct admin_conf conf = {
		.listen = c->http,
		.token = c->token,
		.hosts = c->hosts,
		.version = HUBGATE_VERSION,
		.device_metrics = c->device_metrics,
		.log = uplink_log(h->uplink),
		.ring = ring,
		.ctx = h,
	};
	char why[LISTEN_SOCKET_WHY_MAX];
	enum status st = admin_open(&conf, why, &p->admin);

	if (st == ST_OK)
		log_line(&h->log, LOG_NOTE, "status page at http://%s/%s", c->http,
		         c->token[0] ? ", with the token of admin.token_file" : "");
	else
		log_line(&h->log, LOG_ERROR, "not started: admin.http %s: %s", c->http, why);
	return st;
}

enum status status_page_open(struct hubgate *h)
{
	struct status_page *p;

	if (!is_on(h))
		return ST_OK;
	p = calloc(1, sizeof(*p));
	if (!p)
		return ST_NOMEM;
	h->status_page = p;
	p->row = (struct buf)BUF_MAX(DEVICE_ROWS_JSON_MAX);
	return listen_at(h, p);
}

enum status status_page_start(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->status_page ? admin_start(h->status_page->admin) : ST_OK;
}

bool status_page_stop(struct hubgate *h, uint32_t wait_ms)
{
	IN_ROOM(ROOM_BROKER);
	return !h->status_page || admin_stop(h->status_page->admin, wait_ms);
}

void status_page_close(struct hubgate *h)
{
	struct status_page *p = h->status_page;

	if (!p)
		return;
	admin_close(p->admin);
	device_rows_free(p->list);
	buf_free(&p->row);
	free(p);
	h->status_page = NULL;
}

/* --- the whole --- */

static uint32_t round_trip_ms(struct hubgate *h)
{
	uint64_t ms = metric_get(&h->metrics, M_ROUND_TRIP);

	return uplink_ready(h->uplink) && ms > 0 && ms < HISTORY_NONE ? (uint32_t)ms : HISTORY_NONE;
}

static int64_t oldest_age_s(struct hubgate *h, int64_t now_ms)
{
	struct uplink_view view;

	uplink_look(h->uplink, &view);
	if (view.oldest_ms == UPLINK_VIEW_UNKNOWN)
		return SNAPSHOT_UNKNOWN;
	return now_ms > view.oldest_ms ? (now_ms - view.oldest_ms) / 1000 : 0;
}

static void note_history(struct hubgate *h, struct status_page *p, int64_t now_ms)
{
	const struct history_now now = {
		.accepted = metric_get(&h->metrics, M_ACCEPTED),
		.delivered = metric_get(&h->metrics, M_DELIVERED),
		.queued = metric_get(&h->metrics, M_QUEUED),
		.round_trip_ms = round_trip_ms(h),
	};

	history_add(&p->history, now_ms, &now);
}

static void tell_snapshot(struct hubgate *h, struct status_page *p, int64_t now_ms)
{
	struct snapshot *s = snapshot_new();
	struct json_writer w = JSON_WRITER(s ? &s->status : NULL);

	if (!s)
		return;
	status_report_put(&w, h); /* brings the metrics up to date */
	note_history(h, p, now_ms);
	s->ready = uplink_ready(h->uplink);
	s->state = uplink_state_text(uplink_state_now(h->uplink));
	s->oldest_age_s = oldest_age_s(h, now_ms);
	s->history = p->history;
	metrics_copy(&s->metrics, &h->metrics);
	if (w.st == ST_OK)
		admin_tell(p->admin, s);
	else
		snapshot_free(s); /* no memory: the one before stays */
}

/* --- the devices --- */

static struct device_row row_of(struct hubgate *h, const struct device *d)
{
	struct device_row row = {
		.present = presence_is_there(h, d),
		.online = device_report_online(h, d),
		.refused = d->refused_code != 0,
		.bound = d->bound == BOUND_UNKNOWN ? DEVICE_ROWS_UNKNOWN : d->bound == BOUND_YES,
		.queued = DEVICE_ROWS_UNKNOWN,
		.commands = (int64_t)d->presence->commands,
		.shadow_version = DEVICE_ROWS_UNKNOWN,
	};
	uint64_t n = 0;
	bool dirty;

	snprintf(row.name, sizeof(row.name), "%s/%s", d->product_id, d->device_name);
	if (journal_device_waits(h->journal, d->client_id, &n, NULL))
		row.queued = (int64_t)n;
	if (shadow_is(d, &n, &dirty))
		row.shadow_version = (int64_t)n;
	return row;
}

static void add_device(struct hubgate *h, struct status_page *p, const struct device *d)
{
	const struct device_row row = row_of(h, d);
	struct json_writer w = JSON_WRITER(&p->row);

	buf_reset(&p->row);
	device_report_put(&w, h, d);
	if (w.st == ST_OK)
		device_rows_add(p->list, &row, (const char *)p->row.data, p->row.len);
}

/* True: that was the last device. */
static bool slice(struct hubgate *h, struct status_page *p)
{
	int64_t until_us = hubgate_now_us() + STATUS_PAGE_SLICE_US;

	for (int n = 0; n < SLICE_DEVICES && hubgate_now_us() < until_us; n++) {
		const struct device *d = device_table_behind(h->devices, p->at);

		if (!d)
			return true;
		p->at = d->serial;
		if (!d->retired && !d->own)
			add_device(h, p, d);
	}
	return false;
}

static void begin_list(struct hubgate *h, struct status_page *p, int64_t now_ms)
{
	p->list = device_rows_new(device_table_known(h->devices) + SPARE_DEVICES);
	p->list_ms = now_ms + STATUS_PAGE_EACH_MS;
	p->at = 0;
}

static void run_list(struct hubgate *h, struct status_page *p, int64_t now_ms)
{
	if (!p->list && now_ms >= p->list_ms && admin_wants_devices(p->admin, now_ms))
		begin_list(h, p, now_ms);
	if (!p->list || !slice(h, p))
		return;
	admin_tell_devices(p->admin, p->list);
	p->list = NULL;
}

/* --- turns --- */

void status_page_run(struct hubgate *h, int64_t now_ms)
{
	struct status_page *p = h->status_page;

	IN_ROOM(ROOM_BROKER);
	if (!p)
		return;
	admin_turn(p->admin, now_ms);
	if (now_ms >= p->next_ms) {
		p->next_ms = now_ms + STATUS_PAGE_EACH_MS;
		tell_snapshot(h, p, now_ms);
		return; /* the devices have a turn of their own */
	}
	run_list(h, p, now_ms);
}

int64_t status_page_due(const struct hubgate *h)
{
	const struct status_page *p = h->status_page;

	IN_ROOM(ROOM_BROKER);
	if (!p || !admin_wants_devices(p->admin, hubgate_now_ms()))
		return INT64_MAX; /* the broker's tick comes often enough */
	if (p->list)
		return TIMER_AT_ONCE_MS;
	return p->list_ms < p->next_ms ? p->list_ms : p->next_ms;
}
