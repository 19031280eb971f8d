/* Configurations that earlier versions accepted (tests/samples/README.md) load with this one, and
 * mean the same. */
#include <cjson/cJSON.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_changes.h"
#include "core/config/config_table.h"
#include "tests/runner.h"

#define SAMPLES        "tests/samples/config-*"
#define PRODUCT_SECRET "subproductsecret012345678"
#define DEVICE_SECRET  "ZGV2aWNlLXR3by1wc2stLQ=="

enum {
	SAMPLE_BYTES = 64 << 10
};

/* --- a sample, as the file says it and as the parser reads it --- */

struct sample {
	char text[SAMPLE_BYTES];
	cJSON *json;
	struct config cfg;
};

static const char *secret_at(const char *place)
{
	return strstr(place, "product") || strstr(place, "PRODUCT") ? PRODUCT_SECRET : DEVICE_SECRET;
}

static enum status file_of(void *ctx, const char *path, struct buf *out, char *why, size_t why_size)
{
	(void)ctx;
	(void)why;
	(void)why_size;
	return buf_add_text(out, secret_at(path));
}

static const char *env_of(void *ctx, const char *name)
{
	(void)ctx;
	return secret_at(name);
}

static size_t read_text(const char *path, char text[SAMPLE_BYTES])
{
	FILE *f = fopen(path, "r");
	size_t len;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	len = fread(text, 1, SAMPLE_BYTES - 1, f);
	fclose(f);
	text[len] = '\0';
	return len;
}

static struct sample *sample_open(const char *path)
{
	static struct config_report rep;
	struct sample *s = calloc(1, sizeof *s);
	struct config_source src = { .name = "/etc/x/hubgate.json",
		                         .read_file = file_of,
		                         .get_env = env_of };

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	src.len = read_text(path, s->text);
	src.text = s->text;
	CU_ASSERT_EQUAL(config_parse(&src, &s->cfg, &rep), ST_OK);
	for (size_t i = 0; i < rep.error_count; i++)
		fprintf(stderr, "%s is refused: %s\n", path, rep.errors[i]);
	CU_ASSERT_EQUAL_FATAL(rep.error_count, 0);
	s->json = cJSON_Parse(s->text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->json);
	return s;
}

static void sample_close(struct sample *s)
{
	cJSON_Delete(s->json);
	config_free(&s->cfg);
	free(s);
}

static void each_sample(const char *name, void (*body)(struct sample *s))
{
	char pattern[64];
	glob_t found;

	snprintf(pattern, sizeof pattern, SAMPLES "/%s.json", name);
	CU_ASSERT_EQUAL_FATAL(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct sample *s = sample_open(found.gl_pathv[i]);

		body(s);
		sample_close(s);
	}
	globfree(&found);
}

/* --- every value of the file is the value of its field --- */

/* In the order of config.tbl, as in the enum. */
static bool is_choice(const struct config_key *key, unsigned got, const char *word)
{
	const char *at = key->words;

	for (; got > 0 && at; got--) {
		at = strchr(at, '|');
		at = at ? at + 1 : NULL;
	}
	return at && strncmp(at, word, strlen(word)) == 0 && strchr("|", at[strlen(word)]);
}

/* auto is what the host says from then on: in the full samples the mainland. */
static bool is_region(enum region got, const char *word)
{
	return strcmp(word, "auto") == 0 ? got == REGION_MAINLAND
	                                 : strcmp(region_limits(got)->name, word) == 0;
}

static bool is_text(const char *got, const char *said)
{
	return got && said && strcmp(got, said) == 0;
}

static bool means(const struct config_key *key, const void *field, const cJSON *said)
{
	if (strcmp(key->name, "region") == 0)
		return is_region(*(const enum region *)field, said->valuestring);
	switch ((int)key->kind) {
	case KIND_NUMBER:
		return (double)*(const uint32_t *)field == said->valuedouble;
	case KIND_SIZE:
		return (double)*(const uint64_t *)field == said->valuedouble;
	case KIND_FLAG:
		return *(const bool *)field == cJSON_IsTrue(said);
	case KIND_CHOICE:
		if (strcmp(key->name, "region") == 0 && is_text("auto", said->valuestring))
			return true; /* it is known by then */
		return is_choice(key, *(const unsigned *)field, said->valuestring);
	case KIND_SECRET:
		return is_text(((const struct secret *)field)->text, said->valuestring);
	default:
		return is_text(config_kind_is_text(key->kind) ? *(char *const *)field : field,
		               said->valuestring);
	}
}

/* How many values of this object were compared. */
static int compare(enum config_section_id id, const cJSON *obj, void *base)
{
	int compared = 0;

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		const cJSON *said = cJSON_GetObjectItemCaseSensitive(obj, key->name);

		if (key->section != id || !said || cJSON_IsNull(said))
			continue;
		compared++;
		if (means(key, config_field(base, key), said))
			continue;
		CU_FAIL("a value of a sample means something else");
		fprintf(stderr, "%s.%s\n", config_sections[id].name, key->name);
	}
	return compared;
}

static int said_in(const cJSON *obj)
{
	const cJSON *item;
	int said = 0;

	cJSON_ArrayForEach(item, obj)
	{
		said += !cJSON_IsNull(item);
	}
	return said;
}

static void compare_list(enum config_section_id id, const cJSON *list, struct config *cfg)
{
	const cJSON *obj;
	size_t at = 0;

	CU_ASSERT_EQUAL_FATAL(*config_count_of(cfg, id), (size_t)cJSON_GetArraySize(list));
	cJSON_ArrayForEach(obj, list)
	{
		char *base = (char *)*config_list_of(cfg, id) + at++ * config_sections[id].size;

		CU_ASSERT_EQUAL(compare(id, obj, base), said_in(obj));
	}
}

static void compare_all(struct sample *s)
{
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		enum config_section_id id = (enum config_section_id)i;
		const cJSON *said = cJSON_GetObjectItemCaseSensitive(s->json, config_sections[i].name);

		if (config_sections[i].list && said)
			compare_list(id, said, &s->cfg);
		else if (said)
			CU_ASSERT_EQUAL(compare(id, said, config_section_at(&s->cfg, id)), said_in(said));
	}
}

static void configurations_of_earlier_versions_load_and_every_value_means_what_it_meant(void)
{
	each_sample("*", compare_all);
}

/* --- what a file does not say --- */

/* By the vendor's default host it broke the mainland's limit: 25, and now 18 there. */
static const char changed_default[] = "hub.rate_up";

static void no_change(void *ctx, const struct config_change *c)
{
	(void)ctx;
	/* Its lists have samples in them. */
	if (!strchr(c->path, '.') || strcmp(c->path, changed_default) == 0)
		return;
	CU_FAIL("a default changed");
	fprintf(stderr, "%s: %s in the minimal sample, %s in the full one\n", c->path, c->before,
	        c->after);
}

static struct sample *full;

static void against_full(struct sample *minimal)
{
	config_changes(&minimal->cfg, &full->cfg, no_change, NULL);
}

static void with_minimal(struct sample *s)
{
	full = s;
	each_sample("minimal", against_full);
}

/* The full file spells out the defaults of its version. */
static void defaults_are_those_of_earlier_versions_but_for_the_rate_of_the_mainland(void)
{
	each_sample("full", with_minimal);
}

/* Help texts go into it as they are. */
static void schema_and_full_example_are_json(void)
{
	static const char *const files[] = { "conf/hubgate.schema.json", "conf/hubgate-full.json" };
	static char text[SAMPLE_BYTES];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		cJSON *json;

		read_text(files[i], text);
		json = cJSON_Parse(text);
		CU_ASSERT_PTR_NOT_NULL(json);
		cJSON_Delete(json);
	}
}

SUITE(samples, TEST(schema_and_full_example_are_json),
      TEST(configurations_of_earlier_versions_load_and_every_value_means_what_it_meant),
      TEST(defaults_are_those_of_earlier_versions_but_for_the_rate_of_the_mainland))
