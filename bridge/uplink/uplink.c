#include "bridge/uplink/uplink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "bridge/uplink/uplink_impl.h"
#include "core/base/clocks.h"
#include "core/base/room.h"

enum {
	GOODBYE_PART = 8 /* of the time for a stop: DISCONNECT, the last ends into the ack file */
};

static uint64_t random_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = (uint64_t)clocks_monotonic_us() ^ (uint64_t)getpid() << 32;
	return seed;
}

static enum status make_parts(struct uplink *u, const struct route_rules *routes)
{
	const struct uplink_conf *c = &u->conf;
	enum status st = ST_OK;

	if (routes) {
		u->routes = route_rules_copy(routes);
		st = u->routes ? ST_OK : ST_NOMEM;
	}
	if (st == ST_OK)
		st = flight_init(&u->flight, c->window);
	if (st == ST_OK)
		st = permission_init(&u->permissions, random_seed());
	if (st == ST_OK)
		st = aside_new(&u->permissions, random_seed(), &u->gateway.asides);
	if (st == ST_OK && c->doorbell) {
		struct doorbell_conf doorbell = *c->doorbell;

		doorbell.log = &u->log;
		st = doorbell_new(&doorbell, &u->doorbell);
	}
	return st;
}

static void answered(void *ctx, const struct filter *f, bool subscribed, uint8_t code)
{
	receive_tell(ctx, subscribed ? UPLINK_SUBSCRIBED : UPLINK_UNSUBSCRIBED, f->text, code);
}

static enum status make_own(struct uplink *u)
{
	enum room from = room_enter(ROOM_UPLINK); /* its thread does not run yet */
	enum status st = gateway_set_own(&u->gateway, u->client_id);

	room_enter(from);
	return st;
}

static void release_id(void *ctx, uint16_t packet_id)
{
	packet_ids_release(ctx, packet_id);
}

static void set_limits(struct gateway *g, const struct uplink_conf *conf)
{
	const struct region_limits *lim = region_limits(conf->region);

	g->limits.max_subscriptions = conf->max_subscriptions;
	if (!lim)
		return;
	g->limits.region = lim;
	g->limits.subscriptions = lim->subscriptions;
}

enum status uplink_new(const struct uplink_conf *conf, struct uplink **out)
{
	struct uplink *u = calloc(1, sizeof(*u));
	enum status mail, st;

	if (!u)
		return ST_NOMEM;
	u->conf = *conf;
	mail = mail_init(&u->mail, conf->metrics);
	view_init(&u->view);
	u->log = u->mail.log;
	u->sleep_ms = LONGEST_SLEEP_S * 1000;
	credential_client_id(conf->product_id, conf->device_name, u->client_id);
	snprintf(u->operation_topic, sizeof(u->operation_topic), "$gateway/operation/%s/%s",
	         conf->product_id, conf->device_name);
	snprintf(u->result_topic, sizeof(u->result_topic), "$gateway/operation/result/%s/%s",
	         conf->product_id, conf->device_name);
	repeats_init(&u->repeats, random_seed());
	gateway_init(&u->gateway, conf->request_timeout_s * 1000, random_seed(), &u->log,
	             conf->metrics);
	u->gateway.world.binds = conf->bind;
	set_limits(&u->gateway, conf);
	u->gateway.release_id = release_id;
	u->gateway.release_ctx = &u->ids;
	u->gateway.answered = answered;
	u->gateway.answered_ctx = u;
	u->conf.routes = NULL; /* ours are a copy */
	bucket_init(&u->bucket, conf->rate_up);
	stall_guard_init(&u->stall_guard, conf->rate_up);
	backoff_init(&u->backoff, conf->min_reconnect_s * 1000, conf->max_reconnect_s * 1000,
	             random_seed());
	st = make_parts(u, conf->routes);
	if (st == ST_OK)
		st = mail;
	if (st == ST_OK)
		st = make_own(u);
	if (st != ST_OK) {
		uplink_free(u);
		return st;
	}
	*out = u;
	return ST_OK;
}

enum status uplink_set_reconnect_interval(struct uplink *u, uint32_t max_s, uint32_t min_s)
{
	IN_ROOM(ROOM_BROKER);
	if (u->thread.started)
		return ST_STATE;
	if (min_s == 0 || max_s < min_s || max_s > RECONNECT_MAX_S)
		return ST_INVALID;
	u->conf.min_reconnect_s = min_s;
	u->conf.max_reconnect_s = max_s;
	backoff_init(&u->backoff, min_s * 1000, max_s * 1000, random_seed());
	return ST_OK;
}

enum status uplink_set_keepalive_interval(struct uplink *u, uint16_t interval_s)
{
	IN_ROOM(ROOM_BROKER);
	if (u->thread.started)
		return ST_STATE;
	u->conf.keepalive_s = interval_s;
	return ST_OK;
}

enum status uplink_set_message_timeout(struct uplink *u, uint32_t timeout_s)
{
	IN_ROOM(ROOM_BROKER);
	if (u->thread.started)
		return ST_STATE;
	if (timeout_s == 0 || timeout_s > LONGEST_SLEEP_S)
		return ST_INVALID;
	u->sleep_ms = timeout_s * 1000;
	return ST_OK;
}

enum status uplink_connect(struct uplink *u)
{
	IN_ROOM(ROOM_BROKER);
	return u->thread.started ? ST_STATE : thread_start(&u->thread, uplink_thread, u);
}

void uplink_wake(struct uplink *u)
{
	IN_ROOM(ROOM_BROKER);
	wake_ring(&u->mail.wake);
}

/* The connid in it is random, and new in every attempt. */
bool uplink_leads_here(struct uplink *u, const char *username)
{
	char own[SHARED_TEXT_MAX];

	IN_ROOM(ROOM_BROKER);
	shared_text_get(&u->mail.login, own, sizeof(own));
	if (!own[0] || !username || strcmp(own, username) != 0)
		return false;
	atomic_store(&u->mail.leads_here, true);
	return true;
}

bool uplink_disconnect(struct uplink *u, uint32_t wait_ms)
{
	IN_ROOM(ROOM_BROKER);
	if (!u || !u->thread.started)
		return true;
	atomic_store(&u->mail.stop_by_ms, clocks_monotonic_ms() + wait_ms - wait_ms / GOODBYE_PART);
	atomic_store(&u->mail.stopping, true);
	wake_ring(&u->mail.wake);
	/* When it hangs in the kernel (a dead disk, say), uplink_free() leaves everything to the ending
	 * process: the broker's stop is worth more than the memory. */
	return thread_join(&u->thread, wait_ms);
}

void uplink_free(struct uplink *u)
{
	enum room from;

	if (!u || u->thread.started)
		return;
	from = room_enter(ROOM_UPLINK); /* the thread is gone, what it owned is the caller's */
	session_close(u->session, SESSION_PLAIN);
	doorbell_free(u->doorbell);
	gateway_fini(&u->gateway);
	aside_free(u->gateway.asides);
	permission_fini(&u->permissions);
	said_fini(u);
	flight_fini(&u->flight);
	free(u->routes);
	view_fini(&u->view);
	mail_fini(&u->mail);
	free(u);
	room_enter(from);
}

/* --- UPLINK -> BROKER --- */

enum status uplink_take(struct uplink *u, struct uplink_down *out)
{
	IN_ROOM(ROOM_BROKER);
	return mail_take_news(&u->mail, out);
}

void uplink_down_free(struct uplink_down *d)
{
	mail_free_news(d);
}

enum status uplink_take_log(struct uplink *u, struct uplink_log *out)
{
	IN_ROOM(ROOM_BROKER);
	return mail_take_line(&u->mail, out);
}

void uplink_ring(struct uplink *u)
{
	atomic_store(&u->mail.ring_wanted, true);
	wake_ring(&u->mail.wake);
}

const struct log *uplink_log(struct uplink *u)
{
	return &u->log;
}

bool uplink_ready(const struct uplink *u)
{
	return mail_state(&u->mail) == UPLINK_READY;
}

enum uplink_state uplink_state_now(const struct uplink *u)
{
	return mail_state(&u->mail);
}

void uplink_look(struct uplink *u, struct uplink_view *out)
{
	view_get(&u->view, out);
}

struct mail *uplink_mail(struct uplink *u)
{
	return &u->mail;
}

struct doorbell *uplink_doorbell(struct uplink *u)
{
	return u->doorbell;
}
