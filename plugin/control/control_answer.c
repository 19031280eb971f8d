#include "plugin/control/control_answer.h"

#include "core/base/room.h"

void control_answer_begin(struct control_answer *out)
{
	IN_ROOM(ROOM_BROKER);
	out->text = (struct buf)BUF_MAX(ASKER_DATA_MAX);
	out->w = (struct json_writer)JSON_WRITER(&out->text);
}

size_t control_answer_room(const struct control_answer *out)
{
	IN_ROOM(ROOM_BROKER);
	return out->text.max - out->text.len;
}

void control_answer_end(struct control_answer *out, struct asker *a)
{
	IN_ROOM(ROOM_BROKER);
	if (out->w.st == ST_OK)
		asker_answer_data(a, &out->text);
	else
		asker_answer(a, status_text(out->w.st));
	buf_free(&out->text);
}
