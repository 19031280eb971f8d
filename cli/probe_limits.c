/* Questions about limits, with --limits alone: they go over what is published, on purpose.
 * docs/protocol/limits.md "Messages", "Topics". */
#include <stdio.h>
#include <string.h>

#include "cli/probe.h"
#include "core/base/clocks.h"

enum {
	BURST_MAX = 100,
	QUIET_MS = 2000,      /* before a burst: what went earlier counts no more */
	SHARED = 60,          /* filters of the gateway, and as many of the device: over 100 together */
	ALONE = 110,          /* of the device: over 100 alone */
	FILTER_PACE_MS = 100, /* between two of them */
	DEFAULT_RATE = 30
};

/* --- doubt 33 --- */

struct burst {
	struct hub_talk *talk;
	uint16_t ids[BURST_MAX];
	unsigned count;
};

static unsigned acked(const struct burst *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->count; i++)
		n += hub_talk_is_acked(b->talk, b->ids[i]);
	return n;
}

static bool all_acked(void *ctx)
{
	const struct burst *b = ctx;

	return acked(b) == b->count;
}

static enum status add(struct probe *p, struct burst *b, const struct cli_name *name, unsigned n)
{
	char topic[PROBE_TOPIC_MAX], payload[64];
	enum status st = ST_OK;

	probe_topic(topic, "", name, "/event");
	for (unsigned i = 0; i < n && b->count < BURST_MAX && st == ST_OK; i++) {
		snprintf(payload, sizeof payload, "{\"hubgate_probe\":\"%s\"}", p->token);
		p->sent++;
		st = hub_talk_publish(p->talk, topic, payload, strlen(payload), 1, &b->ids[b->count]);
		b->count += st == ST_OK;
	}
	return st;
}

/* n of the gateway and m of the device at once, after a pause. ST_OK: *lost of them have no PUBACK.
 */
static enum status send_burst(struct probe *p, unsigned n, unsigned m, unsigned *lost)
{
	struct burst b = { .talk = p->talk };
	enum status st = hub_talk_run(p->talk, clocks_monotonic_ms() + QUIET_MS, NULL, NULL);

	if (st == ST_TIMEOUT)
		st = add(p, &b, &p->gateway, n);
	if (st == ST_OK)
		st = add(p, &b, &p->device, m);
	if (st == ST_OK)
		st = hub_talk_run(p->talk, clocks_monotonic_ms() + PROBE_ANSWER_MS, all_acked, &b);
	*lost = b.count - acked(&b);
	return st == ST_TIMEOUT ? ST_OK : st;
}

static bool may_publish(struct probe *p, const struct cli_name *name)
{
	char topic[PROBE_TOPIC_MAX];

	probe_topic(topic, "", name, "/event");
	return probe_publish_acked(p, topic, "{\"hubgate_probe\":0}") == ST_OK;
}

static void set(struct probe *p, const char *key, double value)
{
	cJSON *hub = cJSON_GetObjectItemCaseSensitive(p->settings, "hub");

	if (!hub)
		hub = cJSON_AddObjectToObject(p->settings, "hub");
	cJSON_AddNumberToObject(hub, key, value);
}

/* Fewer than we send by default came through. */
static void judge_alone(struct probe *p, unsigned sent, unsigned lost)
{
	if (p->region && sent - lost < p->config.hub.rate_up)
		set(p, "rate_up", (sent - lost) * 9 / 10);
}

static void say_rate(struct probe *p, unsigned alone, unsigned lost_alone, unsigned each,
                     unsigned lost_both, struct probe_answer *out)
{
	judge_alone(p, alone, lost_alone);
	if (lost_both > 0) {
		probe_says(
			out, "connection",
			"the limit counts for the connection: of %u at once in one name %u were lost, of "
			"%u in each of two names %u",
			alone, lost_alone, each, lost_both);
		probe_follows(out, "nothing: hub.rate_up counts for the connection");
	} else {
		probe_says(
			out, "device",
			"the limit counts for each device: of %u at once in one name %u were lost, of %u "
			"in each of two names none",
			alone, lost_alone, each);
		probe_follows(out,
		              "hub.rate_up may be raised when many devices share the load; a single one "
		              "must stay below the limit (routes[].min_interval_ms)");
	}
}

static void lost_link(struct probe_answer *out)
{
	probe_says(out, "closed", "the hub closes the connection on too many messages");
	probe_follows(out, "keep hub.rate_up well below the published limit");
}

static void ask_rate(struct probe *p, struct probe_answer *out)
{
	unsigned rate = p->region ? p->region->rate_max : DEFAULT_RATE;
	unsigned alone = rate * 3 / 2, each = rate * 4 / 5, lost_alone = 0, lost_both = 0;
	enum status st;

	if (!may_publish(p, &p->device) || !may_publish(p, &p->gateway)) {
		probe_says(out, "unknown",
		           "no PUBACK on the topic event of device or gateway: declare it with "
		           "permission to publish");
		return;
	}
	st = send_burst(p, 0, alone, &lost_alone);
	if (st == ST_OK && lost_alone == 0) {
		probe_says(out, "none", "no limit seen: %u messages at once were all acknowledged", alone);
		probe_follows(out, "hub.rate_up may be raised");
		return;
	}
	if (st == ST_OK)
		st = send_burst(p, each, each, &lost_both);
	if (st == ST_OK)
		say_rate(p, alone, lost_alone, each, lost_both, out);
	else if (st == ST_CLOSED)
		lost_link(out);
	else
		probe_says(out, "unknown", "%s", status_text(st));
}

/* --- doubt 44 --- */

struct filters {
	unsigned device, all; /* granted: for the device, for both; what stood before counts too */
};

/* A wildcard is granted even if no declared topic fits (docs/protocol/topics.md 3). */
static enum status fill(struct probe *p, const struct cli_name *name, unsigned upto, unsigned *have,
                        struct filters *f)
{
	char filter[PROBE_TOPIC_MAX], suffix[48];
	enum status st = ST_OK;

	while (*have < upto && st == ST_OK) {
		snprintf(suffix, sizeof suffix, "/hubgate-probe-%u/+", f->all);
		probe_topic(filter, "", name, suffix);
		hub_talk_run(p->talk, clocks_monotonic_ms() + FILTER_PACE_MS, NULL, NULL);
		p->sent++;
		st = hub_talk_subscribe(p->talk, filter, 0, PROBE_ANSWER_MS);
		*have += st == ST_OK;
		f->all += st == ST_OK;
	}
	return st;
}

static void say_filters(struct probe *p, enum status st, bool alone, const struct filters *f,
                        struct probe_answer *out)
{
	const char *how = st == ST_CLOSED ? "closes the connection" : "refuses";

	if (st != ST_DENIED && st != ST_CLOSED) {
		probe_says(out, "unknown", "%s", status_text(st));
	} else if (f->all <= p->filters) {
		probe_says(out, "unknown", "the hub %s on a wildcard of undeclared topics", how);
	} else if (alone) {
		probe_says(out, "device",
		           "the hub %s at more than %u subscriptions of one device; %u of the "
		           "connection were granted",
		           how, f->device, f->all);
		probe_follows(out, "nothing, unless one device subscribes so many topics");
	} else {
		set(p, "max_subscriptions", f->all);
		probe_says(out, "connection", "the hub %s at more than %u subscriptions of the connection",
		           how, f->all);
		probe_follows(out,
		              "set hub.max_subscriptions: one filter then stands for all custom topics of "
		              "a device");
	}
}

static void ask_filters(struct probe *p, struct probe_answer *out)
{
	/* Of what stands, one is the gateway's own, the others are the device's. */
	struct filters f = { .device = p->filters > 0 ? p->filters - 1 : 0, .all = p->filters };
	unsigned own = 1;
	bool alone = false;
	enum status st = fill(p, &p->gateway, SHARED, &own, &f);

	if (st == ST_OK)
		st = fill(p, &p->device, SHARED, &f.device, &f);
	if (st == ST_OK) {
		alone = true;
		st = fill(p, &p->device, ALONE, &f.device, &f);
	}
	if (st != ST_OK) {
		say_filters(p, st, alone, &f, out);
		return;
	}
	probe_says(out, "none",
	           "no limit seen: %u subscriptions were granted, %u of them of one device", f.all,
	           f.device);
	probe_follows(out, "nothing: hub.max_subscriptions stays 0");
}

static const struct probe_question limits[] = {
	{ 33, "does the rate count for the connection, or for each device?", true, ask_rate },
	{ 44, "do subscriptions count for the gateway's connection, or for each device?", true,
	  ask_filters },
};

const struct probe_table probe_limits = { limits, sizeof limits / sizeof limits[0] };
