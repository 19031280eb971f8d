#include <stdio.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/base/publish.h"
#include "plugin/devices/presence.h"
#include "plugin/services/firmware_impl.h"

static struct device *device_of(const struct hubgate *h, const struct firmware_task *t)
{
	return device_table_find(h->devices, t->client_id, strlen(t->client_id));
}

/* Where its client is; NULL: none is connected. */
static const char *address_of(const struct hubgate *h, const struct device *d)
{
	const struct presence *p = presence_listener(h, d);

	return p && p->current ? p->current->address : NULL;
}

static bool has_place(const struct hubgate *h)
{
	struct firmware *f = h->firmware;
	struct table_at at;
	unsigned told = 0;

	for (struct table_node *n = table_first(&f->tasks, &at); n; n = table_next(&f->tasks, &at))
		told += table_entry(n, struct firmware_task, node)->stage == FIRMWARE_TOLD;
	return told < h->config->firmware.parallel;
}

static enum status put_offer(struct hubgate *h, const struct firmware_task *t)
{
	struct firmware_offer o = {
		.image = t->task.command.image,
		.any_address = !h->config->firmware.check_address,
		.until_ms = hubgate_now_ms() + INT64_C(1000) * h->config->firmware.ttl_s,
	};

	snprintf(o.name, sizeof(o.name), "%s", t->task.name);
	snprintf(o.client_id, sizeof(o.client_id), "%s", t->client_id);
	snprintf(o.address, sizeof(o.address), "%s", t->task.address);
	return firmware_offers_put(h->offers, &o);
}

/* The hub's message, with our URL. ST_OK, or it is tried again later. */
static enum status publish(struct hubgate *h, const struct device *d, const struct firmware_task *t)
{
	struct buf out = BUF_MAX(OTA_MESSAGE_MAX);
	char topic[TOPIC_LEN_MAX + 1], url[OTA_URL_MAX];
	enum status st;

	snprintf(topic, sizeof(topic), "$ota/update/%s/%s", d->product_id, d->device_name);
	snprintf(url, sizeof(url), "http://%s/%s", h->config->lan.http_advertise, t->task.name);
	st = ota_put_update(&out, t->task.text, t->task.len, url);
	if (st == ST_OK)
		st = publish_on_lan(topic, out.data, out.len, t->qos, false);
	if (st == ST_OK)
		metric_add(&h->metrics, M_DOWN, 1);
	buf_free(&out);
	return st;
}

static bool tell(struct hubgate *h, const struct device *d, struct firmware_task *t,
                 const char *address)
{
	snprintf(t->task.address, sizeof(t->task.address), "%s", address);
	if (!t->task.name[0] && firmware_offers_name(t->task.name) != ST_OK)
		return false;
	if (put_offer(h, t) != ST_OK || publish(h, d, t) != ST_OK)
		return false;
	t->owed = false;
	t->stage = FIRMWARE_TOLD;
	t->heard_ms = hubgate_now_ms();
	if (!uplink_ready(h->uplink))
		t->task.offline++;
	firmware_task_store(h, t);
	firmware_task_look(h, t->heard_ms + FIRMWARE_TURN_MS);
	return true;
}

bool firmware_offer(struct hubgate *h, struct firmware_task *t)
{
	const struct device *d = device_of(h, t);
	const char *address;

	if (!t->owed || t->stage == FIRMWARE_WAITS || !d || d->own)
		return false;
	address = address_of(h, d);
	if (!address) {
		t->owed = false; /* it hears of it when it reports its version again */
		return false;
	}
	if (firmware_rollout_stopped(h, d->product_id, t->task.command.version) ||
	    (t->stage != FIRMWARE_TOLD && !has_place(h)))
		return false;
	return tell(h, d, t, address);
}

void firmware_offer_renew(struct hubgate *h, struct firmware_task *t)
{
	const struct device *d = device_of(h, t);
	const char *address = d ? address_of(h, d) : NULL;

	if (!t->task.name[0] || (d && d->own) || (address && strcmp(address, t->task.address) == 0))
		return;
	if (address)
		snprintf(t->task.address, sizeof(t->task.address), "%s", address);
	put_offer(h, t);
}

bool firmware_offer_may_tell(struct firmware *f, int64_t now_ms)
{
	if (now_ms - f->budget_ms >= 1000) {
		f->budget_ms = now_ms;
		f->budget = 0;
	}
	return f->budget++ < FIRMWARE_PROGRESS_PER_S;
}
