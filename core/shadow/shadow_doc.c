#include "core/shadow/shadow_doc.h"

#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"
#include "core/shadow/shadow_impl.h"

enum {
	REBUILT_EPOCH_S = 1577836800 /* 2020 */
};

/* --- life --- */

void shadow_state_free(struct shadow_state *s)
{
	for (int i = 0; i < SHADOW_TREE_COUNT; i++) {
		cJSON_Delete(s->tree[i]);
		s->tree[i] = NULL;
	}
}

struct shadow_doc *shadow_doc_new(void)
{
	struct shadow_doc *d = calloc(1, sizeof(*d));
	bool ok = d != NULL;

	for (int i = 0; ok && i < SHADOW_TREE_COUNT; i++) {
		if (i == SHADOW_TREE_base)
			continue;
		d->now.tree[i] = cJSON_CreateObject();
		ok = d->now.tree[i] != NULL;
	}
	if (!ok) {
		shadow_doc_free(d);
		return NULL;
	}
	d->answer_due_ms = INT64_MAX;
	return d;
}

void shadow_doc_free(struct shadow_doc *d)
{
	if (!d)
		return;
	shadow_state_free(&d->now);
	shadow_state_free(&d->before);
	cJSON_Delete(d->asked_reported);
	cJSON_Delete(d->asked_desired);
	free(d);
}

void shadow_doc_rebuilt(struct shadow_doc *d, int64_t now_ms)
{
	/* The old versions are gone with the document. One update a second from 2020 on would not
	 * have brought it here, and it fits 31 bits until 2088. */
	int64_t seconds = now_ms / 1000 - REBUILT_EPOCH_S;

	if (seconds > 0 && (uint64_t)seconds > d->now.version)
		d->now.version = (uint64_t)seconds;
}

uint64_t shadow_doc_version(const struct shadow_doc *d)
{
	return d->now.version;
}

size_t shadow_doc_attributes(const struct shadow_doc *d)
{
	return shadow_tree_attributes(SHADOW(d, reported));
}

bool shadow_doc_synced(const struct shadow_doc *d)
{
	return SHADOW(d, base) != NULL;
}

/* --- changes on trial --- */

void shadow_begin(struct shadow_doc *d)
{
	shadow_doc_keep(d);
	d->trial = true;
	d->before.version = d->now.version;
	d->before.timestamp_ms = d->now.timestamp_ms;
}

void shadow_set(struct shadow_doc *d, enum shadow_tree_id id, cJSON *tree)
{
	if (tree == d->now.tree[id])
		return;
	if (d->trial && !d->saved[id]) {
		d->before.tree[id] = d->now.tree[id];
		d->saved[id] = true;
	} else {
		cJSON_Delete(d->now.tree[id]);
	}
	d->now.tree[id] = tree;
}

cJSON *shadow_writable(struct shadow_doc *d, enum shadow_tree_id id)
{
	if (d->trial && !d->saved[id]) {
		cJSON *copy = cJSON_Duplicate(d->now.tree[id], true);

		if (!copy)
			return NULL;
		shadow_set(d, id, copy);
	}
	return d->now.tree[id];
}

void shadow_doc_keep(struct shadow_doc *d)
{
	shadow_state_free(&d->before);
	memset(d->saved, 0, sizeof(d->saved));
	d->trial = false;
}

void shadow_doc_undo(struct shadow_doc *d)
{
	if (!d->trial)
		return;
	for (int i = 0; i < SHADOW_TREE_COUNT; i++) {
		if (!d->saved[i])
			continue;
		cJSON_Delete(d->now.tree[i]);
		d->now.tree[i] = d->before.tree[i];
		d->before.tree[i] = NULL;
	}
	d->now.version = d->before.version;
	d->now.timestamp_ms = d->before.timestamp_ms;
	shadow_doc_keep(d);
}

void shadow_touch(struct shadow_doc *d, int64_t now_ms)
{
	d->now.version++;
	d->now.timestamp_ms = now_ms;
}

cJSON *shadow_merged_desired(const struct shadow_doc *d)
{
	cJSON *merged = cJSON_Duplicate(SHADOW(d, desired), true);

	if (!merged || shadow_tree_empty(SHADOW(d, local)))
		return merged;
	if (shadow_tree_apply(merged, SHADOW(d, local), SHADOW_KEEP_STAMPS, NULL) == ST_OK)
		return merged;
	cJSON_Delete(merged);
	return NULL;
}
