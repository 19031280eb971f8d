#include "plugin/services/firmware.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/http/firmware_hook.h"
#include "core/base/clock.h"
#include "core/base/clocks.h"
#include "core/base/room.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/registration.h"
#include "plugin/devices/to_hub.h"
#include "plugin/services/firmware_impl.h"

/* --- life --- */

enum status firmware_open(struct hubgate *h)
{
	h->firmware = calloc(1, sizeof(*h->firmware));
	if (!h->firmware)
		return ST_NOMEM;
	h->firmware->seed = h->seed;
	table_init(&h->firmware->tasks);
	h->firmware->look_ms = INT64_MAX;
	return ST_OK;
}

/* Room NET, as ring(). */
static bool hub_is_there(void *ctx)
{
	const struct hubgate *h = ctx;

	return uplink_ready(h->uplink);
}

static void ring(void *ctx)
{
	const struct hubgate *h = ctx;

	uplink_ring(h->uplink);
}

/* On the disk: what messages may need, as far as it is not out of all proportion, and some more. */
static uint64_t left_free(const struct hubgate *h)
{
	uint64_t store = h->config->store.max_bytes;

	return FIRMWARE_LEAVE_BYTES + (store < FIRMWARE_STORE_MAX ? store : FIRMWARE_STORE_MAX);
}

static enum status make(struct hubgate *h)
{
	const struct config_firmware *c = &h->config->firmware;
	const struct firmware_fetch_conf conf = {
		.dir = c->dir,
		.max_bytes = c->max_bytes,
		.leave_bytes = left_free(h),
		.stall_s = c->stall_s,
		.ca_file = c->ca_file,
		.hosts = c->hosts,
		.allow_local = c->allow_local,
		.log = uplink_log(h->uplink),
		.metrics = &h->metrics,
		.hub_is_there = hub_is_there,
		.ring = ring,
		.ctx = h,
	};
	enum status st = firmware_fetch_new(registration_net(h), &conf, &h->firmware->fetch);

	if (st == ST_OK)
		st = firmware_offers_new(c->dir, conf.log, &h->metrics, &h->offers);
	return st;
}

enum status firmware_begin(struct hubgate *h)
{
	struct firmware *f = h->firmware;
	struct table_at at;
	enum status st;

	f->on = strcmp(h->config->lan.http, "off") != 0 && h->config->lan.http_advertise;
	if (!f->on && !h->config->firmware.hook)
		return ST_OK;
	st = make(h);
	if (st == ST_OK)
		st = firmware_own_begin(h);
	for (struct table_node *n = table_first(&f->tasks, &at); n && st == ST_OK;
	     n = table_next(&f->tasks, &at))
		firmware_task_want(h, table_entry(n, struct firmware_task, node));
	if (f->tasks.count > 0)
		firmware_task_look(h, hubgate_now_ms());
	return st;
}

void firmware_close(struct hubgate *h)
{
	struct firmware *f = h->firmware;

	if (!f)
		return;
	firmware_fetch_free(f->fetch);
	firmware_hook_free(f->hook);
	firmware_offers_free(h->offers);
	h->offers = NULL;
	firmware_task_close_all(f);
	firmware_rollout_close(f);
	free(f);
	h->firmware = NULL;
}

bool firmware_load(struct hubgate *h, const struct state_entry *e)
{
	IN_ROOM(ROOM_BROKER);
	if (e->kind == STATE_ROLLOUT)
		return firmware_rollout_load(h, e);
	return e->kind == STATE_FIRMWARE && firmware_task_load(h, e);
}

/* --- what the hub says --- */

/* Not by us: the device downloads for itself. */
static bool pass(struct hubgate *h, const struct device *d, const char *why)
{
	metric_add(&h->metrics, M_FIRMWARE_PASSED, 1);
	if (!h->firmware->passed_told)
		log_line(&h->log, LOG_NOTE,
		         "firmware for %s/%s: the message is passed on unchanged, the device downloads for "
		         "itself: %s",
		         d->product_id, d->device_name, why);
	h->firmware->passed_told = true;
	return false;
}

static bool order(struct hubgate *h, struct device *d, const struct ota_command *c,
                  const struct uplink_down *down)
{
	struct firmware *f = h->firmware;
	struct firmware_task *t = firmware_task_find(f, d->client_id);
	bool changed;

	if (t && !ota_image_same(&t->task.command.image, &c->image)) {
		firmware_task_end(h, t); /* another file: the old one may be nobody's now */
		t = NULL;
	}
	if (!t)
		t = firmware_task_add(h, d->client_id);
	changed = t && !t->task.text;
	if (!t || ota_task_ordered(&t->task, c, down->payload, down->len,
	                           clocks_realtime_ms() / 1000) != ST_OK) {
		if (t)
			firmware_task_end(h, t);
		return pass(h, d, "too many updates at once, or no memory");
	}
	if (changed)
		log_line(&h->log, LOG_NOTE, "firmware %s for %s/%s: %llu bytes, MD5 %s", c->version,
		         d->product_id, d->device_name, (unsigned long long)c->image.size, c->image.md5);
	if (!t->owed)
		t->since_ms = hubgate_now_ms();
	t->owed = true;
	t->qos = down->qos;
	firmware_task_store(h, t);
	firmware_task_want(h, t);
	firmware_task_look(h, hubgate_now_ms());
	return true;
}

bool firmware_take(struct hubgate *h, struct device *d, const struct uplink_down *down)
{
	struct ota_command c;
	struct firmware *f = h->firmware;
	struct firmware_task *t = firmware_task_find(f, d->client_id);
	enum ota_down_kind kind;
	enum status st = ota_read_down(down->payload, down->len, &kind, &c);

	IN_ROOM(ROOM_BROKER);
	if (kind == OTA_VERSION_RSP && t && ota_task_doubt(&t->task))
		firmware_task_store(h, t);
	if (kind != OTA_UPDATE)
		return false;
	if (st != ST_OK)
		return pass(h, d, "it lacks something, or holds what cannot be");
	if (d->own)
		return firmware_own_takes(h) && order(h, d, &c, down);
	if (!f->on)
		return pass(h, d, "lan.http and lan.http_advertise are not set");
	if (d->origins & ORIGIN_MAPPING)
		return pass(h, d, "it has topics of its own (mappings[])");
	return order(h, d, &c, down);
}

/* --- what NET brings --- */

static void send_up(struct hubgate *h, struct device *d, const struct buf *text, uint8_t qos)
{
	const struct route route = { .action = ROUTE_FORWARD, .qos = qos, .kind = TOPIC_OTA_REPORT };
	char topic[TOPIC_LEN_MAX + 1];

	snprintf(topic, sizeof(topic), "$ota/report/%s/%s", d->product_id, d->device_name);
	to_hub_send(h, d, &route, topic, text->data, text->len);
}

static void tell_progress(struct hubgate *h, struct device *d, struct firmware_task *t, int percent)
{
	struct buf out = BUF_MAX(OTA_MESSAGE_MAX);
	int64_t now_ms = hubgate_now_ms();

	/* Of one that is away the hub is not told anything: it would have to be called online for it.
	 */
	if (!uplink_ready(h->uplink) || !presence_is_there(h, d) ||
	    !firmware_offer_may_tell(h->firmware, now_ms))
		return;
	percent = ota_task_progress(&t->task, true, percent, now_ms);
	if (percent >= 0 && ota_put_downloading(&out, t->task.command.version, percent) == ST_OK)
		send_up(h, d, &out, 0);
	buf_free(&out);
}

static void tell_failure(struct hubgate *h, struct device *d, struct firmware_task *t,
                         const struct firmware_news *n)
{
	struct buf out = BUF_MAX(OTA_MESSAGE_MAX);

	if (ota_put_fail(&out, t->task.command.version, n->code, n->why) == ST_OK)
		send_up(h, d, &out, 1);
	buf_free(&out);
	firmware_task_end(h, t);
}

static void news_for(struct hubgate *h, struct firmware_task *t, const struct firmware_news *n)
{
	struct device *d = device_table_find(h->devices, t->client_id, strlen(t->client_id));

	switch (n->kind) {
	case FIRMWARE_PROGRESS:
		if (d && d->own)
			firmware_own_progress(h, t, n->percent);
		else if (d && t->stage == FIRMWARE_WAITS)
			tell_progress(h, d, t, n->percent);
		break;
	case FIRMWARE_HERE:
		if (d && d->own && firmware_own_takes(h)) {
			t->stage = FIRMWARE_READY;
			firmware_own_here(h, t);
			break;
		}
		if (t->stage == FIRMWARE_WAITS) {
			t->stage = FIRMWARE_READY;
			firmware_offer_renew(h, t); /* of an earlier run */
		}
		firmware_task_look(h, hubgate_now_ms());
		break;
	case FIRMWARE_FAILED:
		if (d)
			tell_failure(h, d, t, n);
		else
			firmware_task_end(h, t);
		break;
	}
}

static void take_news(struct hubgate *h, const struct firmware_news *n)
{
	struct table_at at;

	for (struct table_node *node = table_first(&h->firmware->tasks, &at); node;
	     node = table_next(&h->firmware->tasks, &at)) {
		struct firmware_task *t = table_entry(node, struct firmware_task, node);

		if (ota_image_same(&t->task.command.image, &n->image))
			news_for(h, t, n);
	}
}

/* --- turns --- */

static bool is_over(const struct hubgate *h, const struct firmware_task *t)
{
	return clock_trusted(h->clock) && clocks_realtime_ms() / 1000 - t->task.at_s > FIRMWARE_KEEP_S;
}

static void look_at(struct hubgate *h, struct firmware_task *t, int64_t now_ms)
{
	if (t->unsaid)
		firmware_task_want(h, t);
	if (t->stage == FIRMWARE_TOLD && now_ms - t->heard_ms >= FIRMWARE_SILENT_MS)
		t->stage = FIRMWARE_READY;
	if (t->stage == FIRMWARE_TOLD)
		firmware_offer_renew(h, t);
}

/* Who waits for the longest time, and was not asked in this round; NULL: none. */
static struct firmware_task *next_waiting(struct firmware *f)
{
	struct firmware_task *first = NULL;
	struct table_at at;

	for (struct table_node *n = table_first(&f->tasks, &at); n; n = table_next(&f->tasks, &at)) {
		struct firmware_task *t = table_entry(n, struct firmware_task, node);

		if (t->owed && t->stage != FIRMWARE_WAITS && t->round != f->round &&
		    (!first || t->since_ms < first->since_ms))
			first = t;
	}
	return first;
}

/* True: more may be told now. */
static bool tell_some(struct hubgate *h)
{
	struct firmware *f = h->firmware;
	struct firmware_task *t = NULL;
	int told = 0;

	f->round++;
	for (int n = 0; n < FIRMWARE_ASKS_PER_TURN && told < FIRMWARE_OFFERS_PER_TURN; n++) {
		t = next_waiting(f);
		if (!t)
			return false;
		t->round = f->round;
		told += firmware_offer(h, t);
	}
	return told > 0;
}

static void look_at_all(struct hubgate *h, int64_t now_ms)
{
	struct firmware *f = h->firmware;
	struct table_at at;

	f->look_ms = INT64_MAX;
	for (struct table_node *n = table_first(&f->tasks, &at); n; n = table_next(&f->tasks, &at)) {
		struct firmware_task *t = table_entry(n, struct firmware_task, node);

		if (is_over(h, t))
			firmware_task_end(h, t);
		else
			look_at(h, t, now_ms);
	}
	if (f->tasks.count > 0)
		firmware_task_look(h, tell_some(h) ? now_ms : now_ms + FIRMWARE_TURN_MS);
	firmware_task_count(h);
}

void firmware_run(struct hubgate *h, int64_t now_ms)
{
	struct firmware *f = h->firmware;
	struct firmware_news n;

	if (!f->fetch)
		return;
	firmware_own_run(h);
	while (firmware_fetch_take(f->fetch, &n) == ST_OK)
		take_news(h, &n);
	if (now_ms >= f->look_ms)
		look_at_all(h, now_ms);
}

int64_t firmware_due(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->firmware->fetch ? h->firmware->look_ms : INT64_MAX;
}

bool firmware_is(struct hubgate *h, const struct device *d, struct firmware_state *out)
{
	static const char *const stages[] = {
		[FIRMWARE_WAITS] = "waits for the file",
		[FIRMWARE_READY] = "waits for its turn",
		[FIRMWARE_TOLD] = "downloads",
	};
	const struct firmware_task *t = firmware_task_find(h->firmware, d->client_id);

	IN_ROOM(ROOM_BROKER);
	if (!t)
		return false;
	snprintf(out->version, sizeof(out->version), "%s", t->task.command.version);
	out->state = t->task.open ? stages[t->stage] : "is over";
	out->percent = t->task.told;
	out->error = NULL;
	if (t->task.open && firmware_rollout_stopped(h, d->product_id, out->version)) {
		out->state = "is stopped";
		out->error = "firmware.max_failures devices failed with this version; firmwareResume lets "
					 "it go on";
	}
	return true;
}
