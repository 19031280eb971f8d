/* The stored form: one JSON object.
 *	{"v":1,"version":7,"hub":9,"hub_written":true,"time":1514967066000,"uncertain":false,
 *	 "reported":{..},"desired":{..},"local":{..},"clears":{..},"acked":{..},"sent":{..},
 *	 "base":{..},"stamps":[..]}
 * base is absent when the hub's document was never seen. stamps are the times of the attributes
 * of reported, desired and local, in the order in which they stand there. A form without
 * hub_written is older: there a hub version of 0 may be that of no write. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/json/json.h"
#include "core/shadow/shadow_impl.h"

enum {
	FORMAT = 1,
	STORED_DEPTH = 16,
	STORED_VALUES = 200000
};

static const char *const names[] = {
#define X(name) #name,
	SHADOW_TREES(X)
#undef X
};

static const enum shadow_tree_id stamped[] = { SHADOW_TREE_reported, SHADOW_TREE_desired,
	                                           SHADOW_TREE_local };
enum {
	STAMPED = sizeof(stamped) / sizeof(stamped[0])
};

static bool is_attribute(const cJSON *node)
{
	return !cJSON_IsObject(node) || !node->child;
}

static enum status put_stamps(struct buf *out, const cJSON *section)
{
	enum status st = ST_OK;

	for (const cJSON *m = section->child; m && st == ST_OK; m = m->next) {
		if (!is_attribute(m))
			st = put_stamps(out, m);
		else
			st = buf_addf(out, "%s%lld", out->data[out->len - 1] == '[' ? "" : ",",
			              (long long)m->valuedouble);
	}
	return st;
}

static const char *truth(bool value)
{
	return value ? "true" : "false";
}

enum status shadow_doc_encode(const struct shadow_doc *d, struct buf *out)
{
	const struct shadow_state *s = &d->now;
	enum status st = buf_addf(out,
	                          "{\"v\":%d,\"version\":%" PRIu64 ",\"hub\":%" PRIu64
	                          ",\"hub_written\":%s,\"time\":%" PRId64 ",\"uncertain\":%s",
	                          FORMAT, s->version, s->hub_version, truth(s->hub_written),
	                          s->timestamp_ms, truth(s->uncertain));

	for (int i = 0; i < SHADOW_TREE_COUNT && st == ST_OK; i++) {
		if (!s->tree[i])
			continue;
		st = buf_addf(out, ",\"%s\":", names[i]);
		if (st == ST_OK)
			st = shadow_tree_print(out, s->tree[i]);
	}
	if (st == ST_OK)
		st = buf_add_text(out, ",\"stamps\":[");
	for (int i = 0; i < STAMPED && st == ST_OK; i++)
		st = put_stamps(out, s->tree[stamped[i]]);
	return st == ST_OK ? buf_add_text(out, "]}") : st;
}

/* --- decode --- */

static bool take_stamps(cJSON *section, const cJSON **stamp)
{
	cJSON *m;

	cJSON_ArrayForEach(m, section)
	{
		int64_t ms;

		if (!is_attribute(m)) {
			if (!take_stamps(m, stamp))
				return false;
			continue;
		}
		if (!json_int(*stamp, false, &ms))
			return false;
		m->valuedouble = (double)ms;
		*stamp = (*stamp)->next;
	}
	return true;
}

static bool get_number(const cJSON *root, const char *name, int64_t *out)
{
	const cJSON *node = json_member(root, name);

	return node && json_int(node, false, out) && *out >= 0;
}

/* Moves the trees out of root. */
static bool take_trees(cJSON *root, struct shadow_doc *d)
{
	for (int i = 0; i < SHADOW_TREE_COUNT; i++) {
		cJSON *tree = cJSON_DetachItemFromObjectCaseSensitive(root, names[i]);

		if (!tree && i == SHADOW_TREE_base)
			continue;
		if (!cJSON_IsObject(tree)) {
			cJSON_Delete(tree);
			return false;
		}
		free(tree->string); /* it stands for itself now */
		tree->string = NULL;
		shadow_set(d, (enum shadow_tree_id)i, tree);
	}
	return true;
}

static bool take_all(cJSON *root, struct shadow_doc *d)
{
	const cJSON *stamps = json_member(root, "stamps"), *stamp;
	int64_t format, version, hub;

	if (!get_number(root, "v", &format) || format != FORMAT ||
	    !get_number(root, "version", &version) || !get_number(root, "hub", &hub) ||
	    !get_number(root, "time", &d->now.timestamp_ms) || !cJSON_IsArray(stamps) ||
	    !take_trees(root, d))
		return false;
	stamp = stamps->child;
	for (int i = 0; i < STAMPED; i++) {
		if (!take_stamps(d->now.tree[stamped[i]], &stamp))
			return false;
	}
	d->now.version = (uint64_t)version;
	d->now.hub_version = (uint64_t)hub;
	d->now.hub_written = hub > 0 || cJSON_IsTrue(json_member(root, "hub_written"));
	d->now.uncertain = cJSON_IsTrue(json_member(root, "uncertain"));
	shadow_recheck(d);
	return stamp == NULL;
}

enum status shadow_doc_decode(const void *bytes, size_t len, struct shadow_doc **out)
{
	const struct json_limits limits = { SHADOW_STORED_MAX, STORED_DEPTH, STORED_VALUES };
	struct shadow_doc *d;
	cJSON *root;
	enum status st = json_parse(bytes, len, &limits, &root, NULL, NULL, NULL);

	*out = NULL;
	if (st != ST_OK)
		return st == ST_NOMEM ? st : ST_MALFORMED;
	d = shadow_doc_new();
	if (d && take_all(root, d))
		*out = d;
	else
		shadow_doc_free(d);
	cJSON_Delete(root);
	return *out ? ST_OK : d ? ST_MALFORMED : ST_NOMEM;
}
