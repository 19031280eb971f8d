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

static uint64_t hash_of(const char *topic)
{
	return table_hash(1, topic, strlen(topic)) | 1;
}

/* That of this topic, or the one whose place it may take: free, or the oldest. */
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
	return oldest;
}

int64_t min_interval_since_ms(const struct device *d, const char *topic, int64_t now_ms)
{
	uint64_t hash = d->min_interval ? hash_of(topic) : 0;
	const struct passed_topic *t = d->min_interval ? find(d->min_interval, hash) : NULL;

	IN_ROOM(ROOM_BROKER);
	return t && t->topic == hash ? now_ms - t->passed_ms : INT64_MAX;
}

void min_interval_note(struct device *d, const char *topic, int64_t now_ms)
{
	uint64_t hash = hash_of(topic);

	IN_ROOM(ROOM_BROKER);
	if (!d->min_interval)
		d->min_interval = calloc(1, sizeof(*d->min_interval));
	if (d->min_interval)
		*find(d->min_interval, hash) = (struct passed_topic){ hash, now_ms };
}

void min_interval_free(struct device *d)
{
	free(d->min_interval);
	d->min_interval = NULL;
}
