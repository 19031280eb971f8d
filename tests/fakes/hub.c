#include "tests/fakes/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRODUCT "SUBPROD001"

enum {
	NOTHINGS_MAX = 100
};

static void count_line(void *ctx, enum log_level level, const char *line)
{
	struct hub *h = ctx;

	(void)level;
	snprintf(h->last_line, sizeof h->last_line, "%s", line);
	h->log_lines++;
}

void hub_start(struct hub *h)
{
	memset(h, 0, sizeof *h);
	h->log = (struct log){ count_line, h };
	h->now_ms = 1000000;
	gateway_init(&h->g, HUB_ANSWER_MS, 42, &h->log, &h->metrics);
}

void hub_stop(struct hub *h)
{
	gateway_fini(&h->g);
}

struct subdev *hub_device(struct hub *h, const char *name)
{
	char client_id[CLIENT_ID_MAX + 1];
	struct subdev *d;

	snprintf(client_id, sizeof client_id, "%s%s", PRODUCT, name);
	d = gateway_device(&h->g, client_id);
	if (!d)
		abort();
	return d;
}

static void describe(struct hub *h, const struct gateway_action *a)
{
	h->text[0] = '\0';
	switch (a->kind) {
	case ACT_REQUEST:
		snprintf(h->text, sizeof h->text, "%s %s", gateway_op_name(a->op), a->dev->device_name);
		break;
	case ACT_CHANGE_ACK:
		snprintf(h->text, sizeof h->text, "acknowledge change");
		break;
	case ACT_SUBSCRIBE:
		snprintf(h->text, sizeof h->text, "subscribe %s %u", a->filter->text, a->qos);
		break;
	case ACT_UNSUBSCRIBE:
		snprintf(h->text, sizeof h->text, "unsubscribe %s", a->filter->text);
		break;
	case ACT_EXCHANGE:
		snprintf(h->text, sizeof h->text, "exchange %s for %s %u", a->filter->text,
		         a->dev->wide->text, a->qos);
		break;
	case ACT_DESCRIBE:
		snprintf(h->text, sizeof(h->text), "describe");
		break;
	case ACT_SHADOW:
		snprintf(h->text, sizeof(h->text), "shadow %.*s", (int)a->dev->shadow->len,
		         (const char *)a->dev->shadow->payload);
		break;
	case ACT_NONE:
		break;
	}
}

const char *hub_next(struct hub *h)
{
	struct gateway_action a;
	bool with_id;

	memset(&a, 0, sizeof a);
	gateway_line_up(&h->g, h->now_ms);
	for (int n = 0; a.kind == ACT_NONE && n < NOTHINGS_MAX; n++) {
		if (!gateway_has_control(&h->g, h->now_ms))
			break;
		gateway_next(&h->g, h->now_ms,
		             &a); /* whose turn it is may have nothing to send after all */
		gateway_line_up(&h->g, h->now_ms);
	}
	describe(h, &a);
	with_id = a.kind == ACT_SUBSCRIBE || a.kind == ACT_UNSUBSCRIBE || a.kind == ACT_EXCHANGE;
	if (a.kind == ACT_EXCHANGE)
		a.again_id = (uint16_t)(h->last_id + 2);
	if (a.kind != ACT_NONE)
		gateway_sent(&h->g, &a, with_id ? ++h->last_id : 0, h->now_ms);
	if (a.kind == ACT_EXCHANGE)
		h->last_id++;
	gateway_line_up(&h->g, h->now_ms);
	return h->text;
}

void hub_wait(struct hub *h, int64_t ms)
{
	int64_t end_ms = h->now_ms + ms;

	gateway_line_up(&h->g, h->now_ms);
	while (h->g.due_ms <= end_ms) {
		if (h->g.due_ms > h->now_ms)
			h->now_ms = h->g.due_ms;
		gateway_tick(&h->g, h->now_ms);
		gateway_line_up(&h->g, h->now_ms);
	}
	h->now_ms = end_ms;
}

int64_t hub_wait_until_wanted(struct hub *h, int64_t ms)
{
	int64_t waited_ms = 0;

	gateway_line_up(&h->g, h->now_ms);
	while (!gateway_has_control(&h->g, h->now_ms) && waited_ms < ms) {
		hub_wait(h, 1);
		waited_ms++;
	}
	return gateway_has_control(&h->g, h->now_ms) ? waited_ms : -1;
}

void hub_says(struct hub *h, const char *json)
{
	struct gateway_msg m;

	if (gateway_reply(&h->g, json, strlen(json), h->now_ms, &m) == ST_OK)
		gateway_msg_free(&m);
}

void hub_answer(struct hub *h, const char *op, const char *name, int result)
{
	char json[256];

	snprintf(json, sizeof json,
	         "{\"type\":\"%s\",\"payload\":{\"devices\":[{\"product_id\":\"" PRODUCT
	         "\",\"device_name\":\"%s\",\"result\":%d}]}}",
	         op, name, result);
	hub_says(h, json);
}

void hub_change(struct hub *h, const char *name, int status)
{
	char json[256];

	snprintf(
		json, sizeof json,
		"{\"type\":\"change\",\"payload\":{\"status\":%d,\"devices\":[{\"product_id\":\"" PRODUCT
		"\",\"device_name\":\"%s\"}]}}",
		status, name);
	hub_says(h, json);
}

bool hub_suback(struct hub *h, uint8_t code)
{
	return gateway_suback(&h->g, h->last_id, code, h->now_ms);
}

void hub_link(struct hub *h, bool resumed)
{
	gateway_link_up(&h->g, resumed, h->now_ms);
	h->g.describe = false; /* a test that wants it says so */
}

void hub_cut(struct hub *h)
{
	gateway_link_down(&h->g, h->now_ms);
}

void hub_present(struct hub *h, struct subdev *d, bool present)
{
	gateway_present(&h->g, d, present, h->now_ms);
}

void hub_queue(struct hub *h, struct subdev *d, uint64_t seq)
{
	if (outbox_add(&d->outbox, seq, 100) != ST_OK)
		abort();
	gateway_touch(&h->g, d);
}
