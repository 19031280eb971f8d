#include "core/config/config_table.h"

#include <string.h>

enum shape {
	ONE,
	LIST,
	PART
};

#define LIVE     true
#define RESTART  false
#define REQUIRED NULL

const struct config_section config_sections[SECTION_COUNT] = {
#define SECTION(section, member, shape, help) \
	{ .name = #member,                        \
	  .list = (shape) == LIST,                \
	  .part = (shape) == PART,                \
	  .size = sizeof(struct config_##section) },
#include "core/config/config.tbl"
};

const struct config_key config_keys[] = {
#define KEY(section_, key, field, kind_, deflt_, min_, max_, words_, takes, help) \
	{                                                                             \
		.section = SECTION_##section_,                                            \
		.name = #key,                                                             \
		.kind = KIND_##kind_,                                                     \
		.offset = offsetof(struct config_##section_, field),                      \
		.deflt = (deflt_),                                                        \
		.min = (min_),                                                            \
		.max = (max_),                                                            \
		.words = (words_),                                                        \
		.live = (takes),                                                          \
	},
#include "core/config/config.tbl"
};

const size_t config_key_count = sizeof config_keys / sizeof config_keys[0];

/* Where a section stands in struct config; of a list, its length too. */
static const struct {
	size_t at, count;
} places[SECTION_COUNT] = {
	[SECTION_gateway] = { offsetof(struct config, gateway), 0 },
	[SECTION_hub] = { offsetof(struct config, hub), 0 },
	[SECTION_store] = { offsetof(struct config, store), 0 },
	[SECTION_presence] = { offsetof(struct config, presence), 0 },
	[SECTION_commands] = { offsetof(struct config, commands), 0 },
	[SECTION_lan] = { offsetof(struct config, lan), 0 },
	[SECTION_shadow] = { offsetof(struct config, shadow), 0 },
	[SECTION_firmware] = { offsetof(struct config, firmware), 0 },
	[SECTION_metrics] = { offsetof(struct config, metrics), 0 },
	[SECTION_admin] = { offsetof(struct config, admin), 0 },
	[SECTION_product] = { offsetof(struct config, products),
	                      offsetof(struct config, product_count) },
	[SECTION_route] = { offsetof(struct config, routes), offsetof(struct config, route_count) },
	[SECTION_app] = { offsetof(struct config, apps), offsetof(struct config, app_count) },
	[SECTION_mapping] = { offsetof(struct config, mappings),
	                      offsetof(struct config, mapping_count) },
	[SECTION_device] = { offsetof(struct config, devices), offsetof(struct config, device_count) },
};

enum config_section_id config_part_of(const struct config_key *key)
{
	size_t i = 0;

	while (i < SECTION_COUNT &&
	       !(config_sections[i].part && strcmp(config_sections[i].name, key->words) == 0))
		i++;
	return (enum config_section_id)i;
}

bool config_kind_is_text(enum config_kind kind)
{
	return kind <= KIND_PATH || kind == KIND_ENV;
}

void *config_section_at(struct config *cfg, enum config_section_id section)
{
	return (char *)cfg + places[section].at;
}

void **config_list_of(struct config *cfg, enum config_section_id section)
{
	return (void **)(void *)((char *)cfg + places[section].at);
}

size_t *config_count_of(struct config *cfg, enum config_section_id section)
{
	return (size_t *)(void *)((char *)cfg + places[section].count);
}

void *config_field(void *base, const struct config_key *key)
{
	return (char *)base + key->offset;
}

const void *config_section_in(const struct config *cfg, enum config_section_id section)
{
	return (const char *)cfg + places[section].at;
}

const void *config_list_in(const struct config *cfg, enum config_section_id section, size_t *count)
{
	*count = *(const size_t *)(const void *)((const char *)cfg + places[section].count);
	return *(void *const *)config_section_in(cfg, section);
}
