#include "plugin/services/remote_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/list.h"
#include "core/base/room.h"
#include "core/hub/config_msg.h"
#include "plugin/base/limiter.h"
#include "plugin/base/publish.h"
#include "plugin/base/timer.h"
#include "plugin/services/own_config.h"

enum {
	TOPIC_BYTES = 128,
	REPLY_MAX = CONFIG_MSG_BYTES_MAX + 64,
	ANSWER_MS = 2000, /* for the hub: a link may be dead before anybody knows */
	ASKED_MAX = 256
};

struct product_config { /* what a get of its devices is answered with */
	struct product_config *next;
	char product_id[PRODUCT_ID_LEN + 1];
	size_t len;
	char reply[];
};

struct asked { /* a get that went up */
	struct asked *next;
	int64_t due_ms;
	char client_id[CLIENT_ID_MAX + 1];
};

struct remote_configs {
	struct product_config *products;
	size_t count;
	QUEUE_OF(struct asked) asked; /* without an answer; all wait equally long, so soonest first */
	size_t asked_count;
};

enum status remote_config_open(struct hubgate *h)
{
	h->remote_configs = calloc(1, sizeof(*h->remote_configs));
	return h->remote_configs ? ST_OK : ST_NOMEM;
}

void remote_config_close(struct hubgate *h)
{
	struct product_config *c;
	struct asked *a;

	while (h->remote_configs && LIST_TAKE(&h->remote_configs->products, c))
		free(c);
	while (h->remote_configs && QUEUE_TAKE(&h->remote_configs->asked, a))
		free(a);
	free(h->remote_configs);
	h->remote_configs = NULL;
}

/* --- what is remembered --- */

static struct product_config **find(const struct hubgate *h, const char *product_id)
{
	struct product_config **at = &h->remote_configs->products;

	while (*at && strcmp((*at)->product_id, product_id) != 0)
		at = &(*at)->next;
	return at;
}

/* False: as it was. */
static bool remember(struct hubgate *h, const char *product_id, const void *reply, size_t len)
{
	struct product_config **at = find(h, product_id), *old = *at;
	struct product_config *c = NULL;

	if (old && old->len == len && memcmp(old->reply, reply, len) == 0)
		return false;
	if (old || h->remote_configs->count < REMOTE_CONFIG_PRODUCTS_MAX)
		c = malloc(sizeof(*c) + len);
	if (!c)
		return false;
	c->next = old ? old->next : NULL;
	snprintf(c->product_id, sizeof(c->product_id), "%s", product_id);
	c->len = len;
	memcpy(c->reply, reply, len);
	*at = c;
	h->remote_configs->count += old == NULL;
	free(old);
	return true;
}

bool remote_config_load(struct hubgate *h, const struct state_entry *e)
{
	struct config_msg msg;

	IN_ROOM(ROOM_BROKER);
	if (!credential_product_id_ok(e->key, strlen(e->key)))
		return true; /* of a later version */
	if (config_msg_parse(e->value, e->len, &msg) != ST_OK) {
		log_line(&h->log, LOG_WARN,
		         "product %s: its stored remote configuration cannot be read; it is remembered "
		         "again when the hub says it",
		         e->key);
		return true;
	}
	buf_free(&msg.content);
	remember(h, e->key, e->value, e->len);
	return true;
}

static void keep(struct hubgate *h, const char *product_id, const struct buf *reply)
{
	enum status st = ST_OK;

	if (!remember(h, product_id, reply->data, reply->len))
		return;
	if (h->state)
		st = state_put(h->state, STATE_CONFIG, product_id, reply->data, reply->len);
	if (st != ST_OK)
		limiter_log(h, LIMITED_REFUSALS, LOG_WARN, product_id, status_text(st),
		            "product %s: its remote configuration is not kept for the next start: %s",
		            product_id, status_text(st));
}

static void note(struct hubgate *h, const struct device *d, const struct uplink_down *down)
{
	struct buf reply = BUF_MAX(REPLY_MAX);
	struct config_msg msg;
	enum status st = config_msg_parse(down->payload, down->len, &msg);

	if (st != ST_OK) {
		limiter_log_refusal(h, d->client_id, down->topic,
		                    "the hub's remote configuration cannot be read; it is passed on");
		return;
	}
	st = config_msg_put_reply(&reply, msg.code, msg.content.data, msg.content.len);
	if (st == ST_OK)
		keep(h, d->product_id, &reply);
	buf_free(&reply);
	if (d->own)
		own_config_said(h, &msg);
	buf_free(&msg.content);
}

/* --- devices --- */

static void topic_of(const struct device *d, const char *tree, char out[TOPIC_BYTES])
{
	snprintf(out, TOPIC_BYTES, "$config/%s/%s/%s", tree, d->product_id, d->device_name);
}

static bool listens(const struct device *d, const char *tree)
{
	char topic[TOPIC_BYTES];

	topic_of(d, tree, topic);
	return device_subscribes(d, topic);
}

static void answer(struct hubgate *h, const struct device *d)
{
	static const char *const trees[] = { "operation/result", "update" };
	const struct product_config *c = *find(h, d->product_id);
	char topic[TOPIC_BYTES];

	if (!c)
		return; /* as if the hub could not be reached, which is true */
	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		topic_of(d, trees[i], topic);
		if (listens(d, trees[i]) && publish_on_lan(topic, c->reply, c->len, 0, false) == ST_OK)
			metric_add(&h->metrics, M_CONFIG_ANSWERED, 1);
	}
}

/* --- gets that went up --- */

static void note_asked(struct hubgate *h, const struct device *d)
{
	struct remote_configs *all = h->remote_configs;
	struct asked *a =
		*find(h, d->product_id) && all->asked_count < ASKED_MAX ? calloc(1, sizeof(*a)) : NULL;

	if (!a)
		return; /* there is nothing else to say, or enough waits */
	strcpy(a->client_id, d->client_id);
	a->due_ms = hubgate_now_ms() + ANSWER_MS;
	QUEUE_PUT(&all->asked, a);
	all->asked_count++;
	timer_ring_by(h, a->due_ms);
}

static void note_answered(struct hubgate *h, const struct device *d)
{
	struct remote_configs *all = h->remote_configs;
	struct asked *before = NULL, *a = all->asked.first;

	while (a) {
		struct asked *next = a->next;

		if (strcmp(a->client_id, d->client_id) != 0) {
			before = a;
		} else {
			*(before ? &before->next : &all->asked.first) = next;
			if (all->asked.last == a)
				all->asked.last = before;
			all->asked_count--;
			free(a);
		}
		a = next;
	}
}

void remote_config_run(struct hubgate *h, int64_t now_ms)
{
	struct remote_configs *all = h->remote_configs;

	IN_ROOM(ROOM_BROKER);
	while (all->asked.first && all->asked.first->due_ms <= now_ms) {
		const char *id = all->asked.first->client_id;
		const struct device *d = device_table_find(h->devices, id, strlen(id));
		struct asked *a;

		if (d)
			answer(h, d);
		QUEUE_TAKE(&all->asked, a);
		all->asked_count--;
		free(a);
	}
}

int64_t remote_config_due(const struct hubgate *h)
{
	const struct asked *first = h->remote_configs->asked.first;

	IN_ROOM(ROOM_BROKER);
	return first ? first->due_ms : INT64_MAX;
}

/* --- in --- */

bool remote_config_serves(const struct device *d, const void *payload, size_t len)
{
	IN_ROOM(ROOM_BROKER);
	return d->standing == STANDING_OWN && config_msg_is_get(payload, len);
}

bool remote_config_request(struct hubgate *h, const struct device *d, const void *payload,
                           size_t len)
{
	char topic[TOPIC_BYTES];

	IN_ROOM(ROOM_BROKER);
	if (!remote_config_serves(d, payload, len))
		return false;
	topic_of(d, "operation", topic);
	if (uplink_publish_live(h->uplink, d->client_id, topic, payload, len) == ST_OK)
		note_asked(h, d);
	else
		answer(h, d);
	return true;
}

bool remote_config_message(struct hubgate *h, const struct device *d,
                           const struct uplink_down *down)
{
	bool older = listens(d, "update");
	char topic[TOPIC_BYTES];

	IN_ROOM(ROOM_BROKER);
	note_answered(h, d);
	note(h, d, down);
	/* The plugin asked, not a gateway application. */
	if (d->own && !older && !listens(d, "operation/result"))
		return true;
	topic_of(d, "update", topic);
	if (!older || strcmp(down->topic, topic) == 0 ||
	    publish_on_lan(topic, down->payload, down->len, down->qos, false) != ST_OK)
		return false;
	metric_add(&h->metrics, M_DOWN, 1);
	return !listens(d, "operation/result");
}
