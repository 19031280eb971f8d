#include "core/hub/sys_time.h"

#include "core/json/json.h"

static const struct json_limits limits = { .bytes = 4096, .depth = 4, .values = 64 };

enum status sys_time_parse(const void *payload, size_t len, int64_t *hub_ms)
{
	int64_t received, sent, seconds;
	cJSON *root = NULL;
	enum status st = json_parse_message(payload, len, &limits, &root);

	if (st != ST_OK)
		return st;
	if (json_int(json_member(root, "ntptime1"), true, &received) &&
	    json_int(json_member(root, "ntptime2"), true, &sent) && received > 0 && sent >= received)
		*hub_ms = received + (sent - received) / 2;
	else if (json_int(json_member(root, "time"), true, &seconds) && seconds > 0 &&
	         seconds < INT64_MAX / 1000)
		*hub_ms = seconds * 1000;
	else
		st = ST_INVALID;
	cJSON_Delete(root);
	return st;
}
