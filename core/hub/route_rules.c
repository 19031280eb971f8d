#include "core/hub/route_rules.h"

#include <stdlib.h>
#include <string.h>

#include "core/hub/topic.h"

struct route_rules route_rules_of(const struct config *c)
{
	return (struct route_rules){ c->routes, c->route_count };
}

struct route_rules *route_rules_copy(const struct route_rules *r)
{
	size_t bytes = sizeof(struct route_rules) + r->count * sizeof(struct config_route);
	struct route_rules *copy;
	struct config_route *rules;
	char *text;

	for (size_t i = 0; i < r->count; i++)
		bytes += strlen(r->at[i].topic) + 1;
	copy = malloc(bytes);
	if (!copy)
		return NULL;
	rules = (struct config_route *)(void *)(copy + 1);
	text = (char *)(rules + r->count);
	*copy = (struct route_rules){ rules, r->count };
	for (size_t i = 0; i < r->count; i++) {
		size_t size = strlen(r->at[i].topic) + 1;

		rules[i] = r->at[i];
		rules[i].topic = memcpy(text, r->at[i].topic, size);
		text += size;
	}
	return copy;
}

const struct config_route *route_rules_find(const struct route_rules *r, const char *topic)
{
	for (size_t i = 0; r && i < r->count; i++) {
		if (topic_matches(r->at[i].topic, topic))
			return &r->at[i];
	}
	return NULL;
}

bool route_filter_ok(const char *filter)
{
	for (const char *level = filter;; level++) {
		size_t len = strcspn(level, "/");

		if (memchr(level, '#', len) && (len != 1 || level[len] != '\0'))
			return false;
		if (memchr(level, '+', len) && len != 1)
			return false;
		level += len;
		if (*level == '\0')
			return *filter != '\0';
	}
}

bool route_filter_covers(const char *earlier, const char *later)
{
	/* Taken as a topic, the later one's wildcards are levels like any other: that is too
	 * generous only for its '#'. */
	return topic_matches(earlier, later) && (!strchr(later, '#') || strchr(earlier, '#'));
}
