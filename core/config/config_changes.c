#include "core/config/config_changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/config/config_table.h"

enum {
	CHANGE_PATH_MAX = 64
};

/* Bytes of a field that is no text of its own. */
static size_t field_size(enum config_kind kind)
{
	static const size_t sizes[KIND_COUNT] = {
		[KIND_NUMBER] = sizeof(uint32_t),
		[KIND_SIZE] = sizeof(uint64_t),
		[KIND_FLAG] = sizeof(bool),
		[KIND_CHOICE] = sizeof(enum lan_acl),
		[KIND_PRODUCT_ID] = PRODUCT_ID_LEN + 1,
		[KIND_DEVICE_NAME] = DEVICE_NAME_MAX + 1,
		[KIND_SECRET] = sizeof(struct secret),
		[KIND_PRODUCT_SECRET] = PRODUCT_SECRET_MAX + 1,
		[KIND_TEXTS] = sizeof(struct config_texts),
		[KIND_PAIRS] = sizeof(struct config_pairs),
		[KIND_PARTS] = sizeof(struct config_parts),
	};

	return config_kind_is_text(kind) ? sizeof(char *) : sizes[kind];
}

/* --- comparing --- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_texts(const struct config_texts *a, const struct config_texts *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = same_text(a->at[i], b->at[i]);
	return same;
}

static bool same_pairs(const struct config_pairs *a, const struct config_pairs *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = same_text(a->at[i].name, b->at[i].name) && same_text(a->at[i].value, b->at[i].value);
	return same;
}

static bool same_element(enum config_section_id section, const void *a, const void *b);

static bool same_parts(const struct config_key *key, const struct config_parts *a,
                       const struct config_parts *b)
{
	enum config_section_id section = config_part_of(key);
	size_t size = config_sections[section].size;
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same =
			same_element(section, (const char *)a->at + i * size, (const char *)b->at + i * size);
	return same;
}

static bool same_field(const struct config_key *key, const void *a, const void *b)
{
	if (config_kind_is_text(key->kind))
		return same_text(*(char *const *)a, *(char *const *)b);
	switch ((int)key->kind) {
	case KIND_SECRET:
		return strcmp(((const struct secret *)a)->text, ((const struct secret *)b)->text) == 0;
	case KIND_TEXTS:
		return same_texts(a, b);
	case KIND_PAIRS:
		return same_pairs(a, b);
	case KIND_PARTS:
		return same_parts(key, a, b);
	case KIND_PRODUCT_ID:
	case KIND_DEVICE_NAME:
	case KIND_PRODUCT_SECRET:
		return strcmp(a, b) == 0;
	default:
		return memcmp(a, b, field_size(key->kind)) == 0;
	}
}

static const void *at(const void *base, const struct config_key *key)
{
	return (const char *)base + key->offset;
}

static bool same_element(enum config_section_id section, const void *a, const void *b)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->section == section && !same_field(key, at(a, key), at(b, key)))
			return false;
	}
	return true;
}

bool config_device_same(const struct config_device *a, const struct config_device *b)
{
	return same_element(SECTION_device, a, b) && strcmp(a->digests.md5, b->digests.md5) == 0 &&
	       strcmp(a->digests.sha1, b->digests.sha1) == 0;
}

static bool same_list(const struct config *now, const struct config *next,
                      enum config_section_id section)
{
	size_t count, size = config_sections[section].size;
	const char *a = config_list_in(now, section, &count), *b;
	size_t count_b;

	b = config_list_in(next, section, &count_b);
	if (count != count_b)
		return false;
	for (size_t i = 0; i < count; i++) {
		const void *x = a + i * size, *y = b + i * size;

		if (section == SECTION_device ? !config_device_same(x, y) : !same_element(section, x, y))
			return false;
	}
	return true;
}

/* --- telling --- */

static void show_word(const char *words, unsigned nth, char out[CONFIG_CHANGE_VALUE_MAX])
{
	for (; nth > 0 && *words; nth--) {
		words += strcspn(words, "|");
		words += *words == '|';
	}
	snprintf(out, CONFIG_CHANGE_VALUE_MAX, "%.*s", (int)strcspn(words, "|"), words);
}

static void show(const struct config_key *key, const void *field, char out[CONFIG_CHANGE_VALUE_MAX])
{
	out[0] = '\0';
	switch ((int)key->kind) {
	case KIND_NUMBER:
		snprintf(out, CONFIG_CHANGE_VALUE_MAX, "%" PRIu32, *(const uint32_t *)field);
		break;
	case KIND_SIZE:
		snprintf(out, CONFIG_CHANGE_VALUE_MAX, "%" PRIu64, *(const uint64_t *)field);
		break;
	case KIND_FLAG:
		snprintf(out, CONFIG_CHANGE_VALUE_MAX, "%s", *(const bool *)field ? "true" : "false");
		break;
	case KIND_CHOICE:
		show_word(key->words, *(const unsigned *)field, out);
		break;
	default:
		break;
	}
}

struct telling {
	const struct config *now, *next;
	void (*each)(void *ctx, const struct config_change *c);
	void *ctx;
};

static void tell_key(const struct telling *t, const struct config_key *key)
{
	const void *a = at(config_section_in(t->now, key->section), key);
	const void *b = at(config_section_in(t->next, key->section), key);
	char path[CHANGE_PATH_MAX];
	struct config_change c = { .path = path, .live = key->live };

	if (same_field(key, a, b))
		return;
	snprintf(path, sizeof path, "%s.%s", config_sections[key->section].name, key->name);
	show(key, a, c.before);
	show(key, b, c.after);
	t->each(t->ctx, &c);
}

void config_changes(const struct config *now, const struct config *next,
                    void (*each)(void *ctx, const struct config_change *c), void *ctx)
{
	const struct telling t = { now, next, each, ctx };

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_section *s = &config_sections[config_keys[i].section];

		if (!s->list && !s->part)
			tell_key(&t, &config_keys[i]);
	}
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		struct config_change c = { .path = config_sections[i].name, .live = true };

		if (config_sections[i].list && !same_list(now, next, (enum config_section_id)i))
			each(ctx, &c);
	}
}

/* --- taking --- */

static void swap(void *a, void *b, size_t size)
{
	unsigned char held[sizeof(struct secret) > 64 ? sizeof(struct secret) : 64];

	memcpy(held, a, size);
	memcpy(a, b, size);
	memcpy(b, held, size);
	explicit_bzero(held, size);
}

void config_take_live(struct config *now, struct config *next)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (!config_sections[key->section].list && !config_sections[key->section].part && key->live)
			swap(config_field(config_section_at(now, key->section), key),
			     config_field(config_section_at(next, key->section), key), field_size(key->kind));
	}
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		enum config_section_id id = (enum config_section_id)i;

		if (!config_sections[i].list)
			continue;
		swap(config_list_of(now, id), config_list_of(next, id), sizeof(void *));
		swap(config_count_of(now, id), config_count_of(next, id), sizeof(size_t));
	}
}
