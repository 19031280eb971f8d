#include "core/shadow_sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/shadow_impl.h"

enum {
	TOKEN_BYTES = 32,
	RETRY_FIRST_MS = 2000,
	ANSWER_BYTES_MAX = 256 << 10, /* with metadata, and more generous than the hub */
	ANSWER_DEPTH = 64,
	ANSWER_VALUES = 40000,
};

/* A smaller timestamp counts seconds. */
static const int64_t milliseconds_from = INT64_C(100000000000);

/* --- when --- */

static void forget_asked(struct shadow_doc *d)
{
	d->asked = SHADOW_WANT_NOTHING;
	d->answer_due_ms = INT64_MAX;
	cJSON_Delete(d->asked_reported);
	cJSON_Delete(d->asked_desired);
	d->asked_reported = d->asked_desired = NULL;
}

void shadow_sync_ready(struct shadow_doc *d, bool ready)
{
	forget_asked(d);
	d->ready = ready;
	d->look |= ready;
	d->retry_ms = 0;
	d->failures = d->conflicts = 0;
}

bool shadow_sync_is_ready(const struct shadow_doc *d)
{
	return d->ready;
}

bool shadow_sync_dirty(const struct shadow_doc *d)
{
	return (d->dirty && !d->stuck) || d->now.uncertain;
}

void shadow_recheck(struct shadow_doc *d)
{
	const cJSON *base = SHADOW(d, base);

	d->dirty = !shadow_tree_empty(SHADOW(d, clears)) ||
	           (base ? !shadow_tree_equal(base, SHADOW(d, reported))
	                 : !shadow_tree_empty(SHADOW(d, reported)));
	d->stuck = false;
}

/* The next attempt after 2, 4, 8 .. 60 s. */
static void back_off(struct shadow_doc *d, int64_t mono_ms)
{
	int64_t wait_ms = d->failures < 5 ? RETRY_FIRST_MS << d->failures : SHADOW_RETRY_MAX_MS;

	d->failures++;
	d->retry_ms = mono_ms + wait_ms;
}

static enum shadow_want next_want(const struct shadow_doc *d, int64_t mono_ms, int64_t *due_ms)
{
	if (!SHADOW(d, base) || d->now.uncertain)
		return SHADOW_WANT_GET;
	if (d->dirty && !d->stuck && mono_ms >= d->update_after_ms)
		return SHADOW_WANT_UPDATE;
	if (d->look)
		return SHADOW_WANT_LOOK;
	if (d->dirty && !d->stuck)
		*due_ms = d->update_after_ms;
	return SHADOW_WANT_NOTHING;
}

enum shadow_want shadow_sync_wants(struct shadow_doc *d, int64_t mono_ms, int64_t *due_ms)
{
	*due_ms = INT64_MAX;
	if (!d->ready)
		return SHADOW_WANT_NOTHING;
	if (d->asked != SHADOW_WANT_NOTHING) {
		*due_ms = d->answer_due_ms;
		if (mono_ms < d->answer_due_ms)
			return SHADOW_WANT_NOTHING;
		d->look |= d->asked == SHADOW_WANT_LOOK;
		forget_asked(d);
		back_off(d, mono_ms);
	}
	if (mono_ms < d->retry_ms) {
		*due_ms = d->retry_ms;
		return SHADOW_WANT_NOTHING;
	}
	return next_want(d, mono_ms, due_ms);
}

/* --- what to ask --- */

static void token_of(const struct shadow_doc *d, char out[TOKEN_BYTES])
{
	snprintf(out, TOKEN_BYTES, "hubgate-%u", (unsigned)d->token);
}

static enum status put_update(const struct shadow_doc *d, const cJSON *reported,
                              const cJSON *desired, struct buf *out)
{
	char token[TOKEN_BYTES];
	enum status st = buf_add_text(out, "{\"type\":\"update\",\"state\":{");

	token_of(d, token);
	if (st == ST_OK && desired) {
		st = buf_add_text(out, "\"desired\":");
		if (st == ST_OK)
			st = shadow_tree_print(out, desired);
	}
	if (st == ST_OK && reported) {
		st = buf_add_text(out, desired ? ",\"reported\":" : "\"reported\":");
		if (st == ST_OK)
			st = shadow_tree_print(out, reported);
	}
	/* A clear must not meet a newer value: only it carries the version. */
	if (st == ST_OK && desired)
		st = buf_addf(out, "},\"version\":%" PRIu64 ",\"clientToken\":\"%s\"}", d->now.hub_version,
		              token);
	else if (st == ST_OK)
		st = buf_addf(out, "},\"clientToken\":\"%s\"}", token);
	return st;
}

/* The second half of the attributes, or the only one. */
static void drop_half(cJSON *reported)
{
	for (int n = (cJSON_GetArraySize(reported) + 1) / 2; n > 0; n--)
		cJSON_Delete(cJSON_DetachItemViaPointer(reported, reported->child->prev));
}

/* As many attributes as the hub takes in one message; the rest follows. */
static enum status fit_update(const struct shadow_doc *d, cJSON *reported, const cJSON *desired,
                              struct buf *out)
{
	size_t before = out->len;
	enum status st;

	for (;;) {
		const cJSON *some = shadow_tree_empty(reported) ? NULL : reported;

		st = put_update(d, some, desired, out);
		if (st == ST_OK && out->len - before > SHADOW_BYTES_MAX)
			st = ST_TOOBIG;
		if (st != ST_TOOBIG || !some || (!reported->child->next && !desired))
			return st;
		out->len = before;
		drop_half(reported);
	}
}

static enum status ask_update(struct shadow_doc *d, struct buf *out)
{
	cJSON *clears = SHADOW(d, clears), *reported = cJSON_CreateObject(), *desired = NULL;
	enum status st = reported
	                     ? shadow_tree_diff(SHADOW(d, base), SHADOW(d, reported), true, reported)
	                     : ST_NOMEM;

	if (st == ST_OK && !shadow_tree_empty(clears)) {
		desired = cJSON_Duplicate(clears, true);
		st = desired ? ST_OK : ST_NOMEM;
	}
	if (st == ST_OK && !desired && shadow_tree_empty(reported)) {
		d->dirty = false;
		st = ST_EMPTY;
	}
	if (st == ST_OK)
		st = fit_update(d, reported, desired, out);
	if (st == ST_OK)
		st = shadow_tree_apply(SHADOW(d, sent), reported, SHADOW_KEEP_STAMPS, NULL);
	if (st != ST_OK) {
		cJSON_Delete(reported);
		cJSON_Delete(desired);
		d->stuck = st == ST_TOOBIG;
		return st;
	}
	d->asked_reported = reported;
	d->asked_desired = desired;
	d->now.uncertain = true;
	return ST_OK;
}

enum status shadow_sync_request(struct shadow_doc *d, enum shadow_want want, int64_t mono_ms,
                                struct buf *out)
{
	char token[TOKEN_BYTES];
	enum status st;

	d->token++;
	if (want == SHADOW_WANT_UPDATE) {
		st = ask_update(d, out);
		if (st == ST_OK)
			d->update_after_ms = mono_ms + SHADOW_UPDATE_MS;
	} else {
		token_of(d, token);
		st = buf_addf(out, "{\"type\":\"get\",\"clientToken\":\"%s\"}", token);
		d->look = st == ST_OK ? false : d->look;
	}
	if (st == ST_OK)
		d->asked = want;
	else if (st == ST_NOMEM)
		back_off(d, mono_ms);
	return st;
}

void shadow_sync_failed(struct shadow_doc *d, int64_t mono_ms)
{
	d->look |= d->asked == SHADOW_WANT_LOOK;
	forget_asked(d);
	back_off(d, mono_ms);
}

bool shadow_sync_asked(const struct shadow_doc *d)
{
	return d->asked != SHADOW_WANT_NOTHING;
}

void shadow_sync_sent(struct shadow_doc *d, int64_t mono_ms)
{
	if (d->asked != SHADOW_WANT_NOTHING)
		d->answer_due_ms = mono_ms + SHADOW_ANSWER_MS;
}

/* --- what the hub says --- */

struct answer { /* views of one parsed message */
	const cJSON *state;
	int64_t version, timestamp_ms, code;
	int64_t wall_ms, mono_ms;
};

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
		back_off(d, a->mono_ms);
		d->look = true;
		return;
	}
	out->first = !SHADOW(d, base);
	if (out->first && (uint64_t)a->version > d->now.version)
		d->now.version = (uint64_t)a->version;
	if (d->now.timestamp_ms == 0 && a->version > 0)
		d->now.timestamp_ms = a->timestamp_ms;
	if (adopted || changed)
		shadow_touch(d, a->wall_ms);
	shadow_set(d, SHADOW_TREE_base, base);
	shadow_set(d, SHADOW_TREE_sent, nothing);
	d->now.uncertain = false;
	d->now.hub_version = (uint64_t)a->version;
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
	d->look |= (uint64_t)a->version != d->now.hub_version + 1;
	if ((uint64_t)a->version > d->now.hub_version)
		d->now.hub_version = (uint64_t)a->version;
	d->now.uncertain = false;
	shadow_recheck(d);
	d->conflicts = 0;
	out->changed = true;
}

/* The hub refuses to show its document: perhaps it has none yet, and has another word for that
 * than an empty one (protocol/shadow.md 7, DeviceShadowNotExist). Then ours makes it: without a
 * base nothing is deleted there, and what it holds is adopted when it is shown. */
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
		back_off(d, a->mono_ms);
		d->look = true;
	}
	forget_asked(d);
}

/* The application changed desired. The message names what differs from reported, so it tells
 * nothing of what was removed, or what equals. */
static void on_delta(struct shadow_doc *d, const struct answer *a, struct shadow_effect *out)
{
	cJSON *wanted, *expected = cJSON_CreateObject();
	bool changed = false;
	enum status st = expected ? ST_OK : ST_NOMEM;

	if (!SHADOW(d, base) || (uint64_t)a->version <= d->now.hub_version) {
		cJSON_Delete(expected);
		return; /* a get is under way or wanted, or it is old */
	}
	wanted = cJSON_Duplicate(SHADOW(d, desired), true);
	if (st == ST_OK)
		st = wanted ? shadow_tree_apply(wanted, a->state, a->wall_ms, NULL) : ST_NOMEM;
	d->look |=
		(uint64_t)a->version > d->now.hub_version + 1 || !shadow_tree_empty(SHADOW(d, clears));
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
	d->now.hub_version = (uint64_t)a->version;
	out->changed = true;
	out->delta = changed;
}

static bool is_answer(const struct shadow_doc *d, const cJSON *root)
{
	const char *token = json_text(root, "clientToken");
	char asked[TOKEN_BYTES];

	token_of(d, asked);
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
	if (json_parse(payload, len, &limits, &root, NULL, NULL, NULL) != ST_OK)
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
