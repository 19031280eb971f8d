#include "plugin/lan/unheard.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/lan/broker_rights.h"

/* Always the same: a message of QoS 2 may be released by a later process. Who publishes it himself
 * is not heard either. */
static const char mark[] = "hubgate: refused 9d0c54a7e1f84b6fb3a2c86d17e5f093";

enum {
	MARK_LEN = sizeof(mark) - 1
};

struct unheard {
	const struct mosquitto *client; /* NULL: none; never followed */
	const void *payload;            /* an address, never followed */
	uint32_t len;
	uint64_t topic, content; /* hashes */
};

enum status unheard_open(struct hubgate *h)
{
	h->unheard = calloc(1, sizeof(*h->unheard));
	return h->unheard ? ST_OK : ST_NOMEM;
}

void unheard_close(struct hubgate *h)
{
	free(h->unheard);
	h->unheard = NULL;
}

static uint64_t hash_of(const struct hubgate *h, const void *data, size_t len)
{
	return table_hash(h->seed, len > 0 ? data : "", len);
}

bool unheard_write(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	IN_ROOM(ROOM_BROKER);
	if (!broker_rights_read_hides(h) || ed->retain || strncmp(ed->topic, "$CONTROL/", 9) == 0)
		return false;
	*h->unheard = (struct unheard){
		.client = ed->client,
		.payload = ed->payload,
		.len = ed->payloadlen,
		.topic = hash_of(h, ed->topic, strlen(ed->topic)),
		.content = hash_of(h, ed->payload, ed->payloadlen),
	};
	return true;
}

static bool is_that(const struct hubgate *h, const struct mosquitto_evt_message *ed)
{
	const struct unheard *u = h->unheard;

	return u->client && u->client == ed->client && u->payload == ed->payload &&
	       u->len == ed->payloadlen && u->topic == hash_of(h, ed->topic, strlen(ed->topic));
}

enum status unheard_message(struct hubgate *h, struct mosquitto_evt_message *ed)
{
	bool that = is_that(h, ed);
	char *copy;

	IN_ROOM(ROOM_BROKER);
	unheard_over(h);
	if (!that)
		return ST_NOTFOUND;
	copy = mosquitto_malloc(sizeof(mark));
	if (!copy)
		return ST_NOMEM;
	memcpy(copy, mark, sizeof(mark));
	ed->payload = copy; /* the broker frees both */
	ed->payloadlen = MARK_LEN;
	ed->retain = false;
	return ST_OK;
}

static bool is_will(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	const struct unheard *u = h->unheard;

	return u->client && u->len == ed->payloadlen &&
	       u->topic == hash_of(h, ed->topic, strlen(ed->topic)) &&
	       u->content == hash_of(h, ed->payload, ed->payloadlen);
}

bool unheard_is(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	IN_ROOM(ROOM_BROKER);
	if (!broker_rights_denial_disconnects(h))
		return false;
	return (ed->payloadlen == MARK_LEN && memcmp(ed->payload, mark, MARK_LEN) == 0) ||
	       is_will(h, ed);
}

void unheard_over(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	h->unheard->client = NULL;
}
