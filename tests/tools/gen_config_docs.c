/* gen_config_docs.c - prints what conf/hubgate.schema.json (--schema), the option tables of
 * docs/configuration.md (--markdown), the table of docs/metrics.md (--metrics) and
 * conf/hubgate-full.json (--example) must be, from core/config/config.tbl.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/metrics.h"

enum section_id {
#define SECTION(section, name, shape, help) SECTION_##section,
#include "core/config/config.tbl"
	SECTION_COUNT
};

enum shape {
	ONE,
	LIST,
	PART
};

enum takes {
	LIVE,
	RESTART
};

enum kind {
	HOST,
	WAKER,
	LISTEN,
	TEXT,
	FILTER,
	PATH,
	NUMBER,
	SIZE,
	FLAG,
	CHOICE,
	PRODUCT_ID,
	DEVICE_NAME,
	SECRET,
	PRODUCT_SECRET,
	ENV,
	TEXTS,
	PAIRS,
	PARTS
};

#define REQUIRED NULL

static const struct section {
	const char *name, *help;
	enum shape shape;
} sections[] = {
#define SECTION(section, name_, shape_, help_) { #name_, help_, shape_ },
#include "core/config/config.tbl"
};

static const struct key {
	enum section_id section;
	const char *name;
	enum kind kind;
	const char *deflt;
	long long min, max;
	const char *words, *help;
	enum takes takes;
} keys[] = {
#define KEY(section, key, field, kind, deflt, min, max, words, takes, help) \
	{ SECTION_##section, #key, kind, deflt, min, max, words, help, takes },
#include "core/config/config.tbl"
};

enum {
	KEY_COUNT = sizeof keys / sizeof keys[0]
};

#define ONE_FORM                                                            \
	"{ \"required\": [\"secret\"] }, { \"required\": [\"secret_file\"] }, " \
	"{ \"required\": [\"secret_env\"] }"

/* Rules that join keys of one section; the rest is checked by config_check.c only. */
static const char *rule_of(enum section_id section)
{
	switch ((int)section) {
	case SECTION_gateway:
		return "\"oneOf\": [" ONE_FORM ", { \"required\": [\"cert_file\", \"key_file\"] }]";
	case SECTION_product:
		return "\"if\": { \"properties\": { \"register\": { \"const\": true } }, \"required\": "
			   "[\"register\"] }, \"then\": { \"oneOf\": [{ \"required\": [\"product_secret\"] }, "
			   "{ \"required\": [\"product_secret_file\"] }, { \"required\": "
			   "[\"product_secret_env\"] }] }";
	default:
		return NULL;
	}
}

static bool nullable(const struct key *k)
{
	/* A form of the secret that is null would still count as given for oneOf. */
	return k->deflt && strcmp(k->deflt, "null") == 0 && k->section == SECTION_hub;
}

static const char *schema_type(enum kind kind)
{
	if (kind == NUMBER || kind == SIZE)
		return "integer";
	return kind == FLAG ? "boolean" : "string";
}

static const char *pattern_of(enum kind kind)
{
	switch ((int)kind) {
	case HOST:
		return "^[A-Za-z0-9._:-]+$";
	case FILTER:
		return "^([^#+/]*|[+])(/([^#+/]*|[+]))*(/#)?$|^#$";
	case WAKER:
		return "^(auto|off|unix:/.*|.+:[1-9][0-9]{0,4})$";
	case PRODUCT_ID:
		return "^[A-Za-z0-9]{10}$";
	case DEVICE_NAME:
		return "^[A-Za-z0-9:_-]{1,48}$";
	case SECRET:
		return "^[A-Za-z0-9+/]+={0,2}$";
	case PRODUCT_SECRET:
		return "^[!-~]+$";
	case ENV:
		return "^[A-Za-z0-9_]+$";
	default:
		return NULL;
	}
}

static void schema_words(const char *words)
{
	printf(", \"enum\": [");
	while (*words) {
		size_t len = strcspn(words, "|");

		printf("\"%.*s\"%s", (int)len, words, words[len] ? ", " : "");
		words += len + (words[len] == '|');
	}
	printf("]");
}

static void schema_object(enum section_id section, const char *indent);

static enum section_id part_of(const struct key *k)
{
	size_t i = 0;

	while (sections[i].shape != PART || strcmp(sections[i].name, k->words) != 0)
		i++;
	return (enum section_id)i;
}

/* What is no single value; its braces are closed but for the last. */
static void schema_many(const struct key *k, const char *indent)
{
	char deeper[80];

	printf("%s\"%s\": { ", indent, k->name);
	if (k->kind == TEXTS)
		printf(
			"\"type\": [\"string\", \"boolean\", \"array\"], \"minLength\": %lld, \"maxLength\": %lld, "
			"\"items\": { \"type\": [\"string\", \"boolean\"], \"minLength\": %lld, \"maxLength\": %lld }",
			k->min, k->max, k->min, k->max);
	else if (k->kind == PAIRS)
		printf("\"type\": \"object\", \"additionalProperties\": { \"type\": \"string\", "
		       "\"minLength\": %lld, \"maxLength\": %lld }",
		       k->min, k->max);
	else
		printf("\"type\": \"array\", \"maxItems\": %lld, \"items\": {\n", k->max);
	if (k->kind != PARTS)
		return;
	snprintf(deeper, sizeof deeper, "%s    ", indent);
	schema_object(part_of(k), deeper);
	printf("%s  }", indent);
}

static const char *takes_text(enum takes takes)
{
	return takes == LIVE ? "at a reload" : "after a restart";
}

static void schema_key(const struct key *k, const char *indent)
{
	const char *type = schema_type(k->kind), *pattern = pattern_of(k->kind);
	bool many = k->kind == TEXTS || k->kind == PAIRS || k->kind == PARTS;

	if (many)
		schema_many(k, indent);
	else
		printf("%s\"%s\": { ", indent, k->name);
	if (many)
		;
	else if (nullable(k))
		printf("\"type\": [\"%s\", \"null\"]", type);
	else
		printf("\"type\": \"%s\"", type);
	if (k->kind == CHOICE)
		schema_words(k->words);
	else if (k->kind == NUMBER || k->kind == SIZE)
		printf(", \"minimum\": %lld, \"maximum\": %lld", k->min, k->max);
	else if (k->kind != FLAG && !many)
		printf(", \"minLength\": %lld, \"maxLength\": %lld", k->min, k->max);
	if (k->kind == LISTEN)
		printf(", \"pattern\": \"^(%s|.+:[1-9][0-9]{0,4})$\"", k->words);
	else if (pattern)
		printf(", \"pattern\": \"%s\"", pattern);
	if (k->deflt && (nullable(k) || strcmp(k->deflt, "null") != 0))
		printf(", \"default\": %s", k->deflt);
	if (k->kind == SECRET || k->kind == PRODUCT_SECRET)
		printf(", \"writeOnly\": true");
	printf(",\n%s  \"description\": \"%s Takes effect: %s.\" }", indent, k->help,
	       takes_text(k->takes));
}

/* The members of the object, from "type" on. */
static void schema_object(enum section_id section, const char *indent)
{
	const char *comma = "", *rule = rule_of(section);

	printf("%s\"type\": \"object\",\n%s\"additionalProperties\": false,\n%s\"required\": [", indent,
	       indent, indent);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].section == section && !keys[i].deflt) {
			printf("%s\"%s\"", comma, keys[i].name);
			comma = ", ";
		}
	}
	printf("],\n");
	if (rule)
		printf("%s%s,\n", indent, rule);
	printf("%s\"properties\": {", indent);
	comma = "\n";
	for (size_t i = 0; i < KEY_COUNT; i++) {
		char deeper[64];

		if (keys[i].section != section)
			continue;
		snprintf(deeper, sizeof deeper, "%s  ", indent);
		printf("%s", comma);
		schema_key(&keys[i], deeper);
		comma = ",\n";
	}
	printf("\n%s}\n", indent);
}

static void print_schema(void)
{
	printf("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	       "  \"title\": \"hubgate.json\",\n  \"type\": \"object\",\n"
	       "  \"additionalProperties\": false,\n  \"required\": [\"gateway\", \"store\"],\n"
	       "  \"properties\": {\n    \"$schema\": { \"type\": \"string\" }");
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		if (sections[i].shape == PART)
			continue;
		printf(",\n    \"%s\": {\n      \"description\": \"%s\",\n", sections[i].name,
		       sections[i].help);
		if (sections[i].shape == LIST) {
			printf("      \"type\": \"array\",\n      \"items\": {\n");
			schema_object((enum section_id)i, "        ");
			printf("      }\n    }");
		} else {
			schema_object((enum section_id)i, "      ");
			printf("    }");
		}
	}
	printf("\n  }\n}\n");
}

/* ---- example ---- */

/* Where the default is nothing or wrong for an example that works. */
static const struct {
	enum section_id section;
	const char *key, *value;
} examples[] = {
	{ SECTION_gateway, "product_id", "\"GWPRODUCT1\"" },
	{ SECTION_gateway, "device_name", "\"gw1\"" },
	{ SECTION_gateway, "secret", "\"Z2F0ZXdheS1vbmUtcHNrIQ==\"" },
	{ SECTION_store, "dir", "\"/var/lib/mosquitto/hubgate\"" },
	{ SECTION_product, "product_id", "\"SUBPRODUC1\"" },
	{ SECTION_product, "product_secret", "\"subproductsecret012345678\"" },
	{ SECTION_route, "topic", "\"SUBPRODUC1/+/event\"" },
	{ SECTION_app, "username", "\"dashboard\"" },
	{ SECTION_app, "topic", "\"SUBPRODUC1/+/event\"" },
	{ SECTION_mapping, "client", "\"zigbee2mqtt\"" },
	{ SECTION_mapping, "product_id", "\"SUBPRODUC1\"" },
	{ SECTION_mapping, "device", "\"{name}\"" },
	{ SECTION_mapping, "up", "\"zigbee2mqtt/{name...}\"" },
	{ SECTION_mapping, "deny", "\"bridge*\"" },
	{ SECTION_mapping, "down", "\"zigbee2mqtt/{name}/set\"" },
	{ SECTION_mapping, "presence", "\"zigbee2mqtt/{name...}/availability\"" },
	{ SECTION_mapping, "known_only", "true" },
	{ SECTION_mapping, "sanitize", "true" },
	{ SECTION_mapping, "names", "{ \"kitchen/floor light\": \"kitchen-light\" }" },
	{ SECTION_mapping, "conditions",
	  "[{ \"topic\": \"zigbee2mqtt/bridge/state\", \"online\": [\"online\"] }, "
	  "{ \"connected\": true }]" },
	{ SECTION_device, "product_id", "\"SUBPRODUC1\"" },
	{ SECTION_device, "device_name", "\"dev1\"" },
	{ SECTION_device, "secret", "\"ZGV2aWNlLW9uZS1wc2stLQ==\"" },
};

static const char *example_of(const struct key *k)
{
	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		if (examples[i].section == k->section && strcmp(examples[i].key, k->name) == 0)
			return examples[i].value;
	}
	return k->deflt;
}

static bool example_object(enum section_id section, const char *indent)
{
	const char *comma = "\n";

	for (size_t i = 0; i < KEY_COUNT; i++) {
		const char *value = example_of(&keys[i]);

		if (keys[i].section != section)
			continue;
		if (!value) {
			fprintf(stderr, "%s.%s: is required, so examples[] needs a value for it\n",
			        sections[section].name, keys[i].name);
			return false;
		}
		printf("%s%s  \"%s\": %s", comma, indent, keys[i].name, value);
		comma = ",\n";
	}
	printf("\n%s}", indent);
	return true;
}

static bool print_example(void)
{
	bool ok = true;

	printf("{\n  \"$schema\": \"./hubgate.schema.json\"");
	for (size_t i = 0; i < SECTION_COUNT && ok; i++) {
		bool list = sections[i].shape == LIST;

		if (sections[i].shape == PART)
			continue;
		printf(",\n  \"%s\": %s{", sections[i].name, list ? "[\n    " : "");
		ok = example_object((enum section_id)i, list ? "    " : "  ");
		printf("%s", list ? "\n  ]" : "");
	}
	printf("\n}\n");
	return ok;
}

/* ---- Markdown ---- */

static void markdown_type(const struct key *k)
{
	switch (k->kind) {
	case NUMBER:
	case SIZE:
		printf("%lld..%lld", k->min, k->max);
		break;
	case FLAG:
		printf("true, false");
		break;
	case CHOICE:
		for (const char *p = k->words; *p; p++)
			*p == '|' ? fputs(", ", stdout) : putchar(*p);
		break;
	case PRODUCT_ID:
		printf("10 of `A-Z a-z 0-9`");
		break;
	case DEVICE_NAME:
		printf("1..48 of `A-Z a-z 0-9 : _ -`");
		break;
	case SECRET:
		printf("Base64, secret");
		break;
	case PRODUCT_SECRET:
		printf("%lld..%lld characters, secret", k->min, k->max);
		break;
	case PATH:
		printf("path");
		break;
	case ENV:
		printf("variable name");
		break;
	case FILTER:
		printf("topic filter");
		break;
	case LISTEN:
		for (const char *p = k->words; *p; p++)
			*p == '|' ? fputs(", ", stdout) : putchar(*p);
		printf(" or address:port");
		break;
	case TEXTS:
		printf("text, or list of texts");
		break;
	case PAIRS:
		printf("object of texts");
		break;
	case PARTS:
		printf("list of objects, below");
		break;
	case TEXT:
	case HOST:
	case WAKER:
		printf("text");
		break;
	}
}

static void print_markdown(void)
{
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		printf("%s**`%s%s%s`** %s\n\n| Key | Value | Default | Takes effect | Meaning |\n"
		       "|---|---|---|---|---|\n",
		       i ? "\n" : "", sections[i].shape == PART ? "mappings[]." : "", sections[i].name,
		       sections[i].shape == ONE ? "" : "[]", sections[i].help);
		for (size_t j = 0; j < KEY_COUNT; j++) {
			if (keys[j].section != i)
				continue;
			printf("| `%s` | ", keys[j].name);
			markdown_type(&keys[j]);
			if (!keys[j].deflt)
				printf(" | required");
			else if (strcmp(keys[j].deflt, "null") == 0)
				printf(" | -");
			else
				printf(" | `%s`", keys[j].deflt);
			printf(" | %s | %s |\n", takes_text(keys[j].takes), keys[j].help);
		}
	}
}

static void print_metrics(void)
{
	printf("| Name | Meaning |\n|---|---|\n");
	for (int i = 0; i < METRIC_COUNT; i++)
		printf("| `%s` | %s |\n", metric_name((enum metric)i), metric_help((enum metric)i));
}

int main(int argc, char **argv)
{
	bool ok = true;

	if (argc == 2 && strcmp(argv[1], "--schema") == 0) {
		print_schema();
	} else if (argc == 2 && strcmp(argv[1], "--metrics") == 0) {
		print_metrics();
	} else if (argc == 2 && strcmp(argv[1], "--markdown") == 0) {
		print_markdown();
	} else if (argc == 2 && strcmp(argv[1], "--example") == 0) {
		ok = print_example();
	} else {
		fprintf(stderr, "usage: %s --schema | --markdown | --metrics | --example\n", argv[0]);
		return EXIT_FAILURE;
	}
	return ok && fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
