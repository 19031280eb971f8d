#include "cli/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/text.h"
#include "core/json/json.h"

enum {
	MEMBER_MAX = 64
};

const cJSON *answer_at(const cJSON *data, const char *path)
{
	char name[MEMBER_MAX];

	while (data && *path) {
		size_t len = strcspn(path, ".");

		if (len >= sizeof name)
			return NULL;
		memcpy(name, path, len);
		name[len] = '\0';
		data = json_member(data, name);
		path += len + (path[len] == '.');
	}
	return data;
}

const char *answer_text(const cJSON *data, const char *path)
{
	const cJSON *node = answer_at(data, path);

	return cJSON_IsString(node) ? node->valuestring : "";
}

bool answer_is(const cJSON *data, const char *path)
{
	return cJSON_IsTrue(answer_at(data, path));
}

bool answer_number(const cJSON *data, const char *path, double *number)
{
	const cJSON *node = answer_at(data, path);

	if (!node || !json_is_number(node))
		return false;
	*number = strtod(node->valuestring, NULL);
	return true;
}

double answer_count(const cJSON *data, const char *path)
{
	double number = 0;

	return answer_number(data, path, &number) ? number : 0;
}

void answer_number_text(const cJSON *data, const char *path, const char *none,
                        char out[ANSWER_NUMBER_MAX])
{
	const cJSON *node = answer_at(data, path);

	snprintf(out, ANSWER_NUMBER_MAX, "%s", node && json_is_number(node) ? node->valuestring : none);
}

void answer_name(const cJSON *device, char out[ANSWER_NAME_MAX])
{
	const char *product_id = answer_text(device, "product_id");

	if (*product_id)
		snprintf(out, ANSWER_NAME_MAX, "%.40s/%.100s", product_id,
		         answer_text(device, "device_name"));
	else
		snprintf(out, ANSWER_NAME_MAX, "%.150s", answer_text(device, "name"));
}

int answer_print_json(const struct cli_command *c, const cJSON *data)
{
	char *text = cJSON_PrintUnformatted(data);

	if (!text)
		return cli_failed(c, "no memory");
	text_put_json(stdout, text);
	putchar('\n');
	free(text);
	return CLI_OK;
}
