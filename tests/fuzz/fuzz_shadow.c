/* Lines for one shadow document: 'd' and a device's request, 'a' and an application's, 'h' and the
 * hub's message. Whatever they hold: replies and requests to the hub are strict JSON, and the
 * stored form comes back as it is. */
#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"
#include "core/shadow/shadow_sync.h"
#include "tests/fuzz/fuzz.h"

#define LINE(text)             \
	{                          \
		text, sizeof(text) - 1 \
	}
#define ANSWER "h{\"clientToken\":\"hubgate-1\",\"payload\":{\"state\":"

const struct fuzz_sample fuzz_samples[] = {
	LINE("d{\"type\":\"get\",\"metadata\":true,\"clientToken\":\"t\"}\n"),
	LINE("d{\"type\":\"update\",\"state\":{\"reported\":{\"f\":23.7,\"o\":{\"x\":[1,{}]}}}}\n"),
	LINE("d{\"type\":\"update\",\"state\":{\"desired\":null},\"version\":1}\r\n"),
	LINE("d{\"type\":\"update\",\"state\":{\"reported\":{\"a\":1,\"a\":2}},\"metadata\":true}\n"),
	LINE("a{\"type\":\"update\",\"state\":{\"desired\":{\"t\":30,\"u\":null}}}\n"),
	LINE(ANSWER "{\"reported\":{}},\"timestamp\":1,\"version\":0},\"result\":0}\n"),
	LINE(ANSWER "{\"desired\":{\"t\":1},\"reported\":{\"f\":23.699999999999999}},"
	            "\"timestamp\":1514967066000,\"version\":4},\"result\":0}\n"),
	LINE(
		"h{\"payload\":{\"state\":{\"t\":25},\"timestamp\":1,\"version\":0},\"type\":\"delta\"}\n"),
	LINE(
		"h{\"payload\":{\"state\":{\"t\":26},\"timestamp\":1,\"version\":5},\"type\":\"delta\"}\n"),
	{ NULL, 0 },
};

struct world {
	struct shadow_doc *doc;
	struct buf out, stored, again;
	int64_t mono_ms;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_json(const struct buf *text)
{
	const struct json_limits limits = { SHADOW_REPLY_MAX, 128, 1000000 };
	cJSON *root = NULL;

	if (text->len == 0)
		return;
	require(json_parse((const char *)text->data, text->len, &limits, &root, NULL, NULL, NULL) ==
	        ST_OK);
	cJSON_Delete(root);
}

static void require_stored_form_returns(struct world *w)
{
	struct shadow_doc *back = NULL;

	buf_reset(&w->stored);
	buf_reset(&w->again);
	require(shadow_doc_encode(w->doc, &w->stored) == ST_OK);
	require(shadow_doc_decode(w->stored.data, w->stored.len, &back) == ST_OK);
	require(shadow_doc_encode(back, &w->again) == ST_OK);
	require(w->stored.len == w->again.len &&
	        memcmp(w->stored.data, w->again.data, w->again.len) == 0);
	shadow_doc_free(back);
}

static void ask_hub(struct world *w)
{
	int64_t due_ms;
	enum shadow_want want = shadow_sync_wants(w->doc, w->mono_ms, &due_ms);

	buf_reset(&w->out);
	if (want != SHADOW_WANT_NOTHING)
		shadow_sync_request(w->doc, want, w->mono_ms, &w->out);
	require_json(&w->out);
}

static void take(struct world *w, const char *line, size_t len)
{
	struct shadow_effect effect;

	buf_reset(&w->out);
	w->mono_ms += SHADOW_UPDATE_MS;
	if (len == 0)
		return;
	if (*line == 'h')
		shadow_sync_message(w->doc, line + 1, len - 1, 1600000000000, w->mono_ms, &effect);
	else if (*line == 'a')
		shadow_doc_app_request(w->doc, line + 1, len - 1, 1600000000000, &w->out);
	else
		shadow_doc_request(w->doc, line + 1, len - 1, 1600000000000, &w->out);
	require_json(&w->out);
	if (len % 3 == 0)
		shadow_doc_undo(w->doc);
	shadow_doc_keep(w->doc);
	ask_hub(w);
	require_stored_form_returns(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .doc = shadow_doc_new(),
		               .out = BUF_MAX(SHADOW_REPLY_MAX),
		               .stored = BUF_MAX(SHADOW_STORED_MAX),
		               .again = BUF_MAX(SHADOW_STORED_MAX) };
	const char *at = (const char *)data, *end = at + size;

	require(w.doc != NULL);
	shadow_sync_ready(w.doc, true);
	ask_hub(&w);
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;

		take(&w, at, (size_t)(stop - at));
		at = newline ? newline + 1 : end;
	}
	shadow_doc_free(w.doc);
	buf_free(&w.out);
	buf_free(&w.stored);
	buf_free(&w.again);
	return 0;
}
