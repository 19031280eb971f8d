#include "plugin/services/timekeeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "core/base/clock.h"
#include "core/base/clocks.h"
#include "core/base/room.h"
#include "core/hub/sys_time.h"
#include "plugin/base/publish.h"

enum {
	LOOK_MS = 1000,
	ASK_MS = 60000,
	TOPIC_BYTES = 128,
	ANSWER_MAX = 256
};

struct timekeeper {
	struct clock_trust trust;
	int64_t look_ms, ask_ms; /* next, as of hubgate_now_ms() */
	int64_t asked_ms;        /* wall time of the question under way, 0: none */
};

enum status timekeeper_open(struct hubgate *h)
{
	h->timekeeper = calloc(1, sizeof(*h->timekeeper));
	if (!h->timekeeper)
		return ST_NOMEM;
	h->clock = &h->timekeeper->trust;
	return ST_OK;
}

void timekeeper_close(struct hubgate *h)
{
	free(h->timekeeper);
	h->timekeeper = NULL;
	h->clock = NULL;
}

static bool kernel_synchronised(void)
{
	struct timex t = { .modes = 0 };

	return adjtimex(&t) != TIME_ERROR;
}

static void topic_of(const struct hubgate *h, const char *tree, char out[TOPIC_BYTES])
{
	snprintf(out, TOPIC_BYTES, "$sys/operation%s/%s/%s", tree, h->config->gateway.product_id,
	         h->config->gateway.device_name);
}

static void own_id(const struct hubgate *h, char out[CLIENT_ID_MAX + 1])
{
	credential_client_id(h->config->gateway.product_id, h->config->gateway.device_name, out);
}

void timekeeper_start(struct hubgate *h)
{
	char id[CLIENT_ID_MAX + 1], topic[TOPIC_BYTES];

	IN_ROOM(ROOM_BROKER);
	own_id(h, id);
	topic_of(h, "/result", topic);
	if (uplink_subscribe(h->uplink, id, topic, 0) != ST_OK)
		log_line(&h->log, LOG_WARN, "the hub will not be asked for the time: out of memory");
	clock_look(&h->timekeeper->trust, clocks_realtime_ms(), hubgate_now_ms(),
	           kernel_synchronised());
}

static void ask(struct hubgate *h, int64_t now_ms)
{
	char id[CLIENT_ID_MAX + 1], topic[TOPIC_BYTES];

	own_id(h, id);
	topic_of(h, "", topic);
	if (uplink_publish_live(h->uplink, id, topic, SYS_TIME_REQUEST, strlen(SYS_TIME_REQUEST)) !=
	    ST_OK)
		return;
	h->timekeeper->asked_ms = clocks_realtime_ms();
	h->timekeeper->ask_ms = now_ms + ASK_MS;
}

void timekeeper_run(struct hubgate *h, int64_t now_ms)
{
	struct timekeeper *t = h->timekeeper;

	IN_ROOM(ROOM_BROKER);
	if (now_ms < t->look_ms)
		return;
	t->look_ms = now_ms + LOOK_MS;
	if (clock_look(&t->trust, clocks_realtime_ms(), now_ms, kernel_synchronised())) {
		log_line(&h->log, LOG_WARN,
		         "the wall clock jumped; until the hub confirms it no login expires and no message "
		         "ages by it");
		t->ask_ms = 0;
	}
	uplink_trust_clock(h->uplink, clock_trusted(&t->trust));
	if (!clock_trusted(&t->trust) && now_ms >= t->ask_ms && uplink_ready(h->uplink))
		ask(h, now_ms);
}

int64_t timekeeper_due(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->has_connect_event ? h->timekeeper->look_ms : INT64_MAX;
}

void timekeeper_doubt(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	if (uplink_ready(h->uplink))
		ask(h, hubgate_now_ms());
}

bool timekeeper_take(struct hubgate *h, const struct uplink_down *down)
{
	struct timekeeper *t = h->timekeeper;
	char topic[TOPIC_BYTES];
	int64_t hub_ms;

	IN_ROOM(ROOM_BROKER);
	topic_of(h, "/result", topic);
	if (t->asked_ms == 0 || strcmp(down->topic, topic) != 0)
		return false;
	if (sys_time_parse(down->payload, down->len, &hub_ms) == ST_OK) {
		clock_hub_said(&t->trust, hub_ms, t->asked_ms, clocks_realtime_ms());
		uplink_set_hub_offset(h->uplink, hub_ms - (t->asked_ms + clocks_realtime_ms()) / 2);
	}
	t->asked_ms = 0;
	uplink_trust_clock(h->uplink, clock_trusted(&t->trust));
	/* A question of ours may be lost, and then this is the answer to the application's. */
	return !device_subscribes(h->own, topic);
}

bool timekeeper_answers(const struct hubgate *h, const void *payload, size_t len)
{
	IN_ROOM(ROOM_BROKER);
	return clock_trusted(h->clock) && sys_time_asked(payload, len) != SYS_TIME_OTHER;
}

bool timekeeper_request(struct hubgate *h, const struct device *d, const void *payload, size_t len)
{
	struct buf text = BUF_MAX(ANSWER_MAX);
	char topic[TOPIC_BYTES];
	enum status st;

	IN_ROOM(ROOM_BROKER);
	if (!timekeeper_answers(h, payload, len))
		return false;
	snprintf(topic, sizeof(topic), "$sys/operation/result/%s/%s", d->product_id, d->device_name);
	st = sys_time_put_answer(&text, sys_time_asked(payload, len), clocks_realtime_ms());
	if (st == ST_OK)
		st = publish_on_lan(topic, text.data, text.len, 0, false);
	buf_free(&text);
	if (st == ST_OK)
		metric_add(&h->metrics, M_TIME_ANSWERED, 1);
	return st == ST_OK;
}
