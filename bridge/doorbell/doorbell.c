#include "bridge/doorbell/doorbell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/doorbell/doorbell_impl.h"
#include "core/base/list.h"
#include "core/base/room.h"
#include "core/mqtt/mqtt_codec.h"

enum {
	CONFIRM_MS = 1000,
	PING_MS = 30000,
	PING_ANSWER_MS = 10000,
	PACKET_MAX = 1024,
	READS_MAX = 32, /* per run */
	WATCH_ID = 1,   /* of every SUBSCRIBE: nobody waits for the answers */
};

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void flush(struct doorbell *w, int64_t now_ms)
{
	enum status st = ST_OK;
	size_t n = 0;

	while (w->out.len > 0 && st == ST_OK) {
		st = transport_write(w->link, w->out.data, w->out.len, &n);
		buf_drop(&w->out, n);
	}
	if (st != ST_OK && st != ST_AGAIN)
		w->broken = true;
	if (w->out.len == 0 && w->awaiting && w->rung_ms == INT64_MAX)
		w->rung_ms = now_ms;
}

static void subscribe(struct doorbell *w, const struct watched *f)
{
	if (mqtt_put_subscribe(&w->out, WATCH_ID, mqtt_text(f->filter), 0) != ST_OK)
		w->broken = true;
}

enum status doorbell_watch(struct doorbell *w, const char *filter)
{
	size_t size = strlen(filter) + 1;
	struct watched *f;

	IN_ROOM(ROOM_UPLINK);
	for (f = w->watched; f; f = f->next) {
		if (strcmp(f->filter, filter) == 0)
			return ST_OK;
	}
	f = calloc(1, sizeof(*f) + size);
	if (!f)
		return ST_NOMEM;
	memcpy(f->filter, filter, size);
	LIST_PUSH(&w->watched, f);
	if (w->step == UP)
		subscribe(w, f);
	return ST_OK;
}

/* The first ring proves that the doorbell works, and fetches what waited. */
static void come_up(struct doorbell *w, int64_t now_ms)
{
	w->step = UP;
	w->due_ms = now_ms + PING_MS;
	w->pong_by_ms = INT64_MAX;
	doorbell_search_worked(&w->search, &w->at);
	atomic_store(&w->state, DOORBELL_CONNECTED);
	for (const struct watched *f = w->watched; f && !w->broken; f = f->next) {
		subscribe(w, f);
		flush(w, now_ms); /* all at once may be more than the buffer takes */
	}
	doorbell_ring(w, now_ms);
}

/* False: the connection is gone. */
static bool on_packet(struct doorbell *w, const struct mqtt_packet *packet, int64_t now_ms)
{
	char code[32];

	if (w->step == UP) {
		if (packet->type == MQTT_PINGRESP)
			w->pong_by_ms = INT64_MAX;
		return true; /* we asked for nothing else */
	}
	if (packet->type != MQTT_CONNACK) {
		doorbell_attempt_failed(w, SEARCH_WRONG, "no CONNACK", now_ms);
		return false;
	}
	if (packet->connack.code != 0) {
		snprintf(code, sizeof code, "CONNACK %u", packet->connack.code);
		doorbell_attempt_failed(w, SEARCH_REFUSED, code, now_ms);
		return false;
	}
	come_up(w, now_ms);
	return true;
}

static void fail_link(struct doorbell *w, const char *why, int64_t now_ms)
{
	if (w->step == UP)
		doorbell_lose(w, LOST, now_ms);
	else
		doorbell_attempt_failed(w, SEARCH_WRONG, why, now_ms);
}

/* False: the connection is gone. */
static bool take_packets(struct doorbell *w, int64_t now_ms)
{
	struct mqtt_packet packet;
	enum status st;
	size_t used = 0;

	while ((st = mqtt_decode(w->in.data, w->in.len, PACKET_MAX, &packet, &used)) == ST_OK) {
		if (!on_packet(w, &packet, now_ms))
			return false;
		buf_drop(&w->in, used);
	}
	if (st == ST_AGAIN)
		return true;
	fail_link(w, "does not speak MQTT", now_ms);
	return false;
}

/* False: the connection is gone. */
static bool read_all(struct doorbell *w, int64_t now_ms)
{
	unsigned char *at = NULL;
	enum status st;
	size_t n = 0;

	for (int i = 0; i < READS_MAX; i++) {
		st = buf_reserve(&w->in, PACKET_MAX, &at);
		if (st == ST_OK)
			st = transport_read(w->link, at, PACKET_MAX, &n);
		if (st == ST_AGAIN)
			return true;
		if (st != ST_OK) {
			fail_link(w, transport_error(w->link), now_ms);
			return false;
		}
		w->in.len += n;
		if (!take_packets(w, now_ms))
			return false;
	}
	return true;
}

static void run_timers(struct doorbell *w, int64_t now_ms)
{
	if (w->step == LOGGING_IN && now_ms >= w->due_ms) {
		doorbell_attempt_failed(w, SEARCH_WRONG, "no CONNACK within 2 s", now_ms);
		return;
	}
	if (w->step != UP)
		return;
	if (w->awaiting && w->rung_ms != INT64_MAX && now_ms >= w->rung_ms + CONFIRM_MS) {
		doorbell_lose(w, UNCONFIRMED, now_ms);
	} else if (now_ms >= w->pong_by_ms) {
		doorbell_lose(w, MUTE, now_ms);
	} else if (now_ms >= w->due_ms && mqtt_put_pingreq(&w->out) == ST_OK) {
		w->due_ms = now_ms + PING_MS;
		w->pong_by_ms = earlier(w->pong_by_ms, now_ms + PING_ANSWER_MS);
		flush(w, now_ms);
	}
}

static void notice_confirmation(struct doorbell *w)
{
	if (w->awaiting && !atomic_load(&w->ringing))
		doorbell_works(w);
}

void doorbell_run(struct doorbell *w, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	if (doorbell_state(w) == DOORBELL_OFF)
		return;
	notice_confirmation(w);
	if (w->step == IDLE && now_ms >= w->due_ms)
		doorbell_begin_round(w, now_ms);
	if (w->step == OPENING)
		doorbell_run_opening(w, now_ms);
	if (w->step != LOGGING_IN && w->step != UP)
		return;
	flush(w, now_ms);
	if (w->broken)
		fail_link(w, transport_error(w->link), now_ms);
	else if (read_all(w, now_ms))
		run_timers(w, now_ms);
}

size_t doorbell_pollfds(struct doorbell *w, struct pollfd *fds, size_t max, int64_t *deadline_ms)
{
	IN_ROOM(ROOM_UPLINK);
	*deadline_ms = INT64_MAX;
	if (doorbell_state(w) == DOORBELL_OFF)
		return 0;
	notice_confirmation(w);
	*deadline_ms = w->step == OPENING ? transport_deadline(w->link) : w->due_ms;
	if (w->step == UP)
		*deadline_ms = earlier(*deadline_ms, w->pong_by_ms);
	if (w->awaiting && w->rung_ms != INT64_MAX)
		*deadline_ms = earlier(*deadline_ms, w->rung_ms + CONFIRM_MS);
	if (w->broken)
		*deadline_ms = 0;
	if (w->step == IDLE || max == 0)
		return 0;
	fds[0].fd = transport_fd(w->link);
	fds[0].events = transport_events(w->link, w->out.len > 0);
	fds[0].revents = 0;
	return 1;
}

void doorbell_ring(struct doorbell *w, int64_t now_ms)
{
	struct mqtt_publish ring = { .topic = mqtt_text(w->topic) };

	IN_ROOM(ROOM_UPLINK);
	if (w->step != UP || w->broken || atomic_exchange(&w->ringing, true))
		return;
	if (w->awaiting)
		doorbell_works(w);
	w->awaiting = true;
	w->rung_ms = INT64_MAX;
	atomic_fetch_add(&w->rings, 1);
	if (mqtt_put_publish(&w->out, &ring) == ST_OK)
		flush(w, now_ms);
	else
		w->broken = true;
}

static enum status copy_texts(struct doorbell *w, const struct doorbell_conf *conf)
{
	if (!conf->client_id || !conf->username || !conf->password || !conf->topic)
		return ST_INVALID;
	w->client_id = strdup(conf->client_id);
	w->username = strdup(conf->username);
	w->password = strdup(conf->password);
	w->topic = strdup(conf->topic);
	return w->client_id && w->username && w->password && w->topic ? ST_OK : ST_NOMEM;
}

static enum status set_listener(struct doorbell *w, const struct doorbell_conf *conf)
{
	const char *text = conf->listener;
	enum doorbell_state state = DOORBELL_SEARCHING;
	struct listener only;

	shared_text_set(&w->status, doorbell_trouble_text(NOT_YET));
	if (!text || strcmp(text, "auto") == 0) {
		doorbell_search_init(&w->search, NULL, conf->hints, conf->hint_count);
	} else if (strcmp(text, "off") == 0) {
		state = DOORBELL_OFF;
		shared_text_set(&w->status,
		                "off by lan.waker: messages to devices wait for the broker's tick");
	} else {
		if (listener_parse(text, &only) != ST_OK)
			return ST_INVALID;
		doorbell_search_init(&w->search, &only, NULL, 0);
	}
	atomic_init(&w->state, state);
	return ST_OK;
}

enum status doorbell_new(const struct doorbell_conf *conf, struct doorbell **out)
{
	struct doorbell *w = calloc(1, sizeof *w);
	enum status st;

	*out = NULL;
	if (!w)
		return ST_NOMEM;
	w->log = conf->log;
	w->out = (struct buf)BUF_MAX(4 * PACKET_MAX);
	w->in = (struct buf)BUF_MAX(2 * PACKET_MAX);
	atomic_init(&w->ringing, false);
	atomic_init(&w->rings, 0);
	atomic_init(&w->unconfirmed, 0);
	shared_text_init(&w->local);
	shared_text_init(&w->status);
	st = copy_texts(w, conf);
	if (st == ST_OK)
		st = set_listener(w, conf);
	if (st != ST_OK) {
		doorbell_free(w);
		return st;
	}
	*out = w;
	return ST_OK;
}

void doorbell_free(struct doorbell *w)
{
	struct watched *f;

	if (!w)
		return;
	if (w->link)
		doorbell_hang_up(w);
	if (w->password)
		explicit_bzero(w->password, strlen(w->password));
	buf_free(&w->out);
	buf_free(&w->in);
	while (LIST_TAKE(&w->watched, f))
		free(f);
	free(w->client_id);
	free(w->username);
	free(w->password);
	free(w->topic);
	shared_text_fini(&w->local);
	shared_text_fini(&w->status);
	free(w);
}
