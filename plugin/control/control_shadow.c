#include "plugin/control/control_shadow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/room.h"
#include "core/json/json_writer.h"
#include "core/shadow/shadow_doc.h"
#include "plugin/control/control_devices.h"
#include "plugin/services/shadow.h"

#define GET "{\"type\":\"get\"}"

enum {
	WHY_BYTES = 200,
};

static const struct json_limits limits = { .bytes = ASKER_DATA_MAX, .depth = 32, .values = 32768 };

static const struct {
	enum shadow_code code;
	const char *text;
} codes[] = {
	{ SHADOW_MALFORMED, "it is no JSON that a shadow takes; send desired as an object" },
	{ SHADOW_INVALID_NODE, "a member's name is empty, or an array holds null" },
	{ SHADOW_TOO_DEEP, "its objects are nested too deep; five is the most" },
	{ SHADOW_TOO_LARGE, "the document would be larger than 16384 bytes; set less" },
	{ SHADOW_CONFLICT, "another version counts by now; ask again" },
	{ SHADOW_INTERNAL, "it cannot be stored now; see the log for the reason, and ask again" },
};

/* --- answers --- */

static void answer_code(struct asker *a, int64_t code)
{
	const char *text = "a code that is not known here";
	char why[WHY_BYTES];

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if ((int64_t)codes[i].code == code)
			text = codes[i].text;
	}
	snprintf(why, sizeof(why), "the shadow refused it with %" PRId64 ": %s", code, text);
	asker_answer(a, why);
}

static void put_document(struct json_writer *w, const cJSON *document)
{
	char *text = cJSON_PrintUnformatted(document);

	if (text)
		json_put_raw(w, "document", text, strlen(text));
	else
		w->st = ST_NOMEM;
	cJSON_free(text);
}

static void put_version(struct json_writer *w, const cJSON *document)
{
	int64_t version = 0;

	json_int(json_member(document, "version"), false, &version);
	json_put_int(w, "version", version);
}

static void answer(struct asker *a, const cJSON *said,
                   void (*put)(struct json_writer *w, const cJSON *document))
{
	struct buf text = BUF_MAX(ASKER_ANSWER_MAX);
	struct json_writer w = JSON_WRITER(&text);
	int64_t code = SHADOW_INTERNAL;

	json_int(json_member(said, "result"), false, &code);
	if (code != SHADOW_OK) {
		answer_code(a, code);
		return;
	}
	json_open(&w, NULL, '{');
	put(&w, json_member(said, "payload"));
	json_close(&w, '}');
	if (w.st == ST_OK)
		asker_answer_data(a, &text);
	else
		asker_answer(a, status_text(w.st));
	buf_free(&text);
}

static void told(struct asker *a, const void *text, size_t len,
                 void (*put)(struct json_writer *w, const cJSON *document))
{
	cJSON *said = NULL;
	enum status st = text ? json_parse_message(text, len, &limits, &said) : ST_STATE;

	if (st == ST_OK)
		answer(a, said, put);
	else if (st == ST_STATE)
		asker_answer(a, "the device went, or there is no memory for its shadow; ask again");
	else
		asker_answer(a, "the document is longer than an answer can be (56 KiB); read it as a local "
		                "application, on $hubgate/shadow/operation/");
	cJSON_Delete(said);
}

static void told_document(void *ctx, const void *text, size_t len)
{
	told(ctx, text, len, put_document);
}

static void told_version(void *ctx, const void *text, size_t len)
{
	told(ctx, text, len, put_version);
}

/* --- commands --- */

void control_shadow_get(struct hubgate *h, const cJSON *command, struct asker *a)
{
	struct device *d = control_devices_named(h, command, a);

	IN_ROOM(ROOM_BROKER);
	if (d)
		shadow_ask(h, d, GET, strlen(GET), told_document, a);
}

static void set(struct hubgate *h, struct device *d, const cJSON *desired, struct asker *a)
{
	struct buf request = BUF_MAX(ASKER_ANSWER_MAX);
	char *text = cJSON_PrintUnformatted(desired);
	enum status st =
		text ? buf_addf(&request, "{\"type\":\"update\",\"state\":{\"desired\":%s}}", text)
			 : ST_NOMEM;

	if (st == ST_OK)
		shadow_ask(h, d, request.data, request.len, told_version, a);
	else
		asker_answer(a, status_text(st));
	cJSON_free(text);
	buf_free(&request);
}

void control_shadow_set(struct hubgate *h, const cJSON *command, struct asker *a)
{
	struct device *d = control_devices_named(h, command, a);
	const cJSON *desired = json_member(command, "desired");

	IN_ROOM(ROOM_BROKER);
	if (!d)
		return;
	if (cJSON_IsObject(desired))
		set(h, d, desired, a);
	else
		asker_answer(a, "desired is missing or no object; a member with null is taken away");
}
