/* Questions about the gateway's requests, and about its keep alive. docs/protocol/gateway.md 2-5.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/probe.h"
#include "core/base/clocks.h"

enum {
	IDLE_MS = 5000,   /* how long a connection with keep alive 0 is watched */
	LOGIN_MS = 20000, /* its turn included */
	CODE_UNBOUND_ = -1
};

static void no_answer(struct probe_answer *out, enum status st)
{
	probe_says(out, "unknown", "%s",
	           st == ST_TIMEOUT  ? "the hub did not answer"
	           : st == ST_STATE  ? "stopped"
	           : st == ST_CLOSED ? "the hub closed the connection"
	           : st == ST_FULL   ? "the bound of messages or of time is reached"
	                             : status_text(st));
}

/* What is sent may be done although its answer is lost, so it is taken back in any case. */
static enum status online(struct probe *p, int64_t *code)
{
	enum status st;

	p->online = true;
	st = probe_request(p, GATEWAY_ONLINE, code);
	if (st == ST_OK && *code == CODE_UNBOUND_)
		p->online = false;
	p->confirmed = p->confirmed || (st == ST_OK && *code == 0);
	return st;
}

static enum status offline(struct probe *p, int64_t *code)
{
	enum status st = probe_request(p, GATEWAY_OFFLINE, code);

	if (st == ST_OK && *code == 0)
		p->online = p->confirmed = false;
	return st;
}

static void not_online(struct probe_answer *out, enum status st, int64_t code)
{
	if (st != ST_OK)
		no_answer(out, st);
	else
		probe_says(out, "unknown", "the hub does not bring the device online: %" PRId64 ", %s",
		           code, gateway_code_text(code));
}

static void acknowledge_change(struct probe *p)
{
	struct buf text = BUF_MAX(128);
	char topic[PROBE_TOPIC_MAX];

	probe_topic(topic, "$gateway/operation/", &p->gateway, "");
	if (gateway_put_change_ack(&text, 0) == ST_OK && buf_text(&text))
		probe_publish(p, topic, buf_text(&text), 0, NULL);
	buf_free(&text);
}

/* 809: it was bound here all the time, so it stays. */
static void bind_device(struct probe *p, struct probe_answer *out)
{
	int64_t code = 0;
	enum status st;

	p->bound = true;
	st = probe_request(p, GATEWAY_BIND, &code);
	if (st == ST_OK && code != 0) {
		p->bound = false;
		probe_says(out, "unknown", "the hub refused to bind the device: %" PRId64 ", %s", code,
		           gateway_code_text(code));
	} else if (st != ST_OK) {
		no_answer(out, st);
	} else if (probe_hears(p, GATEWAY_CHANGE, PROBE_NOTICE_MS)) {
		acknowledge_change(p);
		probe_says(out, "notice", "the hub tells a gateway of its own bind (change)");
	} else {
		probe_says(out, "none", "the hub tells a gateway nothing of its own bind");
	}
}

/* Doubt 16, on the way to a device that is bound. */
static void ask_bind(struct probe *p, struct probe_answer *out)
{
	int64_t code = 0;
	enum status st = online(p, &code);

	if (st != ST_OK || (code != 0 && code != CODE_UNBOUND_))
		not_online(out, st, code);
	else if (code == 0)
		probe_says(
			out, "unknown",
			"not asked: the device is bound already, and what others bound is left alone; name "
			"one that is not bound");
	else if (p->device_secret.key_len == 0)
		probe_says(out, "unknown",
		           "not asked: the device is not bound, and no secret of it is known");
	else
		bind_device(p, out);
}

/* A hub that answers nothing at all is not silent about this alone. */
static void judge_silence(struct probe *p, struct probe_answer *out)
{
	int64_t code;
	enum status st = offline(p, &code);

	if (st == ST_OK)
		probe_says(out, "silence", "online of a device that is online is not answered");
	else
		no_answer(out, st);
}

/* Doubt 15. */
static void ask_again(struct probe *p, struct probe_answer *out)
{
	int64_t code = 0;
	enum status st = p->confirmed ? ST_OK : online(p, &code);

	if (!p->confirmed) {
		not_online(out, st, code);
		return;
	}
	st = online(p, &code);
	if (st == ST_OK && code == 0) {
		probe_says(out, "ok", "online of a device that is online: 0 again");
		return;
	}
	if (st == ST_OK)
		probe_says(out, "code", "online of a device that is online: %" PRId64 ", %s", code,
		           gateway_code_text(code));
	else if (st == ST_TIMEOUT)
		judge_silence(p, out);
	else
		no_answer(out, st);
	if (st == ST_OK || st == ST_TIMEOUT)
		probe_follows(out,
		              "tell the authors of hubgate: it asks so for every device after a reconnect");
}

static void judge_several(struct probe *p, const struct gateway_msg *m, struct probe_answer *out)
{
	bool ours = false;

	for (size_t i = 0; i < m->count; i++)
		ours = ours || (strcmp(m->devices[i].device_name, p->device.device_name) == 0 &&
		                m->devices[i].has_result && m->devices[i].result == 0);
	/* Or each in a reply of its own. */
	if ((m->count >= 2 && ours) ||
	    (m->count == 1 && !ours && probe_hears(p, GATEWAY_ONLINE, PROBE_NOTICE_MS)))
		probe_says(out, "each", "each device of one request is answered");
	else if (m->count == 1)
		probe_says(out, "first", "of two devices in one request the hub answers one");
	else
		probe_says(out, "refused", "the hub refuses a request with two devices");
	probe_follows(out, "nothing: hubgate sends one device in a request");
}

/* Doubt 12. The first device is one that cannot exist. */
static void ask_several(struct probe *p, struct probe_answer *out)
{
	const struct cli_name *d = &p->device;
	struct gateway_msg m = { .count = 0 };
	char text[512];
	int64_t code;
	enum status st = p->confirmed ? offline(p, &code) : ST_OK;

	if (st != ST_OK) {
		no_answer(out, st);
		return;
	}
	snprintf(
		text, sizeof text,
		"{\"type\":\"online\",\"payload\":{\"devices\":[{\"product_id\":\"%s\",\"device_name\":"
		"\"hubgate-probe-%s\"},{\"product_id\":\"%s\",\"device_name\":\"%s\"}]}}",
		d->product_id, p->token, d->product_id, d->device_name);
	p->online = true;
	p->confirmed = false;
	st = probe_request_text(p, GATEWAY_ONLINE, text, &m);
	if (st == ST_TIMEOUT && offline(p, &code) == ST_OK)
		probe_says(out, "silence", "the hub does not answer a request with two devices");
	else if (st != ST_OK)
		no_answer(out, st);
	if (st != ST_OK)
		return;
	judge_several(p, &m, out);
	p->confirmed = strcmp(out->reading, "each") == 0;
	gateway_msg_free(&m);
}

/* Doubt 40, over a connection of its own: everything else is taken back before. */
static void ask_keepalive(struct probe *p, struct probe_answer *out)
{
	enum hub_talk_end end = probe_connect(p, 0, clocks_monotonic_ms() + LOGIN_MS);

	probe_follows(out, "nothing: hubgate keeps hub.keepalive, and watches devices itself");
	if (end == HUB_TALK_UP)
		hub_talk_run(p->talk, clocks_monotonic_ms() + IDLE_MS, NULL, NULL);
	if (end == HUB_TALK_REFUSED)
		probe_says(out, "refused", "the hub refuses keep alive 0 (CONNACK %u)",
		           (unsigned)hub_talk_code(p->talk));
	else if (end == HUB_TALK_UP && probe_is_up(p))
		probe_says(out, "accepted", "the hub accepts keep alive 0");
	else if (end == HUB_TALK_UP)
		probe_says(out, "closed", "the hub accepts keep alive 0, and closes within %d s",
		           IDLE_MS / 1000);
	else
		probe_says(out, "unknown", "no connection for this question");
}

static const struct probe_question gateway[] = {
	{ 16, "does the hub tell a gateway of its own bind?", false, ask_bind },
	{ 15, "what does a repeated online say?", false, ask_again },
	{ 12, "does one request take several devices?", false, ask_several },
};

const struct probe_table probe_gateway = { gateway, sizeof gateway / sizeof gateway[0] };

static const struct probe_question last[] = {
	{ 40, "is keep alive 0 accepted?", false, ask_keepalive },
};

const struct probe_table probe_last = { last, sizeof last / sizeof last[0] };
