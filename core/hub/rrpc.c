#include "core/hub/rrpc.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/list.h"
#include "core/hub/credential.h"

struct waiting_call {
	struct waiting_call *next;
	int64_t end_ms;
	struct rrpc_call call; /* into text */
	char text[];
};

struct called { /* a device with calls; the first is the one that it has, once it was given */
	struct called *next;
	char client_id[CLIENT_ID_MAX + 1];
	uint64_t reader; /* of the first call; 0: nobody has it yet */
	QUEUE_OF(struct waiting_call) calls;
};

struct rrpc {
	struct called *devices;
	size_t count; /* of calls */
	uint64_t unanswered;
};

struct rrpc *rrpc_new(void)
{
	return calloc(1, sizeof(struct rrpc));
}

/* The first call of d leaves. */
static void end_first(struct rrpc *r, struct called *d)
{
	struct waiting_call *w;

	if (!QUEUE_TAKE(&d->calls, w))
		return;
	d->reader = 0;
	r->count--;
	free(w);
}

void rrpc_free(struct rrpc *r)
{
	struct called *d;

	while (r && LIST_TAKE(&r->devices, d)) {
		while (d->calls.first)
			end_first(r, d);
		free(d);
	}
	free(r);
}

static struct called *find(const struct rrpc *r, const char *client_id)
{
	struct called *d = r->devices;

	while (d && strcmp(d->client_id, client_id) != 0)
		d = d->next;
	return d;
}

static struct called *add_device(struct rrpc *r, const char *client_id)
{
	struct called *d = strlen(client_id) <= CLIENT_ID_MAX ? calloc(1, sizeof(*d)) : NULL;

	if (!d)
		return NULL;
	strcpy(d->client_id, client_id);
	LIST_PUSH(&r->devices, d);
	return d;
}

static struct waiting_call *copy_of(const struct rrpc_call *call)
{
	size_t topic_size = strlen(call->topic) + 1;
	struct waiting_call *w = calloc(1, sizeof(*w) + topic_size + call->len);

	if (!w)
		return NULL;
	memcpy(w->text, call->topic, topic_size);
	if (call->len > 0)
		memcpy(w->text + topic_size, call->payload, call->len);
	w->call = (struct rrpc_call){ w->text, w->text + topic_size, call->len };
	return w;
}

enum status rrpc_add(struct rrpc *r, const char *client_id, const struct rrpc_call *call,
                     int64_t now_ms)
{
	struct waiting_call *w = r->count < RRPC_CALLS_MAX ? copy_of(call) : NULL;
	struct called *d = w ? find(r, client_id) : NULL;

	if (w && !d)
		d = add_device(r, client_id);
	if (!d) {
		free(w);
		r->unanswered++;
		return r->count < RRPC_CALLS_MAX ? ST_NOMEM : ST_FULL;
	}
	w->end_ms = now_ms + RRPC_LIFE_MS;
	QUEUE_PUT(&d->calls, w);
	r->count++;
	return ST_OK;
}

static const char *id_of(const struct waiting_call *w)
{
	const char *slash = strrchr(w->call.topic, '/');

	return slash ? slash + 1 : w->call.topic;
}

bool rrpc_expects(const struct rrpc *r, const char *client_id, const char *id, int64_t now_ms)
{
	const struct called *d = find(r, client_id);

	return d && d->reader && now_ms < d->calls.first->end_ms &&
	       strcmp(id_of(d->calls.first), id) == 0;
}

bool rrpc_answered(struct rrpc *r, const char *client_id, const char *id, int64_t now_ms)
{
	if (!rrpc_expects(r, client_id, id, now_ms))
		return false;
	end_first(r, find(r, client_id));
	return true;
}

/* What of d counts no more. */
static void end_some(struct rrpc *r, struct called *d, uint64_t reader, int64_t now_ms)
{
	bool gone = d->reader && d->reader != reader;

	while (d->calls.first && (gone || !reader || d->calls.first->end_ms <= now_ms)) {
		gone = false;
		r->unanswered++;
		end_first(r, d);
	}
}

static void run_device(struct rrpc *r, struct called *d, const struct rrpc_owner *owner,
                       int64_t now_ms)
{
	uint64_t reader = owner->reader(owner->ctx, d->client_id);

	end_some(r, d, reader, now_ms);
	if (!d->calls.first || d->reader)
		return;
	d->reader = reader;
	owner->give(owner->ctx, &d->calls.first->call);
}

void rrpc_run(struct rrpc *r, const struct rrpc_owner *owner, int64_t now_ms)
{
	for (struct called **at = &r->devices; *at;) {
		struct called *d = *at;

		run_device(r, d, owner, now_ms);
		if (d->calls.first) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		free(d);
	}
}

int64_t rrpc_due(const struct rrpc *r)
{
	int64_t due_ms = INT64_MAX;

	for (const struct called *d = r->devices; d; d = d->next) {
		if (d->calls.first && d->calls.first->end_ms < due_ms)
			due_ms = d->calls.first->end_ms;
	}
	return due_ms;
}

uint64_t rrpc_unanswered(const struct rrpc *r)
{
	return r->unanswered;
}
