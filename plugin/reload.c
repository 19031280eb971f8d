#include "plugin/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mailbox.h"
#include "core/base/room.h"
#include "core/config/config_changes.h"
#include "core/hub/login_id.h"
#include "plugin/config_file.h"
#include "plugin/devices/command.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/names.h"
#include "plugin/devices/presence.h"
#include "plugin/lan/apps.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/broker_rights.h"
#include "plugin/lan/client_ids.h"
#include "plugin/reload_askers.h"
#include "plugin/reload_plan.h"
#include "plugin/report.h"
#include "plugin/services/mapping_service.h"
#include "plugin/services/own_config.h"

enum {
	KICKS_PER_TURN = 16,
	LINES_PER_TURN = 20,
};

enum stage {
	IDLE,
	READING,  /* DISK has the plan */
	ENDING,   /* it counts; lines are to be written, clients to be disconnected */
	EMPTYING, /* DISK has it again, to free what is over */
};

enum unsaid { /* bits: orders that found no room in the uplink's mailbox */
	UNSAID_LIMITS = 1,
	UNSAID_ROUTES = 2,
	UNSAID_WATCHES = 4,
};

struct reload {
	struct hubgate *h;
	enum stage stage;
	bool again; /* SIGHUP came meanwhile */
	struct reload_plan plan;
	struct mailbox *back; /* DISK -> BROKER: the plan is BROKER's again */
	size_t written;       /* of the plan's lines */
	unsigned unsaid;
	struct route_rules *routes; /* for the uplink, with UNSAID_ROUTES; owned */
	/* Who commanded it: what this plan comes to is theirs; and those who came too late for it. */
	struct reload_askers askers, later;
};

static void reload_for(struct hubgate *h, struct asker *a);

/* --- life --- */

enum status reload_open(struct hubgate *h)
{
	struct reload *r = calloc(1, sizeof(*r));
	enum status st;

	if (!r)
		return ST_NOMEM;
	r->h = r->plan.h = h;
	st = mailbox_new(sizeof(char), 1, &r->back);
	if (st != ST_OK) {
		free(r);
		return st;
	}
	h->reload = r;
	h->reload_for = reload_for;
	return ST_OK;
}

void reload_close(struct hubgate *h)
{
	struct reload *r = h->reload;

	if (!r)
		return;
	reload_plan_empty(&r->plan);
	mailbox_free(r->back, NULL);
	reload_askers_free(&r->askers);
	reload_askers_free(&r->later);
	free(r->routes);
	free(r);
	h->reload = NULL;
	h->reload_for = NULL;
}

/* --- DISK --- */

static void give_back(struct reload *r)
{
	const char token = 0;

	mailbox_put(r->back, &token, NULL); /* there is one plan: there is room */
	uplink_ring(r->h->uplink);
}

static void read_in_disk(void *ctx)
{
	struct reload *r = ctx;

	reload_plan_make(&r->plan);
	give_back(r);
}

static void empty_in_disk(void *ctx)
{
	struct reload *r = ctx;

	reload_plan_empty(&r->plan);
	give_back(r);
}

/* --- BROKER --- */

static void begin(struct reload *r)
{
	struct hubgate *h = r->h;

	r->again = false;
	r->written = 0;
	r->stage = READING;
	r->plan.remote = own_config_lend(h, &r->plan.remote_len, &r->plan.remote_fresh);
	reload_askers_join(&r->askers, &r->later);
	if (disk_ask(h->disk, read_in_disk, r) == ST_OK)
		return;
	reload_askers_refuse(&r->askers, "the disk's thread is busy; ask again");
	r->stage = IDLE;
	own_config_hold(h);
	log_line(&h->log, LOG_ERROR, "%s cannot be read now; send SIGHUP again", h->config_path);
}

void reload_ask(struct hubgate *h)
{
	struct reload *r = h->reload;

	if (!r || !h->disk || !h->config_path)
		return;
	if (r->stage == IDLE)
		begin(r);
	else
		r->again = true;
}

static void reload_for(struct hubgate *h, struct asker *a)
{
	struct reload *r = h->reload;

	IN_ROOM(ROOM_BROKER);
	if (!h->disk || !h->config_path) {
		asker_answer(a, "there is no file to read again");
		return;
	}
	if (reload_askers_add(&r->later, a) == ST_OK)
		reload_ask(h);
}

/* What is over may be large: DISK frees it. */
static void dismiss(struct reload *r)
{
	r->stage = EMPTYING;
	if (disk_ask(r->h->disk, empty_in_disk, r) == ST_OK)
		return;
	reload_plan_empty(&r->plan);
	r->stage = IDLE;
}

/* --- telling the uplink --- */

static enum status say_limits(struct hubgate *h)
{
	const struct config *c = h->config;
	const struct uplink_limits limits = { c->hub.rate_up, c->hub.window, c->store.max_age_s };

	return uplink_set_limits(h->uplink, &limits);
}

static enum status say_routes(struct hubgate *h)
{
	struct reload *r = h->reload;
	enum status st = r->routes ? uplink_set_routes(h->uplink, r->routes) : ST_OK;

	if (st == ST_OK)
		r->routes = NULL; /* the uplink's */
	return st;
}

static void say_unsaid(struct reload *r)
{
	static const struct {
		unsigned bit;
		enum status (*say)(struct hubgate *h);
	} all[] = {
		{ UNSAID_LIMITS, say_limits },
		{ UNSAID_ROUTES, say_routes },
		{ UNSAID_WATCHES, mapping_service_start },
	};

	for (size_t i = 0; r->unsaid && i < sizeof(all) / sizeof(all[0]); i++) {
		if (r->unsaid & all[i].bit && all[i].say(r->h) == ST_OK)
			r->unsaid &= ~all[i].bit;
	}
}

/* --- devices --- */

/* What the entry says of d. */
static void configure(struct hubgate *h, struct device *d, const struct config_device *c)
{
	device_set_origin(h, d, ORIGIN_CONFIGURED, true);
	d->certificate = c->digests;
	device_configured(d, c);
	if (c->secret.key_len > 0) {
		d->secret = c->secret;
		d->origins &= ~(unsigned)ORIGIN_REGISTERED;
	} else if (!(d->origins & ORIGIN_REGISTERED)) {
		secret_wipe(&d->secret);
	}
	if (d->presence->secret_told || d->presence->current || d->online ||
	    d->origins & ORIGIN_APPLICATION)
		presence_renew(h, d);
}

static void add(struct hubgate *h, struct reload_device *c)
{
	struct device *d = device_table_find(h->devices, c->client_id, strlen(c->client_id));

	/* A guest until now, perhaps logged in with a secret of its own. */
	if (d && d->secret.key_len > 0 && c->after->secret.key_len > 0 &&
	    strcmp(d->secret.text, c->after->secret.text) != 0)
		device_end_sessions(h, d);
	d = device_table_put(h->devices, c->made);
	if (d == c->made)
		c->made = NULL;
	configure(h, d, c->after);
	device_known(h, d);
}

static void take_away(struct hubgate *h, struct device *d)
{
	d->origins &= ~(unsigned)ORIGIN_CONFIGURED;
	memset(&d->certificate, 0, sizeof(d->certificate));
	device_configured(d, NULL);
	if (!(d->origins & ORIGIN_REGISTERED)) {
		secret_wipe(&d->secret);
		device_end_sessions(h, d);
	}
	if (device_let_go(h, d))
		presence_renew(h, d); /* known by its registration, an application, a rule */
}

static void take_devices(struct hubgate *h, struct reload_plan *p)
{
	for (size_t i = 0; i < p->device_count; i++) {
		struct reload_device *c = &p->devices[i];
		struct device *d;

		if (!c->before) {
			add(h, c);
			continue;
		}
		d = device_table_find(h->devices, c->client_id, strlen(c->client_id));
		if (!d || d->own)
			continue;
		if (!c->after) {
			take_away(h, d);
			continue;
		}
		configure(h, d, c->after);
		if (c->ends)
			device_end_sessions(h, d);
	}
}

/* --- sessions that are over --- */

static void mark_over(struct hubgate *h)
{
	struct table_at at;

	for (struct lan_session *s = lan_session_first(h, &at); s; s = lan_session_next(h, &at)) {
		if (s->device && s->device->presence->ended == h->reload_round)
			s->over = true;
	}
}

static struct lan_session *find_over(const struct hubgate *h)
{
	struct table_at at;

	for (struct lan_session *s = lan_session_first(h, &at); s; s = lan_session_next(h, &at)) {
		if (s->over && !s->kicked)
			return s;
	}
	return NULL;
}

static const char *login_before(const struct reload_plan *p, const struct device *d)
{
	for (size_t i = 0; i < p->device_count; i++) {
		if (p->devices[i].before && strcmp(p->devices[i].client_id, d->client_id) == 0)
			return p->devices[i].before->login;
	}
	return NULL;
}

static void kick(const struct hubgate *h, const struct lan_session *s)
{
	char id[LOGIN_ID_MAX + 1]; /* the broker's call frees ours */

	snprintf(id, sizeof(id), "%s", client_ids_of(h, s->client, s->device));
	mosquitto_kick_client_by_clientid(id, false);
}

/* True: more wait. The broker tells of the end from inside the call, and s is gone. */
static bool end_sessions(struct reload *r)
{
	struct lan_session *s = find_over(r->h);

	for (int n = 0; s && n < KICKS_PER_TURN; n++) {
		const char *login = s->broker_login ? login_before(&r->plan, s->device) : NULL;

		s->kicked = true;
		if (login)
			mosquitto_kick_client_by_username(login, false);
		else if (!s->broker_login)
			kick(r->h, s);
		s = find_over(r->h);
	}
	return s != NULL;
}

/* --- the swap --- */

/* All memory that the swap needs. */
static enum status reserve(struct hubgate *h, const struct reload_plan *p)
{
	enum status st = device_table_reserve(h->devices, p->added);

	return st == ST_OK ? products_join(h, &p->products) : st;
}

static bool same_limits(const struct journal_limits *a, const struct journal_limits *b)
{
	return a->max_messages == b->max_messages && a->max_bytes == b->max_bytes &&
	       a->device_share == b->device_share && a->policy == b->policy;
}

static void take_limits(struct reload *r, const struct config_hub *hub_was,
                        const struct config_store *store_was)
{
	struct hubgate *h = r->h;
	const struct config *c = h->config;
	const struct journal_limits was = config_file_limits(store_was);
	const struct journal_limits is = config_file_limits(&c->store);
	bool same = same_limits(&was, &is);

	if (!same)
		journal_set_limits(h->journal, &is);
	/* The order also makes the uplink look at the journal's bounds. */
	if (!same || hub_was->rate_up != c->hub.rate_up || hub_was->window != c->hub.window ||
	    store_was->max_age_s != c->store.max_age_s)
		r->unsaid |= UNSAID_LIMITS;
}

static void take_routes(struct reload *r)
{
	if (!r->plan.routes)
		return;
	free(r->routes);
	r->routes = r->plan.routes;
	r->plan.routes = NULL;
	r->unsaid |= UNSAID_ROUTES;
}

static void take_mappings(struct reload *r)
{
	if (!r->plan.mappings_differ)
		return;
	mapping_service_rules_changed(r->h);
	r->unsaid |= UNSAID_WATCHES;
}

static enum status swap(struct reload *r)
{
	struct reload_plan *p = &r->plan;
	struct hubgate *h = r->h;
	const struct config_hub hub_was = h->config->hub;
	const struct config_store store_was = h->config->store;
	uint32_t grace_was_ms = h->config->presence.grace_ms;

	if (reserve(h, p) != ST_OK)
		return ST_NOMEM;
	h->reload_round++;
	config_take_live(h->config, &p->next);
	h->rights->acl = p->acl;
	broker_login_configured(h);
	take_limits(r, &hub_was, &store_was);
	take_routes(r);
	presence_grace_changed(h, grace_was_ms);
	command_age_changed(h);
	names_trim(h);
	take_devices(h, p);
	take_mappings(r);
	mapping_service_adopt(h);
	registration_apply(h, &p->registration);
	apps_check_roles(h);
	mark_over(h);
	report_interval_changed(h);
	metric_set(&h->metrics, M_DEVICES, h->config->device_count);
	return ST_OK;
}

/* The remote configuration that was lent, if there was one. */
static void settle_remote(struct reload *r, bool counts)
{
	const struct reload_plan *p = &r->plan;

	if (p->remote_fault)
		own_config_settle(r->h, p->remote_fresh ? OWN_CONFIG_REFUSED : OWN_CONFIG_LEFT_OUT,
		                  p->remote_why);
	else if (counts)
		own_config_settle(r->h, OWN_CONFIG_COUNTS, NULL);
	else
		own_config_hold(r->h);
}

static void take_plan(struct reload *r)
{
	bool counts = false;

	if (r->again) { /* an older file: the last one counts */
		own_config_give_back(r->h);
		dismiss(r);
		return;
	}
	r->stage = ENDING;
	if (r->plan.whole) {
		counts = swap(r) == ST_OK;
		if (!counts)
			log_line(&r->h->log, LOG_ERROR, "no memory for %s: the gateway goes on as it was",
			         r->h->config_path);
	}
	settle_remote(r, counts);
	reload_askers_answer(&r->askers, &r->plan, counts);
	if (r->plan.whole && !counts)
		dismiss(r);
}

/* True: more wait. */
static bool write_lines(struct reload *r)
{
	struct reload_plan *p = &r->plan;

	for (int n = 0; r->written < p->line_count && n < LINES_PER_TURN; n++) {
		const struct reload_line *line = &p->lines[r->written++];

		log_line(&r->h->log, line->level, "%s", line->text);
	}
	if (r->written < p->line_count)
		return true;
	if (p->lines_lost > 0)
		log_line(&r->h->log, LOG_WARN, "%zu more lines about %s", p->lines_lost, r->h->config_path);
	p->lines_lost = 0;
	return false;
}

static void go_on(struct reload *r)
{
	bool more = write_lines(r);

	more |= end_sessions(r);
	if (more)
		uplink_ring(r->h->uplink); /* others have their turn in between */
	else
		dismiss(r);
}

void reload_run(struct hubgate *h, int64_t now_ms)
{
	struct reload *r = h->reload;
	bool had_plan;
	char token;

	(void)now_ms;
	if (!r)
		return;
	if (r->stage == IDLE && own_config_waits(h))
		reload_ask(h);
	if (r->stage == IDLE && !r->unsaid)
		return;
	had_plan = mailbox_take(r->back, &token) == ST_OK;
	if (had_plan && r->stage == READING)
		take_plan(r);
	else if (had_plan)
		r->stage = IDLE;
	if (r->unsaid)
		say_unsaid(r);
	if (r->stage == ENDING)
		go_on(r);
	if (r->stage == IDLE && r->again)
		begin(r);
}
