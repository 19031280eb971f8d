#include "core/json/json_writer.h"

#include <string.h>

#include "core/json/json.h"

enum {
	DIGITS_MAX = 20, /* of 64 bits */
};

static void add(struct json_writer *w, const void *bytes, size_t len)
{
	if (w->st == ST_OK)
		w->st = buf_add(w->out, bytes, len);
}

/* What stands before a value. */
static void begin(struct json_writer *w, const char *name)
{
	if (w->more)
		add(w, ",", 1);
	w->more = true;
	if (!name)
		return;
	add(w, "\"", 1);
	add(w, name, strlen(name));
	add(w, "\":", 2);
}

void json_open(struct json_writer *w, const char *name, char bracket)
{
	begin(w, name);
	add(w, &bracket, 1);
	w->more = false;
}

void json_close(struct json_writer *w, char bracket)
{
	add(w, &bracket, 1);
	w->more = true;
}

void json_put_text(struct json_writer *w, const char *name, const char *text)
{
	if (!text) {
		json_put_null(w, name);
		return;
	}
	begin(w, name);
	if (w->st == ST_OK)
		w->st = json_add_string(w->out, text);
}

static void add_digits(struct json_writer *w, uint64_t value)
{
	char text[DIGITS_MAX];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	add(w, text + at, sizeof(text) - at);
}

void json_put_count(struct json_writer *w, const char *name, uint64_t value)
{
	begin(w, name);
	add_digits(w, value);
}

void json_put_int(struct json_writer *w, const char *name, int64_t value)
{
	begin(w, name);
	if (value < 0)
		add(w, "-", 1);
	add_digits(w, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_put_bool(struct json_writer *w, const char *name, bool value)
{
	begin(w, name);
	add(w, value ? "true" : "false", value ? 4 : 5);
}

void json_put_null(struct json_writer *w, const char *name)
{
	begin(w, name);
	add(w, "null", 4);
}

void json_put_raw(struct json_writer *w, const char *name, const void *text, size_t len)
{
	begin(w, name);
	add(w, text, len);
}
