#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/admin/http_host.h"
#include "core/config/config_load.h"
#include "core/hub/filter_budget.h"
#include "core/hub/ota_msg.h"
#include "core/hub/route_rules.h"
#include "core/hub/topic.h"
#include "core/json/json.h"
#include "core/mapping/mapping.h"

#define ADMIN_LISTEN "127.0.0.1:8188" /* admin.http "on" */

enum {
	SECRET_FILE_MAX = 4096
};

/* A secret and the three forms in which it may be given. */
struct forms {
	const cJSON *obj; /* the section's object, for lines */
	const char *path; /* of that object */
	const char *name; /* "secret" or "product_secret" */
	enum config_kind kind;
	void *field;
	bool given; /* in the text itself */
	const char *file, *env;
};

static const cJSON *item(const struct config_load *l, const char *list, size_t index)
{
	return cJSON_GetArrayItem(json_member(l->root, list), (int)index);
}

static void fault_in(struct config_load *l, const struct forms *f, const char *suffix,
                     const char *what)
{
	char path[CONFIG_PATH_MAX], name[64];
	const cJSON *node;

	snprintf(name, sizeof name, "%s%s", f->name, suffix);
	snprintf(path, sizeof path, "%s.%s", f->path, name);
	node = json_member(f->obj, name);
	config_error(l, node ? node : f->obj, path, "%s", what);
}

static const char *form_text(const struct forms *f)
{
	return f->kind == KIND_SECRET ? "does not hold a Base64 secret; copy it from the console"
	                              : "does not hold a product secret of 16 to 32 characters";
}

/* The newline that editors and `echo` leave at the end is no part of the secret. */
static void strip_newline(struct buf *b)
{
	if (b->len && b->data[b->len - 1] == '\n')
		b->len--;
	if (b->len && b->data[b->len - 1] == '\r')
		b->len--;
}

static void from_file(struct config_load *l, const struct forms *f)
{
	char why[CONFIG_FAULT_MAX] = "cannot be read here";
	struct buf content = BUF_MAX(SECRET_FILE_MAX);
	const char *text = NULL;
	enum status st = ST_NOTFOUND;

	if (l->src->read_file)
		st = l->src->read_file(l->src->ctx, f->file, &content, why, sizeof why);
	if (st == ST_OK) {
		strip_newline(&content);
		text = buf_text(&content);
	}
	if (st != ST_OK)
		fault_in(l, f, "_file", why);
	else if (!text)
		l->no_memory = true;
	else if (strlen(text) != content.len || !config_set_secret(f->kind, f->field, text))
		fault_in(l, f, "_file", form_text(f));
	if (content.data)
		explicit_bzero(content.data, content.cap);
	buf_free(&content);
}

static void from_env(struct config_load *l, const struct forms *f)
{
	const char *text = l->src->get_env ? l->src->get_env(l->src->ctx, f->env) : NULL;
	char what[CONFIG_FAULT_MAX];

	if (!text) {
		snprintf(what, sizeof what,
		         "the environment variable %.128s is not set; set it for the broker", f->env);
		fault_in(l, f, "_env", what);
	} else if (!config_set_secret(f->kind, f->field, text)) {
		fault_in(l, f, "_env", form_text(f));
	}
}

/* false: none of the three is given. */
static bool obtain(struct config_load *l, const struct forms *f)
{
	int count = f->given + (f->file != NULL) + (f->env != NULL);

	if (count > 1)
		fault_in(l, f, "", "is given in more than one form; keep one of it, _file and _env");
	else if (f->file)
		from_file(l, f);
	else if (f->env)
		from_env(l, f);
	return count > 0;
}

static void check_gateway(struct config_load *l)
{
	struct config_gateway *g = &l->cfg->gateway;
	struct forms f = { .obj = json_member(l->root, "gateway"),
		               .path = "gateway",
		               .name = "secret",
		               .kind = KIND_SECRET,
		               .field = &g->secret,
		               .given = g->secret.key_len > 0,
		               .file = g->secret_file,
		               .env = g->secret_env };
	bool secret = obtain(l, &f);

	if (!g->cert_file != !g->key_file)
		config_error(l, f.obj, g->cert_file ? "gateway.key_file" : "gateway.cert_file",
		             "is missing; a certificate login needs cert_file and key_file");
	else if (secret && g->cert_file)
		config_error(l, f.obj, "gateway", "has a secret and a certificate; keep one of them");
	else if (!secret && !g->cert_file)
		fault_in(l, &f, "",
		         "is missing; add it, or secret_file, secret_env, or cert_file and key_file");
	else if (g->cert_file && !l->cfg->hub.tls)
		config_error(l, f.obj, "gateway.cert_file",
		             "needs an encrypted connection; set hub.tls to true");
}

static void check_report_topic(struct config_load *l, const cJSON *obj)
{
	const struct config_gateway *g = &l->cfg->gateway;
	char text[TOPIC_LEN_MAX + 2];
	struct topic t;
	int len = snprintf(text, sizeof text, "%s/%s/%s", g->product_id, g->device_name,
	                   g->report_topic ? g->report_topic : "");

	if (topic_parse(text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1, &t) != ST_OK ||
	    t.kind != TOPIC_CUSTOM)
		config_error(l, json_member(obj, "report_topic"), "gateway.report_topic",
		             "is no topic that the gateway can publish on; use the name of one that is "
		             "declared for its product, for instance event");
}

/* Whoever can pose as the hub would configure the gateway. */
static void check_remote(struct config_load *l)
{
	const struct config_hub *h = &l->cfg->hub;
	const cJSON *obj = json_member(l->root, "gateway");

	check_report_topic(l, obj);
	if (l->cfg->gateway.remote_config && !(h->tls && h->verify && h->verify_host))
		config_error(l, json_member(obj, "remote_config"), "gateway.remote_config",
		             "needs a hub that proves who it is; set hub.tls, hub.verify and "
		             "hub.verify_host to true, or remote_config to false");
}

static bool is_given(const cJSON *obj, const char *name)
{
	const cJSON *node = json_member(obj, name);

	return node && !cJSON_IsNull(node);
}

/* What stands in the file wins, and is warned about where the hub is known to be stricter. */
static void check_region(struct config_load *l, const cJSON *obj)
{
	struct config_hub *h = &l->cfg->hub;
	bool sure = h->region != REGION_AUTO || region_host_is_vendors(h->host);
	const struct region_limits *lim;

	if (h->region == REGION_AUTO)
		h->region = region_of_host(h->host);
	lim = region_limits(h->region);
	if (!is_given(obj, "rate_up"))
		h->rate_up = lim->rate_up;
	if (!sure)
		return;
	if (h->rate_up == 0 || h->rate_up > lim->rate_max)
		config_warning(l, json_member(obj, "rate_up"), "hub.rate_up",
		               "is more than the %u messages per second that the hub takes (%s); it may "
		               "drop what is over, use at most %u or leave it out",
		               lim->rate_max, lim->name, lim->rate_up);
	if (h->keepalive < lim->keepalive_min || h->keepalive > lim->keepalive_max)
		config_warning(l, json_member(obj, "keepalive"), "hub.keepalive",
		               "is out of the %u to %u seconds that the hub takes (%s), it refuses others",
		               lim->keepalive_min, lim->keepalive_max, lim->name);
}

static void fill_hub(struct config_load *l)
{
	struct config_hub *h = &l->cfg->hub;

	if (h->port == 0)
		h->port = h->tls ? 8883 : 1883;
	if (!h->host &&
	    asprintf(&h->host, "%s.iotcloud.tencentdevices.com", l->cfg->gateway.product_id) < 0)
		h->host = NULL;
	if (h->host && !h->register_url)
		h->register_url = strdup(region_register_url(h->host));
	l->no_memory |= !h->host || !h->register_url;
}

static void check_pem(struct config_load *l, const char *section, const char *name,
                      enum config_pem what, const char *file)
{
	const cJSON *obj = json_member(l->root, section);
	char why[CONFIG_FAULT_MAX] = "cannot be read", path[CONFIG_PATH_MAX];
	enum status st;

	if (!file || !l->src->check_pem)
		return;
	st = l->src->check_pem(l->src->ctx, what, file, l->cfg->gateway.cert_file, why, sizeof why);
	snprintf(path, sizeof path, "%s.%s", section, name);
	if (st == ST_STATE) /* the clock may be wrong, and the LAN needs no hub */
		config_warning(l, json_member(obj, name), path, "%s", why);
	else if (st != ST_OK)
		config_error(l, json_member(obj, name), path, "%s", why);
}

/* What is not used may be anything. */
static void check_tls(struct config_load *l)
{
	const struct config_hub *h = &l->cfg->hub;
	const struct config_gateway *g = &l->cfg->gateway;

	if (h->tls && h->verify)
		check_pem(l, "hub", "ca_file", CONFIG_PEM_CA, h->ca_file);
	if (!h->tls || !g->cert_file || !g->key_file)
		return;
	check_pem(l, "gateway", "cert_file", CONFIG_PEM_CERTIFICATE, g->cert_file);
	check_pem(l, "gateway", "key_file", CONFIG_PEM_KEY, g->key_file);
}

static void check_hub(struct config_load *l)
{
	struct config_hub *h = &l->cfg->hub;
	const cJSON *obj = json_member(l->root, "hub");

	fill_hub(l);
	if (l->no_memory)
		return;
	check_region(l, obj);
	if (strncmp(h->register_url, "https://", 8) != 0 && strncmp(h->register_url, "http://", 7) != 0)
		config_error(l, json_member(obj, "register_url"), "hub.register_url",
		             "is no URL; begin it with https:// (or http://, unencrypted)");
	if (h->max_subscriptions > 0 && h->max_subscriptions < FILTER_BUDGET_LEAST) {
		config_warning(l, json_member(obj, "max_subscriptions"), "hub.max_subscriptions",
		               "is too few for anything, %d is taken; use 0 for no bound",
		               FILTER_BUDGET_LEAST);
		h->max_subscriptions = FILTER_BUDGET_LEAST;
	}
	if (h->max_reconnect_s < h->min_reconnect_s)
		config_error(l, obj, "hub.max_reconnect_s",
		             "%u is less than min_reconnect_s; use %u or more", h->max_reconnect_s,
		             h->min_reconnect_s);
	if (h->tls && !h->verify)
		config_warning(l, json_member(obj, "verify"), "hub.verify",
		               "is false: anyone on the way can pose as the hub; use true outside tests");
	else if (h->tls && !h->verify_host)
		config_warning(l, json_member(obj, "verify_host"), "hub.verify_host",
		               "is false: any server with a trusted certificate can pose as the hub");
}

/* A name or address, and perhaps a port: it stands between http:// and the next slash. */
static bool is_advertised(const char *text)
{
	size_t host =
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]");
	const char *port = strrchr(text, ']');

	port = strchr(port ? port : text, ':');
	return text[host] == '\0' && host > 0 &&
	       (!port ||
	        (port > text && port[1] && strspn(port + 1, "0123456789") == strlen(port + 1) &&
	         atoi(port + 1) > 0 && atoi(port + 1) <= 65535));
}

static void check_advertise(struct config_load *l)
{
	const struct config_lan *c = &l->cfg->lan;
	const cJSON *obj = json_member(l->root, "lan");
	const cJSON *node = json_member(obj, "http_advertise");
	const char *port;

	if (!c->http_advertise)
		return;
	if (!is_advertised(c->http_advertise)) {
		config_error(l, node, "lan.http_advertise",
		             "is no host name or address with or without a port; leave out http:// and "
		             "anything behind the name, for instance gateway.lan");
		return;
	}
	if (strcmp(c->http, "off") == 0)
		config_error(l, node, "lan.http_advertise",
		             "needs lan.http; set it to the address and port to listen on");
	port = strrchr(c->http_advertise, ':');
	if (port && port[1] && strspn(port + 1, "0123456789") == strlen(port + 1) &&
	    strcmp(port, ":80") != 0)
		config_warning(l, node, "lan.http_advertise",
		               "names another port than 80: devices with the stock SDK in C cannot "
		               "download from it");
}

static void check_firmware(struct config_load *l)
{
	struct config_firmware *f = &l->cfg->firmware;
	const struct config_hub *h = &l->cfg->hub;
	const cJSON *obj = json_member(l->root, "firmware");
	const char *version = l->cfg->gateway.version;

	if (!f->dir && asprintf(&f->dir, "%s/firmware", l->cfg->store.dir) < 0) {
		f->dir = NULL;
		l->no_memory = true;
	}
	check_advertise(l);
	check_pem(l, "firmware", "ca_file", CONFIG_PEM_CA, f->ca_file);
	if (f->allow_local)
		config_warning(l, json_member(obj, "allow_local"), "firmware.allow_local",
		               "is true: whoever makes URLs of firmware reaches programs that listen on "
		               "this machine only; use false outside tests");
	if (f->hook && !(h->tls && h->verify && h->verify_host))
		config_error(l, json_member(obj, "hook"), "firmware.hook",
		             "runs what the hub sends and needs hub.tls, hub.verify and hub.verify_host");
	if (version && !ota_version_ok(version))
		config_error(l, json_member(json_member(l->root, "gateway"), "version"), "gateway.version",
		             "holds other characters than A-Z a-z 0-9 . _ -; use these");
}

/* --- the status page --- */

static bool is_token(const char *text)
{
	size_t len = strlen(text);

	for (const char *p = text; *p; p++) {
		if (*p <= 0x20 || *p > 0x7E)
			return false;
	}
	return len >= ADMIN_TOKEN_MIN && len <= ADMIN_TOKEN_MAX;
}

static void take_token(struct config_load *l, const cJSON *node, const char *text, size_t len)
{
	struct config_admin *a = &l->cfg->admin;

	if (strlen(text) == len && is_token(text))
		snprintf(a->token, sizeof a->token, "%s", text);
	else
		config_error(l, node, "admin.token_file",
		             "does not hold a token of %d to %d characters without spaces; make one: "
		             "openssl rand -hex 24 > FILE",
		             ADMIN_TOKEN_MIN, ADMIN_TOKEN_MAX);
}

static void read_token(struct config_load *l, const cJSON *node)
{
	char why[CONFIG_FAULT_MAX] = "cannot be read here";
	struct buf content = BUF_MAX(SECRET_FILE_MAX);
	const char *text = NULL;
	enum status st = ST_NOTFOUND;

	if (l->src->read_file)
		st = l->src->read_file(l->src->ctx, l->cfg->admin.token_file, &content, why, sizeof why);
	if (st == ST_OK) {
		strip_newline(&content);
		text = buf_text(&content);
	}
	if (st != ST_OK)
		config_error(l, node, "admin.token_file", "%s", why);
	else if (!text)
		l->no_memory = true;
	else
		take_token(l, node, text, content.len);
	if (content.data)
		explicit_bzero(content.data, content.cap);
	buf_free(&content);
}

/* Whoever reaches the page sees the names of all devices, and the topics of some. */
static void check_admin(struct config_load *l)
{
	struct config_admin *a = &l->cfg->admin;
	const cJSON *obj = json_member(l->root, "admin");

	if (a->token_file)
		read_token(l, json_member(obj, "token_file"));
	if (!a->http)
		return; /* no address, which was said */
	if (strcmp(a->http, "on") == 0) {
		free(a->http);
		a->http = strdup(ADMIN_LISTEN);
		l->no_memory |= !a->http;
	} else if (strcmp(a->http, "off") != 0 && !a->token_file && !http_host_is_loopback(a->http)) {
		config_error(l, json_member(obj, "http"), "admin.http",
		             "can be reached by others, who would see all devices without a token; set "
		             "admin.token_file, or use \"on\" (" ADMIN_LISTEN ")");
	}
}

static void check_products(struct config_load *l)
{
	for (size_t i = 0; i < l->cfg->product_count; i++) {
		struct config_product *p = &l->cfg->products[i];
		char path[64];
		struct forms f = { .path = path,
			               .name = "product_secret",
			               .kind = KIND_PRODUCT_SECRET,
			               .field = p->product_secret,
			               .given = p->product_secret[0] != '\0',
			               .file = p->product_secret_file,
			               .env = p->product_secret_env };

		f.obj = item(l, "products", i);
		snprintf(path, sizeof path, "products[%zu]", i);
		if (!obtain(l, &f) && p->may_register)
			fault_in(l, &f, "",
			         "is missing, but register is true; add it or set register to false");
	}
}

static bool registers(const struct config_load *l, const char *product_id)
{
	for (size_t i = 0; i < l->cfg->product_count; i++) {
		if (strcmp(l->cfg->products[i].product_id, product_id) == 0)
			return l->cfg->products[i].may_register;
	}
	return false;
}

static void read_digests(struct config_load *l, const cJSON *obj, const char *path,
                         struct config_device *d)
{
	char why[CONFIG_FAULT_MAX] = "cannot be read", key[CONFIG_PATH_MAX];

	if (!d->cert_file || !l->src->read_certificate ||
	    l->src->read_certificate(l->src->ctx, d->cert_file, &d->digests, why, sizeof why) == ST_OK)
		return;
	snprintf(key, sizeof key, "%s.cert_file", path);
	config_error(l, json_member(obj, "cert_file"), key, "%s", why);
}

static void check_plain(struct config_load *l, const cJSON *obj, const char *path,
                        const struct config_device *d)
{
	char key[CONFIG_PATH_MAX];

	if (!d->plain || (!d->login && !d->certificate))
		return;
	snprintf(key, sizeof key, "%s.plain", path);
	config_error(l, json_member(obj, "plain"), key,
	             "means that it never logs in, but %s says how it does; remove one of the two",
	             d->login ? "login" : "certificate");
}

static void check_devices(struct config_load *l)
{
	const struct config_gateway *g = &l->cfg->gateway;
	const cJSON *list = json_member(l->root, "devices");
	const cJSON *obj = list ? list->child : NULL;

	for (size_t i = 0; i < l->cfg->device_count; i++, obj = obj->next) {
		struct config_device *d = &l->cfg->devices[i];
		char path[64];
		struct forms f = { .obj = obj,
			               .path = path,
			               .name = "secret",
			               .kind = KIND_SECRET,
			               .field = &d->secret,
			               .given = d->secret.key_len > 0,
			               .file = d->secret_file,
			               .env = d->secret_env };

		snprintf(path, sizeof path, "devices[%zu]", i);
		if (!obtain(l, &f) && !d->login && !d->certificate && !d->plain &&
		    !registers(l, d->product_id))
			fault_in(
				l, &f, "",
				"is missing; add it, or secret_file, or secret_env, or login, or certificate, or "
				"plain, or let its product register");
		check_plain(l, obj, path, d);
		if (strcmp(d->product_id, g->product_id) == 0 &&
		    strcmp(d->device_name, g->device_name) == 0)
			config_error(l, obj, path, "is the gateway itself; remove it here");
		read_digests(l, obj, path, d);
	}
}

static void check_routes(struct config_load *l)
{
	const struct config_route *r = l->cfg->routes;

	for (size_t i = 0; i < l->cfg->route_count; i++) {
		const cJSON *obj = item(l, "routes", i);
		char path[64];

		snprintf(path, sizeof path, "routes[%zu].min_interval_ms", i);
		if (r[i].policy == ROUTE_POLICY_DROP && r[i].min_interval_ms > 0)
			config_error(l, obj, path, "means nothing with policy drop; remove one of the two");
		snprintf(path, sizeof path, "routes[%zu].topic", i);
		for (size_t k = 0; k < i; k++) {
			if (!route_filter_covers(r[k].topic, r[i].topic))
				continue;
			config_warning(l, obj, path,
			               "never counts: routes[%zu] before it matches the same; put it first or "
			               "remove it",
			               k);
			break;
		}
	}
}

static void check_apps(struct config_load *l)
{
	const cJSON *list = json_member(l->root, "apps");
	const cJSON *obj = list ? list->child : NULL;

	for (size_t i = 0; i < l->cfg->app_count; i++, obj = obj->next) {
		const struct config_app *app = &l->cfg->apps[i];
		char path[64];

		snprintf(path, sizeof path, "apps[%zu].topic", i);
		if (!app->topic && app->role == APP_ROLE_NONE)
			config_error(l, obj, path, "is missing; add it, or a role: \"viewer\" or \"operator\"");
		else if (app->topic && app->role != APP_ROLE_NONE)
			config_error(l, json_member(obj, "topic"), path,
			             "stands beside a role; give each an entry of its own");
		snprintf(path, sizeof path, "apps[%zu].access", i);
		if (!app->topic && app->role != APP_ROLE_NONE && is_given(obj, "access"))
			config_error(l, json_member(obj, "access"), path,
			             "means nothing with a role; remove it");
		snprintf(path, sizeof path, "apps[%zu].username", i);
		if (strcmp(app->username, CONFIG_CONTROL_USERNAME) == 0)
			config_error(l, json_member(obj, "username"), path,
			             "is the login of the command hubgate itself; use another");
	}
}

/* A rule for one name alone, of a device that logs in by itself. */
static const struct config_device *device_named(const struct config_load *l,
                                                const struct config_mapping *m)
{
	for (size_t i = 0; i < l->cfg->device_count && m->device; i++) {
		const struct config_device *d = &l->cfg->devices[i];

		if (strcmp(d->product_id, m->product_id) == 0 && strcmp(d->device_name, m->device) == 0)
			return d->login || d->certificate ? d : NULL;
	}
	return NULL;
}

static void fault_of_rule(struct config_load *l, const cJSON *obj, size_t i, const char *key,
                          const char *why)
{
	const cJSON *node = json_member(obj, key);
	char path[CONFIG_PATH_MAX];

	snprintf(path, sizeof path, "mappings[%zu].%s", i, key);
	config_error(l, node ? node : obj, path, "%s", why);
}

static void warn_of_names(struct config_load *l, const cJSON *obj, const struct config_mapping *m,
                          size_t i)
{
	char path[CONFIG_PATH_MAX];

	if (!m->up || !mapping_makes_names(m) || is_given(obj, "known_only"))
		return;
	snprintf(path, sizeof path, "mappings[%zu].known_only", i);
	config_warning(l, obj, path,
	               "is missing: messages of names that the hub refused are kept in case they are "
	               "bound some day; set it to true, or to false if you want that");
}

static void check_mappings(struct config_load *l)
{
	const struct mapping_rules rules = { l->cfg->mappings, l->cfg->mapping_count };

	for (size_t i = 0; i < rules.count; i++) {
		char key[64], why[MAPPING_WHY_MAX];
		const cJSON *obj = item(l, "mappings", i);

		if (mapping_check(&rules, i, key, why))
			fault_of_rule(l, obj, i, key, why);
		else if (rules.at[i].device && device_named(l, &rules.at[i]))
			fault_of_rule(
				l, obj, i, "device",
				"is a device that logs in by itself; a rule would let others speak for it");
		else if (rules.at[i].may_register && !registers(l, rules.at[i].product_id))
			fault_of_rule(l, obj, i, "register",
			              "needs the product in products[], with register and its secret");
		else
			warn_of_names(l, obj, &rules.at[i], i);
	}
}

/* ---- repeated ids: sorted, equal ones are neighbours, first in the file first ---- */

static int by_product(const void *a, const void *b)
{
	const struct config_product *x = *(struct config_product *const *)a;
	const struct config_product *y = *(struct config_product *const *)b;
	int order = strcmp(x->product_id, y->product_id);

	return order ? order : (x > y) - (x < y);
}

static int by_device(const void *a, const void *b)
{
	const struct config_device *x = *(struct config_device *const *)a;
	const struct config_device *y = *(struct config_device *const *)b;
	int order = strcmp(x->product_id, y->product_id);

	if (order == 0)
		order = strcmp(x->device_name, y->device_name);
	return order ? order : (x > y) - (x < y);
}

static void repeated(struct config_load *l, const char *list, const char *key, size_t first,
                     size_t again)
{
	const cJSON *obj = item(l, list, again);
	char path[CONFIG_PATH_MAX];

	snprintf(path, sizeof path, "%s[%zu].%s", list, again, key);
	config_error(l, json_member(obj, key), path, "is the same as %s[%zu]; remove one of the two",
	             list, first);
}

static void check_repeated_products(struct config_load *l)
{
	size_t count = l->cfg->product_count;
	struct config_product *all = l->cfg->products, **sorted = calloc(count + 1, sizeof *sorted);

	l->no_memory |= !sorted;
	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = &all[i];
	if (sorted)
		qsort(sorted, count, sizeof *sorted, by_product);
	for (size_t i = 1; sorted && i < count; i++) {
		if (strcmp(sorted[i - 1]->product_id, sorted[i]->product_id) == 0)
			repeated(l, "products", "product_id", (size_t)(sorted[i - 1] - all),
			         (size_t)(sorted[i] - all));
	}
	free(sorted);
}

static void check_repeated_devices(struct config_load *l)
{
	size_t count = l->cfg->device_count;
	struct config_device *all = l->cfg->devices, **sorted = calloc(count + 1, sizeof *sorted);

	l->no_memory |= !sorted;
	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = &all[i];
	if (sorted)
		qsort(sorted, count, sizeof *sorted, by_device);
	for (size_t i = 1; sorted && i < count; i++) {
		if (strcmp(sorted[i - 1]->product_id, sorted[i]->product_id) == 0 &&
		    strcmp(sorted[i - 1]->device_name, sorted[i]->device_name) == 0)
			repeated(l, "devices", "device_name", (size_t)(sorted[i - 1] - all),
			         (size_t)(sorted[i] - all));
	}
	free(sorted);
}

static void check_repeated_logins(struct config_load *l)
{
	const struct config_device *d = l->cfg->devices;

	for (size_t i = 0; i < l->cfg->device_count; i++) {
		for (size_t k = 0; d[i].login && k < i; k++) {
			if (d[k].login && strcmp(d[k].login, d[i].login) == 0) {
				repeated(l, "devices", "login", k, i);
				break;
			}
		}
	}
}

void config_check(struct config_load *l)
{
	check_gateway(l);
	check_remote(l);
	check_hub(l);
	check_tls(l);
	check_firmware(l);
	check_admin(l);
	check_products(l);
	check_repeated_products(l);
	check_routes(l);
	check_apps(l);
	check_devices(l);
	check_repeated_devices(l);
	check_repeated_logins(l);
	check_mappings(l);
}
