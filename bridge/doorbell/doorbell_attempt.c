#include <stdio.h>
#include <string.h>

#include "bridge/doorbell/doorbell_impl.h"
#include "core/mqtt/mqtt_codec.h"

enum {
	KEEPALIVE_S = 60,
	/* Between rounds: the broker opens its listeners right after our start, ... */
	HASTY_PAUSE_MS = 50,
	HASTY_ROUNDS = 10,
	PAUSE_MS = 1000,
	/* ... and without a confirmed ring in this many rounds there is no hurry. */
	EAGER_ROUNDS = 20,
	LONG_PAUSE_MS = 10000,
};

void doorbell_hang_up(struct doorbell *w)
{
	size_t n;

	if (w->step == UP && w->out.len == 0 && mqtt_put_disconnect(&w->out) == ST_OK)
		transport_write(w->link, w->out.data, w->out.len, &n);
	transport_close(w->link);
	w->link = NULL;
	buf_reset(&w->out);
	buf_reset(&w->in);
	w->step = IDLE;
	w->broken = w->awaiting = false;
	atomic_store(&w->ringing, false);
	shared_text_set(&w->local, "");
	atomic_store(&w->state, DOORBELL_SEARCHING);
}

static void pause_search(struct doorbell *w, int64_t now_ms)
{
	int64_t pause_ms = w->rounds < HASTY_ROUNDS   ? HASTY_PAUSE_MS
	                   : w->rounds < EAGER_ROUNDS ? PAUSE_MS
	                                              : LONG_PAUSE_MS;

	w->due_ms = now_ms + pause_ms;
	w->rounds++;
}

void doorbell_lose(struct doorbell *w, enum trouble trouble, int64_t now_ms)
{
	char detail[sizeof w->detail] = "";

	if (trouble == UNCONFIRMED)
		atomic_fetch_add(&w->unconfirmed, 1);
	if (trouble == LOST)
		snprintf(detail, sizeof detail, "%s", transport_error(w->link));
	if (trouble == LOST)
		w->lost_ms = now_ms;
	doorbell_hang_up(w);
	pause_search(w, now_ms);
	doorbell_complain(w, trouble, detail, now_ms);
}

static enum status open_link(struct doorbell *w, int64_t now_ms)
{
	const struct listener *l = &w->at.at;
	struct transport_conf conf = {
		.host = l->host,
		.unix_path = l->kind == LISTENER_UNIX ? l->host : NULL,
		.port = l->port,
		.tls = w->at.tls, /* unverified: it is this very process */
		.attempt_ms = DOORBELL_ATTEMPT_MS,
	};
	enum status st = transport_open(&conf, now_ms, &w->link);

	if (st != ST_OK) {
		transport_close(w->link);
		w->link = NULL;
	}
	return st;
}

static void try_next(struct doorbell *w, int64_t now_ms)
{
	while (doorbell_search_next(&w->search, now_ms, &w->at)) {
		if (open_link(w, now_ms) == ST_OK) {
			w->step = OPENING;
			return;
		}
	}
	w->step = IDLE;
	pause_search(w, now_ms);
	if (w->worst == NO_LISTENER && doorbell_search_shut(&w->search))
		w->worst = NOT_MQTT;
	else if (w->worst == NO_LISTENER && w->search.count > 0)
		return; /* all were left alone: what was said of them still stands */
	doorbell_complain(w, w->worst, w->detail, now_ms);
}

void doorbell_begin_round(struct doorbell *w, int64_t now_ms)
{
	w->worst = NO_LISTENER;
	w->detail[0] = '\0';
	doorbell_search_begin(&w->search);
	try_next(w, now_ms);
}

void doorbell_attempt_failed(struct doorbell *w, enum search_failure why, const char *detail,
                             int64_t now_ms)
{
	static const enum trouble meaning[] = {
		[SEARCH_UNREACHABLE] = UNREACHABLE,
		[SEARCH_WRONG] = NOT_MQTT,
		[SEARCH_REFUSED] = REFUSED,
	};

	if (meaning[why] > w->worst) {
		w->worst = meaning[why];
		snprintf(w->detail, sizeof w->detail, "%s: %.150s", w->at.at.text, detail);
	}
	doorbell_search_failed(&w->search, &w->at, why, now_ms);
	doorbell_hang_up(w);
	try_next(w, now_ms);
}

static void log_in(struct doorbell *w, int64_t now_ms)
{
	struct mqtt_connect connect = {
		.client_id = mqtt_text(w->client_id),
		.username = mqtt_text(w->username),
		.password = mqtt_text(w->password),
		.keepalive_s = KEEPALIVE_S,
		.clean_session = true,
	};

	shared_text_set(&w->local, transport_local(w->link)); /* BROKER judges by it */
	w->step = LOGGING_IN;
	w->due_ms = now_ms + DOORBELL_ATTEMPT_MS;
	if (mqtt_put_connect(&w->out, &connect) != ST_OK)
		w->broken = true;
}

void doorbell_run_opening(struct doorbell *w, int64_t now_ms)
{
	enum status st = transport_step(w->link, now_ms);

	if (st == ST_OK)
		log_in(w, now_ms);
	else if (st != ST_AGAIN)
		doorbell_attempt_failed(w, w->at.tls ? SEARCH_WRONG : SEARCH_UNREACHABLE,
		                        transport_error(w->link), now_ms);
}
