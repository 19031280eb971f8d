#include "core/base/mailbox.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct mailbox {
	pthread_mutex_t lock; /* of head, count and closed */
	size_t item_size, capacity;
	size_t head, count; /* head: the element to take next */
	bool closed;
	_Alignas(max_align_t) unsigned char ring[];
};

static void *item_at(struct mailbox *m, size_t nth)
{
	return m->ring + (m->head + nth) % m->capacity * m->item_size;
}

enum status mailbox_new(size_t item_size, size_t capacity, struct mailbox **out)
{
	struct mailbox *m;

	if (capacity > 0 && item_size > (SIZE_MAX - sizeof(*m)) / capacity)
		return ST_NOMEM;
	m = calloc(1, sizeof(*m) + item_size * capacity);
	if (!m)
		return ST_NOMEM;
	if (pthread_mutex_init(&m->lock, NULL) != 0) {
		free(m);
		return ST_NOMEM;
	}
	m->item_size = item_size;
	m->capacity = capacity;
	*out = m;
	return ST_OK;
}

void mailbox_free(struct mailbox *m, void (*drop)(void *item))
{
	if (!m)
		return;
	for (size_t i = 0; drop && i < m->count; i++)
		drop(item_at(m, i));
	pthread_mutex_destroy(&m->lock);
	free(m);
}

enum status mailbox_put(struct mailbox *m, const void *item, bool *was_empty)
{
	enum status st;

	pthread_mutex_lock(&m->lock);
	st = m->closed ? ST_CLOSED : ST_FULL;
	if (!m->closed && m->count < m->capacity) {
		memcpy(item_at(m, m->count), item, m->item_size);
		if (was_empty)
			*was_empty = m->count == 0;
		m->count++;
		st = ST_OK;
	}
	pthread_mutex_unlock(&m->lock);
	return st;
}

void mailbox_close(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	m->closed = true;
	pthread_mutex_unlock(&m->lock);
}

enum status mailbox_take(struct mailbox *m, void *item)
{
	enum status st = ST_EMPTY;

	pthread_mutex_lock(&m->lock);
	if (m->count > 0) {
		memcpy(item, item_at(m, 0), m->item_size);
		m->head = (m->head + 1) % m->capacity;
		m->count--;
		st = ST_OK;
	}
	pthread_mutex_unlock(&m->lock);
	return st;
}

size_t mailbox_count(struct mailbox *m)
{
	size_t count;

	pthread_mutex_lock(&m->lock);
	count = m->count;
	pthread_mutex_unlock(&m->lock);
	return count;
}

size_t mailbox_space(struct mailbox *m)
{
	return m->capacity - mailbox_count(m);
}
