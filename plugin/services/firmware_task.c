#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/base/timer.h"
#include "plugin/services/firmware_impl.h"

static bool same_id(const struct table_node *node, const void *key)
{
	return strcmp(table_entry(node, const struct firmware_task, node)->client_id, key) == 0;
}

static uint64_t hash_of(const struct firmware *f, const char *client_id)
{
	return table_hash(f->seed, client_id, strlen(client_id));
}

struct firmware_task *firmware_task_find(const struct firmware *f, const char *client_id)
{
	struct table_node *n = table_find(&f->tasks, hash_of(f, client_id), same_id, client_id);

	return n ? table_entry(n, struct firmware_task, node) : NULL;
}

struct firmware_task *firmware_task_add(struct hubgate *h, const char *client_id)
{
	struct firmware *f = h->firmware;
	struct firmware_task *t = f->tasks.count < FIRMWARE_TASKS_MAX ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	memcpy(t->client_id, client_id, strlen(client_id) + 1);
	t->task.told = -1;
	if (table_add(&f->tasks, &t->node, hash_of(f, client_id)) != ST_OK) {
		free(t);
		return NULL;
	}
	return t;
}

static bool others_want(const struct firmware *f, const struct ota_image *image)
{
	struct table_at at;

	for (struct table_node *n = table_first(&f->tasks, &at); n; n = table_next(&f->tasks, &at)) {
		if (ota_image_same(&table_entry(n, struct firmware_task, node)->task.command.image, image))
			return true;
	}
	return false;
}

static void task_free(struct firmware_task *t)
{
	ota_task_fini(&t->task);
	free(t);
}

void firmware_task_end(struct hubgate *h, struct firmware_task *t)
{
	struct firmware *f = h->firmware;
	const struct ota_image image = t->task.command.image;

	if (h->offers && t->task.name[0])
		firmware_offers_drop(h->offers, t->task.name);
	if (h->state)
		state_put(h->state, STATE_FIRMWARE, t->client_id, NULL, 0);
	table_remove(&f->tasks, &t->node);
	task_free(t);
	/* What NET does not hear is wanted until the next start: the file stays a while longer. */
	if (f->fetch && !others_want(f, &image))
		firmware_fetch_release(f->fetch, &image);
	firmware_task_look(h, hubgate_now_ms()); /* its place is free */
}

/* What cannot be stored counts until the end of this process. */
void firmware_task_store(struct hubgate *h, const struct firmware_task *t)
{
	struct buf out = BUF_MAX(OTA_RECORD_MAX);

	if (h->state && ota_task_put(&out, &t->task) == ST_OK)
		state_put(h->state, STATE_FIRMWARE, t->client_id, out.data, out.len);
	buf_free(&out);
}

bool firmware_task_load(struct hubgate *h, const struct state_entry *e)
{
	struct firmware_task *t;

	if (strlen(e->key) > CLIENT_ID_MAX || firmware_task_find(h->firmware, e->key))
		return true;
	t = firmware_task_add(h, e->key);
	if (t && (ota_task_read(&t->task, e->value, e->len) != ST_OK || !t->task.open)) {
		table_remove(&h->firmware->tasks, &t->node);
		task_free(t);
	}
	return true;
}

void firmware_task_want(struct hubgate *h, struct firmware_task *t)
{
	t->unsaid = firmware_fetch_want(h->firmware->fetch, &t->task.command.image,
	                                t->task.command.url) != ST_OK;
}

void firmware_task_close_all(struct firmware *f)
{
	struct table_at at;

	for (struct table_node *n = table_first(&f->tasks, &at); n; n = table_next(&f->tasks, &at))
		task_free(table_entry(n, struct firmware_task, node));
	table_fini(&f->tasks);
}

void firmware_task_look(struct hubgate *h, int64_t at_ms)
{
	if (at_ms >= h->firmware->look_ms)
		return;
	h->firmware->look_ms = at_ms;
	timer_ring_by(h, at_ms > TIMER_AT_ONCE_MS ? at_ms : TIMER_AT_ONCE_MS);
}

void firmware_task_count(struct hubgate *h)
{
	struct firmware *f = h->firmware;
	struct table_at at;
	uint64_t told = 0;

	for (struct table_node *n = table_first(&f->tasks, &at); n; n = table_next(&f->tasks, &at))
		told += table_entry(n, struct firmware_task, node)->stage == FIRMWARE_TOLD;
	metric_set(&h->metrics, M_FIRMWARE_TASKS, f->tasks.count);
	metric_set(&h->metrics, M_FIRMWARE_OFFERED, told);
}
