/* Random lives of one subdevice between the LAN, programs and a hub that loses, delays, repeats
 * and refuses: never an illegal move, never a request for nothing, never two at once, one answer
 * for every program; and when all is quiet, what is wanted is what the hub has. HISTORIES=n and
 * HISTORY_SEED=n (printed on failure) repeat or lengthen. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hub/subdev_state.h"
#include "tests/runner.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HISTORIES 20000
#else
#define HISTORIES 100000
#endif

enum {
	STEPS = 60,
	QUEUE = 32,
	CALM_TURNS = 300,
	ANSWER_MS = 10000,
	BUSY = -2,
	UNBOUND = -1,
	BAD_SIGNATURE = 803,
	OTHER_HASH = 804,
	ELSEWHERE = 806,
	BOUND_ALREADY = 809,
};

#define BIT(op) (1u << (op))

struct note { /* a request, its reply, or a notification */
	enum gateway_op op;
	int64_t code; /* of a notification: 1 bound, 0 unbound */
	unsigned seq; /* of the request */
	unsigned key; /* it was signed with; 0: by a program, whose key is good */
	enum hash hash;
	int64_t when_ms; /* the hub said it */
};

struct wire {
	struct note notes[QUEUE];
	int count;
};

struct history {
	uint64_t random;
	struct subdev_state s;
	struct subdev_world w;
	int64_t now_ms;
	/* the hub's truth */
	bool bound, online, elsewhere, only_sha256, calm;
	unsigned good_key;
	struct wire up, replies, notices;
	/* what the machine was told */
	unsigned reasons, open, key; /* open: programs without an answer; key: which is first */
	unsigned seq, void_seq;      /* last request; last one before the last notification */
	bool barred;
	int64_t newest_ms; /* of the replies it heard */
	/* A reply came late or twice and may be taken for another's, or a notification after what
	 * is newer: nobody can tell. */
	bool muddled;
	unsigned sent;
	bool told;
	const char *broken;
};

static uint32_t pick(struct history *h, uint32_t below)
{
	h->random = h->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(h->random >> 33) % below;
}

static void require(struct history *h, bool holds, const char *what)
{
	if (!holds && !h->broken)
		h->broken = what;
}

static void tell(const struct history *h, const char *what, const char *text, int64_t code)
{
	if (h->told)
		fprintf(stderr,
		        "%8" PRId64 " %-8s %s %" PRId64 "; binding %d shown %d confirmed %d, hub %s %s\n",
		        h->now_ms, what, text, code, (int)h->s.known.binding, (int)h->s.known.shown,
		        (int)h->s.known.confirmed, h->bound ? "bound" : "unbound",
		        h->online ? "online" : "offline");
}

/* --- wires --- */

static void put(struct wire *w, struct note n)
{
	if (w->count < QUEUE)
		w->notes[w->count++] = n;
}

static struct note get(struct wire *w)
{
	struct note first = w->notes[0];

	w->count--;
	memmove(w->notes, w->notes + 1, (size_t)w->count * sizeof(first));
	return first;
}

/* --- the hub --- */

static void notify(struct history *h)
{
	put(&h->notices, (struct note){ .op = GATEWAY_CHANGE, .code = h->bound, .when_ms = h->now_ms });
}

static int64_t hub_binds(struct history *h, const struct note *n)
{
	if (n->hash == HASH_SHA1 && h->only_sha256 && n->key != 0)
		return OTHER_HASH;
	if (n->key != 0 && n->key != h->good_key)
		return BAD_SIGNATURE;
	if (h->elsewhere)
		return ELSEWHERE;
	if (h->bound)
		return BOUND_ALREADY;
	h->bound = true;
	if (pick(h, 2))
		notify(h);
	return 0;
}

static int64_t hub_unbinds(struct history *h)
{
	if (!h->bound)
		return UNBOUND;
	h->bound = h->online = false;
	if (pick(h, 2))
		notify(h);
	return 0;
}

static void hub_takes(struct history *h)
{
	struct note n = get(&h->up);
	bool busy = !h->calm && pick(h, 10) == 0;

	if (busy && pick(h, 2)) { /* and nothing done */
		n.code = BUSY;
	} else if (n.op == GATEWAY_BIND) {
		n.code = hub_binds(h, &n);
	} else if (n.op == GATEWAY_UNBIND) {
		n.code = hub_unbinds(h);
	} else {
		h->online = h->bound && n.op == GATEWAY_ONLINE;
		n.code = h->bound ? 0 : UNBOUND;
	}
	if (busy)
		n.code = BUSY;
	n.when_ms = h->now_ms;
	tell(h, "hub", gateway_op_name(n.op), n.code);
	put(&h->replies, n);
	if (!h->calm && pick(h, 20) == 0)
		put(&h->replies, n);
}

static void console(struct history *h, bool bound)
{
	h->elsewhere = !bound && pick(h, 8) == 0;
	h->bound = bound;
	h->online &= bound;
	tell(h, "console", bound ? "binds" : "unbinds", 0);
	if (h->w.phase != PHASE_AWAY)
		notify(h);
}

/* --- what the machine is told --- */

static void take(struct history *h, struct subdev_event e)
{
	const struct subdev_state before = h->s;
	struct subdev_effect fx;

	subdev_take(&h->s, &h->w, &e, h->now_ms, &fx);
	require(h, subdev_move_legal(before.known, h->s.known), "an illegal move");
	require(h, (fx.answered & ~h->open) == 0, "an answer that nobody asked for, or a second one");
	h->open &= ~fx.answered;
	require(h, h->open == h->s.asked, "a program was forgotten");
	if (fx.answered & BIT(GATEWAY_ONLINE) && fx.answer == 0)
		h->reasons |= SUBDEV_HERE;
	require(h, h->reasons == h->s.reasons, "reasons to be online that nobody gave");
	if (fx.news == SUBDEV_NEXT_KEY)
		h->key++;
	if (fx.news == SUBDEV_WAS_UNBOUND)
		h->barred = true;
	if (fx.news == SUBDEV_WAS_BOUND || fx.news == SUBDEV_BOUND_IT ||
	    h->s.known.binding == BINDING_BOUND)
		h->barred = false;
	require(h, h->barred == (h->s.known.binding == BINDING_BARRED), "barred without an unbind");
}

static void happens(struct history *h, enum subdev_input kind)
{
	tell(h, "event", "", kind);
	take(h, (struct subdev_event){ .kind = kind });
}

static void asks(struct history *h)
{
	static const enum gateway_op ops[] = { GATEWAY_ONLINE, GATEWAY_OFFLINE, GATEWAY_BIND,
		                                   GATEWAY_UNBIND };
	enum gateway_op op = ops[pick(h, 4)];

	tell(h, "program", gateway_op_name(op), 0);
	h->open |= BIT(op);
	if (op == GATEWAY_OFFLINE)
		h->reasons &= ~(unsigned)SUBDEV_HERE;
	take(h, (struct subdev_event){ .kind = SUBDEV_IN_ASKED, .op = op });
}

static void presence(struct history *h)
{
	static const struct {
		enum subdev_input on, off;
		unsigned reason;
	} kinds[] = { { SUBDEV_IN_PRESENT, SUBDEV_IN_ABSENT, SUBDEV_HERE },
		          { SUBDEV_IN_WORK, SUBDEV_IN_IDLE, SUBDEV_WORK } };
	uint32_t i = pick(h, 2);
	bool on = pick(h, 2);

	h->reasons = on ? h->reasons | kinds[i].reason : h->reasons & ~kinds[i].reason;
	happens(h, on ? kinds[i].on : kinds[i].off);
}

static void keys(struct history *h)
{
	h->key = 1;
	take(h, (struct subdev_event){ .kind = SUBDEV_IN_KEYS, .keys = pick(h, 3) });
}

static void silence(struct history *h)
{
	if (h->s.request.op == GATEWAY_UNKNOWN || h->now_ms < h->s.request.until_ms)
		return;
	happens(h, SUBDEV_IN_SILENCE);
	require(h, h->s.request.op == GATEWAY_UNKNOWN, "it waits for ever");
}

static void time_passes(struct history *h, int64_t ms)
{
	h->now_ms += ms;
	silence(h);
}

/* --- what it asks --- */

static bool is_wanted(const struct history *h)
{
	return h->reasons != 0 && h->w.phase != PHASE_LEAVING;
}

/* Whether op is for something, by what the machine was told. */
static bool is_for_something(const struct history *h, enum gateway_op op)
{
	const struct subdev_known *k = &h->s.known;

	if (h->open & BIT(op))
		return true;
	switch ((int)op) {
	case GATEWAY_ONLINE:
		return is_wanted(h) && h->open == 0 && k->confirmed != SUBDEV_ONLINE;
	case GATEWAY_OFFLINE:
		return !is_wanted(h) && h->open == 0 && h->w.phase != PHASE_SETTLING &&
		       k->shown != SHOWN_NOT;
	case GATEWAY_BIND:
		return (is_wanted(h) || h->open & BIT(GATEWAY_ONLINE)) && !h->barred && h->w.binds &&
		       h->s.keys > 0 && k->binding == BINDING_OPEN;
	default:
		return false;
	}
}

static bool sends(struct history *h)
{
	enum gateway_op op = subdev_next(&h->s, &h->w);
	struct note n = { .op = op, .seq = h->seq + 1, .hash = h->s.hash };

	require(h, (subdev_due(&h->s, &h->w) == INT64_MAX) || h->s.request.op || op,
	        "it wants to be looked at for nothing");
	if (op == GATEWAY_UNKNOWN || subdev_due(&h->s, &h->w) > h->now_ms)
		return false;
	require(h, h->s.request.op == GATEWAY_UNKNOWN, "two requests at once");
	require(h, h->w.phase != PHASE_AWAY, "a request without a link");
	require(h, is_for_something(h, op), "a request for nothing");
	h->seq++;
	h->sent++;
	n.key = op == GATEWAY_BIND && !(h->open & BIT(op)) ? h->key : 0;
	take(h, (struct subdev_event){ .kind = SUBDEV_IN_SENT, .op = op });
	tell(h, "sends", gateway_op_name(op), 0);
	put(&h->up, n);
	return true;
}

/* --- what it hears --- */

static void hears_reply(struct history *h)
{
	const struct subdev_state before = h->s;
	struct note n = get(&h->replies);

	tell(h, "reply", gateway_op_name(n.op), n.code);
	h->muddled |= n.seq != h->seq;
	h->newest_ms = n.when_ms > h->newest_ms ? n.when_ms : h->newest_ms;
	take(h, (struct subdev_event){
				.kind = SUBDEV_IN_REPLY,
				.op = n.op,
				.has_code = h->calm || pick(h, 30) > 0,
				.code = n.code,
			});
	if (n.seq <= h->void_seq && before.request.op != GATEWAY_UNKNOWN && n.seq == h->seq &&
	    n.op == GATEWAY_ONLINE)
		require(
			h, h->s.known.confirmed == before.known.confirmed && h->s.request.op == GATEWAY_UNKNOWN,
			"a reply counted although a notification came after its request");
}

static void hears_notice(struct history *h)
{
	struct note n = get(&h->notices);

	tell(h, "notice", "change", n.code);
	h->void_seq = h->seq;
	h->muddled |= n.when_ms <= h->newest_ms;
	take(h, (struct subdev_event){ .kind = n.code ? SUBDEV_IN_BOUND : SUBDEV_IN_UNBOUND });
}

/* --- the link --- */

static void link_up(struct history *h)
{
	h->w.phase = pick(h, 4) ? PHASE_READY : PHASE_SETTLING;
	happens(h, SUBDEV_IN_LINK_UP);
}

/* What is on its way to the hub may still arrive, nothing that comes from it. */
static void cut(struct history *h)
{
	while (h->up.count > 0) {
		if (pick(h, 2))
			get(&h->up);
		else
			hub_takes(h);
	}
	h->w.phase = PHASE_AWAY;
	h->replies.count = h->notices.count = 0;
	h->seq++; /* nothing of the old connection is the last one */
	happens(h, SUBDEV_IN_LINK_DOWN);
	require(h, h->open == 0, "a program waits although the link is down");
}

static void relink(struct history *h)
{
	if (h->w.phase == PHASE_AWAY)
		link_up(h);
	else
		cut(h);
}

/* --- a life --- */

static void wire_step(struct history *h, uint32_t what)
{
	if (h->up.count > 0 && what < 4) {
		if (pick(h, 15))
			hub_takes(h);
		else
			get(&h->up);
	} else if (h->replies.count > 0 && what < 8) {
		if (pick(h, 15))
			hears_reply(h);
		else
			get(&h->replies);
	} else if (h->notices.count > 0) {
		hears_notice(h);
	}
}

static void step(struct history *h)
{
	uint32_t what = pick(h, 100);

	time_passes(h, pick(h, 8) ? pick(h, 500) : pick(h, 12000));
	if (what < 20)
		presence(h);
	else if (what < 28)
		asks(h);
	else if (what < 33)
		console(h, pick(h, 2));
	else if (what < 35)
		keys(h);
	else if (what < 38)
		relink(h);
	else if (what < 39 && h->w.phase == PHASE_SETTLING)
		h->w.phase = PHASE_READY;
	else if (what < 41 && h->bound && h->w.phase != PHASE_AWAY)
		happens(h, SUBDEV_IN_LISTED);
	else if (what < 43)
		happens(h, pick(h, 2) ? SUBDEV_IN_UNPROVEN : SUBDEV_IN_PROVEN);
	else if (what < 60)
		sends(h);
	else
		wire_step(h, pick(h, 10));
}

static bool key_is_good(const struct history *h)
{
	return h->w.binds && h->good_key >= h->key && h->good_key < h->key + h->s.keys && !h->elsewhere;
}

/* All is delivered, nothing is lost. False: nothing happened. */
static bool calm_turn(struct history *h)
{
	bool any = sends(h);

	for (; h->up.count > 0; any = true)
		hub_takes(h);
	for (; h->replies.count > 0; any = true)
		hears_reply(h);
	for (; h->notices.count > 0; any = true)
		hears_notice(h);
	return any;
}

static void end_is_right(struct history *h)
{
	const struct subdev_known *k = &h->s.known;
	bool settled = subdev_due(&h->s, &h->w) == INT64_MAX;

	require(h, h->open == 0, "a program got no answer");
	if (is_wanted(h) && h->bound) {
		require(h, settled && k->confirmed == SUBDEV_ONLINE && h->online, "not brought online");
	} else if (is_wanted(h)) {
		require(h, k->confirmed != SUBDEV_ONLINE && !h->online, "online although not bound");
		require(h, h->barred || !key_is_good(h), "not bound although its key is good");
	} else {
		require(h, settled && k->confirmed != SUBDEV_ONLINE && k->shown == SHOWN_NOT,
		        "not taken offline");
		require(h, !h->online || h->muddled, "left online at the hub");
	}
}

/* The hub's word in a new connection, and then nothing but what is wanted. */
static void calm_down(struct history *h)
{
	int64_t end_ms;

	if (h->w.phase != PHASE_AWAY)
		cut(h);
	h->calm = true;
	h->w.phase = PHASE_READY;
	happens(h, SUBDEV_IN_LINK_UP);
	happens(h, SUBDEV_IN_PROVEN); /* else it is asked for within an hour */
	if (pick(h, 8) == 0) {
		h->w.phase = PHASE_LEAVING;
		happens(h, SUBDEV_IN_LEAVING);
	}
	end_ms = h->now_ms + 600000;
	for (int i = 0; i < CALM_TURNS && h->now_ms < end_ms; i++) {
		if (!calm_turn(h))
			time_passes(h, 1000);
	}
	end_is_right(h);
	h->sent = 0;
	for (int i = 0; i < 100 && subdev_due(&h->s, &h->w) == INT64_MAX; i++) {
		calm_turn(h);
		time_passes(h, 60000);
	}
	require(h, subdev_due(&h->s, &h->w) != INT64_MAX || h->sent == 0, "it asks on and on");
}

static const char *live(uint64_t seed, bool told)
{
	struct history h = { .random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1, .told = told };

	h.now_ms = 1000000;
	h.w = (struct subdev_world){ .answer_ms = ANSWER_MS, .random = seed };
	h.w.binds = pick(&h, 4);
	h.bound = pick(&h, 2);
	h.only_sha256 = pick(&h, 4) == 0;
	h.good_key = pick(&h, 3);
	h.key = 1;
	subdev_init(&h.s, false);
	if (pick(&h, 4) == 0) {
		h.online = h.bound;
		happens(&h, SUBDEV_IN_REMEMBERED);
	}
	for (int i = 0; i < STEPS && !h.broken; i++)
		step(&h);
	if (!h.broken)
		calm_down(&h);
	return h.broken;
}

static void whatever_happens_no_move_is_illegal_and_no_request_is_for_nothing(void)
{
	const char *many = getenv("HISTORIES"), *one = getenv("HISTORY_SEED");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1;
	uint64_t count = one    ? 1
	                 : many ? strtoull(many, NULL, 10)
	                        : (uint64_t)(unsigned)runner_rounds(10 * HISTORIES);

	for (uint64_t seed = first; seed < first + count; seed++) {
		const char *broken = live(seed, one != NULL);

		if (!broken)
			continue;
		printf("HISTORY_SEED=%" PRIu64 ": %s\n", seed, broken);
		CU_FAIL("a history of a subdevice broke a rule");
		return;
	}
	CU_PASS("");
}

SUITE(subdev_histories, TEST(whatever_happens_no_move_is_illegal_and_no_request_is_for_nothing))
