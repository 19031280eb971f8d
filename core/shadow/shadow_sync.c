#include "core/shadow/shadow_sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/json/json.h"
#include "core/shadow/shadow_impl.h"

enum {
	RETRY_FIRST_MS = 2000
};

/* --- when --- */

void shadow_forget_asked(struct shadow_doc *d)
{
	d->asked = SHADOW_WANT_NOTHING;
	d->answer_due_ms = INT64_MAX;
	cJSON_Delete(d->asked_reported);
	cJSON_Delete(d->asked_desired);
	d->asked_reported = d->asked_desired = NULL;
}

void shadow_sync_ready(struct shadow_doc *d, bool ready)
{
	shadow_forget_asked(d);
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

void shadow_back_off(struct shadow_doc *d, int64_t mono_ms)
{
	int64_t wait_ms = d->failures < 5 ? RETRY_FIRST_MS << d->failures : SHADOW_RETRY_MAX_MS;

	d->failures++;
	d->retry_ms = mono_ms + wait_ms;
}

static enum shadow_want next_want(const struct shadow_doc *d, int64_t mono_ms, int64_t *due_ms)
{
	/* A clear must not meet a value that was never seen here. */
	if (!SHADOW(d, base) || d->now.uncertain || (d->look && !shadow_tree_empty(SHADOW(d, clears))))
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
		d->look |= d->asked != SHADOW_WANT_UPDATE;
		shadow_forget_asked(d);
		shadow_back_off(d, mono_ms);
	}
	if (mono_ms < d->retry_ms) {
		*due_ms = d->retry_ms;
		return SHADOW_WANT_NOTHING;
	}
	return next_want(d, mono_ms, due_ms);
}

/* --- what to ask --- */

void shadow_token(const struct shadow_doc *d, char out[SHADOW_TOKEN_BYTES])
{
	snprintf(out, SHADOW_TOKEN_BYTES, "hubgate-%u", (unsigned)d->token);
}

static enum status put_update(const struct shadow_doc *d, const cJSON *reported,
                              const cJSON *desired, struct buf *out)
{
	char token[SHADOW_TOKEN_BYTES];
	enum status st = buf_add_text(out, "{\"type\":\"update\",\"state\":{");

	shadow_token(d, token);
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
		const cJSON *some = desired && shadow_tree_empty(reported) ? NULL : reported;

		st = put_update(d, some, desired, out);
		if (st == ST_OK && out->len - before > SHADOW_BYTES_MAX)
			st = ST_TOOBIG;
		if (st != ST_TOOBIG || shadow_tree_empty(reported) || (!reported->child->next && !desired))
			return st;
		out->len = before;
		drop_half(reported);
	}
}

/* A clear names the version it was made for. Version 0 asks for no check, so another update goes
 * first and makes the next one: what is reported, or nothing at all. */
static bool clear_must_wait(const struct shadow_doc *d, const cJSON *reported)
{
	return !shadow_tree_empty(SHADOW(d, clears)) && d->now.hub_version == 0 &&
	       (!d->unguarded || !shadow_tree_empty(reported));
}

static enum status ask_update(struct shadow_doc *d, struct buf *out)
{
	cJSON *clears = SHADOW(d, clears), *reported = cJSON_CreateObject(), *desired = NULL;
	enum status st = reported
	                     ? shadow_tree_diff(SHADOW(d, base), SHADOW(d, reported), true, reported)
	                     : ST_NOMEM;
	bool wait = st == ST_OK && clear_must_wait(d, reported);

	if (st == ST_OK && !shadow_tree_empty(clears) && !wait) {
		desired = cJSON_Duplicate(clears, true);
		st = desired ? ST_OK : ST_NOMEM;
	}
	if (st == ST_OK && !desired && !wait && shadow_tree_empty(reported)) {
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
	char token[SHADOW_TOKEN_BYTES];
	enum status st;

	d->token++;
	if (want == SHADOW_WANT_UPDATE) {
		st = ask_update(d, out);
		if (st == ST_OK)
			d->update_after_ms = mono_ms + SHADOW_UPDATE_MS;
	} else {
		shadow_token(d, token);
		st = buf_addf(out, "{\"type\":\"get\",\"clientToken\":\"%s\"}", token);
		d->look = st == ST_OK ? false : d->look;
	}
	if (st == ST_OK)
		d->asked = want;
	else if (st == ST_NOMEM)
		shadow_back_off(d, mono_ms);
	return st;
}

void shadow_sync_failed(struct shadow_doc *d, int64_t mono_ms)
{
	d->look |= d->asked != SHADOW_WANT_UPDATE;
	shadow_forget_asked(d);
	shadow_back_off(d, mono_ms);
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
