#include "plugin/services/own_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/route.h"
#include "core/json/json.h"
#include "plugin/base/limiter.h"
#include "plugin/devices/to_hub.h"

enum {
	TOPIC_BYTES = 256,
	REPORT_MAX = 4096,
	ASK_MS = 10000, /* doubled with every silence, up to ... */
	ASK_MAX_MS = 600000,
	TRY_MS = 1000 /* least time between two texts that are tried: each is a reload */
};

struct text { /* owned; at NULL: none */
	char *at;
	size_t len;
};

struct own_config {
	struct text good;    /* accepted; what counts, but for what the file alone says */
	struct text waiting; /* the hub's newest word, not tried yet */
	struct text tried;   /* the reload has it */
	struct text refused; /* the last one that was, not to be tried again and again */
	bool lent;           /* good or tried is the reload's to read */
	bool held;           /* what waits is not tried by itself: the file cannot be used */
	bool left_out;       /* good does not fit the file now */
	bool answered;       /* since the last connecting */
	int64_t ask_ms;      /* next question; 0: at once */
	int64_t pause_ms;
	int64_t try_ms; /* the next text is not tried before */
};

static void drop(struct text *t)
{
	free(t->at);
	*t = (struct text){ .at = NULL };
}

static void move(struct text *to, struct text *from)
{
	drop(to);
	*to = *from;
	*from = (struct text){ .at = NULL };
}

static bool same(const struct text *t, const void *bytes, size_t len)
{
	return t->at && t->len == len && memcmp(t->at, bytes, len) == 0;
}

static enum status copy(struct text *to, const void *bytes, size_t len)
{
	char *at = malloc(len + 1);

	if (!at)
		return ST_NOMEM;
	memcpy(at, bytes, len);
	at[len] = '\0';
	drop(to);
	to->at = at;
	to->len = len;
	return ST_OK;
}

static bool is_on(const struct hubgate *h)
{
	return h->config->gateway.remote_config;
}

/* --- life --- */

enum status own_config_open(struct hubgate *h)
{
	h->own_config = calloc(1, sizeof(*h->own_config));
	return h->own_config ? ST_OK : ST_NOMEM;
}

void own_config_close(struct hubgate *h)
{
	struct own_config *o = h->own_config;

	if (!o)
		return;
	drop(&o->good);
	drop(&o->waiting);
	drop(&o->tried);
	drop(&o->refused);
	free(o);
	h->own_config = NULL;
}

bool own_config_load(struct hubgate *h, const struct state_entry *e)
{
	IN_ROOM(ROOM_BROKER);
	/* Of another gateway: this store was its. */
	if (is_on(h) && strcmp(e->key, h->own->client_id) == 0 &&
	    copy(&h->own_config->good, e->value, e->len) != ST_OK)
		log_line(&h->log, LOG_ERROR, "no memory for the remote configuration of the gateway");
	return true;
}

static void topic_of(const struct hubgate *h, const char *tree, char out[TOPIC_BYTES])
{
	snprintf(out, TOPIC_BYTES, "$config/%s/%s/%s", tree, h->own->product_id, h->own->device_name);
}

bool own_config_start(struct hubgate *h)
{
	char topic[TOPIC_BYTES];

	IN_ROOM(ROOM_BROKER);
	if (!is_on(h))
		return false;
	topic_of(h, "operation/result", topic);
	if (uplink_subscribe(h->uplink, h->own->client_id, topic, 1) != ST_OK)
		log_line(&h->log, LOG_WARN,
		         "the hub will not be asked for remote configuration: out of memory");
	return h->own_config->good.at != NULL;
}

/* --- asking --- */

static void ask(struct hubgate *h, int64_t now_ms)
{
	struct own_config *o = h->own_config;
	char topic[TOPIC_BYTES];

	topic_of(h, "operation", topic);
	if (uplink_publish_live(h->uplink, h->own->client_id, topic, CONFIG_MSG_GET,
	                        strlen(CONFIG_MSG_GET)) != ST_OK)
		return;
	o->pause_ms = o->pause_ms == 0 ? ASK_MS : 2 * o->pause_ms;
	if (o->pause_ms > ASK_MAX_MS)
		o->pause_ms = ASK_MAX_MS;
	o->ask_ms = now_ms + o->pause_ms;
}

void own_config_run(struct hubgate *h, int64_t now_ms)
{
	struct own_config *o = h->own_config;

	IN_ROOM(ROOM_BROKER);
	if (!is_on(h))
		return;
	if (!uplink_ready(h->uplink)) {
		o->answered = false;
		o->ask_ms = o->pause_ms = 0;
		return;
	}
	if (!o->answered && now_ms >= o->ask_ms)
		ask(h, now_ms);
}

/* --- hearing --- */

void own_config_said(struct hubgate *h, const struct config_msg *msg)
{
	struct own_config *o = h->own_config;
	const void *content = msg->content.data;
	size_t len = msg->content.len;

	IN_ROOM(ROOM_BROKER);
	if (!is_on(h))
		return;
	o->answered = true;
	/* Without a configuration at the hub the last good one counts on: {} takes all of it back. */
	if (msg->code != CONFIG_MSG_OK || same(&o->waiting, content, len) ||
	    same(&o->tried, content, len))
		return;
	drop(&o->waiting);
	o->held = false;
	if (o->tried.at || !(same(&o->good, content, len) || same(&o->refused, content, len))) {
		if (copy(&o->waiting, content, len) != ST_OK)
			log_line(&h->log, LOG_ERROR, "no memory for the remote configuration of the gateway");
	}
}

bool own_config_waits(const struct hubgate *h)
{
	const struct own_config *o = h->own_config;

	IN_ROOM(ROOM_BROKER);
	return o->waiting.at && !o->held && hubgate_now_ms() >= o->try_ms;
}

int64_t own_config_due(const struct hubgate *h)
{
	const struct own_config *o = h->own_config;

	IN_ROOM(ROOM_BROKER);
	return o->waiting.at && !o->held && hubgate_now_ms() < o->try_ms ? o->try_ms : INT64_MAX;
}

/* --- the reload --- */

const char *own_config_lend(struct hubgate *h, size_t *len, bool *fresh)
{
	struct own_config *o = h->own_config;
	const struct text *t;

	IN_ROOM(ROOM_BROKER);
	if (o->waiting.at) {
		move(&o->tried, &o->waiting);
		o->try_ms = hubgate_now_ms() + TRY_MS;
	}
	o->held = false;
	t = o->tried.at ? &o->tried : &o->good;
	*fresh = o->tried.at != NULL;
	*len = t->len;
	o->lent = t->at != NULL;
	return t->at;
}

void own_config_give_back(struct hubgate *h)
{
	struct own_config *o = h->own_config;

	IN_ROOM(ROOM_BROKER);
	o->lent = false;
	if (o->tried.at && !o->waiting.at)
		move(&o->waiting, &o->tried);
	drop(&o->tried);
}

static void report(struct hubgate *h, enum own_config_verdict verdict, const char *why)
{
	const struct route route = { ROUTE_FORWARD, ROUTE_FINE, 1, TOPIC_CUSTOM };
	struct buf text = BUF_MAX(REPORT_MAX);
	char topic[TOPIC_BYTES];
	enum status st = buf_addf(&text, "{\"type\":\"remote_config\",\"result\":%d", (int)verdict);

	if (st == ST_OK && why)
		st = buf_add_text(&text, ",\"message\":");
	if (st == ST_OK && why)
		st = json_add_string(&text, why);
	if (st == ST_OK && !why)
		st = buf_addf(&text, ",\"devices\":%zu,\"mappings\":%zu,\"routes\":%zu",
		              h->config->device_count, h->config->mapping_count, h->config->route_count);
	if (st == ST_OK)
		st = buf_add_u8(&text, '}');
	snprintf(topic, sizeof(topic), "%s/%s/%s", h->own->product_id, h->own->device_name,
	         h->config->gateway.report_topic);
	if (st == ST_OK)
		to_hub_send(h, h->own, &route, topic, text.data, text.len);
	buf_free(&text);
}

void own_config_hold(struct hubgate *h)
{
	struct own_config *o = h->own_config;
	bool fresh = o->tried.at != NULL;

	IN_ROOM(ROOM_BROKER);
	o->held = fresh && !o->waiting.at;
	own_config_give_back(h);
	if (o->held)
		report(h, OWN_CONFIG_REFUSED,
		       "the gateway's own file cannot be used; it is tried again "
		       "when that is mended and read again");
}

static void keep(struct hubgate *h)
{
	const struct text *t = &h->own_config->good;
	enum status st = ST_OK;

	if (h->state)
		st = state_put(h->state, STATE_CONFIG, h->own->client_id, t->at, t->len);
	if (st != ST_OK)
		log_line(&h->log, LOG_WARN,
		         "the remote configuration of the gateway is not kept for the next start: %s",
		         status_text(st));
}

void own_config_settle(struct hubgate *h, enum own_config_verdict verdict, const char *why)
{
	struct own_config *o = h->own_config;
	bool fresh = o->tried.at != NULL, was_left_out = o->left_out;

	IN_ROOM(ROOM_BROKER);
	if (!o->lent)
		return;
	o->lent = false;
	if (verdict != OWN_CONFIG_REFUSED)
		o->left_out = verdict == OWN_CONFIG_LEFT_OUT;
	if (fresh && verdict == OWN_CONFIG_REFUSED) {
		move(&o->refused, &o->tried);
	} else if (fresh) {
		move(&o->good, &o->tried);
		drop(&o->refused);
		keep(h);
	}
	metric_set(&h->metrics, M_OWN_CONFIG, (uint64_t)verdict + 1);
	if (fresh || o->left_out != was_left_out)
		report(h, verdict, why);
}
