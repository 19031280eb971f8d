#include "bridge/admin/admin_impl.h"
#include "core/base/room.h"

static void drop_snapshot(void *item)
{
	snapshot_free(*(struct snapshot **)item);
}

static void drop_list(void *item)
{
	device_rows_free(*(struct device_rows **)item);
}

/* The newest counts; BROKER alone puts, so the place stays free. */
static void put_newest(struct admin *a, struct mailbox *box, void *item, void (*drop)(void *item))
{
	void *unread;

	while (mailbox_take(box, &unread) == ST_OK)
		drop(&unread);
	if (mailbox_put(box, &item, NULL) != ST_OK)
		drop(&item);
	wake_ring(&a->wake);
}

void admin_tell(struct admin *a, struct snapshot *s)
{
	IN_ROOM(ROOM_BROKER);
	put_newest(a, a->snapshots, s, drop_snapshot);
}

void admin_tell_devices(struct admin *a, struct device_rows *d)
{
	IN_ROOM(ROOM_BROKER);
	put_newest(a, a->lists, d, drop_list);
}

void admin_turn(struct admin *a, int64_t now_ms)
{
	IN_ROOM(ROOM_BROKER);
	atomic_store(&a->turn_ms, now_ms);
}

bool admin_wants_devices(const struct admin *a, int64_t now_ms)
{
	IN_ROOM(ROOM_BROKER);
	return now_ms < atomic_load(&a->wanted_ms);
}

/* --- ADMIN --- */

bool admin_news_take(struct admin *a, int64_t now_ms)
{
	struct snapshot *s;
	struct device_rows *d;
	bool found = false;

	while (mailbox_take(a->snapshots, &s) == ST_OK) {
		snapshot_free(a->now);
		a->now = s;
		a->snapshots_read++;
		found = true;
	}
	while (mailbox_take(a->lists, &d) == ST_OK) {
		device_rows_free(a->devices);
		device_rows_sort(d);
		a->devices = d;
		a->devices_ms = now_ms;
		a->lists_read++;
		found = true;
	}
	return found;
}

bool admin_news_look(struct admin *a, int64_t now_ms)
{
	bool wanted = now_ms < atomic_exchange(&a->wanted_ms, now_ms + ADMIN_LOOKS_MS);

	if (!wanted)
		a->conf.ring(a->conf.ctx);
	return a->devices && now_ms - a->devices_ms < ADMIN_LOOKS_MS;
}

enum status admin_news_init(struct admin *a)
{
	enum status st = mailbox_new(sizeof(struct snapshot *), 1, &a->snapshots);

	return st == ST_OK ? mailbox_new(sizeof(struct device_rows *), 1, &a->lists) : st;
}

void admin_news_fini(struct admin *a)
{
	mailbox_free(a->snapshots, drop_snapshot);
	mailbox_free(a->lists, drop_list);
	snapshot_free(a->now);
	device_rows_free(a->devices);
}
