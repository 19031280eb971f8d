#include "bridge/waker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/posted.h"
#include "bridge/transport.h"
#include "bridge/waker_search.h"
#include "core/buf.h"
#include "core/mqtt_codec.h"
#include "core/room.h"

enum {
	ATTEMPT_MS = 2000, /* connecting, and again until the CONNACK */
	CONFIRM_MS = 1000,
	PING_MS = 30000,
	PING_ANSWER_MS = 10000,
	KEEPALIVE_S = 60,
	PAUSE_MS = 1000,       /* between rounds, at first ... */
	LONG_PAUSE_MS = 10000, /* ... and after EAGER_ROUNDS without a confirmed ring */
	EAGER_ROUNDS = 10,
	PATIENT_ROUNDS = 3, /* before "nothing listens" is worth a log line */
	PACKET_MAX = 1024,
	READS_MAX = 32, /* per run */
};

enum step {
	IDLE,
	OPENING,
	LOGGING_IN,
	UP
};

/* What keeps the doorbell from working; within a round the later ones explain
 * more than the earlier. */
enum trouble {
	NOT_YET,
	NO_LISTENER,
	UNREACHABLE,
	NOT_MQTT,
	REFUSED,
	LOST,
	MUTE,
	UNCONFIRMED,
	NONE
};

static const char *const trouble_text[] = {
	[NOT_YET] = "no listener tried yet",
	[NO_LISTENER] = "the broker does not listen anywhere yet",
	[UNREACHABLE] = "no listener takes a connection from this machine",
	[NOT_MQTT] =
		"no listener answers an MQTT login, plain or TLS (websockets, client certificates, "
		"PSK or /etc/hosts.deny are in the way): add a listener on 127.0.0.1 or a unix "
		"socket and name it in lan.waker",
	[REFUSED] =
		"the broker refuses the login: an earlier plugin or a password file answered before "
		"hubgate, put hubgate's plugin line first; or /etc/hosts.deny",
	[LOST] = "the broker closed the connection",
	[MUTE] = "the broker did not answer a ping",
	[UNCONFIRMED] = "a ring did not reach hubgate within 1 s: an earlier plugin answers the access "
					"check, put hubgate's plugin line first; or lan.waker names another broker",
	[NONE] = "works",
};

struct waker {
	const struct log *log;
	char *client_id, *username, *password, *topic;
	struct search search;
	enum step step;
	struct candidate at;    /* not in IDLE */
	struct transport *link; /* NULL in IDLE */
	struct buf out, in;
	bool broken;              /* found while ringing, dealt with by waker_run() */
	int64_t due_ms;           /* IDLE: next round; LOGGING_IN: CONNACK; UP: next ping */
	int64_t pong_by_ms;       /* INT64_MAX: no ping on its way */
	bool awaiting;            /* a ring is unconfirmed, as far as UPLINK knows ... */
	int64_t rung_ms;          /* ... and was written then, INT64_MAX: not yet */
	unsigned rounds;          /* since the last confirmed ring */
	enum trouble worst, told; /* of this round; last told to the log */
	char detail[160];         /* to worst */
	atomic_int state;         /* enum waker_state */
	atomic_bool ringing;
	atomic_ullong rings, unconfirmed;
	struct posted local, status; /* our address; what `check` shows */
};

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void set_state(struct waker *w, enum waker_state state)
{
	atomic_store(&w->state, state);
}

/* Shown always, logged when it is news. */
static void complain(struct waker *w, enum trouble trouble, const char *detail)
{
	char line[POSTED_MAX];
	bool early = trouble <= UNREACHABLE && w->rounds < PATIENT_ROUNDS;

	snprintf(line, sizeof line, "%s%s%.150s", trouble_text[trouble], detail[0] ? ": " : "", detail);
	posted_set(&w->status, line);
	if (trouble == w->told || early)
		return;
	w->told = trouble;
	log_line(w->log, LOG_WARN,
	         "doorbell: %s; until it works messages to devices wait for the "
	         "broker's tick",
	         line);
}

static void confirmed(struct waker *w)
{
	char line[POSTED_MAX];

	w->awaiting = false;
	w->rounds = 0;
	if (w->told == NONE)
		return;
	w->told = NONE;
	snprintf(line, sizeof line, "works over %s (%s)", w->at.at.text, w->at.tls ? "TLS" : "plain");
	posted_set(&w->status, line);
	log_line(w->log, LOG_NOTE, "doorbell: %s", line);
}

static void hang_up(struct waker *w)
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
	posted_set(&w->local, "");
	set_state(w, WAKER_SEARCHING);
}

static void pause_search(struct waker *w, int64_t now_ms)
{
	w->due_ms = now_ms + (w->rounds < EAGER_ROUNDS ? PAUSE_MS : LONG_PAUSE_MS);
	w->rounds++;
}

/* An established connection ended. */
static void lose(struct waker *w, enum trouble trouble, int64_t now_ms)
{
	char detail[sizeof w->detail] = "";

	if (trouble == UNCONFIRMED)
		atomic_fetch_add(&w->unconfirmed, 1);
	if (trouble == LOST)
		snprintf(detail, sizeof detail, "%s", transport_error(w->link));
	hang_up(w);
	pause_search(w, now_ms);
	complain(w, trouble, detail);
}

static enum status open_link(struct waker *w, int64_t now_ms)
{
	const struct listener *l = &w->at.at;
	struct transport_conf conf = {
		.host = l->host,
		.unix_path = l->kind == LISTENER_UNIX ? l->host : NULL,
		.port = l->port,
		.tls = w->at.tls, /* unverified: it is this very process */
		.attempt_ms = ATTEMPT_MS,
	};
	enum status st = transport_open(&conf, now_ms, &w->link);

	if (st != ST_OK) {
		transport_close(w->link);
		w->link = NULL;
	}
	return st;
}

static void try_next(struct waker *w, int64_t now_ms)
{
	while (search_next(&w->search, now_ms, &w->at)) {
		if (open_link(w, now_ms) == ST_OK) {
			w->step = OPENING;
			return;
		}
	}
	w->step = IDLE;
	pause_search(w, now_ms);
	if (w->worst == NO_LISTENER && w->search.count > 0)
		return; /* all were left alone: what was said of them still stands */
	complain(w, w->worst, w->detail);
}

static void begin_round(struct waker *w, int64_t now_ms)
{
	w->worst = NO_LISTENER;
	w->detail[0] = '\0';
	search_begin(&w->search);
	try_next(w, now_ms);
}

static void attempt_failed(struct waker *w, enum search_failure why, const char *detail,
                           int64_t now_ms)
{
	static const enum trouble meaning[] = {
		[SEARCH_UNREACHABLE] = UNREACHABLE,
		[SEARCH_WRONG] = NOT_MQTT,
		[SEARCH_REFUSED] = REFUSED,
	};

	if (meaning[why] > w->worst) {
		w->worst = meaning[why];
		snprintf(w->detail, sizeof w->detail, "%s: %s", w->at.at.text, detail);
	}
	search_failed(&w->search, &w->at, why, now_ms);
	hang_up(w);
	try_next(w, now_ms);
}

static void log_in(struct waker *w, int64_t now_ms)
{
	struct mqtt_connect connect = {
		.client_id = mqtt_text(w->client_id),
		.username = mqtt_text(w->username),
		.password = mqtt_text(w->password),
		.keepalive_s = KEEPALIVE_S,
		.clean_session = true,
	};

	posted_set(&w->local, transport_local(w->link)); /* BROKER judges by it */
	w->step = LOGGING_IN;
	w->due_ms = now_ms + ATTEMPT_MS;
	if (mqtt_put_connect(&w->out, &connect) != ST_OK)
		w->broken = true;
}

static void run_opening(struct waker *w, int64_t now_ms)
{
	enum status st = transport_step(w->link, now_ms);

	if (st == ST_OK)
		log_in(w, now_ms);
	else if (st != ST_AGAIN)
		attempt_failed(w, w->at.tls ? SEARCH_WRONG : SEARCH_UNREACHABLE, transport_error(w->link),
		               now_ms);
}

static void flush(struct waker *w, int64_t now_ms)
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

/* The first ring proves that the doorbell works, and fetches what waited. */
static void come_up(struct waker *w, int64_t now_ms)
{
	w->step = UP;
	w->due_ms = now_ms + PING_MS;
	w->pong_by_ms = INT64_MAX;
	search_worked(&w->search, &w->at);
	set_state(w, WAKER_CONNECTED);
	waker_ring(w, now_ms);
}

/* False: the connection is gone. */
static bool on_packet(struct waker *w, const struct mqtt_packet *packet, int64_t now_ms)
{
	char code[32];

	if (w->step == UP) {
		if (packet->type == MQTT_PINGRESP)
			w->pong_by_ms = INT64_MAX;
		return true; /* we asked for nothing else */
	}
	if (packet->type != MQTT_CONNACK) {
		attempt_failed(w, SEARCH_WRONG, "no CONNACK", now_ms);
		return false;
	}
	if (packet->connack.code != 0) {
		snprintf(code, sizeof code, "CONNACK %u", packet->connack.code);
		attempt_failed(w, SEARCH_REFUSED, code, now_ms);
		return false;
	}
	come_up(w, now_ms);
	return true;
}

static void fail_link(struct waker *w, const char *why, int64_t now_ms)
{
	if (w->step == UP)
		lose(w, LOST, now_ms);
	else
		attempt_failed(w, SEARCH_WRONG, why, now_ms);
}

/* False: the connection is gone. */
static bool take_packets(struct waker *w, int64_t now_ms)
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
static bool read_all(struct waker *w, int64_t now_ms)
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

static void run_timers(struct waker *w, int64_t now_ms)
{
	if (w->step == LOGGING_IN && now_ms >= w->due_ms) {
		attempt_failed(w, SEARCH_WRONG, "no CONNACK within 2 s", now_ms);
		return;
	}
	if (w->step != UP)
		return;
	if (w->awaiting && w->rung_ms != INT64_MAX && now_ms >= w->rung_ms + CONFIRM_MS) {
		lose(w, UNCONFIRMED, now_ms);
	} else if (now_ms >= w->pong_by_ms) {
		lose(w, MUTE, now_ms);
	} else if (now_ms >= w->due_ms && mqtt_put_pingreq(&w->out) == ST_OK) {
		w->due_ms = now_ms + PING_MS;
		w->pong_by_ms = earlier(w->pong_by_ms, now_ms + PING_ANSWER_MS);
		flush(w, now_ms);
	}
}

static void notice_confirmation(struct waker *w)
{
	if (w->awaiting && !atomic_load(&w->ringing))
		confirmed(w);
}

void waker_run(struct waker *w, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	if (waker_state(w) == WAKER_OFF)
		return;
	notice_confirmation(w);
	if (w->step == IDLE && now_ms >= w->due_ms)
		begin_round(w, now_ms);
	if (w->step == OPENING)
		run_opening(w, now_ms);
	if (w->step != LOGGING_IN && w->step != UP)
		return;
	flush(w, now_ms);
	if (w->broken)
		fail_link(w, transport_error(w->link), now_ms);
	else if (read_all(w, now_ms))
		run_timers(w, now_ms);
}

size_t waker_pollfds(struct waker *w, struct pollfd *fds, size_t max, int64_t *deadline_ms)
{
	IN_ROOM(ROOM_UPLINK);
	*deadline_ms = INT64_MAX;
	if (waker_state(w) == WAKER_OFF)
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

void waker_ring(struct waker *w, int64_t now_ms)
{
	struct mqtt_publish ring = { .topic = mqtt_text(w->topic) };

	IN_ROOM(ROOM_UPLINK);
	if (w->step != UP || w->broken || atomic_exchange(&w->ringing, true))
		return;
	if (w->awaiting)
		confirmed(w);
	w->awaiting = true;
	w->rung_ms = INT64_MAX;
	atomic_fetch_add(&w->rings, 1);
	if (mqtt_put_publish(&w->out, &ring) == ST_OK)
		flush(w, now_ms);
	else
		w->broken = true;
}

void waker_confirm(struct waker *w)
{
	IN_ROOM(ROOM_BROKER);
	atomic_exchange(&w->ringing, false);
}

/* IPv4 as IPv4 mapped into IPv6. */
static bool read_address(const char *text, struct in6_addr *out)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return inet_pton(AF_INET6, text, out) == 1;
	memcpy(out->s6_addr, mapped, sizeof mapped);
	memcpy(out->s6_addr + sizeof mapped, &in, sizeof in);
	return true;
}

bool waker_address_ok(const struct waker *w, const char *peer)
{
	char local[INET6_ADDRSTRLEN];
	struct in6_addr from, own;

	IN_ROOM(ROOM_BROKER);
	if (!peer || !peer[0] || peer[0] == '/' || strncmp(peer, "unix", 4) == 0)
		return true;
	if (!read_address(peer, &from))
		return false;
	if (IN6_IS_ADDR_LOOPBACK(&from) ||
	    (IN6_IS_ADDR_V4MAPPED(&from) && from.s6_addr[12] == IN_LOOPBACKNET))
		return true;
	return posted_get(&w->local, local, sizeof local) && read_address(local, &own) &&
	       memcmp(&from, &own, sizeof own) == 0;
}

enum waker_state waker_state(const struct waker *w)
{
	return (enum waker_state)atomic_load(&w->state);
}

void waker_status_text(const struct waker *w, char *out, size_t size)
{
	char line[POSTED_MAX];

	if (!posted_get(&w->status, line, sizeof line))
		snprintf(line, sizeof line, "changing at this moment");
	snprintf(out, size, "%s; %llu rings, %llu unconfirmed", line, atomic_load(&w->rings),
	         atomic_load(&w->unconfirmed));
}

static enum status copy_texts(struct waker *w, const struct waker_conf *conf)
{
	if (!conf->client_id || !conf->username || !conf->password || !conf->topic)
		return ST_INVALID;
	w->client_id = strdup(conf->client_id);
	w->username = strdup(conf->username);
	w->password = strdup(conf->password);
	w->topic = strdup(conf->topic);
	return w->client_id && w->username && w->password && w->topic ? ST_OK : ST_NOMEM;
}

static enum status set_listener(struct waker *w, const char *text)
{
	enum waker_state state = WAKER_SEARCHING;
	struct listener only;

	posted_set(&w->status, trouble_text[NOT_YET]);
	if (!text || strcmp(text, "auto") == 0) {
		search_init(&w->search, NULL);
	} else if (strcmp(text, "off") == 0) {
		state = WAKER_OFF;
		posted_set(&w->status, "off by lan.waker: messages to devices wait for the broker's tick");
	} else {
		if (listener_parse(text, &only) != ST_OK)
			return ST_INVALID;
		search_init(&w->search, &only);
	}
	atomic_init(&w->state, state);
	return ST_OK;
}

enum status waker_new(const struct waker_conf *conf, struct waker **out)
{
	struct waker *w = calloc(1, sizeof *w);
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
	posted_init(&w->local);
	posted_init(&w->status);
	st = copy_texts(w, conf);
	if (st == ST_OK)
		st = set_listener(w, conf->listener);
	if (st != ST_OK) {
		waker_free(w);
		return st;
	}
	*out = w;
	return ST_OK;
}

void waker_free(struct waker *w)
{
	if (!w)
		return;
	if (w->link)
		hang_up(w);
	if (w->password)
		explicit_bzero(w->password, strlen(w->password));
	buf_free(&w->out);
	buf_free(&w->in);
	free(w->client_id);
	free(w->username);
	free(w->password);
	free(w->topic);
	free(w);
}
