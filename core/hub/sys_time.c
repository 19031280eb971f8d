#include "core/hub/sys_time.h"

#include <inttypes.h>
#include <string.h>

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

static enum sys_time_ask asked_in(const cJSON *root)
{
	const char *type = json_text(root, "type");
	const cJSON *resource = json_member(root, "resource");
	const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(resource, 0));

	if (!type || strcmp(type, "get") != 0)
		return SYS_TIME_OTHER;
	if (!resource)
		return SYS_TIME_PLAIN;
	return cJSON_IsArray(resource) && cJSON_GetArraySize(resource) == 1 && first &&
	               strcmp(first, "time") == 0
	           ? SYS_TIME_NTP
	           : SYS_TIME_OTHER;
}

enum sys_time_ask sys_time_asked(const void *payload, size_t len)
{
	enum sys_time_ask ask = SYS_TIME_OTHER;
	cJSON *root = NULL;

	if (json_parse_message(payload, len, &limits, &root) == ST_OK)
		ask = asked_in(root);
	cJSON_Delete(root);
	return ask;
}

enum status sys_time_put_answer(struct buf *out, enum sys_time_ask ask, int64_t now_ms)
{
	if (ask == SYS_TIME_PLAIN)
		return buf_addf(out, "{\"time\":%" PRId64 ",\"type\":\"get\"}", now_ms / 1000);
	return buf_addf(out,
	                "{\"ntptime1\":%" PRId64 ",\"ntptime2\":%" PRId64 ",\"time\":%" PRId64
	                ",\"type\":\"get\"}",
	                now_ms, now_ms, now_ms / 1000);
}
