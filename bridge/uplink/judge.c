/* What the hub's silence means: it acknowledges no publish without permission and says nothing
 * about it (docs/protocol/topics.md 2), so a message that is late while later ones are acknowledged
 * is suspect: its topic, or if others of its topic pass, the message itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bridge/uplink/uplink_impl.h"
#include "core/base/clocks.h"
#include "shadowstore/journal/journal_reader.h"

enum {
	SKIPS_MAX = 3,      /* of one message: then it is given up */
	ENDINGS_ALONE = 2,  /* connections that end on a message before it goes alone */
	ENDINGS_MAX = 3,    /* then it is given up */
	DOUBTS_MAX = 8,     /* messages that are late without a verdict */
	SILENCE_MS = 30000, /* a verdict then also without a later acknowledgement, if the hub lives */
	SAY_MS = 600000,    /* in which at most SAY_MAX suspect topics are named in the log */
	SAY_MAX = 20,
	HUSH_MS = 60000, /* what is to go alone waits so long for a quiet moment, then one is made */
};

/* --- what is said --- */

/* A device may make up topics without end: after some the others are counted. */
static bool may_say(struct uplink *u, int64_t now_ms)
{
	if (now_ms - u->named_ms >= SAY_MS) {
		if (u->named > SAY_MAX)
			log_line(&u->log, LOG_WARN, "the hub does not acknowledge %u more topics",
			         u->named - SAY_MAX);
		u->named_ms = now_ms;
		u->named = 0;
	}
	return u->named++ < SAY_MAX;
}

/* Of a whole topic of a device, of which this is what stands behind the device name. */
static size_t slashes_of(const char *behind)
{
	size_t n = 2;

	for (; *behind; behind++)
		n += *behind == '/';
	return n;
}

/* What mends it: docs/protocol/topics.md 2 and 5. */
static void put_fix(const struct uplink *u, const struct permission *k, char *out, size_t size)
{
	const char *topic = k->text + k->product_len + 1;
	int len = (int)k->product_len;
	char hint[REGION_HINT_MAX];

	if (topic[0] == '$')
		snprintf(out, size, "link product %.*s to the gateway's product in the console", len,
		         k->text);
	else
		snprintf(
			out, size,
			"declare the topic %s for product %.*s with permission to publish in the console%s",
			topic, len, k->text,
			region_hint(region_limits(u->conf.region), REGION_SLASHES, slashes_of(topic), hint));
}

static void say_suspect(struct uplink *u, uint16_t key, int64_t now_ms)
{
	const struct permission *k = permission_key(&u->permissions, key);
	char fix[2 * REASON_MAX];

	if (!may_say(u, now_ms))
		return;
	put_fix(u, k, fix, sizeof(fix));
	log_line(
		&u->log, LOG_WARN,
		"the hub does not acknowledge topic %s of product %.*s%s: %s; its messages wait in the "
		"store, everything else goes on",
		k->text + k->product_len + 1, (int)k->product_len, k->text,
		k->alone ? " and closes the connection on it" : "", fix);
}

static void say_proven(struct uplink *u, uint16_t key)
{
	const struct permission *k = permission_key(&u->permissions, key);

	log_line(&u->log, LOG_NOTE,
	         "the hub acknowledges topic %s of product %.*s now: %" PRIu64
	         " messages that waited go out",
	         k->text + k->product_len + 1, (int)k->product_len, k->text,
	         aside_count_of(u->gateway.asides, key));
}

/* --- what is remembered --- */

/* Finding it out costs everybody three connections, so the next start knows it: as a mark of the
 * journal that no client id can be. Without room for it the next start finds it out again. */
static void remember_alone(struct uplink *u, uint16_t key, bool alone)
{
	const struct permission *k = permission_key(&u->permissions, key);
	char mark[JOURNAL_MARK_MAX];

	if (!u->conf.journal ||
	    snprintf(mark, sizeof(mark), "%c%s", JUDGE_MARK, k->text) >= (int)sizeof(mark))
		return;
	journal_reader_mark(u->conf.journal, mark, alone);
}

static void remembered(void *ctx, const char *mark)
{
	struct uplink *u = ctx;
	const char *text = mark + 1;
	size_t len = strlen(mark) - 1;
	uint16_t key;

	if (*mark != JUDGE_MARK || len <= PRODUCT_ID_LEN + 1)
		return;
	key = permission_take(&u->permissions, text, PRODUCT_ID_LEN, text + PRODUCT_ID_LEN + 1,
	                      len - PRODUCT_ID_LEN - 1);
	permission_remember(&u->permissions, key, clocks_monotonic_ms());
	permission_drop(&u->permissions, key);
}

void judge_start(struct uplink *u)
{
	if (u->conf.journal)
		journal_reader_marks(u->conf.journal, remembered, u);
}

/* --- places --- */

/* f has nothing to wait for any more that others wait for, too. */
static void give_place_back(struct uplink *u, struct flight_entry *f)
{
	struct subdev *d = f->owner;

	if (!f->placed)
		return;
	permission_tried(&u->permissions, f->key, f->probe);
	f->placed = false;
	if (!f->probe)
		d->outbox.trying = false;
	u->tried = true;
}

static void part_with(struct uplink *u, struct flight_entry *f)
{
	struct subdev *d = f->owner;

	d->in_flight--;
	give_place_back(u, f);
	if (f->probe && permission_key(&u->permissions, f->key)->alone)
		u->alone = false;
	permission_drop(&u->permissions, f->key);
	flight_remove(&u->flight, f);
}

static void flow_again(struct uplink *u, uint16_t key)
{
	struct subdev *d;

	while ((d = aside_release(u->gateway.asides, key)) != NULL)
		gateway_touch(&u->gateway, d);
	u->tried = true;
}

/* Those who wait for a verdict look again: once for all that a turn brought. */
static void settle(struct uplink *u)
{
	if (u->tried)
		gateway_try_again(&u->gateway);
	u->tried = false;
	metric_set(u->conf.metrics, M_SUSPECT_TOPICS, u->permissions.suspect);
	metric_set(u->conf.metrics, M_ASIDE, aside_count(u->gateway.asides));
}

/* --- sent, acknowledged --- */

enum status judge_sent(struct uplink *u, struct subdev *d, const struct outbox_entry *e,
                       uint16_t packet_id, bool probe, int64_t now_ms)
{
	struct flight_entry *f = flight_find(&u->flight, packet_id);

	if (!f)
		f = flight_surplus(&u->flight);
	if (f)
		part_with(u, f);
	f = flight_add(&u->flight, d, e->seq, packet_id, now_ms);
	if (!f)
		return ST_FULL;
	d->in_flight++;
	f->key = e->key;
	f->probe = probe;
	f->placed = probe || d->outbox.unheard || !permission_proven(&u->permissions, e->key);
	permission_hold(&u->permissions, e->key);
	if (!f->placed)
		return ST_OK;
	permission_try(&u->permissions, e->key, probe);
	d->outbox.trying |= !probe;
	d->outbox.wanted &= !probe; /* it came */
	u->alone = probe && permission_key(&u->permissions, e->key)->alone;
	u->hush = false;
	return ST_OK;
}

/* For people, who want what was measured: what counts as late begins with a guess. */
static void note_round(struct uplink *u, int64_t took_ms)
{
	u->round_ms8 = u->round_ms8 == 0 ? 8 * took_ms : u->round_ms8 + took_ms - u->round_ms8 / 8;
	if (u->round_ms8 < 8)
		u->round_ms8 = 8;
	metric_set(u->conf.metrics, M_ROUND_TRIP, (uint64_t)(u->round_ms8 / 8));
}

struct subdev *judge_acked(struct uplink *u, uint16_t packet_id, int64_t now_ms)
{
	struct flight_entry *f = flight_find(&u->flight, packet_id);
	struct subdev *d = f ? f->owner : NULL;
	uint16_t key;
	bool told;

	if (!f)
		return NULL;
	key = f->key;
	flight_acked(&u->flight, f, now_ms);
	note_round(u, now_ms - f->sent_ms);
	if (f->order > d->outbox.acked_order)
		d->outbox.acked_order = f->order;
	u->tried |= d->outbox.unheard;
	d->outbox.unheard = false;
	told = key != PERMISSION_NONE && permission_key(&u->permissions, key)->told;
	if (key != PERMISSION_NONE && permission_key(&u->permissions, key)->alone)
		remember_alone(u, key, false);
	intake_end(u, d, f->seq, JOURNAL_DELIVERED);
	if (permission_acked(&u->permissions, key, f->order, now_ms)) {
		if (told)
			say_proven(u, key);
		flow_again(u, key);
	}
	part_with(u, f);
	return d;
}

/* --- late --- */

static void change_key(struct uplink *u, struct outbox_entry *e, uint16_t key)
{
	permission_hold(&u->permissions, key);
	permission_drop(&u->permissions, e->key);
	e->key = key;
}

/* Without memory for it, it goes again in its turn. */
static void put_aside(struct uplink *u, struct subdev *d, struct outbox_entry *e)
{
	if (aside_put(u->gateway.asides, d, e) == ST_OK)
		return;
	outbox_put_aside(&d->outbox, e);
	outbox_take_back(&d->outbox, e);
}

/* Nothing sent later is acknowledged either: it may be the topic, the device, or the hub. */
static void doubt(struct uplink *u, struct flight_entry *f)
{
	if (!f->placed || u->flight.late - u->flight.judged >= DOUBTS_MAX)
		return;
	flight_set_late(&u->flight, f);
	give_place_back(u, f);
	if (f->probe)
		u->alone = false;
	else
		permission_doubt(&u->permissions, f->key);
}

static bool overtaken(const struct uplink *u, const struct flight_entry *f, int64_t now_ms)
{
	if (f->order < u->flight.acked_order)
		return true;
	return f->late && now_ms - f->sent_ms >= SILENCE_MS &&
	       u->heard_ms - f->sent_ms >= flight_late_ms(&u->flight);
}

/* Others of its topic are acknowledged, e is not. It counts only if later ones of its device are,
 * too; else the hub may not know the device, and then nothing of it is given up. */
static void accuse_message(struct uplink *u, const struct flight_entry *f, struct outbox_entry *e,
                           int64_t now_ms)
{
	struct subdev *d = f->owner;

	if (d->outbox.acked_order > f->order)
		e->skips++;
	else
		d->outbox.unheard = true;
	if (e->skips == SKIPS_MAX) {
		packet_ids_release(&u->ids, f->packet_id);
		intake_bury(u, d, f->seq,
		            "the hub never acknowledges it, while it acknowledges later ones of its topic");
		return;
	}
	if (e->key != PERMISSION_LONE)
		change_key(u, e, PERMISSION_SINGLE);
	put_aside(u, d, e);
	permission_accuse(&u->permissions, e->key, f->probe, now_ms);
}

static bool is_single(const struct outbox_entry *e)
{
	return e->key == PERMISSION_SINGLE || e->key == PERMISSION_LONE;
}

static void accuse(struct uplink *u, struct flight_entry *f, int64_t now_ms)
{
	struct subdev *d = f->owner;
	struct outbox_entry *e = outbox_find(&d->outbox, f->seq);

	flight_set_judged(&u->flight, f);
	give_place_back(u, f);
	if (f->probe)
		u->alone = false;
	if (!e || e->state != ENTRY_SENT) {
		part_with(u, f); /* it waits to go again, or has ended */
		return;
	}
	if (is_single(e) || permission_passed(&u->permissions, f->key, f->order)) {
		accuse_message(u, f, e, now_ms);
		if (!outbox_find(&d->outbox, f->seq))
			part_with(u, f);
	} else {
		put_aside(u, d, e);
		if (permission_accuse(&u->permissions, f->key, f->probe, now_ms))
			say_suspect(u, f->key, now_ms);
	}
	gateway_touch(&u->gateway, d);
}

void judge_run(struct uplink *u, int64_t now_ms)
{
	int64_t late_ms = flight_late_ms(&u->flight);

	for (struct flight_entry *f = u->session ? flight_next(&u->flight, NULL) : NULL; f;
	     f = flight_next(&u->flight, f)) {
		if (f->judged || now_ms - f->sent_ms < late_ms)
			continue;
		if (overtaken(u, f, now_ms))
			accuse(u, f, now_ms);
		else if (!f->late)
			doubt(u, f);
	}
	settle(u);
}

int64_t judge_due_ms(const struct uplink *u, int64_t now_ms)
{
	int64_t due_ms;

	if (!u->session)
		return INT64_MAX;
	due_ms = flight_late_due_ms(&u->flight, now_ms);
	if (u->permissions.due_ms > now_ms && u->permissions.due_ms < due_ms)
		due_ms = u->permissions.due_ms;
	/* Late without a verdict: now and then, until SILENCE_MS. */
	if (u->flight.late > u->flight.judged && now_ms + FLIGHT_LATE_MS < due_ms)
		due_ms = now_ms + FLIGHT_LATE_MS;
	return due_ms;
}

/* --- the end of a connection --- */

/* The hub may have closed on f: twice is not chance any more. */
static bool suspect_ending(struct uplink *u, struct flight_entry *f, int64_t now_ms)
{
	struct subdev *d = f->owner;
	struct outbox_entry *e = outbox_find(&d->outbox, f->seq);
	bool again = f->probe && permission_key(&u->permissions, f->key)->alone;

	if (!e || e->state != ENTRY_SENT || e->key != f->key)
		return false;
	if (e->endings < ENDINGS_MAX)
		e->endings++;
	if (!again && e->endings < ENDINGS_ALONE)
		return false;
	if (e->key == PERMISSION_LONE) {
		if (e->endings == ENDINGS_MAX)
			intake_bury(u, d, f->seq, "the hub closes the connection on it");
		else
			put_aside(u, d, e);
		return true;
	}
	if (is_single(e) || permission_excuse(&u->permissions, e->key)) {
		change_key(u, e, PERMISSION_LONE);
		permission_accuse(&u->permissions, PERMISSION_LONE, false, now_ms);
	} else {
		if (permission_isolate(&u->permissions, e->key, now_ms))
			say_suspect(u, e->key, now_ms);
		remember_alone(u, e->key, true);
	}
	put_aside(u, d, e);
	return true;
}

bool judge_lost(struct uplink *u, enum status why, int64_t now_ms)
{
	struct flight_entry *f = flight_oldest(&u->flight);
	bool suspicious = f && why == ST_CLOSED && now_ms - f->sent_ms <= flight_late_ms(&u->flight);

	if (suspicious)
		suspicious = suspect_ending(u, f, now_ms);
	while ((f = flight_next(&u->flight, NULL)) != NULL) {
		uint16_t key = f->key;

		permission_hold(&u->permissions, key);
		part_with(u, f);
		if (permission_undoubt(&u->permissions, key))
			flow_again(u, key);
		permission_drop(&u->permissions, key);
	}
	flight_clear(&u->flight);
	if (aside_count_of(u->gateway.asides, PERMISSION_SINGLE) > 0)
		permission_hurry(&u->permissions, PERMISSION_SINGLE, now_ms); /* by the next connection */
	u->alone = u->hush = false;
	return suspicious;
}

/* --- probes --- */

static bool is_quiet(const struct uplink *u)
{
	return u->flight.count == u->flight.late &&
	       (u->hush || u->gateway.data.count + u->gateway.tries.count == 0);
}

static uint16_t due(struct uplink *u, int64_t now_ms)
{
	uint16_t key = permission_due(&u->permissions, false, now_ms);

	if (key != PERMISSION_NONE)
		return key;
	key = permission_due(&u->permissions, true, now_ms);
	u->hush &= key != PERMISSION_NONE;
	if (key == PERMISSION_NONE || is_quiet(u))
		return key;
	u->hush |= now_ms - permission_key(&u->permissions, key)->probe_ms >= HUSH_MS;
	return PERMISSION_NONE;
}

bool judge_probe_waits(struct uplink *u, int64_t now_ms)
{
	return !flight_full(&u->flight) && !u->alone &&
	       u->flight.late - u->flight.judged < DOUBTS_MAX && due(u, now_ms) != PERMISSION_NONE;
}

bool judge_holds(const struct uplink *u)
{
	return u->alone || u->hush;
}

struct outbox_entry *judge_probe(struct uplink *u, int64_t now_ms, struct subdev **dev)
{
	uint16_t key = judge_probe_waits(u, now_ms) ? due(u, now_ms) : PERMISSION_NONE;
	struct asides *a = u->gateway.asides;
	struct subdev *d, *before;
	struct outbox_entry *e;

	if (key == PERMISSION_NONE)
		return NULL;
	permission_probed(&u->permissions, key, now_ms);
	e = aside_pick(a, key, permission_other(&u->permissions, key), dev);
	if (e)
		return e;
	u->hush = false;
	d = aside_wish(a, key, &before);
	if (d)
		gateway_touch(&u->gateway, d);
	if (before && before != d)
		gateway_touch(&u->gateway, before);
	return NULL;
}
