#include "core/config/config_changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_table.h"
#include "tests/runner.h"

#define SECRET_A "MDEyMzQ1Njc4OWFiY2RlZg=="
#define SECRET_B "AAECAwQFBgcICQoLDA0ODw=="

static struct {
	int count;
	bool live;
	char path[64], before[CONFIG_CHANGE_VALUE_MAX], after[CONFIG_CHANGE_VALUE_MAX];
} told;

static void on_change(void *ctx, const struct config_change *c)
{
	(void)ctx;
	told.count++;
	told.live = c->live;
	snprintf(told.path, sizeof told.path, "%s", c->path);
	snprintf(told.before, sizeof told.before, "%s", c->before);
	snprintf(told.after, sizeof told.after, "%s", c->after);
}

static void look(const struct config *now, const struct config *next)
{
	memset(&told, 0, sizeof told);
	config_changes(now, next, on_change, NULL);
}

/* None, or one element. */
static void put_many(const struct config_key *key, void *field, bool one)
{
	struct config_parts *many = field;
	size_t size = key->kind == KIND_PARTS ? config_sections[config_part_of(key)].size
	                                      : sizeof(struct config_pair);

	if (!one)
		return;
	many->at = calloc(1, size);
	many->count = 1;
	CU_ASSERT_PTR_NOT_NULL_FATAL(many->at);
	if (key->kind == KIND_TEXTS)
		*(char **)many->at = strdup("text");
}

/* The field holds one of two values of its kind. */
static void put(const struct config_key *key, void *field, bool second)
{
	if (config_kind_is_text(key->kind)) {
		free(*(char **)field);
		*(char **)field = strdup(second ? "two" : "one");
		return;
	}
	switch ((int)key->kind) {
	case KIND_NUMBER:
		*(uint32_t *)field = second ? 22 : 11;
		break;
	case KIND_SIZE:
		*(uint64_t *)field = second ? UINT64_C(1) << 40 : 1;
		break;
	case KIND_FLAG:
		*(bool *)field = second;
		break;
	case KIND_CHOICE:
		*(unsigned *)field = second;
		break;
	case KIND_TEXTS:
	case KIND_PAIRS:
	case KIND_PARTS:
		put_many(key, field, second);
		break;
	case KIND_SECRET:
		CU_ASSERT_EQUAL(secret_parse(second ? SECRET_B : SECRET_A, field), ST_OK);
		break;
	default:
		strcpy(field, second ? "BBBBBBBBBB" : "AAAAAAAAAA");
		break;
	}
}

static void *base_of(struct config *c, const struct config_key *key)
{
	return config_sections[key->section].list ? *config_list_of(c, key->section)
	                                          : config_section_at(c, key->section);
}

/* One element in every list, the first value in every field. */
static void fill(struct config *c)
{
	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		enum config_section_id id = (enum config_section_id)i;

		if (!config_sections[i].list)
			continue;
		*config_list_of(c, id) = calloc(1, config_sections[i].size);
		*config_count_of(c, id) = 1;
		CU_ASSERT_PTR_NOT_NULL_FATAL(*config_list_of(c, id));
	}
	for (size_t i = 0; i < config_key_count; i++) {
		if (!config_sections[config_keys[i].section].part)
			put(&config_keys[i], config_field(base_of(c, &config_keys[i]), &config_keys[i]), false);
	}
}

static void path_of(const struct config_key *key, char out[64])
{
	const struct config_section *s = &config_sections[key->section];

	snprintf(out, 64, "%s%s%s", s->name, s->list ? "" : ".", s->list ? "" : key->name);
}

static void change_of_one_key(const struct config_key *key)
{
	struct config now, next, back;
	char path[64];

	fill(&now);
	fill(&next);
	fill(&back);
	look(&now, &next);
	CU_ASSERT_EQUAL(told.count, 0);
	put(key, config_field(base_of(&next, key), key), true);
	look(&now, &next);
	path_of(key, path);
	CU_ASSERT_EQUAL(told.count, 1);
	CU_ASSERT_STRING_EQUAL(told.path, path);
	CU_ASSERT_EQUAL(told.live, key->live);
	config_take_live(&now, &next);
	look(&now, &next); /* they changed places, or nothing did */
	CU_ASSERT_EQUAL(told.count, 1);
	look(&now, &back);
	CU_ASSERT_EQUAL(told.count, key->live);
	look(&next, &back);
	CU_ASSERT_EQUAL(told.count, !key->live);
	if (told.count + key->live != 1)
		fprintf(stderr, "%s.%s\n", config_sections[key->section].name, key->name);
	config_free(&now);
	config_free(&next);
	config_free(&back);
}

static void every_key_is_taken_over_or_named_as_waiting(void)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (!config_sections[config_keys[i].section].part)
			change_of_one_key(&config_keys[i]);
	}
}

static void keys_of_a_list_take_effect_together(void)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (config_sections[config_keys[i].section].list)
			CU_ASSERT_TRUE(config_keys[i].live);
	}
}

static void numbers_and_words_are_shown_and_secrets_never(void)
{
	struct config now, next;

	fill(&now);
	fill(&next);
	next.hub.window = 22;
	look(&now, &next);
	CU_ASSERT_STRING_EQUAL(told.before, "11");
	CU_ASSERT_STRING_EQUAL(told.after, "22");
	next.hub.window = 11;
	next.lan.acl = LAN_ACL_DEFER;
	look(&now, &next);
	CU_ASSERT_STRING_EQUAL(told.before, "auto");
	CU_ASSERT_STRING_EQUAL(told.after, "defer");
	next.lan.acl = LAN_ACL_AUTO;
	CU_ASSERT_EQUAL(secret_parse(SECRET_B, &next.gateway.secret), ST_OK);
	look(&now, &next);
	CU_ASSERT_STRING_EQUAL(told.path, "gateway.secret");
	CU_ASSERT_STRING_EQUAL(told.after, "");
	config_free(&now);
	config_free(&next);
}

static void order_and_length_of_a_list_count(void)
{
	struct config_route abc[] = { { .topic = (char[]){ "a" } }, { .topic = (char[]){ "b" } } };
	struct config_route cba[] = { abc[1], abc[0] };
	struct config now = { .routes = abc, .route_count = 2 };
	struct config next = { .routes = cba, .route_count = 2 };

	look(&now, &next);
	CU_ASSERT_EQUAL(told.count, 1);
	next = (struct config){ .routes = abc, .route_count = 1 };
	look(&now, &next);
	CU_ASSERT_STRING_EQUAL(told.path, "routes");
}

static void certificate_file_with_other_content_is_another_entry(void)
{
	struct config_device a = { .cert_file = (char[]){ "c" }, .digests = { "1", "2" } }, b = a;

	CU_ASSERT_TRUE(config_device_same(&a, &b));
	strcpy(b.digests.sha1, "3");
	CU_ASSERT_FALSE(config_device_same(&a, &b));
}

SUITE(config_changes, TEST(every_key_is_taken_over_or_named_as_waiting),
      TEST(keys_of_a_list_take_effect_together),
      TEST(numbers_and_words_are_shown_and_secrets_never), TEST(order_and_length_of_a_list_count),
      TEST(certificate_file_with_other_content_is_another_entry))
