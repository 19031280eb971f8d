#include "plugin/control/control_subdevice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/room.h"
#include "core/hub/gateway_answer.h"
#include "core/json/json_writer.h"
#include "plugin/base/timer.h"
#include "plugin/control/control_devices.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/names.h"
#include "plugin/devices/presence.h"

enum {
	WHY_BYTES = 320,
	DATA_BYTES = 512,
	BIND_BYTES = 1024,
	RANDOM_MAX = INT32_MAX,
	SLACK_MS = 5000, /* for its turn */
	/* An online that finds the device unbound is followed by a bind and another online. */
	REQUESTS_MAX = 3,
};

struct ask {
	struct ask *next;
	struct asker *asker; /* owned */
	enum gateway_op op;
	unsigned tried; /* ways of signing a bind */
	int64_t due_ms;
	char client_id[CLIENT_ID_MAX + 1];
};

struct control_asks {
	struct ask *first;
	size_t count;
};

/* --- life --- */

struct control_asks *control_subdevice_new(void)
{
	return calloc(1, sizeof(struct control_asks));
}

static void ask_free(struct ask *q)
{
	asker_free(q->asker);
	free(q);
}

void control_subdevice_free(struct control_asks *all)
{
	while (all && all->first) {
		struct ask *q = all->first;

		all->first = q->next;
		ask_free(q);
	}
	free(all);
}

int64_t control_subdevice_due(const struct control_asks *all)
{
	int64_t due_ms = INT64_MAX;

	IN_ROOM(ROOM_BROKER);
	for (const struct ask *q = all->first; q; q = q->next) {
		if (q->due_ms < due_ms)
			due_ms = q->due_ms;
	}
	return due_ms;
}

/* --- what is asked --- */

/* How the nth bind is signed, as the gateway's own are (docs/protocol/gateway.md 3). False: there
 * is no other way. */
static bool way_of(const struct device *d, unsigned nth, struct secret *key, enum hash *hash,
                   enum bind_auth *auth)
{
	const char *digests[] = { d->certificate.md5, d->certificate.sha1 };

	*hash = HASH_SHA1;
	*auth = BIND_CERTIFICATE;
	if (d->secret.text[0]) {
		*key = d->secret;
		*hash = nth == 0 ? HASH_SHA1 : HASH_SHA256;
		*auth = BIND_PSK;
		return nth < 2;
	}
	if (nth >= 2 || !digests[nth][0])
		return false;
	memset(key, 0, sizeof(*key));
	snprintf(key->text, sizeof(key->text), "%s", digests[nth]);
	return true;
}

/* The hub asks for a number, not for a secret. */
static uint32_t bind_random(void)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = (uint32_t)hubgate_now_us();
	return random & RANDOM_MAX;
}

/* ST_NOTFOUND: there is no way left to sign it. */
static enum status ask_bind(struct hubgate *h, const struct device *d, unsigned nth)
{
	struct buf text = BUF_MAX(BIND_BYTES);
	enum bind_auth auth;
	struct secret key;
	enum status st;
	enum hash hash;

	if (!way_of(d, nth, &key, &hash, &auth))
		return ST_NOTFOUND;
	st = gateway_put_bind(&text, d->product_id, d->device_name, &key, bind_random(),
	                      uplink_hub_time_s(h->uplink), hash, auth);
	if (st == ST_OK)
		st = uplink_ask(h->uplink, d->client_id, GATEWAY_BIND, text.data, text.len);
	secret_wipe(&key);
	buf_free(&text);
	return st;
}

static enum status ask_hub(struct hubgate *h, const struct ask *q, const struct device *d)
{
	enum status st = presence_introduce(h, d->presence);

	if (st != ST_OK)
		return st;
	return q->op == GATEWAY_BIND ? ask_bind(h, d, q->tried)
	                             : uplink_ask(h->uplink, d->client_id, q->op, NULL, 0);
}

/* Why the hub is not asked; NULL: it is. Static. */
static const char *objection(struct hubgate *h, const struct control_asks *all, enum gateway_op op,
                             const struct device *d)
{
	struct secret key;
	enum bind_auth auth;
	enum hash hash;

	if (d && d->own)
		return "it is the gateway itself, which is bound to nobody and online while the link is";
	if (!uplink_ready(h->uplink))
		return "the hub is away, so it was not asked; status says why, ask again when hub.state is "
			   "ready";
	if (all->count >= CONTROL_ASKS_MAX)
		return "too many commands wait for the hub; ask again when they are answered";
	if (op == GATEWAY_BIND && !way_of(d, 0, &key, &hash, &auth))
		return "no secret of it is known here to sign the bind with; add it to devices[] of "
			   "hubgate.json, or register the device";
	return NULL;
}

/* --- answers --- */

static bool is_good(enum gateway_op op, int64_t code)
{
	return gateway_verdict(op, code) == VERDICT_OK;
}

static const char *remark(const struct hubgate *h, enum gateway_op op, const struct device *d)
{
	bool there = d && presence_is_there(h, d);

	if (op == GATEWAY_ONLINE && !there)
		return "it is not on the LAN, so it is taken offline again";
	if (op == GATEWAY_OFFLINE && there)
		return "it is on the LAN, so it is brought online again";
	if (op == GATEWAY_UNBIND && h->config->gateway.bind && d && d->secret.text[0])
		return "its secret is known here and gateway.bind is on, so it is bound again when the "
			   "gateway connects the next time";
	return NULL;
}

static void answer_good(struct hubgate *h, const struct ask *q, int64_t code)
{
	const struct device *d = device_table_find(h->devices, q->client_id, strlen(q->client_id));
	const char *says = remark(h, q->op, d);
	struct buf text = BUF_MAX(DATA_BYTES);
	struct json_writer w = JSON_WRITER(&text);

	json_open(&w, NULL, '{');
	json_put_int(&w, "code", code);
	if (code != CODE_OK)
		json_put_text(&w, "text", gateway_code_text(code));
	if (says)
		json_put_text(&w, "says", says);
	json_close(&w, '}');
	asker_answer_data(q->asker, &text);
	buf_free(&text);
}

static void answer_bad(struct hubgate *h, const struct ask *q, int64_t code)
{
	char why[WHY_BYTES];

	if (code == CODE_SYSTEM && !uplink_ready(h->uplink))
		snprintf(why, sizeof(why),
		         "the link to the hub ended before it answered %s; it may have been carried out: "
		         "ask again when hub.state is ready",
		         gateway_op_name(q->op));
	else if (code == CODE_SYSTEM)
		snprintf(why, sizeof(why),
		         "the hub did not answer %s within hub.request_timeout_s (%u s), or said -2 "
		         "(system error); it may have been carried out: ask again",
		         gateway_op_name(q->op), h->config->hub.request_timeout_s);
	else
		snprintf(why, sizeof(why), "the hub refused %s with %" PRId64 ": %s",
		         gateway_op_name(q->op), code, gateway_code_text(code));
	asker_answer(q->asker, why);
}

/* Frees q. */
static void settle(struct hubgate *h, struct ask *q, int64_t code)
{
	struct device *d = device_table_find(h->devices, q->client_id, strlen(q->client_id));

	if (d && q->op == GATEWAY_UNBIND && code == CODE_OK)
		device_set_bound(h, d, false);
	if (d && q->op == GATEWAY_BIND && is_good(q->op, code))
		device_set_bound(h, d, true);
	/* What is true on the LAN counts again. */
	if (d && (q->op == GATEWAY_OFFLINE || q->op == GATEWAY_ONLINE))
		presence_changed(h, d);
	if (is_good(q->op, code))
		answer_good(h, q, code);
	else
		answer_bad(h, q, code);
	q->asker = NULL;
	ask_free(q);
}

/* The hub wants the bind signed in another way. True: so it was asked again. */
static bool ask_again(struct hubgate *h, struct ask *q, int64_t code)
{
	const struct device *d = device_table_find(h->devices, q->client_id, strlen(q->client_id));

	if (!d || q->op != GATEWAY_BIND ||
	    code != (d->secret.text[0] ? CODE_BAD_METHOD : CODE_BAD_SIGNATURE))
		return false;
	q->tried++;
	return ask_hub(h, q, d) == ST_OK;
}

void control_subdevice_take(struct hubgate *h, struct control_asks *all,
                            const struct uplink_down *news)
{
	struct ask **at = &all->first;

	IN_ROOM(ROOM_BROKER);
	while (*at) {
		struct ask *q = *at;

		if (q->op != news->op || strcmp(q->client_id, news->topic) != 0 ||
		    ask_again(h, q, news->code)) {
			at = &q->next;
			continue;
		}
		*at = q->next;
		all->count--;
		settle(h, q, news->code);
	}
}

void control_subdevice_run(struct hubgate *h, struct control_asks *all, int64_t now_ms)
{
	struct ask **at = &all->first;

	IN_ROOM(ROOM_BROKER);
	while (*at) {
		struct ask *q = *at;

		if (q->due_ms > now_ms) {
			at = &q->next;
			continue;
		}
		*at = q->next;
		all->count--;
		settle(h, q, CODE_SYSTEM);
	}
}

/* --- a command --- */

/* Who is not known here may still be bound to this gateway: it can be unbound. NULL: a is answered.
 */
static struct device *device_of(struct hubgate *h, enum gateway_op op, const cJSON *command,
                                struct asker *a)
{
	const char *product_id = json_text(command, "product_id");
	const char *device_name = json_text(command, "device_name");
	struct device *d = NULL;

	if (op == GATEWAY_UNBIND && product_id && device_name && uplink_ready(h->uplink))
		d = device_admit(h, product_id, device_name, ORIGIN_NAMED);
	if (d)
		names_heard(h, d);
	return d ? d : control_devices_named(h, command, a);
}

static struct ask *make(struct hubgate *h, enum gateway_op op, const struct device *d)
{
	struct ask *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->op = op;
	q->due_ms = hubgate_now_ms() + INT64_C(1000) * REQUESTS_MAX * h->config->hub.request_timeout_s +
	            SLACK_MS;
	snprintf(q->client_id, sizeof(q->client_id), "%s", d->client_id);
	return q;
}

void control_subdevice_ask(struct hubgate *h, struct control_asks *all, enum gateway_op op,
                           const cJSON *command, struct asker *a)
{
	struct device *d = device_of(h, op, command, a);
	const char *why = d ? objection(h, all, op, d) : NULL;
	struct ask *q;

	IN_ROOM(ROOM_BROKER);
	if (!d)
		return;
	q = why ? NULL : make(h, op, d);
	if (!q || ask_hub(h, q, d) != ST_OK) {
		asker_answer(a, why ? why : "there is no room for it now; ask again");
		free(q);
		return;
	}
	q->asker = a;
	q->next = all->first;
	all->first = q;
	all->count++;
	timer_ring_by(h, q->due_ms);
}
