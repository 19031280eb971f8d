#include "core/hub/route_explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/utf8.h"

enum {
	SENTENCE_BYTES = 2048,
};

static const char *const ends[] = {
#define X(name, text) [name] = text,
	ROUTE_ENDS(X)
#undef X
};

const char *route_explain_end(enum route_end end)
{
	return ends[end];
}

/* A sentence that was cut ends with a whole character. */
static void end_whole(char *text)
{
	size_t len = strlen(text), at = 0, n;

	while (at < len && (n = utf8_next(text + at, len - at)) > 0)
		at += n;
	text[at] = '\0';
}

void route_explain_step(struct json_writer *steps, const char *what, const char *format, ...)
{
	char sentence[SENTENCE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	end_whole(sentence);
	json_open(steps, NULL, '{');
	json_put_text(steps, "what", what);
	json_put_text(steps, "says", sentence);
	json_close(steps, '}');
}

/* --- routes[] --- */

static void say_rule(const struct route_facts *f, struct json_writer *steps)
{
	static const char *const policies[] = {
		[ROUTE_POLICY_ALL] = "all", [ROUTE_POLICY_LATEST] = "latest", [ROUTE_POLICY_DROP] = "drop"
	};
	const struct config_route *rule = f->plan.rule;

	if (!rule)
		route_explain_step(steps, "route", "no rule of routes[] is for it: every message goes up");
	else
		route_explain_step(
			steps, "route", "routes[%zu] is for it: policy %s, min_interval_ms %" PRIu32,
			(size_t)(rule - f->rules->at), policies[rule->policy], rule->min_interval_ms);
}

static enum route_end no_room(const struct route_facts *f, struct json_writer *steps)
{
	route_explain_step(steps, "limit",
	                   f->room == ST_FULL
	                       ? "the store is full (store.max_messages, max_bytes, device_share) and "
	                         "its policy is refuse, or the message is too large for it"
	                       : "the disk has no room for it");
	return ROUTE_END_REFUSED;
}

static enum route_end in_store(const struct route_facts *f, struct json_writer *steps)
{
	if (f->room != ST_OK)
		return no_room(f, steps);
	route_explain_step(steps, "store", "it is stored before the broker's PUBACK and goes %s%s",
	                   f->ready ? "to the hub in its turn" : "when the hub is there again",
	                   f->plan.latest ? "; an unsent older one of its topic gives way to it" : "");
	return ROUTE_END_FORWARDED;
}

/* QoS 0 promises nothing: what cannot be kept is dropped. */
static enum route_end in_store_or_dropped(const struct route_facts *f, struct json_writer *steps)
{
	if (!f->keeps_qos0) {
		route_explain_step(steps, "store", "QoS 0 is not kept, as store.queue_qos0 is off");
		return ROUTE_END_DROPPED;
	}
	return in_store(f, steps) == ROUTE_END_FORWARDED ? ROUTE_END_FORWARDED : ROUTE_END_DROPPED;
}

static enum route_end in_memory(struct json_writer *steps)
{
	route_explain_step(steps, "store", "it goes to the hub from memory, at QoS 0");
	return ROUTE_END_FORWARDED;
}

static enum route_end goes(const struct route_facts *f, struct json_writer *steps)
{
	switch (f->plan.way) {
	case ROUTE_WAY_TOO_SOON:
		route_explain_step(steps, "limit",
		                   "the last one of its topic went less than min_interval_ms ago");
		return ROUTE_END_DROPPED;
	case ROUTE_WAY_STORE:
		return in_store(f, steps);
	case ROUTE_WAY_WAITS:
		return in_store_or_dropped(f, steps);
	case ROUTE_WAY_NOW:
		if (f->ready && f->ours)
			return in_memory(steps);
		route_explain_step(
			steps, "store",
			"it is worthless when late, so it is not kept, and the hub is away or has "
			"not called the device bound yet");
		return ROUTE_END_DROPPED;
	case ROUTE_WAY_MEMORY:
		return f->ready && f->ours ? in_memory(steps) : in_store_or_dropped(f, steps);
	case ROUTE_WAY_NONE:
	default:
		return ROUTE_END_DROPPED; /* its rule says so */
	}
}

/* --- all --- */

enum route_end route_explain(const struct route_facts *f, const struct route *route,
                             size_t payload_len, struct json_writer *steps)
{
	if (!route_lets(route, f->own, payload_len)) {
		route_explain_step(steps, "acl", "%s/%s may not publish it: %s", f->product_id,
		                   f->device_name, route_refusal_text(route));
		return ROUTE_END_REFUSED;
	}
	route_explain_step(
		steps, "acl",
		"%s/%s may publish it: it is a topic of its own, and %zu bytes are within the "
		"hub's %d",
		f->product_id, f->device_name, payload_len, ROUTE_PAYLOAD_MAX);
	if (f->fault) {
		route_explain_step(steps, "service", "%s", f->fault);
		return ROUTE_END_REFUSED;
	}
	if (f->served) {
		route_explain_step(steps, "service", "%s", f->served);
		return ROUTE_END_ANSWERED;
	}
	say_rule(f, steps);
	return goes(f, steps);
}
