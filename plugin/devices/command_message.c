#include "plugin/devices/command_message.h"

#include <stdio.h>
#include <string.h>

#include "core/base/room.h"
#include "core/base/table.h"
#include "core/hub/route.h"
#include "plugin/devices/mapped.h"

/* What stands behind {pid}/{dname}/. */
static const char *rest_of(const struct device *d, const char *topic)
{
	return topic + strlen(d->product_id) + 1 + strlen(d->device_name) + 1;
}

bool command_message_is_mapped(const struct hubgate *h, const struct device *d, const char *topic)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const struct mapping_known known = mapped_known(d);

	IN_ROOM(ROOM_BROKER);
	return d->origins & ORIGIN_MAPPING &&
	       mapping_has_down(&rules, d->product_id, d->device_name, rest_of(d, topic), &known);
}

enum status command_message_make(const struct hubgate *h, const struct device *d, bool mapped,
                                 const char *topic, const void *payload, size_t len,
                                 struct command_message *out)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const struct mapping_known known = mapped_known(d);
	struct mapping_down to = { .rule = NULL };
	enum status st;

	IN_ROOM(ROOM_BROKER);
	*out = (struct command_message){ .payload = payload,
		                             .len = len,
		                             .rewritten = BUF_MAX(ROUTE_PAYLOAD_MAX) };
	snprintf(out->topic, sizeof(out->topic), "%s", topic);
	if (!mapped)
		return ST_OK;
	st = mapping_down(&rules, d->product_id, d->device_name, rest_of(d, topic), &known, payload,
	                  len, &to, &out->rewritten);
	out->why = to.why;
	if (st != ST_OK)
		return st;
	memcpy(out->topic, to.topic, sizeof(out->topic));
	if (to.rewritten) {
		out->payload = out->rewritten.data;
		out->len = out->rewritten.len;
	}
	return ST_OK;
}

void command_message_free(struct command_message *m)
{
	IN_ROOM(ROOM_BROKER);
	buf_free(&m->rewritten);
}

uint64_t command_message_hash(const struct hubgate *h, const char *topic, const void *payload,
                              size_t len)
{
	IN_ROOM(ROOM_BROKER);
	return table_hash(table_hash(h->seed, topic, strlen(topic)), payload, len);
}
