/* The question about the first version of a shadow, and how it is left. docs/protocol/shadow.md
 * 1-4. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/probe.h"
#include "core/json/json.h"

enum {
	TOKEN_MAX = 48,
	PAYLOAD_MAX = 256
};

static bool has_token(void *ctx, const struct hub_talk_message *m)
{
	return strstr(m->payload, ctx) != NULL;
}

struct document {
	int64_t result, version;
	bool has_content;
};

static bool read_document(const struct hub_talk_message *m, struct document *out)
{
	static const struct json_limits lim = { 64 * 1024, 16, 20000 };
	const cJSON *payload, *state, *section;
	cJSON *root = NULL;
	bool ok;

	memset(out, 0, sizeof *out);
	if (json_parse_message(m->payload, m->len, &lim, &root) != ST_OK)
		return false;
	payload = json_member(root, "payload");
	state = json_member(payload, "state");
	ok = json_int(json_member(root, "result"), true, &out->result);
	if (!json_int(json_member(payload, "version"), true, &out->version))
		out->version = -1;
	cJSON_ArrayForEach(section, state)
	{
		out->has_content = out->has_content || section->child;
	}
	cJSON_Delete(root);
	return ok;
}

/* members: what stands behind the token, with a comma before. */
static enum status shadow_request(struct probe *p, const char *type, const char *members,
                                  struct document *out)
{
	char up[PROBE_TOPIC_MAX], down[PROBE_TOPIC_MAX], text[PAYLOAD_MAX], token[TOKEN_MAX];
	const struct hub_talk_message *m;
	enum status st;

	probe_topic(up, "$shadow/operation/", &p->device, "");
	probe_topic(down, "$shadow/operation/result/", &p->device, "");
	snprintf(token, sizeof token, "%s-%u", p->token, p->sent);
	snprintf(text, sizeof text, "{\"type\":\"%s\",\"clientToken\":\"%s\"%s}", type, token, members);
	st = probe_publish(p, up, text, 0, NULL);
	if (st != ST_OK)
		return st;
	m = hub_talk_await(p->talk, down, has_token, token, PROBE_ANSWER_MS);
	if (!m)
		return probe_is_up(p) ? ST_TIMEOUT : ST_CLOSED;
	return read_document(m, out) ? ST_OK : ST_MALFORMED;
}

static enum status hear_shadow(struct probe *p)
{
	char down[PROBE_TOPIC_MAX];
	enum status st = ST_OK;

	probe_topic(down, "$shadow/operation/result/", &p->device, "");
	if (!p->hears_shadow)
		st = probe_subscribe(p, down, 0);
	p->hears_shadow = st == ST_OK;
	return st;
}

bool probe_restore_shadow(struct probe *p)
{
	struct document d;

	return hear_shadow(p) == ST_OK &&
	       shadow_request(p, "update", ",\"state\":{\"reported\":{\"hubgate_probe\":null}}", &d) ==
	           ST_OK &&
	       d.result == 0;
}

static void judge_version(const struct document *d, struct probe_answer *out)
{
	static const char *const readings[] = { "0", "1" };

	if (d->result != 0)
		probe_says(out, "unknown", "the hub refused to write the shadow: %" PRId64, d->result);
	else
		probe_says(out, d->version == 0 || d->version == 1 ? readings[d->version] : "other",
		           "the first write makes version %" PRId64, d->version);
	if (d->result == 0 && (d->version == 0 || d->version == 1))
		probe_follows(out, "nothing: hubgate takes both");
}

static void ask_version(struct probe *p, struct probe_answer *out)
{
	struct document d;
	enum status st;

	if (!probe_bring_online(p)) {
		probe_says(out, "unknown", "not asked: the device is not online");
		return;
	}
	st = hear_shadow(p);
	if (st == ST_OK)
		st = shadow_request(p, "get", "", &d);
	if (st != ST_OK) {
		probe_says(out, "unknown", "the hub does not give the shadow: %s", status_text(st));
		return;
	}
	if (d.version > 0 || d.has_content) {
		probe_says(out, "unknown",
		           "not asked: the shadow was written before (version %" PRId64 "); name a device "
		           "whose shadow is new",
		           d.version);
		return;
	}
	p->wrote = true;
	st = shadow_request(p, "update", ",\"state\":{\"reported\":{\"hubgate_probe\":1}}", &d);
	if (st == ST_OK)
		judge_version(&d, out);
	else
		probe_says(out, "unknown", "the hub does not answer an update: %s", status_text(st));
	if (probe_is_up(p) && probe_restore_shadow(p))
		p->wrote = false;
}

static const struct probe_question shadow[] = {
	{ 42, "which version does the first write of a shadow make?", false, ask_version },
};

const struct probe_table probe_shadow = { shadow, sizeof shadow / sizeof shadow[0] };
