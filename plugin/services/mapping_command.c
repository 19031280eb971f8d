#include "plugin/services/mapping_command.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/route.h"
#include "core/mapping/mapping.h"
#include "plugin/base/limiter.h"
#include "plugin/devices/mapped.h"

/* rewritten NULL: the payload stays. */
static enum status replace(struct uplink_down *down, const char *topic, const struct buf *rewritten)
{
	char *new_topic = strdup(topic);
	void *payload = rewritten ? malloc(rewritten->len + 1) : NULL;

	if (!new_topic || (rewritten && !payload)) {
		free(new_topic);
		free(payload);
		return ST_NOMEM;
	}
	free(down->topic);
	down->topic = new_topic;
	if (!rewritten)
		return ST_OK;
	if (rewritten->len > 0)
		memcpy(payload, rewritten->data, rewritten->len);
	free(down->payload);
	down->payload = payload;
	down->len = rewritten->len;
	return ST_OK;
}

enum status mapping_command_translate(struct hubgate *h, const struct device *d,
                                      struct uplink_down *down)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const char *rest = down->topic + strlen(d->product_id) + 1 + strlen(d->device_name) + 1;
	const struct mapping_known known = mapped_known(d);
	struct buf rewritten = BUF_MAX(ROUTE_PAYLOAD_MAX);
	struct mapping_down to = { .rule = NULL };
	enum status st = mapping_down(&rules, d->product_id, d->device_name, rest, &known,
	                              down->payload, down->len, &to, &rewritten);

	IN_ROOM(ROOM_BROKER);
	if (st == ST_OK)
		st = replace(down, to.topic, to.rewritten ? &rewritten : NULL);
	buf_free(&rewritten);
	if (st == ST_INVALID) {
		metric_add(&h->metrics, M_DOWN_STRAY, 1);
		limiter_log_refusal(h, d->client_id, down->topic, to.why);
	}
	return st == ST_NOTFOUND ? ST_OK : st;
}
