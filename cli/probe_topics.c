/* The question about own publishes. docs/protocol/topics.md 2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/probe.h"

enum {
	PAYLOAD_MAX = 256
};

struct echo {
	const char *token;
};

static bool has_token(void *ctx, const struct hub_talk_message *m)
{
	return strstr(m->payload, ((const struct echo *)ctx)->token) != NULL;
}

static void judge_echo(const struct hub_talk_message *m, const char *sent, struct probe_answer *out)
{
	if (!m)
		probe_says(out, "none", "a device does not hear what it publishes");
	else if (strcmp(m->payload, sent) == 0)
		probe_says(out, "same", "a device that subscribes what it publishes hears it, as it was");
	else
		probe_says(
			out, "rewritten",
			"a device hears its own publish, written anew: a forwarding rule of the console");
	if (m)
		probe_follows(out,
		              "nothing: hubgate delivers what the hub sends down; take the rule out in "
		              "the console if nobody wants it");
}

static void ask_echo(struct probe *p, struct probe_answer *out)
{
	char topic[PROBE_TOPIC_MAX], suffix[PROBE_TOPIC_MAX / 2], payload[PAYLOAD_MAX];
	struct echo e = { .token = p->token };
	enum status st;

	if (!probe_bring_online(p)) {
		probe_says(out, "unknown", "not asked: the device is not online");
		return;
	}
	snprintf(suffix, sizeof suffix, "/%s", p->topic);
	probe_topic(topic, "", &p->device, suffix);
	/* Spaces, and keys out of order: the rule engine would not write it so. */
	snprintf(payload, sizeof payload, "{\"z\": 1, \"hubgate_probe\": \"%s\"}", p->token);
	st = probe_subscribe(p, topic, 1);
	if (st != ST_OK) {
		probe_says(out, "unknown",
		           "the topic cannot be subscribed (%s): declare it with both "
		           "permissions, or name another with --topic",
		           status_text(st));
		return;
	}
	st = probe_publish_acked(p, topic, payload);
	if (st != ST_OK) {
		probe_says(out, "unknown",
		           "no PUBACK for a message on the topic (%s): declare it with both "
		           "permissions, or name another with --topic",
		           status_text(st));
		return;
	}
	judge_echo(hub_talk_await(p->talk, topic, has_token, &e, PROBE_NOTICE_MS), payload, out);
}

static const struct probe_question topics[] = {
	{ 41, "does a device hear its own publish?", false, ask_echo },
};

const struct probe_table probe_topics = { topics, sizeof topics / sizeof topics[0] };
