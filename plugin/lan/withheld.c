#include "plugin/lan/withheld.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/topic.h"

enum {
	RELEASES_MAX = 2048,    /* messages of QoS 2 on their way; one more is delivered */
	RELEASE_MS = 60 * 1000, /* until PUBREL; its memory may be another message's by then */
	NONE = RELEASES_MAX     /* the end of a chain */
};

struct own_publish {
	const struct device *device; /* NULL: none */
	const void *payload;         /* an address, never followed */
	uint64_t topic;              /* a hash */
	unsigned left;               /* so many filters of the device still ask for it */
};

struct release {
	struct own_publish own;
	int64_t until_ms;
	uint16_t next;
};

struct withheld {
	struct own_publish now; /* the broker routes it */
	/* Each is in the chain of its payload's address, or unused and in the chain of these. */
	struct release releases[RELEASES_MAX];
	uint16_t first[RELEASES_MAX], unused;
	size_t open; /* so many are not unused */
};

enum status withheld_open(struct hubgate *h)
{
	struct withheld *w = calloc(1, sizeof(*w));

	if (!w)
		return ST_NOMEM;
	for (uint16_t i = 0; i < RELEASES_MAX; i++) {
		w->first[i] = NONE;
		w->releases[i].next = (uint16_t)(i + 1);
	}
	h->withheld = w;
	return ST_OK;
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
		n += !f->earlier && topic_matches(f->text, topic);
	return n;
}

/* The chain for this address. */
static uint16_t *chain_of(const struct hubgate *h, const void *payload)
{
	uint64_t hash = table_hash(h->seed, &payload, sizeof(payload));

	return &h->withheld->first[hash % RELEASES_MAX];
}

/* Where in its chain the release of this payload hangs, or the end of the chain. */
static uint16_t *find_release(struct hubgate *h, const void *payload)
{
	uint16_t *link = chain_of(h, payload);

	while (*link != NONE && h->withheld->releases[*link].own.payload != payload)
		link = &h->withheld->releases[*link].next;
	return link;
}

static void end_release(struct withheld *w, uint16_t *link)
{
	uint16_t i = *link;

	*link = w->releases[i].next;
	w->releases[i].own.device = NULL;
	w->releases[i].next = w->unused;
	w->unused = i;
	w->open--;
}

/* Those whose PUBREL never came. */
static void end_old_releases(struct hubgate *h, int64_t now_ms)
{
	struct withheld *w = h->withheld;

	for (size_t i = 0; i < RELEASES_MAX; i++) {
		struct release *r = &w->releases[i];

		if (r->own.device && now_ms >= r->until_ms)
			end_release(w, find_release(h, r->own.payload));
	}
}

static void keep_for_release(struct hubgate *h, const struct own_publish *own)
{
	struct withheld *w = h->withheld;
	int64_t now_ms = hubgate_now_ms();
	uint16_t *link = find_release(h, own->payload);
	uint16_t i;

	if (*link != NONE) /* another message has its memory */
		end_release(w, link);
	if (w->unused == NONE)
		end_old_releases(h, now_ms);
	i = w->unused;
	if (i == NONE)
		return;
	w->unused = w->releases[i].next;
	link = chain_of(h, own->payload);
	w->releases[i] = (struct release){ *own, now_ms + RELEASE_MS, *link };
	*link = i;
	w->open++;
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
	struct own_publish own;
	uint16_t *link;
	bool young;

	if (w->open == 0)
		return false;
	link = find_release(h, ed->payload);
	if (*link == NONE)
		return false;
	own = w->releases[*link].own;
	young = hubgate_now_ms() < w->releases[*link].until_ms;
	end_release(w, link);
	if (!young || !takes(h, &own, d, ed)) /* another message has its memory */
		return false;
	w->now = own; /* the broker routes it */
	return true;
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
