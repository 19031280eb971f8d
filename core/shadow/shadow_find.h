/* shadow_find.h - members of a cJSON object by name, for loops over two objects that are compared
 * or merged.
 * Room:  any. Pure.
 * Why:   cJSON looks at one member after another, so that an object of a thousand attributes in
 *        another order would cost a million comparisons inside the broker's callback.
 */
#ifndef HUBGATE_SHADOW_FIND_H
#define HUBGATE_SHADOW_FIND_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct shadow_find {
	const cJSON *object; /* borrowed; NULL has no members */
	cJSON *next;         /* where the last search ended: mostly the order is the same */
	cJSON **slots;       /* of larger objects, made when first needed; NULL: one by one */
	size_t size, used;   /* of slots: a power of two; entries, removed ones too */
	bool small;          /* looked at: not worth it, or no memory */
};

struct shadow_find shadow_find_in(const cJSON *object);
void shadow_find_end(struct shadow_find *f);
cJSON *shadow_find(struct shadow_find *f, const char *name); /* NULL: no such member */
/* Members that the caller changes while it searches: before node goes, after it came. */
void shadow_find_gone(struct shadow_find *f, const cJSON *node);
void shadow_find_came(struct shadow_find *f, cJSON *node);

#endif
