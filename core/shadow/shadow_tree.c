#include "core/shadow/shadow_tree.h"

#include <string.h>

#include "core/json/json.h"
#include "core/shadow/shadow_find.h"

/* Takes node, NULL: no memory. It brings its name. */
static enum status add(cJSON *object, cJSON *node)
{
	if (node && cJSON_AddItemToArray(object, node))
		return ST_OK;
	cJSON_Delete(node);
	return ST_NOMEM;
}

static enum status add_named(cJSON *object, const char *name, cJSON *node)
{
	if (node && cJSON_AddItemToObject(object, name, node))
		return ST_OK;
	cJSON_Delete(node);
	return ST_NOMEM;
}

/* Takes node when it has members, else frees it: what did not differ is not mentioned. */
static enum status add_unless_empty(cJSON *object, const char *name, cJSON *node)
{
	if (!shadow_tree_empty(node))
		return add_named(object, name, node);
	cJSON_Delete(node);
	return ST_OK;
}

size_t shadow_tree_attributes(const cJSON *object)
{
	const cJSON *child;
	size_t n = 0;

	cJSON_ArrayForEach(child, object)
	{
		n += cJSON_IsObject(child) ? shadow_tree_attributes(child) : 1;
	}
	return n;
}

bool shadow_tree_empty(const cJSON *object)
{
	return !object || !object->child;
}

static bool arrays_equal(const cJSON *a, const cJSON *b)
{
	const cJSON *x = a->child, *y = b->child;

	for (; x && y; x = x->next, y = y->next) {
		if (!shadow_tree_equal(x, y))
			return false;
	}
	return !x && !y;
}

static bool objects_equal(const cJSON *a, const cJSON *b)
{
	struct shadow_find in_b = shadow_find_in(b);
	bool equal = true;
	const cJSON *x;

	if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
		return false;
	cJSON_ArrayForEach(x, a)
	{
		const cJSON *y = shadow_find(&in_b, x->string);

		equal = y && shadow_tree_equal(x, y);
		if (!equal)
			break;
	}
	shadow_find_end(&in_b);
	return equal;
}

bool shadow_tree_equal(const cJSON *a, const cJSON *b)
{
	if ((a->type & 0xFF) != (b->type & 0xFF))
		return false;
	if (cJSON_IsObject(a))
		return objects_equal(a, b);
	if (cJSON_IsArray(a))
		return arrays_equal(a, b);
	if (cJSON_IsString(a))
		return strcmp(a->valuestring, b->valuestring) == 0;
	return !json_is_number(a) || json_number_equal(a->valuestring, b->valuestring);
}

static void drop_nulls(cJSON *node)
{
	cJSON *m, *next;

	if (!cJSON_IsObject(node))
		return;
	for (m = node->child; m; m = next) {
		next = m->next;
		if (cJSON_IsNull(m))
			cJSON_Delete(cJSON_DetachItemViaPointer(node, m));
		else
			drop_nulls(m);
	}
}

cJSON *shadow_tree_copy(const cJSON *node)
{
	cJSON *copy = cJSON_Duplicate(node, true);

	if (copy)
		drop_nulls(copy);
	return copy;
}

static void stamp(cJSON *node, int64_t now_ms)
{
	cJSON *m;

	if (now_ms == SHADOW_KEEP_STAMPS)
		return;
	node->valuedouble = (double)now_ms;
	cJSON_ArrayForEach(m, node) stamp(m, now_ms);
}

/* ---- apply ---- */

static enum status delete_member(cJSON *dst, cJSON *old, cJSON *changed)
{
	enum status st = ST_OK;

	if (!old)
		return ST_OK;
	if (changed)
		st = add_named(changed, old->string, cJSON_CreateNull());
	cJSON_Delete(cJSON_DetachItemViaPointer(dst, old));
	return st;
}

static enum status set_member(cJSON *dst, cJSON *old, const cJSON *from, int64_t now_ms,
                              cJSON *changed, cJSON **now_there)
{
	cJSON *node = shadow_tree_copy(from);
	bool same = node && old && shadow_tree_equal(old, node);

	if (!node)
		return ST_NOMEM;
	/* An equal value may still be spelled anew; it is as old as it was. */
	if (same)
		node->valuedouble = old->valuedouble;
	else
		stamp(node, now_ms);
	if (old && !cJSON_ReplaceItemViaPointer(dst, old, node)) {
		cJSON_Delete(node);
		return ST_NOMEM;
	}
	if (!old && add(dst, node) != ST_OK)
		return ST_NOMEM;
	*now_there = node;
	return same || !changed ? ST_OK : add(changed, cJSON_Duplicate(node, true));
}

static enum status merge_member(cJSON *old, const cJSON *from, int64_t now_ms, cJSON *changed)
{
	cJSON *inner = changed ? cJSON_CreateObject() : NULL;
	enum status st;

	if (changed && !inner)
		return ST_NOMEM;
	st = shadow_tree_apply(old, from, now_ms, inner);
	if (st == ST_OK && changed)
		return add_unless_empty(changed, from->string, inner);
	cJSON_Delete(inner);
	return st;
}

enum status shadow_tree_apply(cJSON *dst, const cJSON *src, int64_t now_ms, cJSON *changed)
{
	struct shadow_find in_dst = shadow_find_in(dst);
	enum status st = ST_OK;

	for (const cJSON *m = src->child; m && st == ST_OK; m = m->next) {
		cJSON *old = shadow_find(&in_dst, m->string), *node = NULL;

		if (old && cJSON_IsObject(old) && cJSON_IsObject(m)) {
			st = merge_member(old, m, now_ms, changed);
			continue;
		}
		if (old)
			shadow_find_gone(&in_dst, old);
		if (cJSON_IsNull(m))
			st = delete_member(dst, old, changed);
		else
			st = set_member(dst, old, m, now_ms, changed, &node);
		if (node)
			shadow_find_came(&in_dst, node);
	}
	shadow_find_end(&in_dst);
	return st;
}

/* ---- compare ---- */

static enum status diff_member(const cJSON *old, const cJSON *m, bool deletes, cJSON *out)
{
	cJSON *inner;
	enum status st;

	if (!old || !cJSON_IsObject(old) || !cJSON_IsObject(m)) {
		if (old && shadow_tree_equal(old, m))
			return ST_OK;
		return add(out, cJSON_Duplicate(m, true));
	}
	inner = cJSON_CreateObject();
	if (!inner)
		return ST_NOMEM;
	st = shadow_tree_diff(old, m, deletes, inner);
	if (st == ST_OK)
		return add_unless_empty(out, m->string, inner);
	cJSON_Delete(inner);
	return st;
}

enum status shadow_tree_diff(const cJSON *from, const cJSON *to, bool deletes, cJSON *out)
{
	struct shadow_find in_from = shadow_find_in(from), in_to = shadow_find_in(to);
	enum status st = ST_OK;
	const cJSON *m;

	for (m = to->child; m && st == ST_OK; m = m->next)
		st = diff_member(shadow_find(&in_from, m->string), m, deletes, out);
	for (m = deletes ? from->child : NULL; m && st == ST_OK; m = m->next) {
		if (!shadow_find(&in_to, m->string))
			st = add_named(out, m->string, cJSON_CreateNull());
	}
	shadow_find_end(&in_from);
	shadow_find_end(&in_to);
	return st;
}

void shadow_tree_remove(cJSON *dst, const cJSON *src, bool nulls)
{
	struct shadow_find in_dst = shadow_find_in(dst);
	const cJSON *m;

	cJSON_ArrayForEach(m, src)
	{
		cJSON *old = shadow_find(&in_dst, m->string);
		bool gone;

		if (!old)
			continue;
		if (cJSON_IsObject(old) && cJSON_IsObject(m)) {
			bool had = !shadow_tree_empty(old);

			shadow_tree_remove(old, m, nulls);
			gone = !nulls && had && shadow_tree_empty(old);
		} else {
			gone = cJSON_IsNull(m) == nulls;
		}
		if (!gone)
			continue;
		shadow_find_gone(&in_dst, old);
		cJSON_Delete(cJSON_DetachItemViaPointer(dst, old));
	}
	shadow_find_end(&in_dst);
}

static bool knows(struct shadow_find *f, const char *name)
{
	const cJSON *m = shadow_find(f, name);

	return m && !cJSON_IsNull(m);
}

enum status shadow_tree_adopt(cJSON *dst, const cJSON *src, const cJSON *base, const cJSON *sent,
                              int64_t now_ms, bool *any)
{
	struct shadow_find in_dst = shadow_find_in(dst);
	struct shadow_find in_base = shadow_find_in(base), in_sent = shadow_find_in(sent);
	enum status st = ST_OK;

	for (const cJSON *m = src->child; m && st == ST_OK; m = m->next) {
		cJSON *mine = shadow_find(&in_dst, m->string), *copy;

		if (mine && cJSON_IsObject(mine) && cJSON_IsObject(m)) {
			st = shadow_tree_adopt(mine, m, shadow_find(&in_base, m->string),
			                       shadow_find(&in_sent, m->string), now_ms, any);
			continue;
		}
		if (mine || knows(&in_base, m->string) || knows(&in_sent, m->string))
			continue;
		copy = shadow_tree_copy(m);
		if (copy)
			stamp(copy, now_ms);
		st = add(dst, copy);
		if (st == ST_OK)
			shadow_find_came(&in_dst, copy);
		*any = true;
	}
	shadow_find_end(&in_dst);
	shadow_find_end(&in_base);
	shadow_find_end(&in_sent);
	return st;
}

/* ---- text ---- */

static enum status print_word(struct buf *out, const cJSON *node)
{
	if (cJSON_IsTrue(node))
		return buf_add_text(out, "true");
	return buf_add_text(out, cJSON_IsFalse(node) ? "false" : "null");
}

static enum status print_nested(struct buf *out, const cJSON *node)
{
	bool object = cJSON_IsObject(node);
	enum status st = buf_add_u8(out, object ? '{' : '[');

	for (const cJSON *m = node->child; m && st == ST_OK; m = m->next) {
		if (m != node->child)
			st = buf_add_u8(out, ',');
		if (st == ST_OK && object)
			st = json_add_string(out, m->string);
		if (st == ST_OK && object)
			st = buf_add_u8(out, ':');
		if (st == ST_OK)
			st = shadow_tree_print(out, m);
	}
	return st == ST_OK ? buf_add_u8(out, object ? '}' : ']') : st;
}

enum status shadow_tree_print(struct buf *out, const cJSON *node)
{
	if (cJSON_IsObject(node) || cJSON_IsArray(node))
		return print_nested(out, node);
	if (cJSON_IsString(node))
		return json_add_string(out, node->valuestring);
	if (json_is_number(node))
		return buf_add_text(out, node->valuestring);
	return print_word(out, node);
}

static enum status print_stamp(struct buf *out, const cJSON *m)
{
	if (cJSON_IsObject(m) && m->child)
		return shadow_tree_print_metadata(out, m);
	return buf_addf(out, "{\"timestamp\":%lld}", (long long)m->valuedouble);
}

enum status shadow_tree_print_metadata(struct buf *out, const cJSON *section)
{
	enum status st = buf_add_u8(out, '{');
	bool first = true;

	for (const cJSON *m = section->child; m && st == ST_OK; m = m->next) {
		if (cJSON_IsNull(m))
			continue;
		if (!first)
			st = buf_add_u8(out, ',');
		first = false;
		if (st == ST_OK)
			st = json_add_string(out, m->string);
		if (st == ST_OK)
			st = buf_add_u8(out, ':');
		if (st == ST_OK)
			st = print_stamp(out, m);
	}
	return st == ST_OK ? buf_add_u8(out, '}') : st;
}
