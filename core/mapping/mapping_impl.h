/* mapping_impl.h - what the files of core/mapping share. Not for others.
 * Room:  any. Pure.
 * Split: mapping_pattern.c takes patterns apart, mapping_name.c makes device names,
 *        mapping_payload.c looks into payloads, mapping_command.c and mapping_condition.c say
 *        what becomes of commands and presence, mapping.c chooses the rule, mapping_check.c
 *        refuses what cannot work, mapping_explain.c says it in words.
 */
#ifndef HUBGATE_MAPPING_IMPL_H
#define HUBGATE_MAPPING_IMPL_H

#include <cjson/cJSON.h>

#include "core/mapping/mapping.h"

/* --- patterns --- */

bool mapping_values_add(struct mapping_values *v, const char *name, size_t name_len,
                        const char *value, size_t value_len);

/* Whether text is of this form, level by level; values get its captures. */
bool mapping_pattern_match(const char *pattern, const char *text, struct mapping_values *values);
/* Puts the values in. False: too long, a capture without a value, or +. */
bool mapping_pattern_expand(const char *pattern, const struct mapping_values *values, char *out,
                            size_t size);
/* * at any place stands for any text. */
bool mapping_pattern_glob(const char *glob, const char *text);
enum mapping_form {
	MAPPING_FORM_PATTERN, /* + and {name...} as levels */
	MAPPING_FORM_TOPIC,   /* neither, and no # */
	MAPPING_FORM_TEXT,    /* captures in any text */
};

bool mapping_pattern_ok(const char *pattern, enum mapping_form form); /* well formed */
/* May one topic be of both forms? May say yes wrongly. */
bool mapping_pattern_meet(const char *a, const char *b);
/* The next capture at or behind *at, which moves behind it; NULL: none. Its name, without "...". */
const char *mapping_pattern_capture(const char **at, size_t *len);
bool mapping_pattern_has(const char *pattern, const char *name, size_t len);

/* One of the rule's topics has it; with_device: or the name does. */
bool mapping_captures(const struct config_mapping *m, bool with_device, const char *name,
                      size_t len);

/* --- names --- */

bool mapping_name_is(const char *wanted, const char *name); /* wanted may end in *; name NULL: no */
/* `device`, or what stands for it; out is used where it is put together. */
const char *mapping_name_template(const struct config_mapping *m, char out[MAPPING_NAME_MAX]);
/* hit->original by the lists, aliases and `sanitize` into hit->device_name. ST_OK; ST_NOTFOUND: a
 * list keeps it out; ST_INVALID. hit->why says it. */
enum status mapping_name_make(const struct config_mapping *m, struct mapping_hit *hit);
/* hit->values of a topic that fits, and what device_from names: the device. Statuses as above. */
enum status mapping_name_of(const struct config_mapping *m, const void *payload, size_t len,
                            struct mapping_hit *hit);

/* --- payloads --- */

/* Caller owns the tree; NULL: no JSON, or beyond any bound. */
cJSON *mapping_payload_read(const void *payload, size_t len);
/* a.b.c; NULL: no such member. */
const cJSON *mapping_payload_member(const cJSON *root, const char *path, size_t len);
/* Text of a string, a number, true, false; NULL: of none. */
const char *mapping_payload_text(const cJSON *node);
/* ST_OK; ST_NOTFOUND: a member or capture that is not there; ST_TOOBIG, ST_NOMEM. */
enum status mapping_payload_fill(struct buf *out, const char *template, const void *payload,
                                 size_t len, const struct mapping_values *values);
bool mapping_payload_template_ok(const char *template);

#endif
