/* The messages a device gets, byte by byte (docs/protocol/shadow.md 2-5). Members stand in
 * alphabetical order, without spaces; number tokens as they came. */
#include <inttypes.h>

#include "core/json/json.h"
#include "core/shadow/shadow_impl.h"

/* Parts are added one after another; the first failure stays. */
struct writer {
	struct buf *out;
	enum status st;
};

static void text(struct writer *w, const char *s)
{
	if (w->st == ST_OK)
		w->st = buf_add_text(w->out, s);
}

static void number(struct writer *w, const char *name, int64_t value)
{
	if (w->st == ST_OK)
		w->st = buf_addf(w->out, ",\"%s\":%" PRId64, name, value);
}

static void string(struct writer *w, const char *s)
{
	if (w->st == ST_OK)
		w->st = json_add_string(w->out, s);
}

/* "name":tree, with a comma after what stands before. NULL: left out. */
static void tree(struct writer *w, const char *name, const cJSON *node, bool stamps)
{
	bool first = w->out->len > 0 && w->out->data[w->out->len - 1] == '{';

	if (!node || w->st != ST_OK || (stamps && !cJSON_IsObject(node)))
		return;
	w->st = buf_addf(w->out, "%s\"%s\":", first ? "" : ",", name);
	if (w->st == ST_OK)
		w->st = stamps ? shadow_tree_print_metadata(w->out, node) : shadow_tree_print(w->out, node);
}

struct sections {
	const cJSON *delta, *desired, *reported; /* NULL: left out */
};

static void sections(struct writer *w, const struct sections *s, bool stamps)
{
	text(w, stamps ? "\"metadata\":{" : "\"state\":{");
	tree(w, "delta", s->delta, stamps);
	tree(w, "desired", s->desired, stamps);
	tree(w, "reported", s->reported, stamps);
	text(w, "}");
}

struct envelope {
	const struct shadow_request *request;
	const struct sections *sections;
	int64_t inner, outer; /* timestamps */
	uint64_t version;
	enum shadow_code code;
};

static enum status put(struct buf *out, const struct envelope *e)
{
	struct writer w = { out, ST_OK };
	size_t before = out->len;

	text(&w, "{");
	if (e->request->token) {
		text(&w, "\"clientToken\":");
		string(&w, e->request->token);
		text(&w, ",");
	}
	text(&w, "\"payload\":{");
	if (e->request->metadata && e->request->fault == SHADOW_OK) {
		sections(&w, e->sections, true);
		text(&w, ",");
	}
	sections(&w, e->sections, false);
	number(&w, "timestamp", e->inner);
	number(&w, "version", (int64_t)e->version);
	text(&w, "}");
	number(&w, "result", e->code);
	number(&w, "timestamp", e->outer);
	text(&w, ",\"type\":");
	string(&w, e->request->type);
	text(&w, "}");
	if (w.st != ST_OK)
		out->len = before;
	return w.st;
}

/* Members of desired that the device has not reported; NULL: none. */
static enum status make_delta(const struct shadow_doc *d, const cJSON *desired, cJSON **out)
{
	enum status st;

	*out = cJSON_CreateObject();
	st = *out ? shadow_tree_diff(SHADOW(d, reported), desired, false, *out) : ST_NOMEM;
	if (st == ST_OK && !shadow_tree_empty(*out))
		return ST_OK;
	cJSON_Delete(*out);
	*out = NULL;
	return st;
}

enum status shadow_put_document(struct buf *out, const struct shadow_doc *d,
                                const struct shadow_request *r, enum shadow_code code,
                                int64_t now_ms)
{
	bool written = d->now.timestamp_ms != 0;
	cJSON *desired = shadow_merged_desired(d), *delta = NULL;
	struct sections s = { .reported = SHADOW(d, reported) };
	struct envelope e = {
		.request = r,
		.sections = &s,
		.inner = written ? d->now.timestamp_ms : now_ms / 1000,
		.outer = now_ms / 1000,
		.version = d->now.version,
		.code = code,
	};
	enum status st = desired ? ST_OK : ST_NOMEM;

	if (code == SHADOW_CONFLICT)
		e.outer = e.inner;
	if (st == ST_OK && !shadow_tree_empty(desired)) {
		st = make_delta(d, desired, &delta);
		s.delta = delta;
		s.desired = desired;
	}
	if (st == ST_OK)
		st = put(out, &e);
	cJSON_Delete(desired);
	cJSON_Delete(delta);
	return st;
}

enum status shadow_put_updated(struct buf *out, const struct shadow_doc *d,
                               const struct shadow_request *r, const cJSON *reported,
                               const cJSON *desired)
{
	const struct sections s = { .desired = desired, .reported = reported };
	const struct envelope e = {
		.request = r,
		.sections = &s,
		.inner = d->now.timestamp_ms,
		.outer = d->now.timestamp_ms,
		.version = d->now.version,
		.code = SHADOW_OK,
	};

	return put(out, &e);
}

enum status shadow_put_refusal(struct buf *out, const struct shadow_doc *d,
                               const struct shadow_request *r, int64_t now_ms)
{
	cJSON *empty = cJSON_CreateObject();
	const struct sections s = { .reported = empty };
	const struct envelope e = {
		.request = r,
		.sections = &s,
		.inner = d->now.timestamp_ms != 0 ? d->now.timestamp_ms : now_ms,
		.outer = now_ms,
		.version = d->now.version,
		.code = r->fault,
	};
	enum status st = empty ? put(out, &e) : ST_NOMEM;

	cJSON_Delete(empty);
	return st;
}

bool shadow_doc_delta(const struct shadow_doc *d, struct buf *out)
{
	cJSON *desired = shadow_merged_desired(d), *delta = NULL;
	struct writer w = { out, ST_OK };
	size_t before = out->len;
	bool some;

	if (desired)
		w.st = make_delta(d, desired, &delta);
	some = delta != NULL;
	if (some) {
		text(&w, "{\"payload\":{\"state\":");
		if (w.st == ST_OK)
			w.st = shadow_tree_print(out, delta);
		number(&w, "timestamp", d->now.timestamp_ms);
		number(&w, "version", (int64_t)d->now.version);
		text(&w, "}");
		number(&w, "timestamp", d->now.timestamp_ms);
		text(&w, ",\"type\":\"delta\"}");
	}
	if (w.st != ST_OK)
		out->len = before;
	cJSON_Delete(desired);
	cJSON_Delete(delta);
	return some && w.st == ST_OK;
}
