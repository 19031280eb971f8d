/* What json_parse accepts is printed, read again, and must print the same. As a message it is the
 * same, and what only a message may be is strict JSON once it is printed. */
#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"
#include "tests/fuzz/fuzz.h"

#define SAMPLE(text)           \
	{                          \
		text, sizeof(text) - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE("{\"a\":1,\"b\":[23.7,-0,1E+2,true,null,\"\\u00e9\\ud83d\\ude00\"],\"a\":{}}"),
	SAMPLE("{}\n"),
	SAMPLE("[1,2]\0"),
	SAMPLE("{\"a\":{\"c\":1,\"c\":2},\"a\":\"x\"}\x1A"),
	{ NULL, 0 },
};

static const struct json_limits lim = { .bytes = 1 << 16, .depth = 32, .values = 4096 };
static const struct json_limits wide = { .bytes = 1 << 20, .depth = 32, .values = 4096 };

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void walk(const cJSON *node)
{
	int64_t n;
	const cJSON *child;

	json_int(node, true, &n);
	require(!json_is_number(node) || json_number_equal(node->valuestring, node->valuestring));
	cJSON_ArrayForEach(child, node) walk(child);
}

/* Takes node; caller frees. */
static char *printed(cJSON *node)
{
	char *text = cJSON_PrintUnformatted(node);

	require(text != NULL);
	cJSON_Delete(node);
	return text;
}

static char *read_strictly(const char *text)
{
	cJSON *node = NULL;

	require(json_parse(text, strlen(text), &wide, &node, NULL, NULL, NULL) == ST_OK);
	return printed(node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *file = NULL, *message = NULL;
	struct json_error err;
	enum status strict = json_parse((const char *)data, size, &lim, &file, &err, NULL, NULL);
	enum status st = json_parse_message((const char *)data, size, &lim, &message);
	char *as_file = NULL, *as_message = NULL, *again = NULL;

	require(strict != ST_OK || st == ST_OK);
	if (st != ST_OK)
		return 0;
	walk(message);
	as_message = printed(message);
	again = read_strictly(as_message);
	require(strcmp(as_message, again) == 0);
	if (strict == ST_OK) {
		as_file = printed(file);
		require(strcmp(as_file, as_message) == 0);
	}
	free(as_file);
	free(as_message);
	free(again);
	return 0;
}
