#include "tests/hubsim/forward.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hubsim/send.h"

void forward_fini(struct forward *f)
{
	free(f->topic);
	free(f->said);
	memset(f, 0, sizeof(*f));
}

bool forward_rule(struct forward *f, const char *topic)
{
	free(f->topic);
	f->topic = *topic ? strdup(topic) : NULL;
	return f->topic || !*topic;
}

/* The smallest key leaves the object. */
static cJSON *take_first(cJSON *object)
{
	cJSON *first = object->child, *each;

	cJSON_ArrayForEach(each, object)
	{
		if (strcmp(each->string, first->string) < 0)
			first = each;
	}
	return cJSON_DetachItemViaPointer(object, first);
}

static void sort(cJSON *node)
{
	cJSON sorted = { .type = cJSON_Object }, *child;

	cJSON_ArrayForEach(child, node) sort(child);
	if (!cJSON_IsObject(node))
		return;
	while (node->child)
		cJSON_AddItemToArray(&sorted, take_first(node));
	node->child = sorted.child;
}

static void send_copy(const char *topic, const void *payload, size_t len)
{
	cJSON *root = cJSON_ParseWithLength(payload, len);
	char *text = NULL;

	if (root) {
		sort(root);
		text = cJSON_PrintUnformatted(root);
	}
	if (text)
		send_message(topic, text, strlen(text), 0);
	else
		send_message(topic, payload, len, 0);
	cJSON_free(text);
	cJSON_Delete(root);
}

static char *words(const char *topic, const void *payload, size_t len)
{
	size_t topic_len = strlen(topic) + 1;
	char *text = malloc(topic_len + len);

	if (!text)
		abort();
	memcpy(text, topic, topic_len);
	if (len > 0)
		memcpy(text + topic_len, payload, len);
	return text;
}

void forward_message(struct forward *f, const struct mosquitto *client, const char *topic,
                     const void *payload, size_t len)
{
	free(f->said);
	f->said = words(topic, payload, len);
	f->said_len = strlen(topic) + 1 + len;
	f->publisher = client;
	f->payload = payload;
	if (f->topic && strcmp(f->topic, topic) == 0)
		send_copy(topic, payload, len);
}

bool forward_is_own(const struct forward *f, const struct mosquitto *client, const char *topic,
                    const void *payload, size_t len)
{
	char *text;
	bool same;

	if (f->publisher != client || f->payload != payload || f->said_len != strlen(topic) + 1 + len)
		return false;
	text = words(topic, payload, len);
	same = memcmp(text, f->said, f->said_len) == 0;
	free(text);
	return same;
}

void forward_over(struct forward *f)
{
	f->publisher = NULL;
}
