#include "core/config/config_files.h"

#include <string.h>

#include "core/config/config_table.h"

static bool is_file(const struct config_key *key)
{
	return key->kind == KIND_PATH && strcmp(key->name, "dir") != 0 &&
	       !config_sections[key->section].part;
}

bool config_files_each(const struct config *cfg, bool (*each)(void *ctx, const char *path),
                       void *ctx)
{
	for (size_t k = 0; k < config_key_count; k++) {
		const struct config_key *key = &config_keys[k];
		const struct config_section *section = &config_sections[key->section];
		const char *base = config_section_in(cfg, key->section);
		size_t count = 1;

		if (!is_file(key))
			continue;
		if (section->list)
			base = config_list_in(cfg, key->section, &count);
		for (size_t i = 0; i < count; i++) {
			const void *field = base + i * section->size + key->offset;
			const char *path = *(char *const *)field;

			if (path && !each(ctx, path))
				return false;
		}
	}
	return true;
}
