#include "plugin/devices/remember.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugin/base/limiter.h"
#include "plugin/devices/device_service.h"
#include "plugin/devices/facts.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/stored.h"

enum {
	KEY_MAX = 512, /* client id, space, filter */
};

/* False: of no device that is known. */
static bool take_subscription(struct hubgate *h, const struct state_entry *e)
{
	const char *space = strchr(e->key, ' ');
	const unsigned char *qos = e->value;
	struct device *d;

	if (!space || e->len != 1)
		return true; /* nobody's */
	d = registry_find(&h->registry, e->key, (size_t)(space - e->key));
	if (!d)
		return false;
	registry_subscribe(d, space + 1, *qos > 0); /* one that finds no room stays stored */
	d->presence->unsent = true;
	h->orders_unsent = true;
	return true;
}

static bool hand_out(struct hubgate *h, const struct state_entry *e)
{
	if (e->kind == STATE_DEVICE)
		return facts_load(h, e);
	if (e->kind == STATE_SHADOW)
		return h->shadow_service->load(h, e);
	return e->kind != STATE_SUBSCRIPTION || take_subscription(h, e);
}

static void on_entry(void *ctx, const struct state_entry *e)
{
	struct hubgate *h = ctx;

	if (!hand_out(h, e))
		stored_keep(h, e, strcspn(e->key, " "));
}

enum status remember_open(struct hubgate *h)
{
	const struct state_conf conf = { .dir = h->config->store.dir,
		                             .flush_ms = h->config->store.flush_ms,
		                             .log = &h->log };
	struct disk_conf disk = { .journal = h->journal,
		                      .metrics = &h->metrics,
		                      .flush_ms = h->config->store.flush_ms };
	enum status st;

	h->stored.hand_out = hand_out;
	st = state_open(&conf, on_entry, h, &h->state);
	if (st != ST_OK)
		return st;
	h->shadow_service->loaded(h);
	disk.state = h->state;
	st = disk_new(&disk, &h->disk);
	if (st == ST_IO)
		log_line(&h->log, LOG_ERROR, "not started: no descriptors: %s", strerror(errno));
	return st;
}

enum status remember_start(struct hubgate *h)
{
	return disk_start(h->disk);
}

bool remember_stop(struct hubgate *h, uint32_t wait_ms)
{
	bool stopped = disk_stop(h->disk, wait_ms);

	remember_drain(h);
	return stopped;
}

void remember_close(struct hubgate *h)
{
	disk_free(h->disk);
	h->disk = NULL;
	state_close(h->state);
	h->state = NULL;
	stored_fini(h);
}

static void put(struct hubgate *h, const struct device *d, const char *filter, const void *value)
{
	char key[KEY_MAX];
	uint64_t suppressed;
	enum status st = ST_TOOBIG;
	int len = snprintf(key, sizeof(key), "%s %s", d->client_id, filter);

	if (!h->state)
		return;
	if (len > 0 && (size_t)len < sizeof(key))
		st = state_put(h->state, STATE_SUBSCRIPTION, key, value, value ? 1 : 0);
	if (st != ST_OK && limiter_may_log(&h->refusals, &suppressed))
		log_line(&h->log, LOG_WARN, "%s: what it subscribes is not kept for the next start: %s",
		         d->client_id, status_text(st));
}

void remember_subscribed(struct hubgate *h, const struct device *d, const char *filter, uint8_t qos)
{
	put(h, d, filter, &qos);
}

void remember_unsubscribed(struct hubgate *h, const struct device *d, const char *filter)
{
	put(h, d, filter, NULL);
}

void remember_drain(struct hubgate *h)
{
	struct disk_log line;

	while (h->disk && disk_take_log(h->disk, &line) == ST_OK)
		log_line(&h->log, line.level, "%s", line.line);
}
