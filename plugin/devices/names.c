#include "plugin/devices/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/list.h"
#include "core/base/room.h"
#include "plugin/devices/command.h"
#include "plugin/devices/device_record.h"
#include "plugin/devices/device_service.h"
#include "plugin/devices/min_interval.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/subscriptions.h"

enum {
	NEWEST = 3,      /* names in a line of the log */
	LIST_MS = 10000, /* in which the parts of one list come, and more */
	LOOKS = 16,      /* at who may give way, for one message */
	BOUND_MAX = 4096 /* names on the hub's list that nobody speaks for */
};

struct bound_name { /* the hub called it bound, and it is no device here */
	struct table_node node;
	int64_t said_ms;
	char client_id[];
};

struct names {
	struct name_line {
		LINE_OF(struct device) line; /* least recently heard first */
		size_t count;
	} of[STANDINGS]; /* none of STANDING_OWN */
	struct table bound;
	/* the log */
	int64_t report_ms; /* 0: there are no strangers, and room for more names */
	/* since the last line */
	uint64_t new_ones, turned_away;
	char newest[NEWEST][CLIENT_ID_MAX + 1];
};

/* --- what the hub's list says --- */

static bool same_name(const struct table_node *node, const void *key)
{
	return strcmp(table_entry(node, const struct bound_name, node)->client_id, key) == 0;
}

static struct bound_name *find_bound(const struct hubgate *h, const char *client_id)
{
	struct table_node *n = table_find(
		&h->names->bound, table_hash(h->seed, client_id, strlen(client_id)), same_name, client_id);

	return n ? table_entry(n, struct bound_name, node) : NULL;
}

static void drop_bound(struct hubgate *h, struct bound_name *b)
{
	if (!b)
		return;
	table_remove(&h->names->bound, &b->node);
	free(b);
}

/* Without memory for it the hub is asked when the name is heard. */
static struct bound_name *add_bound(struct hubgate *h, const char *client_id)
{
	size_t len = strlen(client_id);
	struct bound_name *b = NULL;

	if (h->names->bound.count < BOUND_MAX)
		b = calloc(1, sizeof(*b) + len + 1);
	if (!b)
		return NULL;
	memcpy(b->client_id, client_id, len + 1);
	if (table_add(&h->names->bound, &b->node, table_hash(h->seed, client_id, len)) == ST_OK)
		return b;
	free(b);
	return NULL;
}

void names_hub_said(struct hubgate *h, const char *client_id, bool bound)
{
	struct bound_name *b = find_bound(h, client_id);

	IN_ROOM(ROOM_BROKER);
	if (!bound) {
		drop_bound(h, b);
		return;
	}
	if (!b)
		b = add_bound(h, client_id);
	if (b)
		b->said_ms = hubgate_now_ms();
}

void names_list_end(struct hubgate *h)
{
	int64_t now_ms = hubgate_now_ms();
	struct table_at at;

	IN_ROOM(ROOM_BROKER);
	for (struct table_node *n = table_first(&h->names->bound, &at); n;
	     n = table_next(&h->names->bound, &at)) {
		struct bound_name *b = table_entry(n, struct bound_name, node);

		if (b->said_ms <= now_ms - LIST_MS)
			drop_bound(h, b);
	}
}

bool names_bound(const struct hubgate *h, const char *client_id)
{
	IN_ROOM(ROOM_BROKER);
	return find_bound(h, client_id) != NULL;
}

/* --- life --- */

enum status names_open(struct hubgate *h)
{
	h->names = calloc(1, sizeof(*h->names));
	if (!h->names)
		return ST_NOMEM;
	table_init(&h->names->bound);
	return ST_OK;
}

void names_close(struct hubgate *h)
{
	struct table_at at;

	if (!h->names)
		return;
	for (struct table_node *n = table_first(&h->names->bound, &at); n;
	     n = table_next(&h->names->bound, &at))
		drop_bound(h, table_entry(n, struct bound_name, node));
	table_fini(&h->names->bound);
	free(h->names);
	h->names = NULL;
}

/* --- the lines --- */

static void count(struct hubgate *h)
{
	metric_set(&h->metrics, M_UNASKED, h->names->of[STANDING_UNASKED].count);
	metric_set(&h->metrics, M_STRANGERS, h->names->of[STANDING_STRANGER].count);
}

static void leave_line(struct hubgate *h, struct device *d)
{
	struct name_line *l = &h->names->of[d->standing];

	if (d->standing == STANDING_OWN)
		return;
	LINE_REMOVE(&l->line, d);
	l->count--;
	count(h);
}

static void join_line(struct hubgate *h, struct device *d)
{
	struct name_line *l = &h->names->of[d->standing];

	if (d->standing == STANDING_OWN)
		return;
	LINE_PUT(&l->line, d);
	l->count++;
	d->heard_ms = hubgate_now_ms();
	count(h);
}

void names_heard(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	leave_line(h, d);
	join_line(h, d);
}

size_t names_own(const struct hubgate *h)
{
	const struct names *n = h->names;

	IN_ROOM(ROOM_BROKER);
	return device_table_known(h->devices) - n->of[STANDING_UNASKED].count -
	       n->of[STANDING_STRANGER].count;
}

/* --- what is said of strangers --- */

static void say(struct hubgate *h, int64_t now_ms)
{
	struct names *n = h->names;

	if (n->new_ones > 0)
		log_line(
			&h->log, LOG_WARN,
			"clients here speak for names that the hub does not know as bound to this gateway: "
			"%zu now, %" PRIu64 " new; the newest %s %s %s; bind them in the console, or let no "
			"client speak for them (docs/mappings.md)",
			n->of[STANDING_STRANGER].count, n->new_ones, n->newest[0], n->newest[1], n->newest[2]);
	if (n->turned_away > 0)
		log_line(&h->log, LOG_WARN,
		         "%" PRIu64
		         " messages were refused: of more names than the hub was asked about yet "
		         "(%zu wait); while it is away, or when clients here speak for ever new names",
		         n->turned_away, n->of[STANDING_UNASKED].count);
	n->new_ones = n->turned_away = 0;
	n->report_ms = now_ms + NAMES_REPORT_MS;
}

static void note_stranger(struct hubgate *h, const struct device *d)
{
	struct names *n = h->names;

	memmove(n->newest[1], n->newest[0], sizeof(n->newest) - sizeof(n->newest[0]));
	memcpy(n->newest[0], d->client_id, sizeof(n->newest[0]));
	n->new_ones++;
	if (n->report_ms == 0)
		say(h, hubgate_now_ms());
}

static void note_turned_away(struct hubgate *h)
{
	h->names->turned_away++;
	if (h->names->report_ms == 0)
		say(h, hubgate_now_ms());
}

static void note_over(struct hubgate *h)
{
	struct names *n = h->names;

	if (n->report_ms == 0 || n->of[STANDING_STRANGER].count > 0 ||
	    !standing_has_room(n->of[STANDING_UNASKED].count, false))
		return;
	log_line(&h->log, LOG_NOTE, "no client here speaks for a name that the hub does not know");
	n->report_ms = 0;
	n->new_ones = n->turned_away = 0;
	memset(n->newest, 0, sizeof(n->newest));
}

/* --- their end --- */

static void erase(struct hubgate *h, struct device *d)
{
	if (!d->stored)
		return;
	device_record_erase(h, d);
	for (const struct device_filter *f = d->filters; f; f = f->next)
		subscriptions_forget(h, d, f->text);
}

bool names_let_go(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (d->own || d->waits || d->had_client || !h->uplink ||
	    uplink_device_let_go(h->uplink, d->client_id) != ST_OK)
		return false;
	leave_line(h, d);
	erase(h, d);
	h->shadow_service->forget(h, d, d->stored);
	command_forget(h, d);
	h->forget_mapped(h, d, d->stored);
	presence_forget(h, d);
	min_interval_free(d);
	device_table_remove(h->devices, d);
	metric_add(&h->metrics, M_FORGOTTEN, 1);
	return true;
}

void names_retire(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	leave_line(h, d);
	d->standing = STANDING_OWN; /* until it is back */
}

static bool is_idle(const struct hubgate *h, const struct device *d)
{
	uint64_t messages;

	return !presence_is_there(h, d) &&
	       journal_device_waits(h->journal, d->client_id, &messages, NULL) && messages == 0;
}

void names_trim(struct hubgate *h)
{
	struct name_line *l = &h->names->of[STANDING_STRANGER];

	IN_ROOM(ROOM_BROKER);
	while (l->count > h->config->presence.max_unknown && l->count > 1 &&
	       names_let_go(h, l->line.first))
		;
}

bool names_make_room(struct hubgate *h, bool by_program)
{
	struct name_line *l = &h->names->of[STANDING_UNASKED];
	int looks = LOOKS;

	IN_ROOM(ROOM_BROKER);
	while (!standing_has_room(l->count, by_program) && looks-- > 0) {
		struct device *d = l->line.first;

		if (is_idle(h, d) && names_let_go(h, d))
			return true;
		LINE_REMOVE(&l->line, d); /* another one next time */
		LINE_PUT(&l->line, d);
	}
	if (standing_has_room(l->count, by_program))
		return true;
	note_turned_away(h);
	return false;
}

/* --- standing --- */

static enum standing standing(const struct device *d)
{
	const struct standing_facts f = {
		.configured = d->own || d->origins & ORIGIN_CONFIGURED,
		.registered = d->origins & ORIGIN_REGISTERED,
		.proven = d->proven,
		.refused = d->bound == BOUND_NO,
	};

	return standing_of(&f);
}

/* What nobody stored while it was nobody's. */
static void store(struct hubgate *h, struct device *d)
{
	device_record_keep(h, d);
	for (const struct device_filter *f = d->filters; f; f = f->next)
		subscriptions_keep(h, d, f->text, f->qos);
	h->shadow_service->keep(h, d);
}

void names_settle(struct hubgate *h, struct device *d)
{
	enum standing before = d->standing;

	IN_ROOM(ROOM_BROKER);
	if (standing(d) == before)
		return;
	leave_line(h, d);
	d->standing = standing(d);
	join_line(h, d);
	presence_standing_changed(h, d);
	if (d->standing == STANDING_OWN) {
		names_hub_said(h, d->client_id, false); /* it is a device now, and says it itself */
		store(h, d);
	}
	if (d->standing == STANDING_STRANGER)
		note_stranger(h, d);
	note_over(h);
}

/* Those that have been idle for long go, so that it can be over. */
void names_run(struct hubgate *h, int64_t now_ms)
{
	struct name_line *l = &h->names->of[STANDING_STRANGER];
	struct device *next;

	IN_ROOM(ROOM_BROKER);
	names_trim(h);
	if (h->names->report_ms == 0 || now_ms < h->names->report_ms)
		return;
	for (struct device *d = l->line.first; d && d->heard_ms <= now_ms - NAMES_REPORT_MS; d = next) {
		next = d->next;
		if (is_idle(h, d))
			names_let_go(h, d);
	}
	say(h, now_ms);
	note_over(h);
}

int64_t names_due(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->names->report_ms == 0 ? INT64_MAX : h->names->report_ms;
}

size_t names_strangers(const struct hubgate *h, const struct device *out[], size_t max)
{
	size_t count = 0;

	IN_ROOM(ROOM_BROKER);
	for (const struct device *d = h->names->of[STANDING_STRANGER].line.last; d && count < max;
	     d = d->prev)
		out[count++] = d;
	return count;
}
