#include "plugin/reload.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/config_file.h"
#include "plugin/devices/facts.h"
#include "plugin/lan/certificate.h"
#include "plugin/lan/plain.h"
#include "plugin/services/mapped.h"

static struct config *load(struct hubgate *h)
{
	struct config_report *report = calloc(1, sizeof(*report));
	struct config *c = calloc(1, sizeof(*c));
	enum status st = ST_NOMEM;

	if (report && c)
		st = config_file_load(h->config_path, c, report);
	for (size_t i = 0; report && i < report->error_count; i++)
		log_line(&h->log, LOG_ERROR, "%s", report->errors[i]);
	for (size_t i = 0; report && i < report->warning_count; i++)
		log_line(&h->log, LOG_WARN, "%s", report->warnings[i]);
	free(report);
	if (st == ST_OK)
		return c;
	free(c);
	log_line(&h->log, LOG_ERROR, "%s cannot be used: the gateway goes on as it was",
	         h->config_path);
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* What a restart is needed for. */
static bool rest_is_same(const struct config *a, const struct config *b)
{
	return strcmp(a->gateway.product_id, b->gateway.product_id) == 0 &&
	       strcmp(a->gateway.device_name, b->gateway.device_name) == 0 &&
	       strcmp(a->gateway.secret.text, b->gateway.secret.text) == 0 &&
	       same_text(a->hub.host, b->hub.host) && a->hub.port == b->hub.port &&
	       a->hub.rate_up == b->hub.rate_up && same_text(a->store.dir, b->store.dir) &&
	       a->presence.grace_ms == b->presence.grace_ms && same_text(a->lan.http, b->lan.http) &&
	       a->route_count == b->route_count && a->product_count == b->product_count;
}

static struct device *find(const struct hubgate *h, const struct config_device *c)
{
	char client_id[CLIENT_ID_MAX + 1];

	memcpy(client_id, c->product_id, PRODUCT_ID_LEN);
	memcpy(client_id + PRODUCT_ID_LEN, c->device_name, strlen(c->device_name) + 1);
	return registry_find(&h->registry, client_id, strlen(client_id));
}

static enum status take_device(struct hubgate *h, const struct config_device *c, size_t *added)
{
	struct device *d = find(h, c);
	enum status st = ST_OK;

	if (d && c->cert_file) {
		st = certificate_read(c->cert_file, &d->certificate);
		d->presence->secret_told = false;
	}
	if (st != ST_OK)
		return st;
	if (d && (c->secret.key_len == 0 || strcmp(d->secret.text, c->secret.text) == 0)) {
		d->guest = false;
		return ST_OK;
	}
	if (d) {
		d->secret = c->secret;
		d->guest = d->registered = false;
		d->presence->secret_told = false;
		return ST_OK;
	}
	st = facts_add(h, c->product_id, c->device_name, &c->secret, &d);
	if (st == ST_OK && c->cert_file)
		st = certificate_read(c->cert_file, &d->certificate);
	*added += st == ST_OK;
	return st;
}

#define SWAP(type, a, b)    \
	do {                    \
		type swapped = (a); \
		(a) = (b);          \
		(b) = swapped;      \
	} while (0)

/* The running structure keeps what other rooms look at; lists that only BROKER reads change places.
 */
static void swap_lists(struct config *now, struct config *next)
{
	SWAP(struct config_device *, now->devices, next->devices);
	SWAP(size_t, now->device_count, next->device_count);
	SWAP(struct config_mapping *, now->mappings, next->mappings);
	SWAP(size_t, now->mapping_count, next->mapping_count);
	SWAP(struct config_app *, now->apps, next->apps);
	SWAP(size_t, now->app_count, next->app_count);
}

void reload_config(struct hubgate *h)
{
	struct config *next = h->config_path ? load(h) : NULL;
	size_t added = 0;
	enum status st = ST_OK;

	if (!next)
		return;
	for (size_t i = 0; i < next->device_count && st == ST_OK; i++)
		st = take_device(h, &next->devices[i], &added);
	swap_lists(h->config, next);
	h->mappings = (struct mapping_rules){ h->config->mappings, h->config->mapping_count };
	if (st == ST_OK)
		st = mapped_start(h);
	if (st == ST_OK)
		st = plain_check(h);
	if (st != ST_OK)
		log_line(&h->log, LOG_ERROR, "not all of %s counts: %s; restart the broker", h->config_path,
		         status_text(st));
	metric_set(&h->metrics, M_DEVICES, h->config->device_count);
	log_line(&h->log, LOG_NOTE, "%s read again: %zu devices, %zu of them new, %zu mappings%s",
	         h->config_path, h->config->device_count, added, h->config->mapping_count,
	         rest_is_same(h->config, next) ? ""
	                                       : "; the rest of what changed needs a restart of the "
	                                         "broker");
	config_free(next);
	free(next);
}
