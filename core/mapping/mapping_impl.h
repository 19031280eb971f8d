/* mapping_impl.h - patterns, shared by core/mapping/mapping*.c.
 */
#ifndef HUBGATE_MAPPING_IMPL_H
#define HUBGATE_MAPPING_IMPL_H

#include "core/mapping/mapping.h"

enum {
	MAPPING_TEXT_MAX = 4096, /* of a payload that becomes a JSON string */
};

struct captures { /* views into the pattern and the text */
	struct {
		const char *name, *value;
		size_t name_len, value_len;
	} at[MAPPING_CAPTURES];
	size_t count;
};

/* Whether text is of this form, level by level, and what its captures stand for. */
bool mapping_match(const char *pattern, const char *text, struct captures *out);
/* Puts what was captured into the template. False: too long, or a capture without a value. */
bool mapping_expand(const char *pattern, const struct captures *c, char *out, size_t size);
/* wanted may end in *; name may be NULL. */
bool mapping_name_is(const char *wanted, const char *name);

/* One level of a pattern: before{name}after, +, or text. */
struct level {
	const char *text; /* the whole, len bytes */
	size_t len;
	const char *name; /* NULL: no capture */
	size_t name_len, before_len, after_len;
	bool any; /* + */
};

/* The level at *at, which moves behind it and its slash; NULL after the last. False: a brace
 * without its partner, an empty or second capture, or + with other characters. */
bool mapping_level(const char **at, struct level *out);

#endif
