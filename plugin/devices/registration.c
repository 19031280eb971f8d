#include "plugin/devices/registration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/http/http_lan.h"
#include "core/base/mailbox.h"
#include "plugin/devices/facts.h"

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
	struct control_asker *asker; /* owned; NULL: no command */
	char error[DYNREG_ERROR_MAX];
};

struct wait_line { /* a configured device without a secret */
	struct wait_line *next;
	struct registrations *all;
	struct device *device;
	const struct config_product *product;
	int64_t due_ms, pause_ms;
	bool under_way, over;
	char error[DYNREG_ERROR_MAX]; /* the last one logged */
};

struct registrations {
	struct hubgate *h;
	struct net *net;
	struct secrets *secrets;
	struct mailbox *results;
	struct http_lan *http;
	struct http_product *products;
	struct dynreg_hub hub;
	struct wait_line *line;
	unsigned under_way;
};

static const struct config_product *product_of(const struct hubgate *h, const char *product_id)
{
	for (size_t i = 0; i < h->config->product_count; i++) {
		const struct config_product *p = &h->config->products[i];

		if (p->may_register && strcmp(p->product_id, product_id) == 0)
			return p;
	}
	return NULL;
}

/* --- at start --- */

/* The secret of a device that is configured, or of one that registered itself. */
static void give(struct hubgate *h, const char *client_id, const struct secret *secret)
{
	struct device *d = registry_find(&h->registry, client_id, strlen(client_id));
	char product_id[PRODUCT_ID_LEN + 1];

	memcpy(product_id, client_id, PRODUCT_ID_LEN);
	product_id[PRODUCT_ID_LEN] = '\0';
	if (!product_of(h, product_id))
		return; /* not registered here any more: kept in the file, of no effect */
	if (!d)
		d = facts_guest(h, product_id, client_id + PRODUCT_ID_LEN);
	if (!d || (d->secret.key_len > 0 && !d->registered)) /* what is configured stands */
		return;
	d->secret = *secret;
	d->registered = true;
	if (d->presence)
		d->presence->secret_told = false;
}

static void give_known(void *ctx, const char *client_id, const struct secret *secret)
{
	give(ctx, client_id, secret);
}

static bool needs_registration(const struct device *d, const struct config_device *c)
{
	return d && d->secret.key_len == 0 && !c->login && !c->certificate;
}

static enum status line_up(struct hubgate *h)
{
	for (size_t i = 0; i < h->config->device_count; i++) {
		const struct config_device *c = &h->config->devices[i];
		char client_id[CLIENT_ID_MAX + 1];
		struct wait_line *w;
		struct device *d;
		int len = snprintf(client_id, sizeof(client_id), "%s%s", c->product_id, c->device_name);

		d = registry_find(&h->registry, client_id, (size_t)len);
		if (!needs_registration(d, c) || !product_of(h, c->product_id))
			continue;
		w = calloc(1, sizeof(*w));
		if (!w)
			return ST_NOMEM;
		w->all = h->registrations;
		w->device = d;
		w->product = product_of(h, c->product_id);
		w->pause_ms = PAUSE_MIN_MS;
		w->next = h->registrations->line;
		h->registrations->line = w;
	}
	return ST_OK;
}

static void drop_result(void *item)
{
	control_forget(((struct result *)item)->asker);
	secret_wipe(&((struct result *)item)->secret);
}

enum status registration_open(struct hubgate *h)
{
	struct registrations *r;
	enum status st;

	if (h->config->product_count == 0)
		return ST_OK;
	r = calloc(1, sizeof(*r));
	if (!r)
		return ST_NOMEM;
	h->registrations = r;
	r->h = h;
	r->hub = (struct dynreg_hub){ .url = h->config->hub.register_url,
		                          .address = h->config->hub.register_address,
		                          .ca_file = h->config->hub.ca_file,
		                          .verify = h->config->hub.verify,
		                          .timeout_ms = TIMEOUT_MS };
	st = secrets_open(h->config->store.dir, &h->log, &r->secrets);
	if (st == ST_OK)
		st = mailbox_new(sizeof(struct result), RESULTS_MAX, &r->results);
	if (st == ST_OK)
		st = net_new(&r->net);
	if (st != ST_OK)
		return st;
	secrets_each(r->secrets, give_known, h);
	return line_up(h);
}

/* --- NET -> BROKER --- */

struct command { /* a registration for a command */
	struct registrations *all;
	struct control_asker *asker;
	char client_id[CLIENT_ID_MAX + 1];
};

/* Room NET. Without room it is logged; the secret is on disk. */
static void tell(struct registrations *r, const struct result *result)
{
	bool told = mailbox_put(r->results, result, NULL) == ST_OK;

	if (!told)
		control_forget(result->asker);
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

/* Room NET. */
static void on_result(void *ctx, const struct dynreg_result *r)
{
	const struct wait_line *w = ctx;
	struct result result = { .configured = true, .again = r->again };
	enum status st = ST_OK;

	memcpy(result.client_id, w->device->client_id, sizeof(result.client_id));
	snprintf(result.error, sizeof(result.error), "%s", r->error);
	if (r->status == ST_OK && r->grant.type != DYNREG_KEY)
		snprintf(result.error, sizeof(result.error),
		         "its product uses certificates: let the device register itself, at lan.http");
	else if (r->status == ST_OK && secret_parse(r->grant.psk, &result.secret) == ST_OK)
		st = secrets_put(w->all->secrets, result.client_id, &result.secret);
	if (st != ST_OK && st != ST_EXISTS)
		log_line(uplink_log(w->all->h->uplink), LOG_ERROR,
		         "%s was registered, but its secret cannot be kept in store.dir: %s",
		         result.client_id, strerror(errno));
	tell(w->all, &result);
	secret_wipe(&result.secret);
}

/* Room NET. */
static void on_command_result(void *ctx, const struct dynreg_result *r)
{
	struct command *c = ctx;
	struct result result = { .asker = c->asker };
	enum status st = ST_OK;

	memcpy(result.client_id, c->client_id, sizeof(result.client_id));
	snprintf(result.error, sizeof(result.error), "%s", r->error);
	if (r->status == ST_OK && r->grant.type != DYNREG_KEY)
		snprintf(result.error, sizeof(result.error), "the product uses certificates");
	else if (r->status == ST_OK && secret_parse(r->grant.psk, &result.secret) == ST_OK)
		st = secrets_put(c->all->secrets, result.client_id, &result.secret);
	if (st != ST_OK && st != ST_EXISTS)
		log_line(uplink_log(c->all->h->uplink), LOG_ERROR,
		         "%s was registered, but its secret cannot be kept in store.dir: %s",
		         result.client_id, strerror(errno));
	tell(c->all, &result);
	secret_wipe(&result.secret);
	free(c);
}

/* --- BROKER --- */

void registration_ask(struct hubgate *h, const char *product_id, const char *device_name,
                      struct control_asker *asker)
{
	const struct config_product *p = product_of(h, product_id);
	struct registrations *r = h->registrations;
	struct command *c = p && r ? calloc(1, sizeof(*c)) : NULL;
	int len = c ? snprintf(c->client_id, sizeof(c->client_id), "%s%s", product_id, device_name) : 0;

	if (!p || !r) {
		control_answer(asker, "products[] holds no such product with register");
		return;
	}
	if (!c || len >= (int)sizeof(c->client_id)) {
		control_answer(asker, c ? "no such device name" : "out of memory");
		free(c);
		return;
	}
	c->all = r;
	c->asker = asker;
	if (dynreg_device(r->net, &r->hub, product_id, device_name, p->product_secret,
	                  on_command_result, c) == ST_OK)
		return;
	control_answer(asker, "no such device name, or too many requests under way");
	free(c);
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

static void take(struct hubgate *h, const struct result *result, int64_t now_ms)
{
	struct registrations *r = h->registrations;
	struct wait_line *w = result->configured ? find_line(r, result->client_id) : NULL;

	if (w) {
		w->under_way = false;
		r->under_way--;
	}
	control_answer(result->asker, result->secret.key_len > 0 ? NULL : result->error);
	if (result->secret.key_len == 0) {
		if (w)
			failed(h, w, result, now_ms);
		return;
	}
	if (w)
		w->over = true;
	give(h, result->client_id, &result->secret);
	log_line(&h->log, LOG_NOTE, "%s was registered at the hub", result->client_id);
}

static void ask_due(struct hubgate *h, int64_t now_ms)
{
	struct registrations *r = h->registrations;

	/* One at a time: signing and the request cost 50 us or so; the timer rings for the next. */
	for (struct wait_line *w = r->line; w && r->under_way < UNDER_WAY_MAX; w = w->next) {
		if (w->over || w->under_way || w->due_ms > now_ms)
			continue;
		w->due_ms = now_ms + w->pause_ms;
		if (dynreg_device(r->net, &r->hub, w->device->product_id, w->device->device_name,
		                  w->product->product_secret, on_result, w) != ST_OK)
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
	return h->registrations ? net_start(h->registrations->net) : ST_OK;
}

static enum status listen_lan(struct hubgate *h)
{
	struct registrations *r = h->registrations;
	struct http_lan_conf conf = {
		.listen = h->config->lan.http,
		.hub = &r->hub,
		.net = r->net,
		.secrets = r->secrets,
		.log = uplink_log(h->uplink),
		.registered = on_lan_registered,
		.ctx = r,
	};
	enum status st;

	r->products = calloc(h->config->product_count + 1, sizeof(*r->products));
	if (!r->products)
		return ST_NOMEM;
	for (size_t i = 0; i < h->config->product_count; i++) {
		const struct config_product *p = &h->config->products[i];

		if (p->may_register)
			r->products[conf.product_count++] =
				(struct http_product){ p->product_id, p->product_secret };
	}
	conf.products = r->products;
	st = http_lan_open(&conf, &r->http);
	if (st == ST_OK)
		log_line(&h->log, LOG_NOTE, "devices register at http://%s" DYNREG_PATH, conf.listen);
	else
		log_line(&h->log, LOG_ERROR,
		         "not started: lan.http %s: %s; give an address of this machine (0.0.0.0 for all) "
		         "and a free port, above 1023 unless the broker may use lower ones",
		         conf.listen, st == ST_IO ? strerror(errno) : "no such address or URL");
	return st;
}

enum status registration_listen(struct hubgate *h)
{
	if (strcmp(h->config->lan.http, "off") == 0)
		return ST_OK;
	if (h->registrations)
		return listen_lan(h);
	log_line(&h->log, LOG_WARN, "lan.http is set, but no product in products[] registers");
	return ST_OK;
}

enum status registration_serve(struct hubgate *h)
{
	struct http_lan *http = h->registrations ? h->registrations->http : NULL;

	if (http && http_lan_start(http) != ST_OK)
		log_line(&h->log, LOG_ERROR,
		         "no thread for lan.http: devices cannot register there until the broker is "
		         "restarted");
	return ST_OK;
}

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
	struct registrations *r = h->registrations;

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
	free(r->products);
	free(r);
	h->registrations = NULL;
}
