#include "tests/e2e/control_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/e2e/scene.h"
#include "tests/runner.h"

char *control_token(const struct lan *l)
{
	char *path = text_fmt("%s/store/control.token", lan_dir(l));
	char *token = file_read(path);

	free(path);
	return token;
}

struct dev *control_login(struct lan *l, const char *token)
{
	const struct dev_opts o = { .client_id = "hubgate-1-test",
		                        .username = "$hubgate-control",
		                        .password = token };

	return client_connect(lan_port(l), &o);
}

struct dev *control_connect(struct lan *l)
{
	char *token = control_token(l);
	struct dev *d;

	CU_ASSERT_PTR_NOT_NULL_FATAL(token);
	d = control_login(l, token);
	free(token);
	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL_RESPONSE, 1), 1);
	return d;
}

cJSON *control_ask(struct dev *d, const char *command, const char *members)
{
	static unsigned serial;
	char mark[32];
	char *request;
	cJSON *answer = NULL;

	snprintf(mark, sizeof(mark), "c%u", ++serial);
	request = text_fmt("{\"commands\":[{\"command\":\"%s\",\"correlationData\":\"%s\"%s%s}]}",
	                   command, mark, members && *members ? "," : "", members ? members : "");
	CU_ASSERT(dev_publish(d, "$CONTROL/hubgate/v1", request, 1));
	free(request);
	while (!answer) {
		const struct dev_message *m = dev_await_message(d, CONTROL_RESPONSE, WAIT_MS);
		cJSON *root = m ? cJSON_Parse(m->payload) : NULL;
		const cJSON *one = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "responses"), 0);
		const cJSON *whose = cJSON_GetObjectItem(one, "correlationData");

		if (!m)
			return NULL;
		CU_ASSERT(m->len <= 64 * 1024);
		if (whose && strcmp(whose->valuestring, mark) == 0)
			answer = cJSON_Duplicate(one, true);
		cJSON_Delete(root);
	}
	return answer;
}

const char *control_error(struct dev *d, const char *command, const char *members)
{
	static char text[512];
	cJSON *answer = control_ask(d, command, members);
	const cJSON *error = cJSON_GetObjectItem(answer, "error");

	snprintf(text, sizeof(text), "%s", error ? error->valuestring : answer ? "" : "no answer");
	cJSON_Delete(answer);
	return text;
}

static const cJSON *find(const cJSON *answer, const char *path)
{
	const cJSON *at = cJSON_GetObjectItem(answer, "data");
	char name[64];

	while (at && *path) {
		size_t len = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		at = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, atoi(name))
		                       : cJSON_GetObjectItemCaseSensitive(at, name);
		path += len + (path[len] == '.');
	}
	return at;
}

double control_number(const cJSON *answer, const char *path)
{
	const cJSON *node = find(answer, path);

	if (cJSON_IsBool(node))
		return cJSON_IsTrue(node);
	return cJSON_IsNumber(node) ? node->valuedouble : -1;
}

const char *control_text(const cJSON *answer, const char *path)
{
	const cJSON *node = find(answer, path);

	return cJSON_IsString(node) ? node->valuestring : "";
}
