/* The UPLINK room: one poll loop over the hub's socket, the doorbell's and the
 * wake descriptor. Nothing here blocks, so nothing here can be late by more than
 * one turn. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "bridge/uplink/uplink_impl.h"
#include "core/base/clocks.h"
#include "core/base/room.h"
#include "shadowstore/journal/journal_reader.h"

enum {
	FDS_MAX = 4,
	/* Under load a turn for every message would cost more in system calls than the messages
	 * do: turns that had work begin no closer than this. A message that comes after a pause
	 * does not wait. */
	TURN_US = 200,
	TIMER_SLACK_NS = 1000,
};

/* Takes what o owns. NULL: no memory. */
static struct live_msg *message_of(struct order *o)
{
	struct live_msg *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->topic = o->topic;
	m->payload = o->payload;
	m->len = o->len;
	m->after_seq = o->after_seq;
	o->topic = NULL;
	o->payload = NULL;
	return m;
}

static void order_live(struct uplink *u, struct order *o, struct subdev *d)
{
	struct live_msg *m = message_of(o);

	if (!m) {
		live_room_give(&u->mail.live, o->share);
		metric_add(u->conf.metrics, M_DROPPED_LIVE, 1);
		return;
	}
	m->room = &u->mail.live;
	m->share = o->share;
	gateway_add_live(&u->gateway, d, m);
}

/* A key of a bind that is text alone. NULL: no memory. */
static struct secret *key_of(const char *text)
{
	struct secret *s = calloc(1, sizeof(*s));

	if (s)
		snprintf(s->text, sizeof(s->text), "%s", text);
	return s;
}

static void order_certificate(struct uplink *u, const struct order *o, struct subdev *d,
                              int64_t now_ms)
{
	const char *md5 = o->payload;

	gateway_set_certificate(&u->gateway, d, key_of(md5), key_of(md5 + strlen(md5) + 1), now_ms);
}

static void order_limits(struct uplink *u, const struct uplink_limits *limits, int64_t now_ms)
{
	u->conf.rate_up = u->bucket.rate = limits->rate_up;
	stall_guard_set_rate(&u->stall_guard, limits->rate_up);
	u->conf.max_age_s = limits->max_age_s;
	if (u->conf.window != limits->window && flight_set_window(&u->flight, limits->window) != ST_OK)
		log_line(&u->log, LOG_ERROR, "no memory for hub.window %u: it stays at %u", limits->window,
		         u->conf.window);
	else
		u->conf.window = limits->window;
	intake_limits(u, now_ms);
}

/* Takes what o owns. */
static void order_routes(struct uplink *u, struct order *o)
{
	free(u->routes);
	u->routes = o->payload;
	o->payload = NULL;
}

/* Orders about no device. False: this one is about a device. */
static bool carry_out_general(struct uplink *u, struct order *o, int64_t now_ms)
{
	switch ((int)o->kind) {
	case ORDER_DOWN_DONE:
		if (u->session && o->epoch == u->epoch)
			session_puback(u->session, o->packet_id);
		return true;
	case ORDER_WATCH:
		if (u->doorbell && doorbell_watch(u->doorbell, o->topic) != ST_OK)
			log_line(&u->log, LOG_WARN, "no memory to watch %.128s", o->topic);
		return true;
	case ORDER_ASK_LIST:
		gateway_ask_list(&u->gateway, now_ms);
		return true;
	case ORDER_LIMITS:
		order_limits(u, o->payload, now_ms);
		return true;
	case ORDER_ROUTES:
		order_routes(u, o);
		return true;
	case ORDER_TRACE: /* of a name: it need not be known here yet */
	case ORDER_UNTRACE:
		traced_set(u, o->client_id, o->kind == ORDER_TRACE);
		return true;
	default:
		return false;
	}
}

static void carry_out(struct uplink *u, struct order *o, int64_t now_ms)
{
	struct gateway *g = &u->gateway;
	struct subdev *d;

	if (carry_out_general(u, o, now_ms))
		return;
	d = gateway_device(g, o->client_id);
	if (!d)
		return;
	switch (o->kind) {
	case ORDER_PRESENT:
	case ORDER_LEFT:
		gateway_present(g, d, o->kind == ORDER_PRESENT, now_ms);
		break;
	case ORDER_SECRET:
		gateway_set_secret(g, d, o->payload, now_ms);
		o->payload = NULL;
		break;
	case ORDER_CERTIFICATE:
		order_certificate(u, o, d, now_ms);
		break;
	case ORDER_SUBSCRIBE:
		gateway_subscribe(g, d, o->topic, o->qos);
		break;
	case ORDER_UNSUBSCRIBE:
		gateway_unsubscribe(g, d, o->topic);
		break;
	case ORDER_LIVE:
		order_live(u, o, d);
		break;
	case ORDER_SHADOW_FOLLOW:
		gateway_follow_shadow(g, d, o->topic);
		break;
	case ORDER_SHADOW_DIRTY:
	case ORDER_SHADOW_CLEAN:
		gateway_shadow_dirty(g, d, o->kind == ORDER_SHADOW_DIRTY);
		break;
	case ORDER_SHADOW_SEND:
		/* Without memory BROKER hears nothing and asks again. */
		gateway_set_shadow(g, d, message_of(o));
		break;
	case ORDER_ASK:
		gateway_ask(g, d, o->op, o->payload ? message_of(o) : NULL, now_ms);
		break;
	case ORDER_FORGET:
		gateway_set_secret(g, d, NULL, now_ms);
		gateway_present(g, d, false, now_ms);
		break;
	case ORDER_STANDING:
		gateway_set_standing(g, d, o->standing, now_ms);
		intake_standing(u, d);
		break;
	case ORDER_LET_GO:
		intake_let_go(u, d);
		gateway_forget(g, d, now_ms);
		break;
	case ORDER_WATCH:
	case ORDER_ASK_LIST:
	case ORDER_DOWN_DONE:
	case ORDER_LIMITS:
	case ORDER_ROUTES:
	case ORDER_TRACE:
	case ORDER_UNTRACE:
		break;
	}
}

static void take_orders(struct uplink *u, int64_t now_ms)
{
	struct order o;
	int n = 0;

	for (; mail_take_order(&u->mail, &o) == ST_OK; n++) {
		carry_out(u, &o, now_ms);
		mail_free_order(&o);
	}
	u->found |= n > 0;
	/* It may have been full: BROKER says again what found no room. */
	if (n >= MAIL_ORDERS_MAX)
		atomic_store(&u->mail.ring_wanted, true);
}

static void ring_broker(struct uplink *u, int64_t now_ms)
{
	bool mail = mail_waits(&u->mail) || u->traced.told;
	bool wanted, timer;

	u->traced.told = false;
	if (u->conf.news && mail)
		wake_ring(u->conf.news);
	if (!u->doorbell)
		return;
	wanted = atomic_exchange(&u->mail.ring_wanted, false);
	timer = mail_timer_came(&u->mail, now_ms);
	u->found |= wanted;
	if (mail || wanted || timer)
		doorbell_ring(u->doorbell, now_ms);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct timespec sleep_time(struct uplink *u, int64_t now_us, int64_t doorbell_due_ms)
{
	int64_t now_ms = now_us / 1000;
	int64_t due_ms = earlier(connect_deadline(u), doorbell_due_ms);
	int64_t broker_due_ms = mail_timer(&u->mail);
	bool stopping = atomic_load(&u->mail.stopping);
	int64_t wait_us, flow_us;

	due_ms = earlier(due_ms, u->gateway.due_ms);
	due_ms = earlier(due_ms, intake_times_due(u));
	due_ms = earlier(due_ms, gateway_names_due(&u->gateway, now_ms));
	due_ms = earlier(due_ms, judge_due_ms(u, now_ms));
	due_ms = earlier(due_ms, view_due_ms(&u->view));
	if (u->doorbell && !stopping)
		due_ms = earlier(due_ms, broker_due_ms);
	due_ms = earlier(due_ms, earlier(u->look_ms, u->retry_ms));
	due_ms = earlier(due_ms, now_ms + u->sleep_ms);
	if (stopping)
		due_ms = earlier(due_ms, atomic_load(&u->mail.stop_by_ms));
	wait_us = due_ms > now_ms ? due_ms * 1000 - now_us : 0;
	flow_us = u->more ? 0 : send_wait_us(u, now_ms);
	if (flow_us >= 0)
		wait_us = earlier(wait_us, flow_us);
	return (struct timespec){ (time_t)(wait_us / 1000000), (long)(wait_us % 1000000) * 1000 };
}

static void space_turns(struct uplink *u)
{
	int64_t left_us = u->turn_us + TURN_US - clocks_monotonic_us();
	struct timespec pause = { 0, (long)left_us * 1000 };

	if (u->worked && left_us > 0)
		nanosleep(&pause, NULL);
}

static void wait_for_work(struct uplink *u)
{
	struct pollfd fds[FDS_MAX] = { { .fd = wake_fd(&u->mail.wake), .events = POLLIN } };
	nfds_t count = 1;
	int64_t doorbell_due_ms = INT64_MAX;
	struct timespec timeout;

	if (u->session)
		session_pollfd(u->session, &fds[count++], u->paused);
	if (u->doorbell && !atomic_load(&u->mail.stopping))
		count += doorbell_pollfds(u->doorbell, &fds[count], FDS_MAX - count, &doorbell_due_ms);
	timeout = sleep_time(u, clocks_monotonic_us(), doorbell_due_ms);
	if (ppoll(fds, count, &timeout, NULL) > 0 && fds[0].revents)
		wake_hear(&u->mail.wake);
}

static void one_turn(struct uplink *u)
{
	int64_t now_ms;

	space_turns(u);
	u->turn_us = clocks_monotonic_us();
	u->worked = u->found = false;
	u->retry_ms = INT64_MAX;
	now_ms = u->turn_us / 1000;

	/* The journal first: a message in memory that came before one in the journal has its order
	 * put already, so it is known when that one is. */
	intake_journal(u, now_ms);
	take_orders(u, now_ms);
	connect_run(u, now_ms);
	receive_packets(u, now_ms);
	judge_run(u, now_ms);
	intake_times(u, now_ms);
	if (now_ms >= u->gateway.due_ms)
		gateway_tick(&u->gateway, now_ms);
	gateway_line_up(&u->gateway, now_ms);
	send_run(u, now_ms);
	receive_news(u, now_ms);
	gateway_sweep(&u->gateway);
	view_run(u, now_ms);
	/* A broker that stops has nobody left to ring for. */
	if (!atomic_load(&u->mail.stopping)) {
		ring_broker(u, now_ms);
		if (u->doorbell)
			doorbell_run(u->doorbell, now_ms);
	}
	u->look_ms = wake_look(&u->mail.wake, u->found, now_ms);
}

/* Every device is taken offline, so that the hub shows nothing that is not
 * there; what does not fit the time is reconciled by the next start. */
static bool leaving_done(struct uplink *u)
{
	enum uplink_state state = mail_state(&u->mail);

	if (!atomic_load(&u->mail.stopping))
		return false;
	if (state == UPLINK_READY || state == UPLINK_PREPARING) {
		connect_move(u, UPLINK_LEAVING);
		gateway_leave(&u->gateway, clocks_monotonic_ms());
		state = UPLINK_LEAVING;
	}
	return state != UPLINK_LEAVING || gateway_left(&u->gateway) ||
	       clocks_monotonic_ms() >= atomic_load(&u->mail.stop_by_ms);
}

void uplink_thread(void *arg)
{
	struct uplink *u = arg;

	room_enter(ROOM_UPLINK);
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
	connect_init(u, clocks_monotonic_ms());
	intake_start(u, clocks_monotonic_ms());
	judge_start(u);
	for (one_turn(u); !leaving_done(u); one_turn(u))
		wait_for_work(u);
	session_close(u->session, SESSION_POLITE);
	u->session = NULL;
	if (u->conf.journal)
		journal_reader_flush(u->conf.journal);
	connect_move(u, UPLINK_STOPPED);
}
