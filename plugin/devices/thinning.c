#include "plugin/devices/thinning.h"

#include <stdlib.h>
#include <string.h>

struct thinned {
	uint64_t topic; /* hash; 0: free */
	int64_t passed_ms;
};

struct thinning {
	struct thinned topics[THINNING_TOPICS];
};

static struct thinned *find(struct thinning *t, uint64_t topic)
{
	struct thinned *oldest = &t->topics[0];

	for (int i = 0; i < THINNING_TOPICS; i++) {
		if (t->topics[i].topic == topic)
			return &t->topics[i];
		if (oldest->topic != 0 &&
		    (t->topics[i].topic == 0 || t->topics[i].passed_ms < oldest->passed_ms))
			oldest = &t->topics[i];
	}
	*oldest = (struct thinned){ topic, INT64_MIN / 2 };
	return oldest;
}

bool thinning_passes(struct device *d, const char *topic, uint32_t interval_ms, int64_t now_ms)
{
	struct thinned *t;

	if (!d->thinning)
		d->thinning = calloc(1, sizeof(*d->thinning));
	if (!d->thinning)
		return true; /* without memory rather too many than too few */
	t = find(d->thinning, table_hash(1, topic, strlen(topic)) | 1);
	if (now_ms - t->passed_ms < interval_ms)
		return false;
	t->passed_ms = now_ms;
	return true;
}

void thinning_free(struct device *d)
{
	free(d->thinning);
	d->thinning = NULL;
}
