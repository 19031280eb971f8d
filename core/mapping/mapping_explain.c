/* What would become of a message, in words. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mapping/mapping_impl.h"

struct words {
	char *out;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *w, const char *format, ...)
{
	va_list args;
	int n;

	if (w->len > 0 && w->len < w->size)
		w->len += (size_t)snprintf(w->out + w->len, w->size - w->len, "; ");
	if (w->len >= w->size)
		return;
	va_start(args, format);
	n = vsnprintf(w->out + w->len, w->size - w->len, format, args);
	va_end(args);
	w->len += n > 0 ? (size_t)n : 0;
}

static void say_taken(struct words *w, size_t i, const struct mapping_hit *hit)
{
	say(w, "mappings[%zu].up takes it: it goes to the hub as %s%s%s, device %s/%s", i, hit->topic,
	    hit->rule->wrap ? ", wrapped in " : "", hit->rule->wrap ? hit->rule->wrap : "",
	    hit->rule->product_id, hit->device_name);
	if (strcmp(hit->original, hit->device_name) != 0)
		say(w, "the device calls itself \"%s\"", hit->original);
}

/* Why rule i does not take it, if it comes near. */
static void say_near(struct words *w, const struct mapping_rules *r, size_t i,
                     const struct mapping_client *who, const char *topic, const void *payload,
                     size_t len)
{
	const struct mapping_rules one = { &r->at[i], 1 };
	struct mapping_hit hit = { .rule = &r->at[i] };

	if (mapping_is_presence(&one, topic)) {
		say(w, "mappings[%zu].presence takes it: it tells whether a device is there%s", i,
		    mapping_speaker_of(hit.rule, who) == MAPPING_NOT_ITS_CLIENT
		        ? ", but not from this client"
		        : "");
		return;
	}
	if (!hit.rule->up || !mapping_pattern_match(hit.rule->up, topic, &hit.values))
		return;
	if (mapping_speaker_of(hit.rule, who) == MAPPING_NOT_ITS_CLIENT)
		say(w, "mappings[%zu].up fits, but is for the client %s%s%s alone", i,
		    hit.rule->client ? hit.rule->client : "", hit.rule->client_id ? " with the id " : "",
		    hit.rule->client_id ? hit.rule->client_id : "");
	else if (mapping_name_of(hit.rule, payload, len, &hit) != ST_OK)
		say(w, "mappings[%zu].up fits, but for the name \"%s\": %s", i, hit.original, hit.why);
}

void mapping_explain(const struct mapping_rules *r, const struct mapping_client *who,
                     const char *topic, const void *payload, size_t len, char *out, size_t size)
{
	struct words w = { out, size, 0 };
	struct mapping_hit hit = { .rule = NULL };
	enum status st = mapping_up(r, who, topic, payload, len, &hit);
	size_t taken = st == ST_OK ? (size_t)(hit.rule - r->at) : r->count;

	out[0] = '\0';
	if (st == ST_OK)
		say_taken(&w, taken, &hit);
	for (size_t i = 0; i < r->count && (st != ST_OK || i < taken); i++)
		say_near(&w, r, i, who, topic, payload, len);
	if (w.len == 0)
		say(&w, "no rule of mappings[] fits: it stays on the LAN");
	else if (st == ST_INVALID)
		say(&w, "it stays on the LAN");
}
