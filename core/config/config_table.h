/* config_table.h - core/config/config.tbl as data: sections, keys, and where their values stand
 * in struct config. Not for others than the core/config/config files.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_CONFIG_TABLE_H
#define HUBGATE_CONFIG_TABLE_H

#include "core/config/config.h"

enum config_section_id {
#define SECTION(section, name, shape, help) SECTION_##section,
#include "core/config/config.tbl"
	SECTION_COUNT
};

enum config_kind {
	KIND_HOST,
	KIND_WAKER,
	KIND_LISTEN,
	KIND_TEXT,
	KIND_FILTER,
	KIND_PATH,
	KIND_NUMBER,
	KIND_SIZE,
	KIND_FLAG,
	KIND_CHOICE,
	KIND_PRODUCT_ID,
	KIND_DEVICE_NAME,
	KIND_SECRET,
	KIND_PRODUCT_SECRET,
	KIND_ENV,
	KIND_TEXTS,
	KIND_PAIRS,
	KIND_PARTS,
	KIND_COUNT,
};

struct config_section {
	const char *name;
	bool list;   /* of such structures, else one */
	bool part;   /* not in the file itself: elements of a key of kind PARTS */
	size_t size; /* of the structure */
};

struct config_key {
	enum config_section_id section;
	const char *name;
	enum config_kind kind;
	size_t offset;     /* of the field in its section's structure */
	const char *deflt; /* JSON text; NULL: required */
	int64_t min, max;
	const char *words;
	bool live; /* takes effect at a reload */
};

extern const struct config_section config_sections[SECTION_COUNT];
extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* The section whose elements a key of kind PARTS has. */
enum config_section_id config_part_of(const struct config_key *key);

bool config_kind_is_text(enum config_kind kind); /* the field is a char *, owned */

/* The structure of a section that is no list. */
void *config_section_at(struct config *cfg, enum config_section_id section);
/* The list of a section that is one, and its length. */
void **config_list_of(struct config *cfg, enum config_section_id section);
size_t *config_count_of(struct config *cfg, enum config_section_id section);
void *config_field(void *base, const struct config_key *key);
/* The same, to look at. */
const void *config_section_in(const struct config *cfg, enum config_section_id section);
const void *config_list_in(const struct config *cfg, enum config_section_id section, size_t *count);

#endif
