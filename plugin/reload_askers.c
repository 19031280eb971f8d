#include "plugin/reload_askers.h"

#include <string.h>

#include "core/base/room.h"
#include "core/json/json_writer.h"

enum {
	ERRORS_BYTES = 8192,
};

enum status reload_askers_add(struct reload_askers *list, struct asker *a)
{
	IN_ROOM(ROOM_BROKER);
	if (list->count == RELOAD_ASKERS_MAX) {
		asker_answer(a, "too many wait for a reload; ask again");
		return ST_FULL;
	}
	list->at[list->count++] = a;
	return ST_OK;
}

void reload_askers_join(struct reload_askers *into, struct reload_askers *from)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < from->count; i++)
		reload_askers_add(into, from->at[i]);
	from->count = 0;
}

void reload_askers_refuse(struct reload_askers *list, const char *why)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < list->count; i++)
		asker_answer(list->at[i], why);
	list->count = 0;
}

void reload_askers_free(struct reload_askers *list)
{
	for (size_t i = 0; i < list->count; i++)
		asker_free(list->at[i]);
	list->count = 0;
}

static void put_errors(struct buf *out, const struct reload_plan *p)
{
	for (size_t i = 0; i < p->line_count; i++) {
		if (p->lines[i].level == LOG_ERROR)
			buf_addf(out, "%s%s", out->len > 0 ? "\n" : "", p->lines[i].text);
	}
	if (out->len == 0)
		buf_add_text(out, "there was no memory for it");
}

static void answer_all(struct reload_askers *list, const struct buf *data)
{
	for (size_t i = 0; i < list->count; i++)
		asker_answer_data(list->at[i], data);
	list->count = 0;
}

void reload_askers_answer(struct reload_askers *list, const struct reload_plan *p, bool counts)
{
	struct buf out = BUF_MAX(ASKER_DATA_MAX);
	struct buf errors = BUF_MAX(ERRORS_BYTES);
	struct json_writer w = JSON_WRITER(&out);

	IN_ROOM(ROOM_BROKER);
	if (list->count > 0 && !counts) {
		const char *why;

		put_errors(&errors, p);
		why = buf_text(&errors);
		reload_askers_refuse(list, why ? why : "there was no memory for it");
	} else if (list->count > 0) {
		json_open(&w, NULL, '{');
		json_open(&w, "said", '[');
		for (size_t i = 0; i < p->line_count && out.len < ASKER_DATA_MAX / 2; i++)
			json_put_text(&w, NULL, p->lines[i].text);
		json_close(&w, ']');
		json_close(&w, '}');
		answer_all(list, &out);
	}
	buf_free(&errors);
	buf_free(&out);
}
