#include "plugin/control/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"

enum {
	DIGITS_MAX = 18,
	TEXT_BYTES = 24,
};

bool cursor_read(const char *text, uint64_t *out)
{
	size_t len = text ? strlen(text) : 0;

	IN_ROOM(ROOM_BROKER);
	*out = 0;
	if (!text)
		return true;
	if (len == 0 || len > DIGITS_MAX || strspn(text, "0123456789") != len)
		return false;
	*out = strtoull(text, NULL, 10);
	return true;
}

void cursor_put(struct json_writer *w, uint64_t at)
{
	char text[TEXT_BYTES];

	IN_ROOM(ROOM_BROKER);
	snprintf(text, sizeof(text), "%" PRIu64, at);
	json_put_text(w, "next", text);
}
