#include "plugin/remember.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "plugin/dispatch.h"
#include "plugin/facts.h"
#include "plugin/shadow.h"

enum {
	KEY_MAX = 512, /* client id, space, filter */
	FORGET_MAX = 64 << 20,
};

struct loading {
	struct hubgate *h;
	struct buf forget; /* keys of nobody, each with its NUL */
};

/* False: nobody's. */
static bool take_subscription(struct hubgate *h, const struct state_entry *e)
{
	const char *space = strchr(e->key, ' ');
	const unsigned char *qos = e->value;
	struct device *d;
	enum status st;

	if (!space || e->len != 1)
		return false;
	d = registry_find(&h->registry, e->key, (size_t)(space - e->key));
	if (!d)
		return false;
	st = registry_subscribe(d, space + 1, *qos > 0);
	d->presence->unsent = true;
	h->orders_unsent = true;
	return st == ST_OK || st == ST_EXISTS || st == ST_NOMEM;
}

static void on_entry(void *ctx, const struct state_entry *e)
{
	struct loading *l = ctx;

	/* Without memory it is forgotten at another start. */
	if (e->kind == STATE_DEVICE)
		facts_load(l->h, e); /* of nobody now: kept, as shadows are */
	else if (e->kind == STATE_SHADOW)
		shadow_load(l->h, e);
	else if (e->kind == STATE_SUBSCRIPTION && !take_subscription(l->h, e))
		(void)buf_add(&l->forget, e->key, strlen(e->key) + 1);
}

static void forget_all(struct hubgate *h, const struct buf *keys)
{
	enum status st = ST_OK;

	for (size_t at = 0; at < keys->len && st == ST_OK;) {
		const char *key = (const char *)keys->data + at;

		st = state_put(h->state, STATE_SUBSCRIPTION, key, NULL, 0);
		at += strlen(key) + 1;
	}
}

enum status remember_open(struct hubgate *h)
{
	struct loading l = { .h = h, .forget = BUF_MAX(FORGET_MAX) };
	const struct state_conf conf = { .dir = h->config->store.dir,
		                             .flush_ms = h->config->store.flush_ms,
		                             .log = &h->log };
	struct disk_conf disk = { .journal = h->journal,
		                      .metrics = &h->metrics,
		                      .flush_ms = h->config->store.flush_ms };
	enum status st = state_open(&conf, on_entry, &l, &h->state);

	if (st == ST_OK) {
		forget_all(h, &l.forget);
		shadow_loaded(h);
	}
	buf_free(&l.forget);
	disk.state = h->state;
	return st == ST_OK ? disk_new(&disk, &h->disk) : st;
}

void remember_close(struct hubgate *h, uint32_t wait_ms)
{
	bool stopped = disk_stop(h->disk, wait_ms);

	remember_drain(h);
	if (!stopped) {
		/* DISK hangs in the kernel with both in its hands. */
		h->journal = NULL;
		h->state = NULL;
	}
	disk_free(h->disk);
	h->disk = NULL;
	state_close(h->state);
	h->state = NULL;
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
	if (st != ST_OK && dispatch_may_log(&h->refusals, &suppressed))
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
