/* From the journal to the devices' outboxes: what waits, within which bounds, for how long. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/uplink/uplink_impl.h"
#include "core/base/clocks.h"
#include "core/hub/topic.h"
#include "shadowstore/dead_letter.h"
#include "shadowstore/journal/journal_reader.h"

enum {
	AGE_ROUND_MS = 60000, /* between two looks at the ages */
	AGE_ROUND_MIN_MS = 1000,
	AGE_ROUNDS = 4, /* during the longest age, when that is short */
};

static int64_t age_round_ms(const struct uplink *u)
{
	int64_t round_ms = INT64_C(1000) * u->conf.max_age_s / AGE_ROUNDS;

	return round_ms > AGE_ROUND_MS       ? AGE_ROUND_MS
	       : round_ms < AGE_ROUND_MIN_MS ? AGE_ROUND_MIN_MS
	                                     : round_ms;
}

/* --- the start --- */

static void marked(void *ctx, const char *mark)
{
	struct uplink *u = ctx;
	struct subdev *d;

	if (*mark == JUDGE_MARK)
		return;
	d = gateway_device(&u->gateway, mark);
	if (d)
		gateway_remember_online(&u->gateway, d);
}

static void remember_mark(void *ctx, const struct subdev *d, bool online)
{
	struct uplink *u = ctx;
	char client_id[CLIENT_ID_MAX + 1];

	gateway_client_id(d, client_id);
	if (journal_reader_mark(u->conf.journal, client_id, online) != ST_OK)
		repeats_log(&u->repeats, &u->log, LOG_WARN, "the disk", "mark", clocks_monotonic_ms(),
		            "%s: cannot be remembered as %s (%s); after a crash the hub may show it wrong",
		            client_id, online ? "online" : "offline", strerror(errno));
}

void intake_start(struct uplink *u, int64_t now_ms)
{
	u->release_ms = INT64_MAX;
	drop_report_init(&u->drops);
	u->ages_ms = u->conf.max_age_s > 0 ? now_ms + age_round_ms(u) : INT64_MAX;
	if (!u->conf.journal)
		return;
	u->left = true;
	journal_reader_log(u->conf.journal, &u->log);
	journal_reader_marks(u->conf.journal, marked, u);
	u->gateway.mark = remember_mark;
	u->gateway.mark_ctx = u;
	gateway_settle(&u->gateway, now_ms + u->conf.settle_ms);
}

/* --- the end of a message --- */

void intake_end(struct uplink *u, struct subdev *d, uint64_t seq, enum journal_end end)
{
	const struct outbox_entry *e = outbox_find(&d->outbox, seq);
	char client_id[CLIENT_ID_MAX + 1];

	if (!e)
		return;
	if (e->latest)
		latest_sent(&d->latest, seq, clocks_monotonic_ms());
	gateway_client_id(d, client_id);
	if (u->traced.count > 0 && end != JOURNAL_DELIVERED)
		traced_tell(u, d, TRACE_DROPPED,
		            &(struct trace_about){ .seq = seq, .why = journal_end_text(end) });
	journal_reader_end(u->conf.journal, seq, client_id, e->bytes, end);
	intake_forget(u, d, e);
	u->worked = true;
}

void intake_forget(struct uplink *u, struct subdev *d, const struct outbox_entry *e)
{
	aside_forget(u->gateway.asides, d, e);
	permission_drop(&u->permissions, e->key);
	outbox_end(&d->outbox, e->seq);
}

void intake_bury(struct uplink *u, struct subdev *d, uint64_t seq, const char *reason)
{
	struct dead_letter letter = {
		.product_id = d->product_id,
		.device_name = d->device_name,
		.reason = reason,
		.time = time(NULL),
	};
	struct journal_view view;
	enum status st = journal_reader_load(u->conf.journal, seq, NULL, &view);
	char client_id[CLIENT_ID_MAX + 1];

	if (st == ST_OK) {
		letter.topic = view.topic;
		letter.payload = view.payload;
		letter.len = view.len;
		letter.qos = view.qos;
		st = u->conf.state_dir ? dead_letter_add(u->conf.state_dir, &letter) : ST_OK;
	}
	gateway_client_id(d, client_id);
	repeats_log(&u->repeats, &u->log, LOG_WARN, client_id, reason, clocks_monotonic_ms(),
	            "%s/%s: message %" PRIu64 " given up: %s (%s dead-letter.jsonl)", d->product_id,
	            d->device_name, seq, reason,
	            st == ST_OK ? "kept in" : "and could not be written to");
	intake_end(u, d, seq, JOURNAL_DROP_POISON);
}

/* --- bounds --- */

/* e, of d, makes room: counted apart when it stands aside, as nobody knows whether it could ever
 * have gone. */
static void drop(struct uplink *u, struct subdev *d, const struct outbox_entry *e,
                 enum drop_reason reason)
{
	bool aside = e->state == ENTRY_ASIDE;

	/* Of strangers there may be many, and BROKER says how many: they have no lines of their own. */
	if (d->standing != STANDING_OWN)
		metric_add(u->conf.metrics, M_DROPPED_NAMES, 1);
	else
		drop_report_add(&u->drops, d->product_id, d->device_name, aside ? DROP_SUSPECT : reason,
		                clocks_monotonic_ms());
	if (e->packet_id != 0)
		packet_ids_release(&u->ids, e->packet_id);
	intake_end(u, d, e->seq, aside ? JOURNAL_DROP_SUSPECT : JOURNAL_DROP_BOUND);
}

/* What stands aside goes first. False: d has nothing to drop. */
static bool drop_one(struct uplink *u, struct subdev *d, enum drop_reason reason)
{
	const struct outbox_entry *e = outbox_aside(&d->outbox, 0, 0);

	if (!e)
		e = outbox_next(&d->outbox);
	if (e)
		drop(u, d, e, reason);
	return e != NULL;
}

/* Who gives way first: by what it is, then by what it has waiting. Below 0: a before b. */
static int giving_way(const struct subdev *a, const struct subdev *b)
{
	unsigned x = standing_gives_way(a->standing), y = standing_gives_way(b->standing);

	if (x != y)
		return x > y ? -1 : 1;
	return a->outbox.bytes > b->outbox.bytes ? -1 : 1;
}

/* Who loses messages now, of those that give way at least so soon, and how many bytes the next one
 * of its kind has. */
static struct subdev *largest(struct uplink *u, unsigned least, uint64_t *second)
{
	struct subdev *most = NULL;
	struct table_at at;

	*second = 0;
	for (struct table_node *n = table_first(&u->gateway.devices, &at); n;
	     n = table_next(&u->gateway.devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		if (standing_gives_way(d->standing) < least || !outbox_next(&d->outbox))
			continue;
		if (!most || giving_way(d, most) < 0) {
			*second = most && most->standing == d->standing ? most->outbox.bytes : 0;
			most = d;
		} else if (most->standing == d->standing && d->outbox.bytes > *second) {
			*second = d->outbox.bytes;
		}
	}
	return most;
}

/* Of whatever has most of it. Returns what is still to be dropped. */
static uint64_t drop_aside(struct uplink *u, uint64_t count)
{
	struct subdev *d = NULL;
	const struct outbox_entry *e;

	for (; count > 0 && (e = aside_most(u->gateway.asides, &d)) != NULL; count--) {
		drop(u, d, e, DROP_STORE);
		gateway_touch(&u->gateway, d);
	}
	return count;
}

/* The device with the most waiting bytes loses its oldest messages: who fills the store pays for
 * it, a quiet device keeps what it has. Returns what is still to be dropped. */
static uint64_t drop_waiting(struct uplink *u, uint64_t count, unsigned least)
{
	while (count > 0) {
		uint64_t second;
		struct subdev *d = largest(u, least, &second);

		if (!d)
			break;
		do {
			drop_one(u, d, DROP_STORE);
			count--;
		} while (count > 0 && outbox_next(&d->outbox) && d->outbox.bytes >= second);
		gateway_touch(&u->gateway, d);
	}
	return count;
}

/* First names that may be nobody's, then what stands aside, then anybody's; of those that give way
 * at least so soon. */
static void drop_excess(struct uplink *u, uint64_t count, unsigned least)
{
	const unsigned own = standing_gives_way(STANDING_OWN);

	count = drop_waiting(u, count, least > own ? least : own + 1);
	if (least > own)
		return;
	drop_waiting(u, drop_aside(u, count), least);
}

/* A device's share may be less than what it has waiting. */
static void drop_over_shares(struct uplink *u)
{
	struct table_at at;

	for (struct table_node *n = table_first(&u->gateway.devices, &at); n;
	     n = table_next(&u->gateway.devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);
		uint64_t live = d->outbox.live;

		while (journal_reader_over_share(u->conf.journal, d->outbox.live, d->outbox.bytes) &&
		       drop_one(u, d, DROP_SHARE))
			;
		if (d->outbox.live != live)
			gateway_touch(&u->gateway, d);
	}
}

static void drop_over_name(struct uplink *u, struct subdev *d)
{
	while (d->standing == STANDING_STRANGER && d->outbox.live > STRANGER_MESSAGES_MAX &&
	       drop_one(u, d, DROP_SHARE))
		;
}

void intake_standing(struct uplink *u, struct subdev *d)
{
	drop_over_name(u, d);
	gateway_touch(&u->gateway, d);
}

void intake_let_go(struct uplink *u, struct subdev *d)
{
	int64_t due_ms;
	uint64_t seq;

	while ((seq = latest_release(&d->latest, INT64_MAX, &due_ms)) != 0)
		outbox_release(&d->outbox, seq);
	d->holds = false;
	while (drop_one(u, d, DROP_SHARE))
		;
	gateway_touch(&u->gateway, d);
}

void intake_limits(struct uplink *u, int64_t now_ms)
{
	u->ages_ms = u->conf.max_age_s > 0 ? now_ms : INT64_MAX;
	if (u->conf.journal)
		drop_over_shares(u); /* intake_journal() keeps the whole within its bound */
}

/* --- taking in --- */

static uint32_t interval_of(const struct uplink *u, const char *topic)
{
	const struct config_route *rule = route_rules_find(u->routes, topic);

	return rule ? rule->min_interval_ms : 0;
}

static void take_latest(struct uplink *u, struct subdev *d, const struct journal_item *item,
                        int64_t now_ms)
{
	struct latest_verdict v =
		latest_take(&d->latest, item->topic, interval_of(u, item->topic), item->seq, now_ms);
	const struct outbox_entry *old;

	old = v.superseded ? outbox_find(&d->outbox, v.superseded) : NULL;
	if (old && old->packet_id == 0)
		intake_end(u, d, v.superseded, JOURNAL_SUPERSEDED);
	outbox_find(&d->outbox, item->seq)->latest = true;
	if (!v.hold)
		return;
	outbox_hold(&d->outbox, item->seq);
	d->holds = true;
	u->release_ms = now_ms; /* intake_times() finds out when */
}

/* Whose message it is. That the journal knows a name does not make it ours. */
static struct subdev *owner_of(struct uplink *u, const char *client_id, int64_t now_ms)
{
	size_t known = u->gateway.devices.count;
	struct subdev *d = gateway_device(&u->gateway, client_id);

	if (d && u->gateway.devices.count > known)
		gateway_set_standing(&u->gateway, d, STANDING_UNASKED, now_ms);
	return d;
}

/* Of a message that the hub acknowledges: whose permission it needs. */
static uint16_t key_of(struct uplink *u, const struct journal_item *item)
{
	struct topic t;
	const char *name = item->topic;
	size_t len = strlen(name);

	if (item->qos == 0)
		return PERMISSION_NONE;
	if (topic_parse(item->topic, len, &t) != ST_OK || t.kind == TOPIC_NONE)
		return permission_take(&u->permissions, item->device, PRODUCT_ID_LEN, name, len);
	if (t.kind == TOPIC_CUSTOM)
		return permission_take(&u->permissions, t.product_id.at, t.product_id.len, t.rest.at,
		                       t.rest.len);
	len = (size_t)(t.product_id.at - name) - 1; /* "$ota/report" of "$ota/report/{pid}/..." */
	return permission_take(&u->permissions, t.product_id.at, t.product_id.len, name, len);
}

/* Of a suspect topic it stands aside from the first moment, so that it goes first at a bound, the
 * hub being there or not. */
static void take_key(struct uplink *u, struct subdev *d, const struct journal_item *item)
{
	struct outbox_entry *e = outbox_find(&d->outbox, item->seq);

	e->key = key_of(u, item);
	if (e->state == ENTRY_WAITING && permission_way(&u->permissions, e->key) == PERMISSION_ASIDE)
		aside_put(u->gateway.asides, d, e);
}

static void take_item(struct uplink *u, const struct journal_item *item, int64_t now_ms)
{
	struct subdev *d = owner_of(u, item->device, now_ms);

	/* It was promised: without memory it stays in the store, and goes after the next start. */
	if (!d || outbox_add(&d->outbox, item->seq, item->bytes) != ST_OK) {
		if (u->untaken++ == 0)
			log_line(&u->log, LOG_ERROR,
			         "no memory for a message of %s: it and what follows like this stay in the "
			         "store until the broker is started again",
			         item->device);
		return;
	}
	d->taken_seq = item->seq;
	if (item->latest)
		take_latest(u, d, item, now_ms);
	take_key(u, d, item);
	while (journal_reader_over_share(u->conf.journal, d->outbox.live, d->outbox.bytes) &&
	       drop_one(u, d, DROP_SHARE))
		;
	drop_over_name(u, d);
	gateway_touch(&u->gateway, d);
}

void intake_journal(struct uplink *u, int64_t now_ms)
{
	struct journal_item item;
	enum status st = ST_OK;
	uint64_t excess;
	int n = 0;

	if (!u->conf.journal)
		return;
	while (n < TAKES_PER_TURN && (st = journal_reader_next(u->conf.journal, &item)) == ST_OK) {
		take_item(u, &item, now_ms);
		n++;
	}
	u->worked |= n > 0;
	u->found |= n > 0 && !u->left;
	u->gateway.read_seq = journal_reader_position(u->conf.journal);
	/* Only who read it to its end is woken for what comes. */
	u->left = st != ST_EMPTY;
	u->more = st == ST_OK;
	if (u->left && !u->more)
		u->retry_ms = now_ms + NOMEM_PAUSE_MS;
	excess = journal_reader_excess(u->conf.journal);
	if (excess > 0)
		drop_excess(u, excess, 0);
	excess = journal_reader_pressed(u->conf.journal);
	if (excess > 0)
		drop_excess(u, excess, standing_gives_way(STANDING_STRANGER));
	drop_report_run(&u->drops, &u->log, now_ms);
}

/* --- times --- */

static void release_held(struct uplink *u, struct subdev *d, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;
	uint64_t seq;

	while ((seq = latest_release(&d->latest, now_ms, &due_ms)) != 0)
		outbox_release(&d->outbox, seq);
	d->holds = due_ms != INT64_MAX;
	if (due_ms < u->release_ms)
		u->release_ms = due_ms;
	gateway_touch(&u->gateway, d);
}

static void release_all(struct uplink *u, int64_t now_ms)
{
	struct table_at at;

	u->release_ms = INT64_MAX;
	for (struct table_node *n = table_first(&u->gateway.devices, &at); n;
	     n = table_next(&u->gateway.devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		if (d->holds)
			release_held(u, d, now_ms);
	}
}

static struct outbox_entry *oldest(struct subdev *d)
{
	struct outbox_entry *next = outbox_next(&d->outbox), *aside = outbox_aside(&d->outbox, 0, 0);

	return !next || (aside && aside->seq < next->seq) ? aside : next;
}

/* Oldest first, so the first that is young enough ends it. */
static unsigned drop_aged(struct uplink *u, struct subdev *d, const struct record_now *now,
                          unsigned most)
{
	int64_t limit_ms = INT64_C(1000) * u->conf.max_age_s;
	struct journal_view view;
	struct outbox_entry *e;
	unsigned n = 0;

	while (n < most && (e = oldest(d)) != NULL) {
		enum status st = journal_reader_load(u->conf.journal, e->seq, now, &view);

		if (st != ST_MALFORMED && (st != ST_OK || view.age_ms <= limit_ms))
			break;
		if (e->packet_id != 0)
			packet_ids_release(&u->ids, e->packet_id);
		intake_end(u, d, e->seq, st == ST_OK ? JOURNAL_DROP_AGE : JOURNAL_DROP_DAMAGED);
		n++;
	}
	return n;
}

static void look_at_ages(struct uplink *u, int64_t now_ms)
{
	struct record_now now;
	struct table_at at;
	unsigned budget = AGES_PER_TURN, n;
	uint64_t rounds, others;

	journal_reader_now(u->conf.journal, atomic_load(&u->mail.clock_trusted), &now);
	for (struct table_node *node = table_first(&u->gateway.devices, &at); node && budget > 0;
	     node = table_next(&u->gateway.devices, &at)) {
		struct subdev *d = table_entry(node, struct subdev, node);

		n = drop_aged(u, d, &now, budget);
		budget -= n;
		u->aged += n;
		if (n > 0)
			gateway_touch(&u->gateway, d);
	}
	if (budget == 0) { /* on with it in the next turn */
		u->ages_ms = now_ms;
		return;
	}
	u->ages_ms = now_ms + age_round_ms(u);
	if (u->aged == 0 || !repeats_is_news(&u->repeats, "the store", "age", now_ms, &rounds, &others))
		return;
	log_line(&u->log, LOG_WARN,
	         "%" PRIu64 " messages were older than store.max_age_s %" PRIu32 " and were dropped",
	         u->aged, u->conf.max_age_s);
	u->aged = 0;
}

void intake_times(struct uplink *u, int64_t now_ms)
{
	if (now_ms >= u->release_ms)
		release_all(u, now_ms);
	if (now_ms >= u->ages_ms && !u->more)
		look_at_ages(u, now_ms);
}

int64_t intake_times_due(const struct uplink *u)
{
	int64_t due_ms = u->release_ms < u->ages_ms ? u->release_ms : u->ages_ms;

	return due_ms < u->drops.due_ms ? due_ms : u->drops.due_ms;
}
