/* Requests of the device and of local applications: their form, and what they change. */
#include <string.h>

#include "core/json/json.h"
#include "core/shadow/shadow_impl.h"

enum {
	PARSE_DEPTH = 64, /* deeper ones are answered with a code up to here */
	PARSE_VALUES = 20000
};

/* --- form --- */

static bool is_empty_text(const cJSON *node)
{
	return cJSON_IsString(node) && *node->valuestring == '\0';
}

/* The levels below a node whose own is given; 0 .. */
static enum shadow_code check_nodes(const cJSON *node, int level)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, node)
	{
		enum shadow_code code;

		if (level + 1 > SHADOW_DEPTH_MAX)
			return SHADOW_TOO_DEEP;
		if (cJSON_IsArray(node) ? cJSON_IsNull(m) : *m->string == '\0')
			return SHADOW_INVALID_NODE;
		code = check_nodes(m, level + 1);
		if (code != SHADOW_OK)
			return code;
	}
	return SHADOW_OK;
}

static enum shadow_code check_section(const cJSON *section)
{
	if (!section || cJSON_IsNull(section) || is_empty_text(section))
		return SHADOW_OK;
	return cJSON_IsObject(section) ? check_nodes(section, 0) : SHADOW_INVALID_NODE;
}

static enum shadow_code check_update(struct shadow_request *r)
{
	const cJSON *version = json_member(r->parsed, "version");
	const cJSON *reported, *desired;
	enum shadow_code code;

	r->state = json_member(r->parsed, "state");
	reported = json_member(r->state, "reported");
	desired = json_member(r->state, "desired");
	if (!cJSON_IsObject(r->state) || (!reported && !desired))
		return SHADOW_MALFORMED;
	if (version && !cJSON_IsNull(version) &&
	    (!json_int(version, true, &r->version) || r->version < 0))
		return SHADOW_MALFORMED;
	r->overwrite = cJSON_IsTrue(json_member(r->parsed, "overwriteUpdate"));
	code = check_section(reported);
	return code == SHADOW_OK ? check_section(desired) : code;
}

/* false: nothing that could be answered. */
static bool read_request(const void *payload, size_t len, struct shadow_request *r)
{
	const struct json_limits limits = { SHADOW_BYTES_MAX, PARSE_DEPTH, PARSE_VALUES };

	memset(r, 0, sizeof(*r));
	if (json_parse_message(payload, len, &limits, &r->parsed) != ST_OK)
		return false;
	if (!cJSON_IsObject(r->parsed)) {
		cJSON_Delete(r->parsed);
		return false;
	}
	r->token = json_text(r->parsed, "clientToken");
	r->type = json_text(r->parsed, "type");
	r->metadata = cJSON_IsTrue(json_member(r->parsed, "metadata"));
	if (!r->type) {
		r->type = "update";
		r->fault = SHADOW_MALFORMED;
	} else if (strcmp(r->type, "update") == 0) {
		r->fault = check_update(r);
	} else if (strcmp(r->type, "get") != 0) {
		r->fault = SHADOW_MALFORMED;
	}
	return true;
}

/* --- update --- */

static enum status replace_with(struct shadow_doc *d, enum shadow_tree_id id, cJSON *tree)
{
	if (!tree)
		return ST_NOMEM;
	shadow_set(d, id, tree);
	return ST_OK;
}

/* What turns before into after; NULL: no memory. */
static cJSON *difference(const cJSON *before, const cJSON *after)
{
	cJSON *out = cJSON_CreateObject();

	if (out && shadow_tree_diff(before, after, true, out) == ST_OK)
		return out;
	cJSON_Delete(out);
	return NULL;
}

/* Overwriting keeps the times of what stays equal. */
static enum status overwrite_reported(struct shadow_doc *d, const cJSON *from, int64_t now_ms)
{
	cJSON *reported = shadow_writable(d, SHADOW_TREE_reported), *wanted = shadow_tree_copy(from);
	cJSON *change = reported && wanted ? difference(reported, wanted) : NULL;
	enum status st = change ? shadow_tree_apply(reported, change, now_ms, NULL) : ST_NOMEM;

	cJSON_Delete(wanted);
	cJSON_Delete(change);
	return st;
}

static enum status apply_reported(struct shadow_doc *d, const struct shadow_request *r,
                                  const cJSON *from, int64_t now_ms, cJSON **changed)
{
	const cJSON *before = SHADOW(d, reported);
	cJSON *reported;
	enum status st;

	if (!cJSON_IsObject(from)) { /* null or "": all of it */
		*changed = cJSON_CreateNull();
		return replace_with(d, SHADOW_TREE_reported, cJSON_CreateObject());
	}
	if (r->overwrite) {
		st = overwrite_reported(d, from, now_ms);
		if (st == ST_OK)
			*changed = difference(before, SHADOW(d, reported));
		return *changed ? st : ST_NOMEM;
	}
	reported = shadow_writable(d, SHADOW_TREE_reported);
	*changed = cJSON_CreateObject();
	return reported && *changed ? shadow_tree_apply(reported, from, now_ms, *changed) : ST_NOMEM;
}

/* An object member of that name, made when there is none. NULL: no memory. */
static cJSON *inner_object(cJSON *object, const char *name)
{
	cJSON *m = cJSON_GetObjectItemCaseSensitive(object, name);

	if (cJSON_IsObject(m))
		return m;
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	return cJSON_AddObjectToObject(object, name);
}

static enum status put_member(cJSON *object, const char *name, cJSON *node)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	if (node && cJSON_AddItemToObject(object, name, node))
		return ST_OK;
	cJSON_Delete(node);
	return ST_NOMEM;
}

/* Both or neither have the attribute; an object that would stay empty is no clear. */
static void drop_empty(cJSON *clears, cJSON *acked, const char *name)
{
	if (!shadow_tree_empty(json_member(clears, name)))
		return;
	cJSON_DeleteItemFromObjectCaseSensitive(clears, name);
	cJSON_DeleteItemFromObjectCaseSensitive(acked, name);
}

/* The device cleared what `from` names with null (from NULL: everything): the hub's part is to
 * be cleared there too. clears gets the nulls, acked the values. */
static enum status note_clears(cJSON *clears, cJSON *acked, const cJSON *desired, const cJSON *from)
{
	enum status st = ST_OK;

	for (const cJSON *m = desired->child; m && st == ST_OK; m = m->next) {
		const cJSON *asked = from ? json_member(from, m->string) : NULL;
		cJSON *c, *a;

		if (!from || cJSON_IsNull(asked)) {
			st = put_member(clears, m->string, cJSON_CreateNull());
			if (st == ST_OK)
				st = put_member(acked, m->string, cJSON_Duplicate(m, true));
		} else if (cJSON_IsObject(asked) && cJSON_IsObject(m)) {
			c = inner_object(clears, m->string);
			a = inner_object(acked, m->string);
			st = c && a ? note_clears(c, a, m, asked) : ST_NOMEM;
			if (st == ST_OK)
				drop_empty(clears, acked, m->string);
		}
	}
	return st;
}

static enum status clear_hub_desired(struct shadow_doc *d, const cJSON *from)
{
	bool all = !cJSON_IsObject(from);
	cJSON *desired, *clears, *acked;
	enum status st;

	if (shadow_tree_empty(SHADOW(d, desired)))
		return ST_OK;
	desired = shadow_writable(d, SHADOW_TREE_desired);
	clears = shadow_writable(d, SHADOW_TREE_clears);
	acked = shadow_writable(d, SHADOW_TREE_acked);
	if (!desired || !clears || !acked)
		return ST_NOMEM;
	st = note_clears(clears, acked, desired, all ? NULL : from);
	if (st == ST_OK && all)
		return replace_with(d, SHADOW_TREE_desired, cJSON_CreateObject());
	if (st == ST_OK)
		shadow_tree_remove(desired, from, true);
	return st;
}

static enum status apply_local(struct shadow_doc *d, const cJSON *from, int64_t now_ms)
{
	cJSON *local;

	if (!cJSON_IsObject(from))
		return replace_with(d, SHADOW_TREE_local, cJSON_CreateObject());
	local = shadow_writable(d, SHADOW_TREE_local);
	return local ? shadow_tree_apply(local, from, now_ms, NULL) : ST_NOMEM;
}

/* A device clears desired; what it sets there stays on the LAN, as the hub lets nobody but its
 * application write it. */
static enum status apply_desired(struct shadow_doc *d, const cJSON *from, int64_t now_ms, bool app,
                                 cJSON **changed)
{
	cJSON *before = shadow_merged_desired(d), *after = NULL;
	enum status st = before ? apply_local(d, from, now_ms) : ST_NOMEM;

	if (st == ST_OK && !app)
		st = clear_hub_desired(d, from);
	if (st == ST_OK && !cJSON_IsObject(from) && !app) {
		*changed = cJSON_CreateNull();
		st = *changed ? ST_OK : ST_NOMEM;
	} else if (st == ST_OK) {
		after = shadow_merged_desired(d);
		*changed = after ? difference(before, after) : NULL;
		st = *changed ? ST_OK : ST_NOMEM;
	}
	cJSON_Delete(before);
	cJSON_Delete(after);
	return st;
}

static enum shadow_code check_size(const struct shadow_doc *d)
{
	struct buf text = BUF_MAX(SHADOW_BYTES_MAX);
	enum status st = shadow_tree_print(&text, SHADOW(d, reported));

	if (st == ST_OK)
		st = shadow_tree_print(&text, SHADOW(d, desired));
	if (st == ST_OK)
		st = shadow_tree_print(&text, SHADOW(d, local));
	buf_free(&text);
	return st == ST_OK ? SHADOW_OK : st == ST_TOOBIG ? SHADOW_TOO_LARGE : SHADOW_INTERNAL;
}

/* On trial. */
static enum shadow_code apply_update(struct shadow_doc *d, const struct shadow_request *r,
                                     int64_t now_ms, bool app, struct buf *reply)
{
	const cJSON *reported = json_member(r->state, "reported");
	const cJSON *desired = json_member(r->state, "desired");
	cJSON *reported_changed = NULL, *desired_changed = NULL;
	enum shadow_code code = SHADOW_OK;
	enum status st = ST_OK;

	if (reported)
		st = apply_reported(d, r, reported, now_ms, &reported_changed);
	if (st == ST_OK && desired)
		st = apply_desired(d, desired, now_ms, app, &desired_changed);
	if (st == ST_OK)
		code = check_size(d);
	/* Depth is a matter of the update alone: a merge never nests deeper than its parts. */
	if (st == ST_OK && code == SHADOW_OK) {
		shadow_touch(d, now_ms);
		st = shadow_put_updated(reply, d, r, reported_changed, desired_changed);
	}
	cJSON_Delete(reported_changed);
	cJSON_Delete(desired_changed);
	return st == ST_OK ? code : SHADOW_INTERNAL;
}

static enum shadow_done refuse(struct shadow_doc *d, struct shadow_request *r,
                               enum shadow_code code, int64_t now_ms, struct buf *reply)
{
	r->fault = code;
	return shadow_put_refusal(reply, d, r, now_ms) == ST_OK ? SHADOW_ANSWERED : SHADOW_SILENT;
}

static enum shadow_done update(struct shadow_doc *d, struct shadow_request *r, int64_t now_ms,
                               bool app, struct buf *reply)
{
	size_t before = reply->len;
	enum shadow_code code;

	if (r->version > 0 && (uint64_t)r->version != d->now.version)
		return shadow_put_document(reply, d, r, SHADOW_CONFLICT, now_ms) == ST_OK ? SHADOW_ANSWERED
		                                                                          : SHADOW_SILENT;
	if (app && json_member(r->state, "reported"))
		return refuse(d, r, SHADOW_INVALID_NODE, now_ms, reply);
	shadow_begin(d);
	code = apply_update(d, r, now_ms, app, reply);
	if (code == SHADOW_OK) {
		d->dirty = true;
		d->stuck = false;
		return SHADOW_CHANGED;
	}
	shadow_doc_undo(d);
	reply->len = before;
	return refuse(d, r, code, now_ms, reply);
}

static enum shadow_done request(struct shadow_doc *d, const void *payload, size_t len,
                                int64_t now_ms, bool app, struct buf *reply)
{
	enum shadow_done done;
	struct shadow_request r;

	shadow_doc_keep(d);
	if (!read_request(payload, len, &r))
		return SHADOW_SILENT;
	if (r.fault != SHADOW_OK)
		done = refuse(d, &r, r.fault, now_ms, reply);
	else if (strcmp(r.type, "update") == 0)
		done = update(d, &r, now_ms, app, reply);
	else
		done = shadow_put_document(reply, d, &r, SHADOW_OK, now_ms) == ST_OK ? SHADOW_ANSWERED
		                                                                     : SHADOW_SILENT;
	cJSON_Delete(r.parsed);
	return done;
}

enum shadow_done shadow_doc_request(struct shadow_doc *d, const void *payload, size_t len,
                                    int64_t now_ms, struct buf *reply)
{
	return request(d, payload, len, now_ms, false, reply);
}

enum shadow_done shadow_doc_app_request(struct shadow_doc *d, const void *payload, size_t len,
                                        int64_t now_ms, struct buf *reply)
{
	return request(d, payload, len, now_ms, true, reply);
}

bool shadow_doc_failed(struct shadow_doc *d, const void *payload, size_t len, int64_t now_ms,
                       struct buf *reply)
{
	struct shadow_request r;
	bool answered;

	if (!read_request(payload, len, &r))
		return false;
	answered = refuse(d, &r, SHADOW_INTERNAL, now_ms, reply) == SHADOW_ANSWERED;
	cJSON_Delete(r.parsed);
	return answered;
}
