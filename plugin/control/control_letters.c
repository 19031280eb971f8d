#include "plugin/control/control_letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/mailbox.h"
#include "core/base/room.h"
#include "plugin/control/control_answer.h"
#include "plugin/control/control_devices.h"
#include "plugin/control/cursor.h"
#include "plugin/control/letters_job.h"

enum {
	LIST_MAX = 256,
	SENDS_PER_TURN = 16,
	WHY_BYTES = 200,
};

struct request {
	struct request *next;
	struct asker *asker; /* owned */
	struct letters_job job;
	bool resend, all;
	size_t sent;       /* of the letters that DISK brought, in the journal */
	size_t done;       /* sent again, or dropped, in all */
	const char *fault; /* why it ends early; static; NULL: it does not */
};

enum stage {
	IDLE,
	AT_DISK, /* DISK has the first request's job */
	SENDING, /* its letters go into the journal */
};

struct control_letters {
	struct hubgate *h;
	QUEUE_OF(struct request) waiting;
	size_t count;
	enum stage stage;
	struct mailbox *back; /* DISK -> BROKER: the job is BROKER's again */
};

/* --- life --- */

struct control_letters *control_letters_new(struct hubgate *h)
{
	struct control_letters *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->h = h;
	if (mailbox_new(sizeof(char), 1, &l->back) == ST_OK)
		return l;
	free(l);
	return NULL;
}

static void request_free(struct request *q)
{
	letters_job_empty(&q->job);
	free(q->job.ids);
	asker_free(q->asker);
	free(q);
}

void control_letters_free(struct control_letters *l)
{
	struct request *q;

	if (!l)
		return;
	while (QUEUE_TAKE(&l->waiting, q))
		request_free(q);
	mailbox_free(l->back, NULL);
	free(l);
}

bool control_letters_wait(const struct control_letters *l)
{
	IN_ROOM(ROOM_BROKER);
	return l->stage == SENDING;
}

/* --- DISK --- */

static void run_in_disk(void *ctx)
{
	struct control_letters *l = ctx;
	const char token = 0;

	letters_job_run(&l->waiting.first->job);
	mailbox_put(l->back, &token, NULL); /* there is one job: there is room */
	uplink_ring(l->h->uplink);
}

/* --- BROKER --- */

static void finish(struct control_letters *l)
{
	struct request *q = NULL;
	struct control_answer out;

	QUEUE_TAKE(&l->waiting, q);
	l->count--;
	l->stage = IDLE;
	if (q->fault) {
		char why[WHY_BYTES];

		snprintf(why, sizeof(why), "%s; %zu are done", q->fault, q->done);
		asker_answer(q->asker, why);
	} else if (q->job.what == LETTERS_LIST) {
		asker_answer_data(q->asker, &q->job.out);
	} else {
		control_answer_begin(&out);
		json_open(&out.w, NULL, '{');
		json_put_count(&out.w, "count", q->done);
		json_close(&out.w, '}');
		control_answer_end(&out, q->asker);
	}
	q->asker = NULL;
	request_free(q);
}

static void ask_disk(struct control_letters *l)
{
	struct request *q = l->waiting.first;

	l->stage = AT_DISK;
	if (disk_ask(l->h->disk, run_in_disk, l) == ST_OK)
		return;
	q->fault = "the disk's thread is busy; ask again";
	finish(l);
}

/* What was sent leaves the files: by id, whatever came to them meanwhile. */
static void take_out(struct control_letters *l)
{
	struct letters_job *j = &l->waiting.first->job;
	uint64_t *ids = calloc(LETTERS_TAKE_MAX, sizeof(*ids));

	for (size_t i = 0; ids && i < l->waiting.first->sent; i++)
		ids[i] = j->letters[i].id;
	if (!ids) {
		l->waiting.first->fault = status_text(ST_NOMEM);
		finish(l);
		return;
	}
	free(j->ids);
	j->ids = ids;
	j->id_count = l->waiting.first->sent;
	j->all = false;
	j->what = LETTERS_DROP;
	ask_disk(l);
}

static enum status send_one(struct hubgate *h, const struct letter *letter)
{
	const struct journal_msg msg = {
		.device = letter->client_id,
		.topic = letter->topic,
		.payload = letter->payload,
		.len = letter->len,
		.qos = letter->qos,
		.clock_trusted = clock_trusted(h->clock),
	};

	return uplink_publish(h->uplink, &msg);
}

static void send_some(struct control_letters *l)
{
	struct request *q = l->waiting.first;

	for (int n = 0; n < SENDS_PER_TURN && q->sent < q->job.letter_count; n++) {
		if (send_one(l->h, &q->job.letters[q->sent]) != ST_OK) {
			q->fault = "the store takes no more, the others stay where they are";
			q->job.letter_count = q->sent;
			break;
		}
		q->sent++;
	}
	if (q->sent < q->job.letter_count)
		return;
	if (q->sent > 0)
		take_out(l);
	else
		finish(l);
}

/* A round of a resend is over: those that were asked for by id are done in one. */
static void next_round(struct control_letters *l, bool whole)
{
	struct request *q = l->waiting.first;

	letters_job_empty(&q->job);
	if (q->fault || !whole) {
		finish(l);
		return;
	}
	q->job.what = LETTERS_TAKE;
	q->job.all = true;
	q->sent = 0;
	ask_disk(l);
}

static void take_back(struct control_letters *l)
{
	struct request *q = l->waiting.first;
	struct letters_job *j = &q->job;

	if (j->st != ST_OK) {
		q->fault = j->st == ST_NOMEM ? status_text(ST_NOMEM)
		                             : "dead-letter.jsonl in store.dir cannot be read or written";
		finish(l);
	} else if (j->what == LETTERS_TAKE) {
		l->stage = SENDING;
	} else if (q->resend) {
		q->done += q->sent;
		next_round(l, q->all && j->letter_count == LETTERS_TAKE_MAX);
	} else {
		q->done = j->dropped;
		finish(l);
	}
}

void control_letters_run(struct hubgate *h, struct control_letters *l)
{
	char token;

	IN_ROOM(ROOM_BROKER);
	(void)h;
	if (l->stage == AT_DISK && mailbox_take(l->back, &token) == ST_OK)
		take_back(l);
	if (l->stage == SENDING)
		send_some(l);
	if (l->stage == IDLE && l->waiting.first)
		ask_disk(l);
}

/* --- commands --- */

/* False: ids is no list of ids, and a was answered. */
static bool read_ids(const cJSON *command, struct request *q)
{
	const cJSON *list = json_member(command, "ids"), *node;
	int64_t id;

	q->job.all = q->all = !list;
	if (!list)
		return true;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > LETTERS_TAKE_MAX)
		return false;
	q->job.ids = calloc(LETTERS_TAKE_MAX, sizeof(*q->job.ids));
	if (!q->job.ids)
		return false;
	cJSON_ArrayForEach(node, list)
	{
		if (!json_int(node, false, &id) || id < 1)
			return false;
		q->job.ids[q->job.id_count++] = (uint64_t)id;
	}
	return true;
}

/* Takes a; NULL: it was answered. */
static struct request *add(struct control_letters *l, enum letters_what what, struct asker *a)
{
	struct request *q = NULL;

	if (!l->h->disk)
		asker_answer(a, "there is no store");
	else if (l->count < CONTROL_LETTERS_MAX)
		q = calloc(1, sizeof(*q));
	else
		asker_answer(a, "too many commands about dead letters at once; ask again");
	if (!q)
		return NULL;
	q->asker = a;
	q->job.what = what;
	q->job.dir = l->h->config->store.dir;
	return q;
}

static void put(struct control_letters *l, struct request *q)
{
	QUEUE_PUT(&l->waiting, q);
	l->count++;
	if (l->stage == IDLE)
		ask_disk(l);
}

static void refuse(struct request *q, const char *why)
{
	asker_answer(q->asker, why);
	q->asker = NULL;
	request_free(q);
}

void control_letters_list(struct hubgate *h, struct control_letters *l, const cJSON *command,
                          struct asker *a)
{
	unsigned count = control_devices_count(command, LIST_MAX, a);
	struct request *q = count > 0 ? add(l, LETTERS_LIST, a) : NULL;

	IN_ROOM(ROOM_BROKER);
	(void)h;
	if (!q)
		return;
	q->job.count = count;
	if (cursor_read(json_text(command, "from"), &q->job.after))
		put(l, q);
	else
		refuse(q, CURSOR_WRONG);
}

static void change(struct control_letters *l, const cJSON *command, bool resend, struct asker *a)
{
	struct request *q = add(l, resend ? LETTERS_TAKE : LETTERS_DROP, a);

	if (!q)
		return;
	q->resend = resend;
	if (read_ids(command, q))
		put(l, q);
	else
		refuse(q, "ids is no list of at most 64 ids of listDeadLetters; leave it out for all");
}

void control_letters_resend(struct hubgate *h, struct control_letters *l, const cJSON *command,
                            struct asker *a)
{
	IN_ROOM(ROOM_BROKER);
	(void)h;
	change(l, command, true, a);
}

void control_letters_drop(struct hubgate *h, struct control_letters *l, const cJSON *command,
                          struct asker *a)
{
	IN_ROOM(ROOM_BROKER);
	(void)h;
	change(l, command, false, a);
}
