#include "plugin/devices/registration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/http/http_lan.h"
#include "core/base/mailbox.h"
#include "core/base/room.h"
#include "plugin/base/limiter.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/presence.h"

enum {
	RESULTS_MAX = 1024,
	UNDER_WAY_MAX = 8, /* registrations of configured devices at once */
	PAUSE_MIN_MS = 5000,
	PAUSE_MAX_MS = 600000,
	TIMEOUT_MS = 10000,
};

struct result { /* NET -> BROKER, by value */
	char client_id[CLIENT_ID_MAX + 1];
	struct secret secret; /* key_len 0: none */
	bool configured, again;
	struct asker *asker; /* owned; NULL: no command */
	char error[DYNREG_ERROR_MAX];
};

struct wait_line { /* a configured device without a secret */
	struct wait_line *next;
	struct registrations *all;
	struct device *device;
	int64_t due_ms, pause_ms;
	bool under_way, over;
	bool wanted; /* false: the configuration says so no more; it goes, after its answer */
	char error[DYNREG_ERROR_MAX]; /* the last one logged */
};

struct registrations {
	struct hubgate *h;
	struct net *net;
	struct secrets *secrets;
	struct mailbox *results;
	struct http_lan *http;
	struct dynreg_hub hub; /* its text is that of keys that change with a restart only */
	bool started;
	struct wait_line *line;
	unsigned under_way;
};

static const struct config_product *product_in(const struct config *c, const char *product_id)
{
	for (size_t i = 0; i < c->product_count; i++) {
		const struct config_product *p = &c->products[i];

		if (p->may_register && strncmp(p->product_id, product_id, PRODUCT_ID_LEN) == 0)
			return p;
	}
	return NULL;
}

static const struct config_product *product_of(const struct hubgate *h, const char *product_id)
{
	return product_in(h->config, product_id);
}

/* lan.http is on. */
static bool serves(const struct config *c)
{
	return c->lan.http && strcmp(c->lan.http, "off") != 0;
}

/* --- at start --- */

/* The secret of a device that is configured, or of one that registered itself. True: it is another
 * one than before. */
static bool give(struct hubgate *h, const char *client_id, const struct secret *secret)
{
	struct device *d = device_table_find(h->devices, client_id, strlen(client_id));
	char product_id[PRODUCT_ID_LEN + 1];
	const char *device_name = credential_split(client_id, product_id);

	if (!device_name || !product_of(h, product_id))
		return false; /* not registered here any more: kept in the file, of no effect */
	if (!d)
		d = device_admit(h, product_id, device_name, ORIGIN_REGISTERED);
	if (!d || (d->secret.key_len > 0 &&
	           !(d->origins & ORIGIN_REGISTERED))) /* what is configured stands */
		return false;
	if (strcmp(d->secret.text, secret->text) == 0)
		return false;
	d->secret = *secret;
	device_set_origin(h, d, ORIGIN_REGISTERED, true);
	if (d->presence)
		presence_renew(h, d); /* somebody may speak for it already */
	return true;
}

static void give_known(void *ctx, const char *client_id, const struct secret *secret)
{
	give(ctx, client_id, secret);
}

static enum status join_line(struct registrations *r, struct device *d)
{
	struct wait_line *w = calloc(1, sizeof(*w));

	if (!w)
		return ST_NOMEM;
	w->all = r;
	w->device = d;
	w->pause_ms = PAUSE_MIN_MS;
	w->next = r->line;
	r->line = w;
	d->waits = w;
	return ST_OK;
}

static enum status line_up(struct hubgate *h)
{
	enum status st = ST_OK;

	for (size_t i = 0; i < h->config->device_count && st == ST_OK; i++) {
		const struct config_device *c = &h->config->devices[i];
		struct device *d;

		/* Cheap first: with a secret it needs nobody. */
		if (c->secret.key_len > 0 || c->login || c->certificate)
			continue;
		d = device_table_named(h->devices, c->product_id, c->device_name);
		if (!d || d->secret.key_len > 0 || !product_of(h, c->product_id))
			continue;
		if (!d->waits)
			st = join_line(h->registrations, d);
		if (st == ST_OK)
			d->waits->wanted = true;
	}
	return st;
}

static void drop_result(void *item)
{
	asker_free(((struct result *)item)->asker);
	secret_wipe(&((struct result *)item)->secret);
}

static void registrations_free(struct registrations *r)
{
	if (!r)
		return;
	http_lan_close(r->http);
	net_free(r->net);
	mailbox_free(r->results, drop_result);
	secrets_close(r->secrets);
	while (r->line) {
		struct wait_line *w = r->line;

		r->line = w->next;
		free(w);
	}
	free(r);
}

/* Reads the secrets of earlier registrations, starts nothing. */
static enum status make(struct hubgate *h, const struct config *c, const struct log *log,
                        struct registrations **out)
{
	struct registrations *r = calloc(1, sizeof(*r));
	enum status st;

	if (!r)
		return ST_NOMEM;
	r->h = h;
	r->hub = (struct dynreg_hub){ .url = c->hub.register_url,
		                          .address = c->hub.register_address,
		                          .ca_file = c->hub.ca_file,
		                          .verify = c->hub.verify,
		                          .timeout_ms = TIMEOUT_MS };
	st = secrets_open(c->store.dir, log, &r->secrets);
	if (st == ST_OK)
		st = mailbox_new(sizeof(struct result), RESULTS_MAX, &r->results);
	if (st == ST_OK)
		st = net_new(&r->net);
	*out = st == ST_OK ? r : NULL;
	if (st != ST_OK)
		registrations_free(r);
	return st;
}

enum status registration_open(struct hubgate *h)
{
	enum status st;

	if (h->config->product_count == 0 && !serves(h->config) && !h->config->firmware.hook)
		return ST_OK;
	st = make(h, h->config, &h->log, &h->registrations);
	if (st != ST_OK)
		return st;
	secrets_each(h->registrations->secrets, give_known, h);
	return line_up(h);
}

struct net *registration_net(struct hubgate *h)
{
	return h->registrations ? h->registrations->net : NULL;
}

/* --- NET -> BROKER --- */

struct command { /* a registration for a command */
	struct registrations *all;
	struct asker *asker;
	char client_id[CLIENT_ID_MAX + 1];
};

/* Room NET. Without room it is logged; the secret is on disk. */
static void tell(struct registrations *r, const struct result *result)
{
	bool told = mailbox_put(r->results, result, NULL) == ST_OK;

	if (!told)
		asker_free(result->asker);
	if (!told)
		log_line(uplink_log(r->h->uplink), LOG_WARN,
		         "%s: its registration counts from the next start on", result->client_id);
	uplink_ring(r->h->uplink);
}

/* Room NET. */
static void on_lan_registered(void *ctx, const char *client_id, const struct secret *secret)
{
	struct result result = { .secret = *secret };

	snprintf(result.client_id, sizeof(result.client_id), "%s", client_id);
	tell(ctx, &result);
	secret_wipe(&result.secret);
}

/* Room NET. The secret that the hub gave is kept, and all is told. */
static void take_grant(struct registrations *all, const struct dynreg_result *r,
                       struct result *result)
{
	snprintf(result->error, sizeof(result->error), "%s", r->error);
	if (r->status == ST_OK && r->grant.type != DYNREG_KEY)
		snprintf(result->error, sizeof(result->error),
		         "its product uses certificates: let the device register itself, at lan.http");
	else if (r->status == ST_OK)
		secrets_keep(all->secrets, uplink_log(all->h->uplink), result->client_id, r->grant.psk,
		             &result->secret);
	tell(all, result);
	secret_wipe(&result->secret);
}

/* Room NET. */
static void on_result(void *ctx, const struct dynreg_result *r)
{
	const struct wait_line *w = ctx;
	struct result result = { .configured = true, .again = r->again };

	memcpy(result.client_id, w->device->client_id, sizeof(result.client_id));
	take_grant(w->all, r, &result);
}

/* Room NET. */
static void on_command_result(void *ctx, const struct dynreg_result *r)
{
	struct command *c = ctx;
	struct result result = { .asker = c->asker };

	memcpy(result.client_id, c->client_id, sizeof(result.client_id));
	take_grant(c->all, r, &result);
	free(c);
}

/* --- BROKER --- */

void registration_ask(struct hubgate *h, const char *product_id, const char *device_name,
                      struct asker *asker)
{
	const struct config_product *p = product_of(h, product_id);
	struct registrations *r = h->registrations;
	struct command *c = p && r ? calloc(1, sizeof(*c)) : NULL;
	size_t len = c ? credential_client_id(product_id, device_name, c->client_id) : 0;

	if (!p || !r) {
		asker_answer(asker, "products[] holds no such product with register");
		return;
	}
	if (!c || len > CLIENT_ID_MAX) {
		asker_answer(asker, c ? "no such device name" : "out of memory");
		free(c);
		return;
	}
	c->all = r;
	c->asker = asker;
	if (dynreg_device(r->net, &r->hub, product_id, device_name, p->product_secret,
	                  on_command_result, c) == ST_OK)
		return;
	asker_answer(asker, "no such device name, or too many requests under way");
	free(c);
}

void registration_logged_in(struct hubgate *h, const struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (h->registrations)
		http_lan_logged_in(h->registrations->http, d->client_id);
}

static struct wait_line *find_line(struct registrations *r, const char *client_id)
{
	for (struct wait_line *w = r->line; w; w = w->next) {
		if (strcmp(w->device->client_id, client_id) == 0)
			return w;
	}
	return NULL;
}

static void failed(struct hubgate *h, struct wait_line *w, const struct result *r, int64_t now_ms)
{
	w->over = !r->again;
	w->due_ms = now_ms + w->pause_ms;
	w->pause_ms = 2 * w->pause_ms < PAUSE_MAX_MS ? 2 * w->pause_ms : PAUSE_MAX_MS;
	if (strcmp(w->error, r->error) == 0)
		return;
	memcpy(w->error, r->error, sizeof(w->error));
	log_line(&h->log, LOG_WARN, "%s/%s cannot be registered: %s%s", w->device->product_id,
	         w->device->device_name, r->error,
	         w->over ? "; see to it in the console (dynamic registration of the product, the "
	                   "device), then restart the broker"
	                 : "; tried again");
}

static void leave_line(struct registrations *r, struct wait_line *gone)
{
	struct wait_line **at = &r->line;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	gone->device->waits = NULL;
	free(gone);
}

static void take(struct hubgate *h, const struct result *result, int64_t now_ms)
{
	struct registrations *r = h->registrations;
	struct wait_line *w = result->configured ? find_line(r, result->client_id) : NULL;

	if (w) {
		w->under_way = false;
		r->under_way--;
	}
	if (!result->configured && !result->asker && result->secret.key_len == 0)
		limiter_log(h, LIMITED_REFUSALS, LOG_WARN, result->client_id, "not registered",
		            "%s cannot be registered: %s; tried again when it is heard", result->client_id,
		            result->error);
	asker_answer(result->asker, result->secret.key_len > 0 ? NULL : result->error);
	if (result->secret.key_len == 0) {
		if (w && w->wanted)
			failed(h, w, result, now_ms);
		else if (w)
			leave_line(r, w);
		return;
	}
	if (w && w->wanted)
		w->over = true;
	else if (w)
		leave_line(r, w);
	if (give(h, result->client_id, &result->secret)) /* not who registers again and again */
		log_line(&h->log, LOG_NOTE, "%s was registered at the hub", result->client_id);
}

static void ask_due(struct hubgate *h, int64_t now_ms)
{
	struct registrations *r = h->registrations;

	/* One at a time: signing and the request cost 50 us or so; the timer rings for the next. */
	for (struct wait_line *w = r->line; w && r->under_way < UNDER_WAY_MAX; w = w->next) {
		const struct config_product *p;

		if (w->over || w->under_way || w->due_ms > now_ms)
			continue;
		w->due_ms = now_ms + w->pause_ms;
		p = product_of(h, w->device->product_id);
		if (!p || dynreg_device(r->net, &r->hub, w->device->product_id, w->device->device_name,
		                        p->product_secret, on_result, w) != ST_OK)
			continue;
		w->under_way = true;
		r->under_way++;
		return;
	}
}

void registration_run(struct hubgate *h, int64_t now_ms)
{
	struct registrations *r = h->registrations;
	struct result result;

	if (!r)
		return;
	while (mailbox_take(r->results, &result) == ST_OK) {
		take(h, &result, now_ms);
		secret_wipe(&result.secret);
	}
	ask_due(h, now_ms);
}

int64_t registration_due(const struct hubgate *h)
{
	const struct registrations *r = h->registrations;
	int64_t due_ms = INT64_MAX;

	if (!r || r->under_way >= UNDER_WAY_MAX)
		return INT64_MAX; /* an answer rings */
	for (const struct wait_line *w = r->line; w; w = w->next) {
		if (!w->over && !w->under_way && w->due_ms < due_ms)
			due_ms = w->due_ms;
	}
	return due_ms;
}

enum status registration_start(struct hubgate *h)
{
	struct registrations *r = h->registrations;
	enum status st;

	if (!r || r->started)
		return ST_OK;
	st = net_start(r->net);
	r->started = st == ST_OK;
	return st;
}

/* Those that may register; NULL: no memory. */
static struct http_products *http_products_of(const struct config *c)
{
	struct http_products *out =
		calloc(1, sizeof(*out) + c->product_count * sizeof(struct http_product));

	for (size_t i = 0; out && i < c->product_count; i++) {
		const struct config_product *p = &c->products[i];
		struct http_product *to = &out->at[out->count];

		if (!p->may_register)
			continue;
		snprintf(to->product_id, sizeof(to->product_id), "%s", p->product_id);
		snprintf(to->product_secret, sizeof(to->product_secret), "%s", p->product_secret);
		out->count++;
	}
	return out;
}

enum status registration_listen(struct hubgate *h)
{
	struct registrations *r = h->registrations;
	struct http_lan_conf conf = { .listen = h->config->lan.http, .registered = on_lan_registered };
	struct http_products *products;
	char why[LISTEN_SOCKET_WHY_MAX];
	enum status st;

	if (!serves(h->config))
		return ST_OK;
	products = http_products_of(h->config);
	if (!products)
		return ST_NOMEM;
	conf.hub = &r->hub;
	conf.net = r->net;
	conf.secrets = r->secrets;
	conf.offers = h->offers;
	conf.log = uplink_log(h->uplink);
	conf.ctx = r;
	st = http_lan_open(&conf, why, &r->http);
	if (st == ST_OK) {
		http_lan_set_products(r->http, products);
		log_line(&h->log, LOG_NOTE, "devices register at http://%s" DYNREG_PATH, conf.listen);
		return ST_OK;
	}
	http_products_free(products);
	log_line(&h->log, LOG_ERROR, "not started: lan.http %s: %s", conf.listen, why);
	return st;
}

enum status registration_serve(struct hubgate *h)
{
	struct http_lan *http = h->registrations ? h->registrations->http : NULL;

	if (http && http_lan_start(http) != ST_OK)
		log_line(&h->log, LOG_ERROR,
		         "no thread for lan.http: devices cannot register or download there until the "
		         "broker is restarted");
	return ST_OK;
}

/* --- a new configuration --- */

struct granting {
	const struct config *next;
	struct registration_plan *plan;
	enum status status;
};

static void note_grant(void *ctx, const char *client_id, const struct secret *secret)
{
	struct granting *g = ctx;
	struct registration_plan *p = g->plan;
	struct registration_grant *more;

	if (g->status != ST_OK || !product_in(g->next, client_id))
		return;
	if (p->grant_count == p->grant_room) {
		size_t room = 2 * p->grant_room + 16;

		/* Not realloc(): it would leave secrets behind. */
		more = calloc(room, sizeof(*more));
		if (!more) {
			g->status = ST_NOMEM;
			return;
		}
		if (p->grants) {
			memcpy(more, p->grants, p->grant_count * sizeof(*more));
			explicit_bzero(p->grants, p->grant_count * sizeof(*more));
		}
		free(p->grants);
		p->grants = more;
		p->grant_room = room;
	}
	more = &p->grants[p->grant_count++];
	snprintf(more->client_id, sizeof(more->client_id), "%s", client_id);
	more->secret = *secret;
}

enum status registration_prepare(struct hubgate *h, const struct config *next,
                                 const struct log *log, struct registration_plan *out)
{
	struct granting g = { .next = next, .plan = out };
	struct registrations *r = h->registrations;
	enum status st = ST_OK;

	IN_ROOM(ROOM_DISK);
	out->wanted = true;
	if (!r && next->product_count == 0)
		return ST_OK;
	if (!r)
		st = make(h, h->config, log, &out->made);
	r = r ? r : out->made;
	if (st != ST_OK)
		return st;
	out->products = http_products_of(next);
	if (!out->products)
		return ST_NOMEM;
	secrets_each(r->secrets, note_grant, &g);
	return g.status;
}

/* A secret that came of a registration counts while its product registers. */
static void revoke(struct hubgate *h)
{
	struct table_at at;

	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		if (!(d->origins & ORIGIN_REGISTERED) || product_of(h, d->product_id))
			continue;
		secret_wipe(&d->secret);
		d->origins &= ~(unsigned)ORIGIN_REGISTERED;
		device_end_sessions(h, d);
		device_let_go(h, d);
	}
}

static void sweep_line(struct registrations *r)
{
	struct wait_line *next;

	for (struct wait_line *w = r->line; w; w = next) {
		next = w->next;
		if (!w->wanted && w->under_way)
			w->over = true; /* take() lets it go */
		else if (!w->wanted)
			leave_line(r, w);
	}
}

void registration_apply(struct hubgate *h, struct registration_plan *p)
{
	struct registrations *r;

	IN_ROOM(ROOM_BROKER);
	if (!p->wanted)
		return;
	if (!h->registrations) {
		h->registrations = p->made;
		p->made = NULL;
		if (registration_start(h) != ST_OK)
			log_line(&h->log, LOG_ERROR, "no thread for registrations: restart the broker");
		registration_serve(h);
	}
	r = h->registrations;
	if (!r)
		return;
	http_lan_set_products(r->http, p->products);
	p->products = NULL;
	revoke(h);
	for (size_t i = 0; i < p->grant_count; i++)
		give(h, p->grants[i].client_id, &p->grants[i].secret);
	for (struct wait_line *w = r->line; w; w = w->next) {
		w->wanted = w->over = false; /* what failed for good may be right now */
		w->pause_ms = PAUSE_MIN_MS;
	}
	if (line_up(h) != ST_OK)
		log_line(&h->log, LOG_ERROR, "no memory to register all devices: restart the broker");
	sweep_line(r);
}

void registration_plan_free(struct registration_plan *p)
{
	registrations_free(p->made);
	http_products_free(p->products);
	if (p->grants)
		explicit_bzero(p->grants, p->grant_count * sizeof(*p->grants));
	free(p->grants);
	memset(p, 0, sizeof(*p));
}

/* --- the end --- */

void registration_quit(struct hubgate *h)
{
	if (!h->registrations)
		return;
	http_lan_quiesce(h->registrations->http);
	net_quit(h->registrations->net);
}

bool registration_stop(struct hubgate *h, uint32_t wait_ms)
{
	struct registrations *r = h->registrations;

	if (!r)
		return true;
	registration_quit(h);
	if (!net_stop(r->net, wait_ms))
		return false;
	http_lan_stop(r->http);
	return true;
}

void registration_close(struct hubgate *h)
{
	registrations_free(h->registrations);
	h->registrations = NULL;
}
