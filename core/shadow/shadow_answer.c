/* What the hub says, and what it means for the document. */
#include <string.h>

#include "core/json/json.h"
#include "core/shadow/shadow_impl.h"

enum {
	ANSWER_BYTES_MAX = 256 << 10, /* with metadata, and more generous than the hub */
	ANSWER_DEPTH = 64,
	ANSWER_VALUES = 40000
};

/* A smaller timestamp counts seconds. */
static const int64_t milliseconds_from = INT64_C(100000000000);

struct answer { /* views of one parsed message */
	const cJSON *state;
	int64_t version, timestamp_ms, code;
	int64_t wall_ms, mono_ms;
};

/* --- versions: a document that was never written has 0, and the first write makes 0 or 1
 * (docs/protocol/shadow.md 1), so it is the flag that tells old from new --- */

static bool is_newer(const struct shadow_doc *d, const struct answer *a)
{
	return !d->now.hub_written || (uint64_t)a->version > d->now.hub_version;
}

/* Nothing lies between what is known and this newer one. */
static bool is_next(const struct shadow_doc *d, const struct answer *a)
{
	return (uint64_t)a->version <= (d->now.hub_written ? d->now.hub_version + 1 : 1);
}

static void note_version(struct shadow_doc *d, const struct answer *a, bool written)
{
	d->now.hub_version = (uint64_t)a->version;
	d->now.hub_written = written || a->version > 0;
}

/* --- the hub's document --- */

/* Clears against the hub's desired, which loses what is still to be cleared. What the hub changed
 * since is newer than the clear, which is dropped; what is not there needs no clear, if the list
 * is complete. */
static void settle_clears(cJSON *clears, cJSON *acked, cJSON *desired, bool complete)
{
	cJSON *c, *next;

	for (c = clears->child; c; c = next) {
		cJSON *have = cJSON_GetObjectItemCaseSensitive(desired, c->string);
		cJSON *value = cJSON_GetObjectItemCaseSensitive(acked, c->string);
		bool keep;

		next = c->next;
		if (!have) {
			keep = !complete;
		} else if (cJSON_IsNull(c)) {
			keep = value && shadow_tree_equal(have, value);
			if (keep)
				cJSON_Delete(cJSON_DetachItemViaPointer(desired, have));
		} else if (cJSON_IsObject(have) && cJSON_IsObject(value)) {
			settle_clears(c, value, have, complete);
			keep = !shadow_tree_empty(c);
		} else {
			keep = false;
		}
		if (keep)
			continue;
		if (value)
			cJSON_Delete(cJSON_DetachItemViaPointer(acked, value));
		cJSON_Delete(cJSON_DetachItemViaPointer(clears, c));
	}
}

/* desired becomes the hub's. Takes wanted. Attributes that stay keep their time. What the hub's
 * application set now is newer than what a local one set before: the last writer is shown. */
static enum status set_desired(struct shadow_doc *d, cJSON *wanted, const struct answer *a,
                               bool *changed)
{
	cJSON *change = cJSON_CreateObject();
	enum status st =
		change && wanted ? shadow_tree_diff(SHADOW(d, desired), wanted, true, change) : ST_NOMEM;

	if (st == ST_OK && !shadow_tree_empty(change)) {
		st = shadow_tree_apply(SHADOW(d, desired), change, a->wall_ms, NULL);
		shadow_tree_remove(SHADOW(d, local), change, false);
		*changed = true;
	}
	cJSON_Delete(change);
	cJSON_Delete(wanted);
	return st;
}

/* The hub's whole document: its reported is the base from now on. */
static void absorb(struct shadow_doc *d, const struct answer *a, struct shadow_effect *out)
{
	const cJSON *reported = json_member(a->state, "reported");
	const cJSON *desired = json_member(a->state, "desired");
	cJSON *base = cJSON_IsObject(reported) ? shadow_tree_copy(reported) : cJSON_CreateObject();
	cJSON *wanted = cJSON_IsObject(desired) ? shadow_tree_copy(desired) : cJSON_CreateObject();
	cJSON *nothing = cJSON_CreateObject();
	bool adopted = false, changed = false;
	enum status st = base && wanted && nothing ? ST_OK : ST_NOMEM;

	if (st == ST_OK)
		st = shadow_tree_adopt(SHADOW(d, reported), base, SHADOW(d, base), SHADOW(d, sent),
		                       a->wall_ms, &adopted);
	if (st == ST_OK) {
		settle_clears(SHADOW(d, clears), SHADOW(d, acked), wanted, true);
		st = set_desired(d, wanted, a, &changed);
		wanted = NULL;
	}
	out->changed = true;
	if (st != ST_OK) { /* out of memory: asked again later, merged again with the same result */
		cJSON_Delete(base);
		cJSON_Delete(wanted);
		cJSON_Delete(nothing);
		shadow_back_off(d, a->mono_ms);
		d->look = true;
		return;
	}
	out->first = !SHADOW(d, base);
	if (out->first && (uint64_t)a->version > d->now.version)
		d->now.version = (uint64_t)a->version;
	note_version(d, a, !shadow_tree_empty(reported) || !shadow_tree_empty(desired));
	if (d->now.timestamp_ms == 0 && d->now.hub_written)
		d->now.timestamp_ms = a->timestamp_ms;
	if (adopted || changed)
		shadow_touch(d, a->wall_ms);
	shadow_set(d, SHADOW_TREE_base, base);
	shadow_set(d, SHADOW_TREE_sent, nothing);
	d->now.uncertain = false;
	shadow_recheck(d);
	out->delta = changed;
}

/* After clears went: objects that lost all of theirs go, and what was acknowledged there. */
static void drop_empty_clears(cJSON *clears, cJSON *acked)
{
	cJSON *m, *next;

	for (m = acked->child; m; m = next) {
		cJSON *c = cJSON_GetObjectItemCaseSensitive(clears, m->string);

		next = m->next;
		if (cJSON_IsObject(c) && cJSON_IsObject(m))
			drop_empty_clears(c, m);
		if (c && (cJSON_IsNull(c) || c->child))
			continue;
		if (c)
			cJSON_Delete(cJSON_DetachItemViaPointer(clears, c));
		cJSON_Delete(cJSON_DetachItemViaPointer(acked, m));
	}
}

static void accepted(struct shadow_doc *d, const struct answer *a, struct shadow_effect *out)
{
	cJSON *nothing = cJSON_CreateObject();
	enum status st = nothing ? ST_OK : ST_NOMEM;

	if (st == ST_OK)
		st = shadow_tree_apply(SHADOW(d, base), d->asked_reported, SHADOW_KEEP_STAMPS, NULL);
	if (st != ST_OK) { /* it stays uncertain, a get will tell */
		cJSON_Delete(nothing);
		return;
	}
	shadow_set(d, SHADOW_TREE_sent, nothing);
	if (d->asked_desired) {
		shadow_tree_remove(SHADOW(d, clears), d->asked_desired, true);
		drop_empty_clears(SHADOW(d, clears), SHADOW(d, acked));
	}
	d->look |= !is_newer(d, a) || !is_next(d, a);
	if (is_newer(d, a))
		note_version(d, a, true);
	d->now.uncertain = false;
	shadow_recheck(d);
	d->conflicts = 0;
	out->changed = true;
}

/* The hub refuses to show its document: perhaps it has none yet, and has another word for that
 * than an empty one (docs/protocol/shadow.md 7, DeviceShadowNotExist). Then ours makes it: without
 * a base nothing is deleted there, and what it holds is adopted when it is shown. */
static void without_document(struct shadow_doc *d, struct shadow_effect *out)
{
	cJSON *empty = SHADOW(d, base) ? NULL : cJSON_CreateObject();

	if (!empty)
		return;
	shadow_set(d, SHADOW_TREE_base, empty);
	d->now.uncertain = false;
	shadow_recheck(d);
	out->changed = true;
}

static void answered(struct shadow_doc *d, const struct answer *a, struct shadow_effect *out)
{
	bool update = d->asked == SHADOW_WANT_UPDATE;
	bool empty = update && !d->asked_desired && shadow_tree_empty(d->asked_reported);

	d->failures = 0;
	d->retry_ms = 0;
	if (a->code == SHADOW_OK && update) {
		accepted(d, a, out);
	} else if (a->code == SHADOW_OK || (a->code == SHADOW_CONFLICT && update)) {
		absorb(d, a, out);
		if (update && ++d->conflicts >= SHADOW_CONFLICTS_MAX) {
			d->conflicts = 0;
			d->retry_ms = a->mono_ms + SHADOW_RETRY_MAX_MS;
		}
	} else {
		out->refused = a->code;
		if (!update)
			without_document(d, out);
		d->failures = SHADOW_CONFLICTS_MAX; /* the longest pause */
		shadow_back_off(d, a->mono_ms);
		d->look = true;
	}
	d->unguarded |= empty && d->now.hub_version == 0;
	shadow_forget_asked(d);
}

/* The application changed desired. The message names what differs from reported, so it tells
 * nothing of what was removed, or what equals. */
static void on_delta(struct shadow_doc *d, const struct answer *a, struct shadow_effect *out)
{
	cJSON *wanted, *expected = cJSON_CreateObject();
	bool changed = false;
	enum status st = expected ? ST_OK : ST_NOMEM;

	if (!SHADOW(d, base) || !is_newer(d, a)) {
		cJSON_Delete(expected);
		return; /* a get is under way or wanted, or it is old */
	}
	wanted = cJSON_Duplicate(SHADOW(d, desired), true);
	if (st == ST_OK)
		st = wanted ? shadow_tree_apply(wanted, a->state, a->wall_ms, NULL) : ST_NOMEM;
	d->look |= !is_next(d, a) || !shadow_tree_empty(SHADOW(d, clears));
	if (st == ST_OK)
		settle_clears(SHADOW(d, clears), SHADOW(d, acked), wanted, false);
	if (st == ST_OK)
		st = shadow_tree_diff(SHADOW(d, base), wanted, false, expected);
	d->look |= st != ST_OK || !shadow_tree_equal(expected, a->state);
	cJSON_Delete(expected);
	if (st != ST_OK)
		cJSON_Delete(wanted);
	else
		set_desired(d, wanted, a, &changed);
	if (changed)
		shadow_touch(d, a->wall_ms);
	note_version(d, a, true);
	out->changed = true;
	out->delta = changed;
}

static bool is_answer(const struct shadow_doc *d, const cJSON *root)
{
	const char *token = json_text(root, "clientToken");
	char asked[SHADOW_TOKEN_BYTES];

	shadow_token(d, asked);
	return d->asked != SHADOW_WANT_NOTHING && token && strcmp(token, asked) == 0;
}

static bool read_answer(const cJSON *root, struct answer *a)
{
	const cJSON *payload = json_member(root, "payload");
	const cJSON *result = json_member(root, "result"), *time = json_member(payload, "timestamp");

	a->state = json_member(payload, "state");
	if (time && json_int(time, true, &a->timestamp_ms) && a->timestamp_ms < milliseconds_from)
		a->timestamp_ms *= 1000;
	if (result && !json_int(result, true, &a->code))
		return false;
	if (a->code != SHADOW_OK && a->code != SHADOW_CONFLICT)
		return true; /* what else it holds does not count */
	return cJSON_IsObject(a->state) &&
	       json_int(json_member(payload, "version"), true, &a->version) && a->version >= 0;
}

void shadow_sync_message(struct shadow_doc *d, const void *payload, size_t len, int64_t wall_ms,
                         int64_t mono_ms, struct shadow_effect *out)
{
	const struct json_limits limits = { ANSWER_BYTES_MAX, ANSWER_DEPTH, ANSWER_VALUES };
	struct answer a = { .wall_ms = wall_ms, .mono_ms = mono_ms };
	const char *type;
	cJSON *root;

	memset(out, 0, sizeof(*out));
	shadow_doc_keep(d);
	if (json_parse_message(payload, len, &limits, &root) != ST_OK)
		return;
	type = json_text(root, "type");
	if (read_answer(root, &a)) {
		if (type && strcmp(type, "delta") == 0)
			on_delta(d, &a, out);
		else if (is_answer(d, root))
			answered(d, &a, out);
	}
	cJSON_Delete(root);
}
