/* What came in from the hub: acknowledgements, replies, messages for devices. */
#include <stdlib.h>
#include <string.h>

#include "bridge/uplink/uplink_impl.h"
#include "core/hub/topic.h"

static void on_puback(struct uplink *u, uint16_t id, int64_t now_ms)
{
	struct subdev *d = judge_acked(u, id, now_ms);

	if (!d)
		return;
	packet_ids_release(&u->ids, id);
	if (u->conf.tells_all) {
		char client_id[CLIENT_ID_MAX + 1];

		gateway_client_id(d, client_id);
		receive_tell(u, UPLINK_DELIVERED, client_id, 0);
	}
	gateway_touch(&u->gateway, d);
}

static void on_suback(struct uplink *u, uint16_t id, uint8_t code, int64_t now_ms)
{
	if (id == u->prepare_id && id != 0) {
		connect_prepared(u, code, now_ms);
		return;
	}
	if (gateway_suback(&u->gateway, id, code, now_ms))
		packet_ids_release(&u->ids, id);
}

static bool text_is(struct mqtt_text text, const char *expected)
{
	return text.len == strlen(expected) && memcmp(text.at, expected, text.len) == 0;
}

/* Hands a message to BROKER. false: not taken, the hub will not get a PUBACK. */
static bool deliver(struct uplink *u, const struct mqtt_publish *p)
{
	struct uplink_down d = {
		.topic = strndup(p->topic.at, p->topic.len),
		.payload = malloc(p->len ? p->len : 1),
		.len = p->len,
		.qos = p->qos,
		.packet_id = p->id,
		.epoch = u->epoch,
	};

	if (d.topic && d.payload) {
		if (p->len > 0)
			memcpy(d.payload, p->payload, p->len);
		if (mail_put_news(&u->mail, &d) == ST_OK)
			return true;
	}
	mail_free_news(&d);
	return false;
}

static bool tell(struct uplink *u, struct uplink_down *news, const struct subdev *d)
{
	news->topic = malloc(CLIENT_ID_MAX + 1);
	if (!news->topic)
		return false;
	gateway_client_id(d, news->topic);
	if (mail_put_news(&u->mail, news) == ST_OK)
		return true;
	mail_free_news(news);
	return false;
}

void receive_tell(struct uplink *u, enum uplink_news kind, const char *topic, int64_t code)
{
	struct uplink_down news = { .kind = kind, .code = code };

	if (!u->conf.tells_all)
		return;
	news.topic = strdup(topic);
	if (!news.topic || mail_put_news(&u->mail, &news) != ST_OK)
		mail_free_news(&news);
}

/* One that cannot be told is lost: who asked has a time limit. */
static void tell_answers(struct uplink *u)
{
	struct answer *a;

	while (mail_news_space(&u->mail) > 0 && (a = gateway_answer(&u->gateway)) != NULL) {
		struct uplink_down news = { .kind = UPLINK_ANSWER, .op = a->op, .code = a->code };

		tell(u, &news, a->dev);
		free(a);
	}
}

/* The latest of d that BROKER does not know. False: no memory. */
static bool tell_latest(struct uplink *u, struct subdev *d)
{
	bool ready = gateway_shadow_ready(&u->gateway, d);
	struct uplink_down news = { .kind = ready ? UPLINK_SHADOW_READY : UPLINK_SHADOW_AWAY };
	bool online;

	if (gateway_online_untold(d, &online)) {
		news.kind = online ? UPLINK_ONLINE : UPLINK_OFFLINE;
		if (!tell(u, &news, d))
			return false;
		gateway_told_online(&u->gateway, d);
		return true;
	}
	if (ready && d->shadow_sent)
		news.kind = UPLINK_SHADOW_SENT;
	if (!tell(u, &news, d))
		return false;
	gateway_told(&u->gateway, d, ready);
	return true;
}

void receive_news(struct uplink *u, int64_t now_ms)
{
	struct subdev *d;

	if (!said_tell(u, now_ms)) /* an answer never comes before what it is the answer to */
		return;
	tell_answers(u);
	while ((d = gateway_news(&u->gateway)) != NULL && mail_news_space(&u->mail) > 0) {
		if (!tell_latest(u, d)) { /* it stays in line */
			u->retry_ms = now_ms + NOMEM_PAUSE_MS;
			return;
		}
	}
}

/* It came by a filter that is wider than what its device asked for. */
static bool is_unasked(struct uplink *u, struct mqtt_text topic)
{
	char text[TOPIC_LEN_MAX + 1];

	if (topic.len >= sizeof(text))
		return false;
	memcpy(text, topic.at, topic.len);
	text[topic.len] = '\0';
	return gateway_is_unasked(&u->gateway, text);
}

static enum status on_publish(struct uplink *u, const struct mqtt_publish *p, int64_t now_ms)
{
	if (p->qos > 1)
		return ST_MALFORMED; /* never asked for */
	if (text_is(p->topic, u->result_topic)) {
		said_take(u, p, now_ms);
	} else if (is_unasked(u, p->topic)) {
		metric_add(u->conf.metrics, M_DOWN_UNASKED, 1);
	} else {
		deliver(u, p);
		return ST_OK; /* BROKER acknowledges */
	}
	return p->qos == 1 ? session_puback(u->session, p->id) : ST_OK;
}

static enum status on_packet(struct uplink *u, const struct mqtt_packet *p, int64_t now_ms)
{
	switch (p->type) {
	case MQTT_PUBLISH:
		return on_publish(u, &p->publish, now_ms);
	case MQTT_PUBACK:
		on_puback(u, p->id, now_ms);
		return ST_OK;
	case MQTT_SUBACK:
		on_suback(u, p->suback.id, p->suback.count > 0 ? p->suback.codes[0] : MQTT_SUBACK_FAILURE,
		          now_ms);
		return ST_OK;
	case MQTT_UNSUBACK:
		on_suback(u, p->id, 0, now_ms);
		return ST_OK;
	case MQTT_CONNACK:
	case MQTT_CONNECT:
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
	case MQTT_PINGREQ:
	case MQTT_PINGRESP:
	case MQTT_DISCONNECT:
	default:
		return ST_MALFORMED;
	}
}

void receive_packets(struct uplink *u, int64_t now_ms)
{
	struct mqtt_packet p;
	enum status st = ST_OK;

	while (u->session && session_phase(u->session) == SESSION_UP && st == ST_OK) {
		u->paused = !said_tell(u, now_ms) || mail_news_space(&u->mail) == 0;
		if (u->paused)
			return;
		st = session_next(u->session, &p);
		if (st == ST_OK)
			st = on_packet(u, &p, now_ms);
	}
	if (u->session && st != ST_OK && st != ST_AGAIN)
		connect_lost(u, st, now_ms);
}
