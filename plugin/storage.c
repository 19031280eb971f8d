#include "plugin/storage.h"

#include <errno.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/login_record.h"
#include "plugin/devices/mapped.h"
#include "plugin/devices/stored.h"
#include "plugin/devices/subscriptions.h"
#include "plugin/services/shadow.h"

static bool hand_out(struct hubgate *h, const struct state_entry *e)
{
	if (e->kind == STATE_DEVICE)
		return device_load(h, e);
	if (e->kind == STATE_SHADOW)
		return shadow_load(h, e);
	if (e->kind == STATE_LOGIN)
		return login_record_load(h, e);
	if (e->kind == STATE_MAPPED)
		return mapped_load(h, e);
	return e->kind != STATE_SUBSCRIPTION || subscriptions_load(h, e);
}

static void on_entry(void *ctx, const struct state_entry *e)
{
	struct hubgate *h = ctx;

	if (!hand_out(h, e))
		stored_keep(h, e, strcspn(e->key, " "));
}

enum status storage_open(struct hubgate *h)
{
	const struct state_conf conf = { .dir = h->config->store.dir,
		                             .flush_ms = h->config->store.flush_ms,
		                             .log = &h->log };
	struct disk_conf disk = { .journal = h->journal,
		                      .metrics = &h->metrics,
		                      .flush_ms = h->config->store.flush_ms };
	enum status st = stored_open(h, hand_out);

	if (st == ST_OK)
		st = state_open(&conf, on_entry, h, &h->state);
	if (st != ST_OK)
		return st;
	shadow_loaded(h);
	disk.state = h->state;
	st = disk_new(&disk, &h->disk);
	if (st == ST_IO)
		log_line(&h->log, LOG_ERROR, "not started: no descriptors: %s", strerror(errno));
	return st;
}

enum status storage_start(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return disk_start(h->disk);
}

bool storage_stop(struct hubgate *h, uint32_t wait_ms)
{
	bool stopped = disk_stop(h->disk, wait_ms);

	IN_ROOM(ROOM_BROKER);
	storage_drain(h);
	return stopped;
}

void storage_close(struct hubgate *h)
{
	disk_free(h->disk);
	h->disk = NULL;
	state_close(h->state);
	h->state = NULL;
	stored_close(h);
}

void storage_drain(struct hubgate *h)
{
	struct disk_log line;

	IN_ROOM(ROOM_BROKER);
	while (h->disk && disk_take_log(h->disk, &line) == ST_OK)
		log_line(&h->log, line.level, "%s", line.line);
}
