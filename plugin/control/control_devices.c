#include "plugin/control/control_devices.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/list.h"
#include "core/base/room.h"
#include "plugin/control/control_answer.h"
#include "plugin/control/cursor.h"
#include "plugin/control/device_list.h"
#include "plugin/control/device_report.h"

enum {
	WHY_BYTES = 200,
};

struct asked { /* a page that somebody waits for */
	struct asked *next;
	struct asker *asker; /* owned */
	struct device_list list;
};

struct control_lists {
	QUEUE_OF(struct asked) waiting;
	size_t count;
};

struct control_lists *control_devices_new(void)
{
	return calloc(1, sizeof(struct control_lists));
}

static void asked_free(struct asked *q)
{
	device_list_fini(&q->list);
	asker_free(q->asker);
	free(q);
}

void control_devices_free(struct control_lists *l)
{
	struct asked *q;

	while (l && QUEUE_TAKE(&l->waiting, q))
		asked_free(q);
	free(l);
}

bool control_devices_wait(const struct control_lists *l)
{
	IN_ROOM(ROOM_BROKER);
	return l->waiting.first != NULL;
}

void control_devices_run(struct hubgate *h, struct control_lists *l)
{
	struct asked *q = l->waiting.first;

	IN_ROOM(ROOM_BROKER);
	if (!q || !device_list_run(&q->list, h))
		return;
	QUEUE_TAKE(&l->waiting, q);
	l->count--;
	if (q->list.w.st == ST_OK)
		asker_answer_data(q->asker, &q->list.out);
	else
		asker_answer(q->asker, status_text(q->list.w.st));
	q->asker = NULL;
	asked_free(q);
}

struct device *control_devices_named(struct hubgate *h, const cJSON *command, struct asker *a)
{
	const char *product_id = json_text(command, "product_id");
	const char *device_name = json_text(command, "device_name");
	struct device *d = NULL;
	char why[WHY_BYTES];

	IN_ROOM(ROOM_BROKER);
	if (!product_id || !device_name) {
		asker_answer(a, "product_id or device_name is missing");
		return NULL;
	}
	d = device_table_named(h->devices, product_id, device_name);
	if (d)
		return d;
	snprintf(why, sizeof(why),
	         "%.16s/%.64s is no device that this gateway knows; listDevices names those that are",
	         product_id, device_name);
	asker_answer(a, why);
	return NULL;
}

unsigned control_devices_count(const cJSON *command, unsigned max, struct asker *a)
{
	const cJSON *node = json_member(command, "count");
	int64_t count = max;
	char why[WHY_BYTES];

	IN_ROOM(ROOM_BROKER);
	if (!node || (json_int(node, false, &count) && count >= 1 && count <= max))
		return (unsigned)count;
	snprintf(why, sizeof(why), "count is out of range; use a whole number from 1 to %u", max);
	asker_answer(a, why);
	return 0;
}

/* --- listDevices --- */

static const char *begin(struct asked *q, const cJSON *command, unsigned count)
{
	const char *only = json_text(command, "only");
	enum device_list_only which = DEVICE_LIST_ALL;

	if (only && !device_list_only_named(only, &which))
		return "only is none that is known; use all, present, online, unbound or queued";
	if (device_list_begin(&q->list, which, json_text(command, "from"), count, ASKER_DATA_MAX) !=
	    ST_OK)
		return CURSOR_WRONG;
	return NULL;
}

void control_devices_list(struct hubgate *h, struct control_lists *l, const cJSON *command,
                          struct asker *a)
{
	unsigned count = control_devices_count(command, DEVICE_LIST_COUNT_MAX, a);
	struct asked *q;
	const char *why;

	IN_ROOM(ROOM_BROKER);
	(void)h;
	if (count == 0)
		return;
	q = l->count < CONTROL_LISTS_MAX ? calloc(1, sizeof(*q)) : NULL;
	why = q ? begin(q, command, count) : "too many lists are asked for at once; ask again";
	if (why) {
		if (q)
			asked_free(q);
		asker_answer(a, why);
		return;
	}
	q->asker = a;
	QUEUE_PUT(&l->waiting, q);
	l->count++;
}

/* --- getDevice --- */

void control_devices_get(struct hubgate *h, const cJSON *command, struct asker *a)
{
	struct device *d = control_devices_named(h, command, a);
	struct control_answer out;

	IN_ROOM(ROOM_BROKER);
	if (!d)
		return;
	control_answer_begin(&out);
	device_report_put_all(&out.w, h, d);
	control_answer_end(&out, a);
}
