#include "tests/unit/shadow_hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void shadow_hub_init(struct shadow_hub *h)
{
	h->reported = cJSON_CreateObject();
	h->desired = cJSON_CreateObject();
	h->version = 0;
	h->first_version = 1;
	h->written = false;
	h->updates = 0;
}

void shadow_hub_free(struct shadow_hub *h)
{
	cJSON_Delete(h->reported);
	cJSON_Delete(h->desired);
}

void model_merge(cJSON *dst, const cJSON *src)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, src)
	{
		cJSON *old = cJSON_GetObjectItemCaseSensitive(dst, m->string);

		if (cJSON_IsObject(m) && cJSON_IsObject(old)) {
			model_merge(old, m);
			continue;
		}
		if (cJSON_IsObject(m)) { /* its nulls are no values */
			cJSON_DeleteItemFromObjectCaseSensitive(dst, m->string);
			model_merge(cJSON_AddObjectToObject(dst, m->string), m);
			continue;
		}
		cJSON_DeleteItemFromObjectCaseSensitive(dst, m->string);
		if (!cJSON_IsNull(m))
			cJSON_AddItemToObject(dst, m->string, cJSON_Duplicate(m, 1));
	}
}

bool model_equal(const cJSON *a, const cJSON *b)
{
	return cJSON_Compare(a, b, 1);
}

/* Members of want that have differs from. */
static cJSON *differing(const cJSON *have, const cJSON *want)
{
	cJSON *out = cJSON_CreateObject();
	const cJSON *m;

	cJSON_ArrayForEach(m, want)
	{
		const cJSON *old = cJSON_GetObjectItemCaseSensitive(have, m->string);

		if (cJSON_IsObject(m) && cJSON_IsObject(old)) {
			cJSON *inner = differing(old, m);

			if (inner->child)
				cJSON_AddItemToObject(out, m->string, inner);
			else
				cJSON_Delete(inner);
		} else if (!old || !cJSON_Compare(old, m, 1)) {
			cJSON_AddItemToObject(out, m->string, cJSON_Duplicate(m, 1));
		}
	}
	return out;
}

static void count_write(struct shadow_hub *h)
{
	h->version = h->written ? h->version + 1 : h->first_version;
	h->written = true;
}

/* Takes state. */
static char *answer(const struct shadow_hub *h, const cJSON *request, int result, cJSON *state)
{
	cJSON *root = cJSON_CreateObject(), *payload = cJSON_AddObjectToObject(root, "payload");
	char *text;

	if (request)
		cJSON_AddStringToObject(
			root, "clientToken",
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "clientToken")));
	cJSON_AddItemToObject(payload, "state", state);
	cJSON_AddNumberToObject(payload, "timestamp", 1514967076000.0);
	cJSON_AddNumberToObject(payload, "version", h->version);
	if (request)
		cJSON_AddNumberToObject(root, "result", result);
	cJSON_AddStringToObject(
		root, "type",
		request ? cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "type"))
				: "delta");
	text = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	return text;
}

static cJSON *document(const struct shadow_hub *h)
{
	cJSON *state = cJSON_CreateObject();

	cJSON_AddItemToObject(state, "reported", cJSON_Duplicate(h->reported, 1));
	if (h->desired->child)
		cJSON_AddItemToObject(state, "desired", cJSON_Duplicate(h->desired, 1));
	return state;
}

char *shadow_hub_request(struct shadow_hub *h, const char *text)
{
	cJSON *request = cJSON_Parse(text);
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(request, "state");
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(request, "version");
	char *reply;

	if (!request)
		abort();
	if (!state) {
		reply = answer(h, request, 0, document(h));
	} else if (version && version->valueint != 0 && version->valueint != h->version) {
		reply = answer(h, request, 5005, document(h));
	} else {
		const cJSON *desired = cJSON_GetObjectItemCaseSensitive(state, "desired");

		model_merge(h->reported, cJSON_GetObjectItemCaseSensitive(state, "reported"));
		if (cJSON_IsNull(desired)) {
			cJSON_Delete(h->desired);
			h->desired = cJSON_CreateObject();
		} else if (desired) {
			model_merge(h->desired, desired);
		}
		count_write(h);
		h->updates++;
		reply = answer(h, request, 0, cJSON_CreateObject());
	}
	cJSON_Delete(request);
	return reply;
}

char *shadow_hub_desire(struct shadow_hub *h, const cJSON *desired)
{
	cJSON *delta;

	model_merge(h->desired, desired);
	count_write(h);
	delta = differing(h->reported, h->desired);
	if (delta->child)
		return answer(h, NULL, 0, delta);
	cJSON_Delete(delta);
	return NULL;
}
