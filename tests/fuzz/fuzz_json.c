/* What json_parse accepts is printed, read again, and must print the same. */
#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const cJSON *node)
{
	int64_t n;
	const cJSON *child;

	json_int(node, true, &n);
	cJSON_ArrayForEach(child, node) walk(child);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct json_limits lim = { .bytes = 1 << 16, .depth = 32, .values = 4096 };
	const struct json_limits wide = { .bytes = 1 << 20, .depth = 32, .values = 4096 };
	struct json_error err;
	cJSON *first = NULL, *second = NULL;
	char *a, *b;

	if (json_parse((const char *)data, size, &lim, &first, &err, NULL, NULL) != ST_OK)
		return 0;
	walk(first);
	a = cJSON_PrintUnformatted(first);
	if (!a || json_parse(a, strlen(a), &wide, &second, &err, NULL, NULL) != ST_OK)
		abort();
	b = cJSON_PrintUnformatted(second);
	if (!b || strcmp(a, b) != 0)
		abort();
	free(a);
	free(b);
	cJSON_Delete(first);
	cJSON_Delete(second);
	return 0;
}
