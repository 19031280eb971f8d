#include "plugin/control/status_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clocks.h"
#include "core/base/room.h"
#include "core/pace/inflow.h"
#include "plugin/base/broker_log.h"
#include "plugin/control/broker_version.h"
#include "plugin/devices/gauges.h"
#include "plugin/devices/inflow_report.h"
#include "plugin/devices/names.h"

enum {
	MS = 1000,
	TIME_BYTES = 24,
	NAMES_MAX = 20,
	NAME_BYTES = 64,
};

struct status_report {
	int64_t started_ms; /* CLOCK_MONOTONIC, as uptime counts; and by the wall clock */
	int64_t started_at_ms;
};

enum status status_report_open(struct hubgate *h)
{
	h->status_report = calloc(1, sizeof(*h->status_report));
	if (!h->status_report)
		return ST_NOMEM;
	h->status_report->started_ms = hubgate_now_ms();
	h->status_report->started_at_ms = clocks_realtime_ms();
	return ST_OK;
}

void status_report_close(struct hubgate *h)
{
	free(h->status_report);
	h->status_report = NULL;
}

static void put_time(struct json_writer *w, const char *name, int64_t at_ms)
{
	time_t at_s = (time_t)(at_ms / MS);
	char text[TIME_BYTES];
	struct tm utc;

	gmtime_r(&at_s, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	json_put_text(w, name, text);
}

static void put_process(struct json_writer *w, const struct hubgate *h)
{
	json_put_text(w, "version", HUBGATE_VERSION);
	json_put_text(w, "broker", broker_version_text(h));
	json_put_int(w, "pid", getpid());
	put_time(w, "started", h->status_report->started_at_ms);
	json_put_int(w, "uptime_s", (hubgate_now_ms() - h->status_report->started_ms) / MS);
	json_put_text(w, "config", h->config_path);
	json_put_text(w, "store", h->config->store.dir);
	json_open(w, "gateway", '{');
	json_put_text(w, "product_id", h->config->gateway.product_id);
	json_put_text(w, "device_name", h->config->gateway.device_name);
	json_close(w, '}');
}

static void put_metric(struct json_writer *w, const struct hubgate *h, const char *name,
                       enum metric id)
{
	json_put_count(w, name, metric_get(&h->metrics, id));
}

static int64_t age_s(int64_t since_ms)
{
	int64_t age_ms = hubgate_now_ms() - since_ms;

	return age_ms > 0 ? age_ms / MS : 0;
}

void status_report_put_link(struct json_writer *w, struct hubgate *h,
                            const struct uplink_view *view)
{
	bool ready = uplink_ready(h->uplink);

	IN_ROOM(ROOM_BROKER);
	json_put_text(w, "state", uplink_state_text(uplink_state_now(h->uplink)));
	json_put_int(w, "since_s",
	             age_s(view->since_ms ? view->since_ms : h->status_report->started_ms));
	json_put_text(w, "reason", ready ? "" : view->reason);
	json_put_text(w, "fix", ready ? "" : view->fix);
}

static void put_hub(struct json_writer *w, struct hubgate *h, const struct uplink_view *view)
{
	const struct config_hub *c = &h->config->hub;

	json_open(w, "hub", '{');
	status_report_put_link(w, h, view);
	if (uplink_ready(h->uplink) && metric_get(&h->metrics, M_ROUND_TRIP) > 0)
		put_metric(w, h, "round_trip_ms", M_ROUND_TRIP);
	else
		json_put_null(w, "round_trip_ms");
	json_put_text(w, "host", c->host);
	json_put_count(w, "port", c->port);
	json_put_bool(w, "tls", c->tls);
	json_close(w, '}');
}

void status_report_put_oldest(struct json_writer *w, const struct uplink_view *view)
{
	IN_ROOM(ROOM_BROKER);
	if (view->oldest_ms == UPLINK_VIEW_UNKNOWN)
		json_put_null(w, "oldest_age_s");
	else
		json_put_int(w, "oldest_age_s", age_s(view->oldest_ms));
}

static void put_queue(struct json_writer *w, const struct hubgate *h,
                      const struct uplink_view *view)
{
	uint64_t drain_s = metric_get(&h->metrics, M_DRAIN);

	json_open(w, "queue", '{');
	put_metric(w, h, "messages", M_QUEUED);
	put_metric(w, h, "bytes", M_QUEUED_BYTES);
	json_put_count(w, "bound_messages", h->config->store.max_messages);
	put_metric(w, h, "bound_bytes", M_STORE_BOUND);
	status_report_put_oldest(w, view);
	put_metric(w, h, "inflow_per_minute", M_INFLOW);
	if (drain_s == INFLOW_NEVER)
		json_put_null(w, "drain_s");
	else
		json_put_count(w, "drain_s", drain_s);
	json_close(w, '}');
}

static void put_numbers(struct json_writer *w, const struct hubgate *h)
{
	json_open(w, "drops", '{');
	put_metric(w, h, "bound", M_DROPPED_BOUND);
	put_metric(w, h, "suspect", M_DROPPED_SUSPECT);
	put_metric(w, h, "unacknowledged", M_DROPPED_POISON);
	put_metric(w, h, "age", M_DROPPED_AGE);
	put_metric(w, h, "damaged", M_DROPPED_DAMAGED);
	put_metric(w, h, "live", M_DROPPED_LIVE);
	json_close(w, '}');
	json_open(w, "devices", '{');
	json_put_count(w, "known", device_table_known(h->devices) - !h->own->retired);
	put_metric(w, h, "present", M_PRESENT);
	put_metric(w, h, "online", M_ONLINE);
	put_metric(w, h, "unbound", M_UNBOUND);
	put_metric(w, h, "unknown_names", M_STRANGERS);
	json_close(w, '}');
}

void status_report_put_suspects(struct json_writer *w, const struct uplink_view *view)
{
	IN_ROOM(ROOM_BROKER);
	json_open(w, "suspect_topics", '[');
	for (size_t i = 0; i < view->suspect_count; i++)
		json_put_text(w, NULL, view->suspects[i]);
	json_close(w, ']');
}

/* Of those that the hub refused, those heard last come first. */
static void put_unknown_names(struct json_writer *w, const struct hubgate *h)
{
	const struct device *names[NAMES_MAX];
	size_t count = names_strangers(h, names, NAMES_MAX);

	json_open(w, "unknown_names", '[');
	for (size_t i = 0; i < count; i++) {
		char text[NAME_BYTES];

		snprintf(text, sizeof(text), "%s/%s", names[i]->product_id, names[i]->device_name);
		json_put_text(w, NULL, text);
	}
	json_close(w, ']');
}

static void put_talkers(struct json_writer *w, const struct hubgate *h)
{
	const struct inflow_talker *top = NULL;
	size_t count = inflow_report_talkers(h, &top);

	json_open(w, "talkers", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(w, NULL, '{');
		json_put_text(w, "name", top[i].name);
		json_put_count(w, "per_minute", top[i].per_minute);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_errors(struct json_writer *w, const struct hubgate *h)
{
	const struct recent_line *line;

	json_open(w, "errors", '[');
	for (size_t i = 0; (line = broker_log_recent(h, i)) != NULL; i++) {
		json_open(w, NULL, '{');
		put_time(w, "time", line->at_ms);
		json_put_text(w, "level", line->level == LOG_ERROR ? "error" : "warn");
		json_put_text(w, "line", line->text);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_metrics(struct json_writer *w, const struct hubgate *h)
{
	json_open(w, "metrics", '{');
	for (int i = 0; i < METRIC_COUNT; i++)
		put_metric(w, h, metric_name((enum metric)i), (enum metric)i);
	json_close(w, '}');
}

void status_report_put(struct json_writer *w, struct hubgate *h)
{
	struct uplink_view view;

	IN_ROOM(ROOM_BROKER);
	gauges_measure(h);
	uplink_look(h->uplink, &view);
	json_open(w, NULL, '{');
	put_process(w, h);
	put_hub(w, h, &view);
	put_queue(w, h, &view);
	put_numbers(w, h);
	status_report_put_suspects(w, &view);
	put_unknown_names(w, h);
	put_talkers(w, h);
	put_errors(w, h);
	put_metrics(w, h);
	json_close(w, '}');
}
