#include "plugin/lan/withheld.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/topic.h"

enum {
	RELEASES_MAX = 2048,    /* messages of QoS 2 on their way, by the hash of their address ... */
	PROBES = 32,            /* ... or close behind; one that finds no place is delivered */
	RELEASE_MS = 60 * 1000, /* until PUBREL; its memory may be another message's by then */
};

struct own_publish {
	const struct device *device; /* NULL: none */
	const void *payload;         /* an address, never followed */
	uint64_t topic;              /* a hash */
	unsigned left;               /* so many filters of the device still ask for it */
	int64_t until_ms;            /* of releases */
};

struct withheld {
	struct own_publish now; /* the broker routes it */
	struct own_publish releases[RELEASES_MAX];
	size_t open; /* so many of releases are not empty */
};

enum status withheld_open(struct hubgate *h)
{
	h->withheld = calloc(1, sizeof(*h->withheld));
	return h->withheld ? ST_OK : ST_NOMEM;
}

void withheld_close(struct hubgate *h)
{
	free(h->withheld);
	h->withheld = NULL;
}

static uint64_t hash_of(const struct hubgate *h, const char *topic)
{
	return table_hash(h->seed, topic, strlen(topic));
}

static unsigned filters_for(const struct device *d, const char *topic)
{
	unsigned n = 0;

	for (const struct device_filter *f = d->filters; f; f = f->next)
		n += topic_matches(f->text, topic);
	return n;
}

static uint64_t first_place(const struct hubgate *h, const void *payload)
{
	return table_hash(h->seed, &payload, sizeof(payload));
}

static void keep_for_release(struct hubgate *h, struct own_publish *own)
{
	struct withheld *w = h->withheld;
	uint64_t first = first_place(h, own->payload);
	int64_t now_ms = hubgate_now_ms();

	own->until_ms = now_ms + RELEASE_MS;
	for (size_t i = 0; i < PROBES; i++) {
		struct own_publish *slot = &w->releases[(first + i) % RELEASES_MAX];

		if (slot->device && slot->payload != own->payload && now_ms < slot->until_ms)
			continue;
		w->open += slot->device == NULL;
		*slot = *own;
		return;
	}
}

/* Without a payload the address says nothing: at QoS 2 that is handed back. */
void withheld_own(struct hubgate *h, const struct device *publisher, const struct device *d,
                  const struct mosquitto_evt_message *ed)
{
	struct own_publish own = { .device = publisher, .payload = ed->payload };

	IN_ROOM(ROOM_BROKER);
	own.left = filters_for(d, ed->topic);
	if (own.left == 0)
		return;
	own.topic = hash_of(h, ed->topic);
	if (ed->qos < 2)
		h->withheld->now = own;
	else if (ed->payload)
		keep_for_release(h, &own);
}

static bool takes(const struct hubgate *h, struct own_publish *own, const struct device *d,
                  const struct mosquitto_evt_acl_check *ed)
{
	if (own->device != d || own->payload != ed->payload || own->topic != hash_of(h, ed->topic))
		return false;
	if (--own->left == 0)
		own->device = NULL;
	return true;
}

static bool is_release(struct hubgate *h, const struct device *d,
                       const struct mosquitto_evt_acl_check *ed)
{
	struct withheld *w = h->withheld;
	uint64_t first = w->open > 0 ? first_place(h, ed->payload) : 0;

	for (size_t i = 0; w->open > 0 && i < PROBES; i++) {
		struct own_publish *own = &w->releases[(first + i) % RELEASES_MAX];

		if (!own->device || own->payload != ed->payload)
			continue;
		if (hubgate_now_ms() < own->until_ms && takes(h, own, d, ed)) {
			w->open -= own->device == NULL;
			return true;
		}
		/* Another message has its memory. */
		own->device = NULL;
		w->open--;
	}
	return false;
}

bool withheld_is_own(struct hubgate *h, const struct device *d,
                     const struct mosquitto_evt_acl_check *ed)
{
	IN_ROOM(ROOM_BROKER);
	if (!d)
		return false;
	if (!takes(h, &h->withheld->now, d, ed) && !is_release(h, d, ed))
		return false;
	metric_add(&h->metrics, M_ECHO, 1);
	return true;
}

bool withheld_any(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->withheld->now.device || h->withheld->open > 0;
}

void withheld_over(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	h->withheld->now.device = NULL;
}
