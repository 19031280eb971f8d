#include "plugin/devices/min_interval.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"

struct passed_topic {
	uint64_t topic; /* hash; 0: free */
	int64_t passed_ms;
};

struct min_interval {
	struct passed_topic topics[MIN_INTERVAL_TOPICS];
};

static struct passed_topic *find(struct min_interval *t, uint64_t topic)
{
	struct passed_topic *oldest = &t->topics[0];

	for (int i = 0; i < MIN_INTERVAL_TOPICS; i++) {
		if (t->topics[i].topic == topic)
			return &t->topics[i];
		if (oldest->topic != 0 &&
		    (t->topics[i].topic == 0 || t->topics[i].passed_ms < oldest->passed_ms))
			oldest = &t->topics[i];
	}
	*oldest = (struct passed_topic){ topic, INT64_MIN / 2 };
	return oldest;
}

bool min_interval_passes(struct device *d, const char *topic, uint32_t interval_ms, int64_t now_ms)
{
	struct passed_topic *t;

	IN_ROOM(ROOM_BROKER);
	if (!d->min_interval)
		d->min_interval = calloc(1, sizeof(*d->min_interval));
	if (!d->min_interval)
		return true; /* without memory rather too many than too few */
	t = find(d->min_interval, table_hash(1, topic, strlen(topic)) | 1);
	if (now_ms - t->passed_ms < interval_ms)
		return false;
	t->passed_ms = now_ms;
	return true;
}

void min_interval_free(struct device *d)
{
	free(d->min_interval);
	d->min_interval = NULL;
}
