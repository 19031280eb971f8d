#include "core/shadow/shadow_find.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/table.h"

enum {
	WORTH_IT = 24, /* members */
	LEAST = 64     /* slots */
};

static cJSON removed; /* stands where a member was */

struct shadow_find shadow_find_in(const cJSON *object)
{
	return (struct shadow_find){ .object = object, .next = object ? object->child : NULL };
}

void shadow_find_end(struct shadow_find *f)
{
	free(f->slots);
	f->slots = NULL;
}

/* Seeded by where the object lies, so that names cannot be chosen to collide. */
static size_t slot_of(const struct shadow_find *f, const char *name)
{
	return (size_t)table_hash((uintptr_t)f->object, name, strlen(name)) & (f->size - 1);
}

static void put(struct shadow_find *f, cJSON *node)
{
	size_t at = slot_of(f, node->string);

	while (f->slots[at])
		at = (at + 1) & (f->size - 1);
	f->slots[at] = node;
	f->used++;
}

/* Room for twice the members there are. */
static void make(struct shadow_find *f)
{
	size_t count = (size_t)cJSON_GetArraySize(f->object);

	shadow_find_end(f);
	f->used = 0;
	f->small = count < WORTH_IT;
	if (f->small)
		return;
	for (f->size = LEAST; f->size < count * 4; f->size *= 2)
		continue;
	f->slots = calloc(f->size, sizeof(cJSON *));
	f->small = !f->slots;
	for (cJSON *m = f->object->child; m && f->slots; m = m->next)
		put(f, m);
}

static cJSON *look_up(struct shadow_find *f, const char *name)
{
	if (!f->object)
		return NULL;
	if (!f->slots && !f->small)
		make(f);
	if (!f->slots)
		return cJSON_GetObjectItemCaseSensitive(f->object, name);
	for (size_t at = slot_of(f, name); f->slots[at]; at = (at + 1) & (f->size - 1)) {
		if (f->slots[at] != &removed && strcmp(f->slots[at]->string, name) == 0)
			return f->slots[at];
	}
	return NULL;
}

cJSON *shadow_find(struct shadow_find *f, const char *name)
{
	cJSON *found = f->next;

	if (!found || strcmp(found->string, name) != 0)
		found = look_up(f, name);
	if (found)
		f->next = found->next;
	return found;
}

void shadow_find_gone(struct shadow_find *f, const cJSON *node)
{
	if (f->next == node)
		f->next = node->next;
	for (size_t at = f->slots ? slot_of(f, node->string) : 0; f->slots && f->slots[at];
	     at = (at + 1) & (f->size - 1)) {
		if (f->slots[at] != node)
			continue;
		f->slots[at] = &removed;
		return;
	}
}

void shadow_find_came(struct shadow_find *f, cJSON *node)
{
	if (f->slots && (f->used + 1) * 2 > f->size)
		make(f); /* it is a member already */
	else if (f->slots)
		put(f, node);
	else
		f->small = false; /* it may be worth it now */
}
