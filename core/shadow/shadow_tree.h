/* shadow_tree.h - what is done with the sections of a shadow document, as cJSON objects.
 * Room:  any. Pure.
 * Keeps: numbers stay tokens (core/json/json.h). Every node carries the time of its last change
 *        in milliseconds in `valuedouble`, a field that cJSON uses for its own numbers only;
 *        so a section and its metadata cannot drift apart.
 * Facts: docs/protocol/shadow.md 1, 3 (delta), 8 (apply). An object is merged member by member,
 *        everything else is replaced as a whole.
 *
 * After ST_NOMEM a tree that was being changed is fit for cJSON_Delete() only.
 */
#ifndef HUBGATE_SHADOW_TREE_H
#define HUBGATE_SHADOW_TREE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"

enum {
	SHADOW_KEEP_STAMPS = -1 /* for now_ms: what is set keeps the time it carries */
};

/* Numbers as json_number_equal() has them, members in any order. */
bool shadow_tree_equal(const cJSON *a, const cJSON *b);
bool shadow_tree_empty(const cJSON *object);        /* NULL counts as empty */
size_t shadow_tree_attributes(const cJSON *object); /* all that is no object; of NULL none */

/* Caller owns the result; NULL: no memory. Members that are null are left out. */
cJSON *shadow_tree_copy(const cJSON *node);

/* Merges src into dst: null deletes, an object meets an object, else src replaces.
 * changed (an object, may be NULL) receives what became different, deletions as null.
 * ST_OK; ST_NOMEM. */
enum status shadow_tree_apply(cJSON *dst, const cJSON *src, int64_t now_ms, cJSON *changed);

/* Adds to out what makes `from` equal to `to` when applied: members of `to` that differ,
 * and with deletes null for what `to` lacks. Without deletes it is the delta of section 3,
 * from = reported, to = desired. ST_OK; ST_NOMEM. */
enum status shadow_tree_diff(const cJSON *from, const cJSON *to, bool deletes, cJSON *out);

/* Deletes the members of dst that src names: with null those that src deletes, else those
 * that src sets; objects that lose their last member to a set go too. */
void shadow_tree_remove(cJSON *dst, const cJSON *src, bool nulls);

/* Adds to dst the members of src that neither dst nor base nor sent knows (both may be
 * NULL), so a member deleted here does not return. *any becomes true when something was
 * added, else it stays. ST_OK; ST_NOMEM. */
enum status shadow_tree_adopt(cJSON *dst, const cJSON *src, const cJSON *base, const cJSON *sent,
                              int64_t now_ms, bool *any);

/* Appends compact JSON. From buf.h: ST_OK, ST_TOOBIG, ST_NOMEM. */
enum status shadow_tree_print(struct buf *out, const cJSON *node);
/* The metadata of a section: {"timestamp":n} at each attribute, deletions left out. */
enum status shadow_tree_print_metadata(struct buf *out, const cJSON *section);

#endif
