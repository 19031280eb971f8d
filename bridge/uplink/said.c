/* What the hub says on the gateway's channel: read once, told to BROKER device by device. A list of
 * 1,500 is more than the inbox holds: the rest waits here, and the socket is not read meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/uplink/uplink_impl.h"

/* False: nothing of it is news. */
static bool news_of(const struct gateway_msg *m, const struct gateway_device *from,
                    struct uplink_down *out)
{
	if (m->op == GATEWAY_DESCRIBE) {
		out->kind = UPLINK_LISTED;
		return true;
	}
	if (m->op == GATEWAY_CHANGE) {
		out->kind = m->status != 0 ? UPLINK_BOUND : UPLINK_UNBOUND;
		return m->has_status;
	}
	out->kind = UPLINK_RESULT;
	out->op = m->op;
	out->code = from->result;
	return from->has_result;
}

/* ST_OK; ST_NOMEM. There is room in the inbox. */
static enum status tell_of(struct uplink *u, const struct gateway_device *from)
{
	struct uplink_down news = { 0 };
	size_t size = CLIENT_ID_MAX + 1;

	if (!news_of(&u->said.msg, from, &news))
		return ST_OK;
	news.topic = malloc(size);
	if (!news.topic)
		return ST_NOMEM;
	credential_client_id(from->product_id, from->device_name, news.topic);
	return mail_put_news(&u->mail, &news);
}

static enum status tell_next(struct uplink *u)
{
	const struct uplink_down list_end = { .kind = UPLINK_LIST_END };
	struct said *s = &u->said;
	enum status st;

	if (s->at < s->msg.count) {
		st = tell_of(u, &s->msg.devices[s->at]);
		s->at += st == ST_OK;
		return st;
	}
	if (s->list_end) {
		s->list_end = false;
		return mail_put_news(&u->mail, &list_end);
	}
	if (s->text.topic && mail_put_news(&u->mail, &s->text) == ST_OK)
		memset(&s->text, 0, sizeof(s->text));
	return s->text.topic ? ST_FULL : ST_EMPTY;
}

bool said_tell(struct uplink *u, int64_t now_ms)
{
	enum status st = ST_OK;

	while (st == ST_OK && mail_news_space(&u->mail) > 0)
		st = tell_next(u);
	if (st == ST_NOMEM)
		u->retry_ms = now_ms + NOMEM_PAUSE_MS;
	if (st != ST_EMPTY)
		return false;
	gateway_msg_free(&u->said.msg);
	return true;
}

static bool text_is_wanted(const struct uplink *u, enum gateway_op op)
{
	return u->conf.tells_all || (gateway_has_application(&u->gateway) &&
	                             (op == GATEWAY_CHANGE || op == GATEWAY_DESCRIBE));
}

/* Without memory the application does not get it: it was never promised. */
static void keep_text(struct uplink *u, const struct mqtt_publish *p, enum gateway_op op)
{
	struct uplink_down text = {
		.kind = UPLINK_HUB_TEXT,
		.op = op,
		.topic = strdup(u->result_topic),
		.payload = malloc(p->len ? p->len : 1),
		.len = p->len,
	};

	if (!text.topic || !text.payload) {
		mail_free_news(&text);
		return;
	}
	if (p->len > 0)
		memcpy(text.payload, p->payload, p->len);
	u->said.text = text;
}

void said_take(struct uplink *u, const struct mqtt_publish *p, int64_t now_ms)
{
	struct said *s = &u->said;

	memset(s, 0, sizeof(*s));
	if (gateway_reply(&u->gateway, p->payload, p->len, now_ms, &s->msg) == ST_OK)
		s->list_end = s->msg.op == GATEWAY_DESCRIBE;
	if (text_is_wanted(u, s->msg.op))
		keep_text(u, p, s->msg.op);
	said_tell(u, now_ms);
}

void said_fini(struct uplink *u)
{
	gateway_msg_free(&u->said.msg);
	mail_free_news(&u->said.text);
}
