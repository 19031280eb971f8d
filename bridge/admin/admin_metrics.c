#include <stdio.h>
#include <string.h>

#include "bridge/admin/admin_impl.h"
#include "core/admin/metrics_text.h"

enum {
	LABELS_MAX = 2 * DEVICE_ROWS_NAME_MAX + 64,
};

/* --- the gateway --- */

static enum status put_one(struct buf *out, const char *name, const char *help, const char *labels,
                           double value)
{
	enum status st = metrics_text_family(out, name, help);

	return st == ST_OK ? metrics_text_value(out, name, labels, value) : st;
}

static enum status put_gateway(const struct admin *a, struct buf *out)
{
	const struct snapshot *s = a->now;
	char labels[64];
	enum status st;

	snprintf(labels, sizeof(labels), "{version=\"%s\"}", a->conf.version);
	st = put_one(out, "info", "what runs here", labels, 1);
	if (st == ST_OK)
		st = put_one(out, "oldest_message_age_seconds",
		             "how long the oldest message waits for the hub; 0: none waits", "",
		             s->oldest_age_s == SNAPSHOT_UNKNOWN ? 0 : (double)s->oldest_age_s);
	return st;
}

/* --- each device --- */

static double present(const struct device_row *d)
{
	return d->present;
}

static double online(const struct device_row *d)
{
	return d->online;
}

static double bound(const struct device_row *d)
{
	return d->bound;
}

static double refused(const struct device_row *d)
{
	return d->refused;
}

static double queued(const struct device_row *d)
{
	return (double)d->queued;
}

static double commands(const struct device_row *d)
{
	return (double)d->commands;
}

static double shadow_version(const struct device_row *d)
{
	return (double)d->shadow_version;
}

static const struct {
	const char *name, *help;
	double (*of)(const struct device_row *d); /* DEVICE_ROWS_UNKNOWN: no series */
} families[] = {
	{ "device_present", "1: it is there on the LAN", present },
	{ "device_online", "1: the hub confirmed it online", online },
	{ "device_bound", "1: the hub knows it as bound to this gateway; missing: not known", bound },
	{ "device_refused", "1: the hub refused what was asked for it last", refused },
	{ "device_messages_queued", "messages of it that wait for the hub", queued },
	{ "device_commands_waiting", "commands that wait for it", commands },
	{ "device_shadow_version", "version of its shadow; missing: it has none", shadow_version },
};

/* Of the name, "PRODUCT/DEVICE"; neither part holds a character that needs escaping. */
static void labels_of(const struct device_row *d, char out[LABELS_MAX])
{
	const char *slash = strchr(d->name, '/');
	int product = slash ? (int)(slash - d->name) : 0;

	snprintf(out, LABELS_MAX, "{product_id=\"%.*s\",device_name=\"%s\"}", product, d->name,
	         slash ? slash + 1 : d->name);
}

static enum status put_family(const struct device_rows *rows, size_t which, struct buf *out)
{
	enum status st = metrics_text_family(out, families[which].name, families[which].help);

	for (size_t i = 0; i < device_rows_count(rows) && st == ST_OK; i++) {
		const struct device_row *d = device_rows_at(rows, i);
		double value = families[which].of(d);
		char labels[LABELS_MAX];

		if (value == DEVICE_ROWS_UNKNOWN)
			continue;
		labels_of(d, labels);
		st = metrics_text_value(out, families[which].name, labels, value);
	}
	return st;
}

enum status admin_metrics_put(const struct admin *a, bool devices, struct buf *out)
{
	enum status st = metrics_text_put(&a->now->metrics, out);

	if (st == ST_OK)
		st = put_gateway(a, out);
	for (size_t i = 0; devices && i < sizeof(families) / sizeof(families[0]) && st == ST_OK; i++)
		st = put_family(a->devices, i, out);
	return st;
}
