#include "plugin/reload_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/config/config_changes.h"
#include "plugin/config_file.h"
#include "plugin/devices/presence.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/broker_rights.h"

enum {
	LINES_MAX = 200,
};

/* --- lines --- */

static void on_line(void *ctx, enum log_level level, const char *line)
{
	struct reload_plan *p = ctx;

	if (p->line_count == p->line_room) {
		size_t room = p->line_room ? 2 * p->line_room : 8;
		struct reload_line *more =
			room <= LINES_MAX ? realloc(p->lines, room * sizeof(*more)) : NULL;

		if (!more) {
			p->lines_lost++;
			return;
		}
		p->lines = more;
		p->line_room = room;
	}
	p->lines[p->line_count].level = level;
	snprintf(p->lines[p->line_count++].text, LOG_LINE_MAX, "%s", line);
}

static struct log log_of(struct reload_plan *p)
{
	return (struct log){ on_line, p };
}

/* --- the file --- */

static void write_report(const struct config_report *report, const struct log *log)
{
	for (size_t i = 0; i < report->error_count; i++)
		log_line(log, LOG_ERROR, "%s", report->errors[i]);
	for (size_t i = 0; i < report->warning_count; i++)
		log_line(log, LOG_WARN, "%s", report->warnings[i]);
}

/* A whole that the file is a part of takes its place. Of a fresh text without one there is no plan,
 * of another one the file alone counts. */
static enum status add_remote(struct reload_plan *p, struct config_report *report,
                              const struct log *log)
{
	struct config whole;
	enum status st =
		config_file_load_with(p->h->config_path, p->remote, p->remote_len, &whole, report);

	if (st == ST_OK) {
		config_free(&p->next);
		p->next = whole;
		return ST_OK;
	}
	if (st == ST_NOMEM)
		return st;
	write_report(report, log);
	p->remote_fault = true;
	snprintf(p->remote_why, sizeof(p->remote_why), "%s", report->errors[0]);
	if (p->remote_fresh)
		return st;
	log_line(log, LOG_WARN,
	         "the remote configuration does not go with %s any more: the file alone counts",
	         p->h->config_path);
	return ST_OK;
}

static enum status read_file(struct reload_plan *p, const struct log *log)
{
	struct config_report *report = calloc(1, sizeof(*report));
	enum status st;

	if (!report)
		return ST_NOMEM;
	st = config_file_load(p->h->config_path, &p->next, report);
	write_report(report, log);
	if (st == ST_OK && p->remote)
		st = add_remote(p, report, log);
	free(report);
	return st;
}

/* Names and passwords must be the broker's to check. */
static enum status check_logins(struct reload_plan *p, const struct log *log)
{
	size_t first;
	enum status st = broker_login_check(p->h, &p->next, &first);

	if (st != ST_OK)
		log_line(log, LOG_ERROR,
		         "%s: devices[%zu].login: this broker lets usernames in without checking them, so "
		         "anybody could be this device; add a password_file to mosquitto.conf, and restart",
		         p->h->config_path, first);
	return st;
}

static enum status decide_acl(struct reload_plan *p, const struct log *log)
{
	const struct broker_rights *rights = p->h->rights;
	char why[MOSQUITTO_CONF_WHY_MAX] = "";
	enum status st;

	p->acl = rights->acl;
	if (p->next.lan.acl == p->h->config->lan.acl)
		return ST_OK;
	st = broker_rights_decide(rights, p->next.lan.acl, &p->acl, why);
	if (st != ST_OK)
		log_line(log, LOG_ERROR, "%s: lan.acl: %s", p->h->config_path, why);
	return st;
}

/* --- devices: both lists by their ids, side by side --- */

static int by_id(const void *a, const void *b)
{
	const struct config_device *x = *(const struct config_device *const *)a;
	const struct config_device *y = *(const struct config_device *const *)b;
	int order = strcmp(x->product_id, y->product_id);

	return order ? order : strcmp(x->device_name, y->device_name);
}

static const struct config_device **sorted(const struct config *c)
{
	const struct config_device **list = calloc(c->device_count + 1, sizeof(*list));

	for (size_t i = 0; list && i < c->device_count; i++)
		list[i] = &c->devices[i];
	if (list)
		qsort(list, c->device_count, sizeof(*list), by_id);
	return list;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* What somebody may have logged in with is not what counts now. */
static bool ends_logins(const struct config_device *before, const struct config_device *after)
{
	return (after->plain && !before->plain) ||
	       (before->secret.key_len > 0 && strcmp(before->secret.text, after->secret.text) != 0) ||
	       (before->login && !same_text(before->login, after->login));
}

static enum status make_device(struct reload_plan *p, struct reload_device *d)
{
	p->added++;
	d->made = device_make(d->after->product_id, d->after->device_name, &d->after->secret);
	return d->made ? presence_attach(d->made) : ST_NOMEM;
}

static enum status note(struct reload_plan *p, const struct config_device *before,
                        const struct config_device *after)
{
	const struct config_device *named = after ? after : before;
	struct reload_device *d = &p->devices[p->device_count];

	d->before = before;
	d->after = after;
	d->ends = before && (!after || ends_logins(before, after));
	credential_client_id(named->product_id, named->device_name, d->client_id);
	p->device_count++;
	return before ? ST_OK : make_device(p, d);
}

static enum status merge(struct reload_plan *p, const struct config_device *const *now,
                         size_t now_count, const struct config_device *const *next,
                         size_t next_count)
{
	enum status st = ST_OK;
	size_t i = 0, k = 0;

	while (st == ST_OK && (i < now_count || k < next_count)) {
		int order = i == now_count ? 1 : k == next_count ? -1 : by_id(&now[i], &next[k]);

		if (order < 0)
			st = note(p, now[i++], NULL);
		else if (order > 0)
			st = note(p, NULL, next[k++]);
		else if (config_device_same(now[i++], next[k++]))
			continue;
		else
			st = note(p, now[i - 1], next[k - 1]);
	}
	return st;
}

static enum status compare_devices(struct reload_plan *p)
{
	const struct config *now_conf = p->h->config;
	const struct config_device **now = sorted(now_conf), **next = sorted(&p->next);
	enum status st = ST_NOMEM;

	p->devices =
		calloc(now_conf->device_count + p->next.device_count + 1, sizeof(struct reload_device));
	if (now && next && p->devices)
		st = merge(p, now, now_conf->device_count, next, p->next.device_count);
	free(now);
	free(next);
	return st;
}

/* --- what differs --- */

struct telling {
	struct reload_plan *plan;
	const struct log *log; /* NULL: only look */
	bool routes, products;
};

static void on_change(void *ctx, const struct config_change *c)
{
	struct telling *t = ctx;

	t->routes |= strcmp(c->path, "routes") == 0;
	t->products |= strcmp(c->path, "products") == 0;
	t->plan->mappings_differ |= strcmp(c->path, "mappings") == 0;
	if (!t->log || strcmp(c->path, "devices") == 0)
		return; /* devices are counted in the last line */
	if (!c->live)
		log_line(t->log, LOG_WARN, "%s has changed and waits for a restart of the broker", c->path);
	else if (c->before[0])
		log_line(t->log, LOG_NOTE, "%s was %s and is %s now", c->path, c->before, c->after);
	else
		log_line(t->log, LOG_NOTE, "%s has changed and counts now", c->path);
}

static bool any_without_secret(const struct reload_plan *p)
{
	for (size_t i = 0; i < p->device_count; i++) {
		const struct reload_device *d = &p->devices[i];

		if (!d->after || d->after->secret.key_len == 0)
			return true;
	}
	return false;
}

static enum status find_differences(struct reload_plan *p, const struct log *log)
{
	struct telling t = { .plan = p };
	const struct route_rules routes = route_rules_of(&p->next);
	enum status st = ST_OK;

	config_changes(p->h->config, &p->next, on_change, &t);
	if (t.routes) {
		p->routes = route_rules_copy(&routes);
		st = p->routes ? ST_OK : ST_NOMEM;
	}
	if (st == ST_OK && (t.products || any_without_secret(p)))
		st = registration_prepare(p->h, &p->next, log, &p->registration);
	return st;
}

/* --- the whole --- */

static void tell_changes(struct reload_plan *p, const struct log *log)
{
	struct telling t = { .plan = p, .log = log };
	size_t gone = 0;

	config_changes(p->h->config, &p->next, on_change, &t);

	for (size_t i = 0; i < p->device_count; i++)
		gone += p->devices[i].after == NULL;
	log_line(log, LOG_NOTE,
	         "%s read again: %zu devices, %zu of them new, %zu changed, %zu removed; %zu mappings",
	         p->h->config_path, p->next.device_count, p->added, p->device_count - p->added - gone,
	         gone, p->next.mapping_count);
}

void reload_plan_make(struct reload_plan *p)
{
	const struct log log = log_of(p);
	enum status st;

	IN_ROOM(ROOM_DISK);
	st = read_file(p, &log);
	if (st == ST_OK)
		st = check_logins(p, &log);
	if (st == ST_OK)
		st = decide_acl(p, &log);
	if (st == ST_OK)
		st = compare_devices(p);
	if (st == ST_OK)
		st = products_list(&p->next, &p->products);
	if (st == ST_OK)
		st = find_differences(p, &log);
	p->whole = st == ST_OK;
	if (p->whole) {
		tell_changes(p, &log);
		return;
	}
	if (st == ST_NOMEM)
		log_line(&log, LOG_ERROR, "no memory to read %s again", p->h->config_path);
	if (p->remote_fault)
		log_line(&log, LOG_ERROR,
		         "the remote configuration is refused: the gateway goes on as it was");
	else
		log_line(&log, LOG_ERROR, "%s cannot be used: the gateway goes on as it was",
		         p->h->config_path);
}

static void discard(struct device *d)
{
	if (d)
		free(d->presence);
	device_discard(d);
}

void reload_plan_empty(struct reload_plan *p)
{
	struct hubgate *h = p->h;

	for (size_t i = 0; i < p->device_count; i++)
		discard(p->devices[i].made);
	free(p->devices);
	free(p->routes);
	free(p->products.at);
	free(p->lines);
	registration_plan_free(&p->registration);
	config_free(&p->next);
	*p = (struct reload_plan){ .h = h };
}
