#include "core/hub/subdev_state.h"

#include <string.h>

#include "core/hub/standing.h"

enum {
	NOT_BOUND = -1, /* docs/protocol/gateway.md 6 */
	SYSTEM_ERROR = -2,
	BIND_SIGNATURE = 803,
	BIND_OTHER_HASH = 804
};

#define BIT(op) (1u << (op))

/* What happened, while it is being worked on. */
struct take {
	struct subdev_state *s;
	struct subdev_world *w;
	const struct subdev_event *e;
	int64_t now_ms;
	struct subdev_effect *out;
};

static void move(const struct take *t, enum subdev_fact f)
{
	t->s->known = subdev_move(t->s->known, f);
}

/* --- what to ask next --- */

bool subdev_unbound(const struct subdev_state *s)
{
	return s->known.binding >= BINDING_UNBOUND;
}

/* Only when `online` said so in this connection (docs/protocol/gateway.md 8). */
static bool can_bind(const struct subdev_state *s, const struct subdev_world *w)
{
	return w->binds && s->keys > 0 && s->known.binding == BINDING_OPEN;
}

/* Who binds wants to come online after it, who unbinds has gone offline before. */
static const enum gateway_op asked_order[] = { GATEWAY_BIND, GATEWAY_ONLINE, GATEWAY_OFFLINE,
	                                           GATEWAY_UNBIND };

static enum gateway_op first_asked(const struct subdev_state *s)
{
	for (size_t i = 0; i < sizeof(asked_order) / sizeof(asked_order[0]); i++) {
		if (s->asked & BIT(asked_order[i]))
			return asked_order[i];
	}
	return GATEWAY_UNKNOWN;
}

enum gateway_op subdev_next(const struct subdev_state *s, const struct subdev_world *w)
{
	bool wants_online = s->reasons != 0 && w->phase != PHASE_LEAVING;
	enum gateway_op op = first_asked(s);

	if (w->phase == PHASE_AWAY || s->own || s->request.op != GATEWAY_UNKNOWN)
		return GATEWAY_UNKNOWN;
	if (op == GATEWAY_UNKNOWN && wants_online && s->known.confirmed != SUBDEV_ONLINE)
		op = GATEWAY_ONLINE;
	if (op == GATEWAY_ONLINE && can_bind(s, w))
		return GATEWAY_BIND;
	if (op != GATEWAY_UNKNOWN || wants_online || w->phase == PHASE_SETTLING)
		return op;
	return s->known.shown == SHOWN_NOT ? GATEWAY_UNKNOWN : GATEWAY_OFFLINE;
}

int64_t subdev_due(const struct subdev_state *s, const struct subdev_world *w)
{
	if (s->request.op != GATEWAY_UNKNOWN)
		return s->request.until_ms;
	return subdev_next(s, w) == GATEWAY_UNKNOWN ? INT64_MAX : s->due_ms;
}

/* --- programs that ask --- */

static void answer(const struct take *t, unsigned ops, int64_t code)
{
	ops &= t->s->asked;
	if (ops == 0)
		return;
	t->s->asked &= ~ops;
	t->out->answered |= ops;
	t->out->answer = code;
}

static void on_asked(const struct take *t)
{
	struct subdev_state *s = t->s;
	enum gateway_op op = t->e->op;
	bool idle = s->request.op == GATEWAY_UNKNOWN;

	s->asked |= BIT(op);
	if (op == GATEWAY_OFFLINE)
		s->reasons &= ~(unsigned)SUBDEV_HERE; /* as a success of online makes it be there */
	if (t->w->phase == PHASE_AWAY || t->w->phase == PHASE_LEAVING || s->own) {
		answer(t, BIT(op), SYSTEM_ERROR);
	} else if (op == GATEWAY_ONLINE && s->known.confirmed == SUBDEV_ONLINE && idle) {
		s->reasons |= SUBDEV_HERE;
		answer(t, BIT(op), 0);
	}
	if (idle && s->asked) {
		s->due_ms = 0;
		s->attempts = 0;
	}
}

/* --- what the hub says of itself --- */

/* docs/protocol/gateway.md 5. An unbound one is left alone until it is bound again, a program asks,
 * or the next connection. */
static void changed(const struct take *t, enum subdev_fact f)
{
	bool bound = f == FACT_TOLD_BOUND;

	move(t, f);
	t->s->attempts = 0;
	t->s->reported = 0;
	t->s->due_ms = bound || t->s->asked ? 0 : INT64_MAX;
	t->out->news = bound ? SUBDEV_WAS_BOUND : SUBDEV_WAS_UNBOUND;
}

/* Everything that was asked before is void, but for what agrees: a bind and an unbind may be told
 * before their own reply. */
static void on_notified(const struct take *t)
{
	struct subdev_state *s = t->s;
	bool bound = t->e->kind == SUBDEV_IN_BOUND;
	bool crossed =
		s->request.op == GATEWAY_ONLINE || (s->given_up | s->void_late) & BIT(GATEWAY_ONLINE);

	if (s->request.op != GATEWAY_UNKNOWN)
		s->request.voided |= s->request.op != (bound ? GATEWAY_BIND : GATEWAY_UNBIND);
	s->void_late |= s->given_up;
	s->given_up = 0;
	changed(t, bound ? FACT_TOLD_BOUND : crossed ? FACT_CROSSED : FACT_TOLD_UNBOUND);
}

static void on_listed(const struct take *t)
{
	if (subdev_unbound(t->s))
		t->s->due_ms = 0;
	move(t, FACT_LISTED);
}

/* --- what it answers --- */

static int64_t spread(struct subdev_world *w, int64_t base)
{
	w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return base + (int64_t)((w->random >> 33) % (uint64_t)(base / 2 + 1));
}

int64_t subdev_pause_ms(struct subdev_world *w, unsigned attempts)
{
	return spread(w, attempts > SUBDEV_ATTEMPTS ? SUBDEV_RETRY_MS : INT64_C(1000) << attempts);
}

/* What begins anew does not wait out a retry, but a name that the hub refused does. */
static void hurry(struct subdev_state *s)
{
	s->attempts = 0;
	if (s->refusals == 0)
		s->due_ms = 0;
}

static void retry_later(const struct take *t, unsigned attempts)
{
	t->s->due_ms = t->now_ms + subdev_pause_ms(t->w, attempts);
}

static bool is_done(enum gateway_op op, int64_t code)
{
	enum gateway_verdict v = gateway_verdict(op, code);

	return v == VERDICT_OK || (op == GATEWAY_UNBIND && v == VERDICT_UNBOUND);
}

/* A program's own bind or unbind: it decides what comes of the code. */
static void program_replied(const struct take *t, enum gateway_op op)
{
	t->s->due_ms = 0;
	t->s->attempts = 0;
	answer(t, BIT(op), t->e->code);
	if (is_done(op, t->e->code))
		changed(t, op == GATEWAY_BIND ? FACT_TOLD_BOUND : FACT_TOLD_UNBOUND);
}

/* The hub said something else since the request went out. What a program wants is asked again, but
 * no bind and no unbind: those would undo what somebody did meanwhile, so the program is told, and
 * `online` finds out what is true. */
static void void_replied(const struct take *t, enum gateway_op op)
{
	if (op == GATEWAY_ONLINE && t->e->has_code &&
	    gateway_verdict(op, t->e->code) == VERDICT_UNBOUND)
		move(t, FACT_NOT_ONLINE); /* this much is true in either case */
	if (op == GATEWAY_BIND || op == GATEWAY_UNBIND) {
		answer(t, BIT(op), t->e->has_code ? t->e->code : SYSTEM_ERROR);
		if (t->e->has_code && is_done(op, t->e->code)) {
			move(t, FACT_DOUBTFUL);
			t->s->due_ms = 0;
		}
	}
	if (t->s->asked)
		t->s->due_ms = 0;
}

static void accepted(const struct take *t, enum subdev_fact f)
{
	struct subdev_state *s = t->s;
	bool was_online = s->known.shown == SHOWN_ONLINE;

	move(t, f);
	s->attempts = 0;
	s->due_ms = 0;
	s->reported = 0;
	s->refusals = 0;
	if (f == FACT_BOUND)
		t->out->news = SUBDEV_BOUND_IT;
	else if (was_online != (s->known.shown == SHOWN_ONLINE))
		t->out->news = was_online ? SUBDEV_WENT_OFFLINE : SUBDEV_CAME_ONLINE;
}

static void refused(const struct take *t, enum gateway_verdict v)
{
	struct subdev_state *s = t->s;

	s->attempts = v == VERDICT_RETRY ? s->attempts + 1 : SUBDEV_ATTEMPTS + 1;
	retry_later(t, s->attempts);
	if (s->unproven && v != VERDICT_RETRY)
		s->due_ms = t->now_ms + spread(t->w, standing_pause_ms(++s->refusals));
	if (s->reported == t->e->code)
		return;
	s->reported = t->e->code;
	t->out->news = SUBDEV_IS_REFUSED;
	t->out->op = t->e->op;
	t->out->code = t->e->code;
}

static void online_replied(const struct take *t, enum gateway_verdict v)
{
	struct subdev_state *s = t->s;

	if (v == VERDICT_OK) {
		accepted(t, FACT_ONLINE);
		if (s->asked & BIT(GATEWAY_ONLINE))
			s->reasons |= SUBDEV_HERE; /* until whoever asked says what it is */
		return;
	}
	if (v != VERDICT_RETRY) /* a busy hub does not say what it did */
		move(t, v == VERDICT_UNBOUND ? FACT_NOT_BOUND : FACT_NOT_ONLINE);
	if (v != VERDICT_UNBOUND || !can_bind(s, t->w)) {
		refused(t, v);
		return;
	}
	s->attempts = 0;
	s->due_ms = 0;
}

/* What is not bound or not there is certainly not shown online. */
static void offline_replied(const struct take *t, enum gateway_verdict v)
{
	if (v == VERDICT_RETRY)
		refused(t, v);
	else
		accepted(t, v == VERDICT_UNBOUND ? FACT_STRAY : FACT_OFFLINE);
}

/* True: the bind is worth trying at once in another way (docs/protocol/gateway.md 3). */
static bool other_signature(const struct take *t)
{
	struct subdev_state *s = t->s;

	if (t->e->code == BIND_OTHER_HASH && s->hash == HASH_SHA1) {
		s->hash = HASH_SHA256;
	} else if (t->e->code == BIND_SIGNATURE && s->keys > 1) {
		s->keys--;
		t->out->news = SUBDEV_NEXT_KEY;
	} else {
		return false;
	}
	s->due_ms = 0;
	return true;
}

static void bind_replied(const struct take *t, enum gateway_verdict v)
{
	if (v == VERDICT_OK) {
		accepted(t, FACT_BOUND);
		return;
	}
	if (other_signature(t))
		return;
	if (v == VERDICT_PERMANENT)
		move(t, FACT_BIND_REFUSED);
	refused(t, v);
	if (t->s->known.binding == BINDING_REFUSED)
		answer(t, BIT(GATEWAY_ONLINE), NOT_BOUND);
}

/* To a request of the gateway's own. The result that a program gets of its online is that of the
 * last one, after all that a bind could do. */
static void replied(const struct take *t)
{
	enum gateway_op op = t->e->op;
	enum gateway_verdict v = gateway_verdict(op, t->e->code);

	if (op == GATEWAY_BIND) {
		bind_replied(t, v);
		return;
	}
	if (op == GATEWAY_ONLINE)
		online_replied(t, v);
	else
		offline_replied(t, v);
	if (op == GATEWAY_ONLINE && can_bind(t->s, t->w))
		return;
	answer(t, BIT(op), t->e->code);
	if (t->s->asked) /* the next one does not wait for a retry of this one */
		t->s->due_ms = 0;
}

/* False: it is of no request that counts. A late answer to one that was given up still tells the
 * truth, unless another is under way by now or a notification came since. */
static bool counts(struct subdev_state *s, enum gateway_op op)
{
	bool late_void = s->void_late & BIT(op);

	s->void_late &= ~BIT(op);
	s->given_up &= ~BIT(op);
	return s->request.op == GATEWAY_UNKNOWN ? !late_void : s->request.op == op;
}

static void on_reply(const struct take *t)
{
	struct subdev_state *s = t->s;
	const struct subdev_request r = s->request;
	enum gateway_op op = t->e->op;

	/* The documents show an unbind answered as `bind` (docs/protocol/gateway.md 3). */
	if (op == GATEWAY_BIND && r.op == GATEWAY_UNBIND)
		op = GATEWAY_UNBIND;
	t->out->ignored = !counts(s, op) || r.voided;
	if (t->out->ignored && !(r.voided && r.op == op))
		return;
	s->request = (struct subdev_request){ .op = GATEWAY_UNKNOWN };
	if (r.voided)
		void_replied(t, op);
	else if (!t->e->has_code)
		s->due_ms = r.op == GATEWAY_UNKNOWN ? s->due_ms : r.until_ms;
	else if (op == GATEWAY_UNBIND || (op == GATEWAY_BIND && r.asked))
		program_replied(t, op);
	else
		replied(t);
}

static void on_sent(const struct take *t)
{
	enum gateway_op op = t->e->op;

	t->s->request = (struct subdev_request){
		.op = op,
		.asked = t->s->asked & BIT(op),
		.until_ms = t->now_ms + t->w->answer_ms,
	};
	/* From here on the hub may have carried it out, whatever becomes of the answer. After an
	 * offline nothing may be sent in the device's name before the next online. */
	if (op == GATEWAY_ONLINE)
		move(t, FACT_ASKED_ONLINE);
	else if (op == GATEWAY_OFFLINE)
		move(t, FACT_ASKED_OFFLINE);
}

static void on_silence(const struct take *t)
{
	struct subdev_state *s = t->s;
	const struct subdev_request r = s->request;

	if (r.op == GATEWAY_UNKNOWN)
		return;
	s->request = (struct subdev_request){ .op = GATEWAY_UNKNOWN };
	answer(t, BIT(r.op), SYSTEM_ERROR);
	if (r.voided) {
		s->void_late |= BIT(r.op);
		return;
	}
	s->given_up |= BIT(r.op);
	if (++s->attempts == SUBDEV_ATTEMPTS) {
		t->out->news = SUBDEV_NO_ANSWER;
		t->out->op = r.op;
	}
	retry_later(t, s->attempts + (s->attempts >= SUBDEV_ATTEMPTS));
}

/* --- what happens here --- */

static void on_remembered(const struct take *t)
{
	move(t, FACT_REMEMBERED);
}

static void on_present(const struct take *t)
{
	struct subdev_state *s = t->s;

	if (!(s->reasons & SUBDEV_HERE) && s->request.op == GATEWAY_UNKNOWN)
		hurry(s);
	s->reasons |= SUBDEV_HERE;
}

static void on_absent(const struct take *t)
{
	t->s->reasons &= ~(unsigned)SUBDEV_HERE;
}

static void on_work(const struct take *t)
{
	t->s->reasons |= SUBDEV_WORK;
}

static void on_idle(const struct take *t)
{
	t->s->reasons &= ~(unsigned)SUBDEV_WORK;
}

static void on_keys(const struct take *t)
{
	struct subdev_state *s = t->s;

	s->keys = t->e->keys;
	move(t, FACT_NEW_KEYS);
	if (!can_bind(s, t->w))
		return;
	s->attempts = 0; /* what was refused for want of a key waits no longer */
	s->due_ms = 0;
}

static void on_unproven(const struct take *t)
{
	t->s->unproven = true;
}

static void on_proven(const struct take *t)
{
	struct subdev_state *s = t->s;

	if (s->refusals > 0)
		s->due_ms = 0;
	s->unproven = false;
	s->refusals = 0;
}

static void on_link_up(const struct take *t)
{
	move(t, t->s->own ? FACT_OWN_LINK_UP : FACT_LINK_UP);
	hurry(t->s);
}

static void on_link_down(const struct take *t)
{
	move(t, FACT_LINK_DOWN);
	t->s->request = (struct subdev_request){ .op = GATEWAY_UNKNOWN };
	t->s->given_up = t->s->void_late = 0;
	answer(t, t->s->asked, SYSTEM_ERROR);
}

static void on_leaving(const struct take *t)
{
	t->s->due_ms = 0;
	answer(t, t->s->asked, SYSTEM_ERROR);
}

/* --- in --- */

void subdev_init(struct subdev_state *s, bool own)
{
	memset(s, 0, sizeof(*s));
	s->own = own;
}

void subdev_take(struct subdev_state *s, struct subdev_world *w, const struct subdev_event *e,
                 int64_t now_ms, struct subdev_effect *out)
{
	static void (*const handlers[])(const struct take *) = {
		[SUBDEV_IN_REMEMBERED] = on_remembered,
		[SUBDEV_IN_PRESENT] = on_present,
		[SUBDEV_IN_ABSENT] = on_absent,
		[SUBDEV_IN_WORK] = on_work,
		[SUBDEV_IN_IDLE] = on_idle,
		[SUBDEV_IN_LINK_UP] = on_link_up,
		[SUBDEV_IN_LINK_DOWN] = on_link_down,
		[SUBDEV_IN_LEAVING] = on_leaving,
		[SUBDEV_IN_SENT] = on_sent,
		[SUBDEV_IN_REPLY] = on_reply,
		[SUBDEV_IN_SILENCE] = on_silence,
		[SUBDEV_IN_BOUND] = on_notified,
		[SUBDEV_IN_UNBOUND] = on_notified,
		[SUBDEV_IN_LISTED] = on_listed,
		[SUBDEV_IN_KEYS] = on_keys,
		[SUBDEV_IN_ASKED] = on_asked,
		[SUBDEV_IN_UNPROVEN] = on_unproven,
		[SUBDEV_IN_PROVEN] = on_proven,
	};

	memset(out, 0, sizeof(*out));
	handlers[e->kind](&(struct take){ s, w, e, now_ms, out });
}
