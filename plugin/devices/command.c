#include "plugin/devices/command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/clocks.h"
#include "core/base/room.h"
#include "core/hub/command_queue.h"
#include "core/hub/command_record.h"
#include "plugin/base/limiter.h"
#include "plugin/base/publish.h"
#include "plugin/base/timer.h"
#include "plugin/base/trace.h"
#include "plugin/devices/command_message.h"
#include "plugin/devices/command_target.h"
#include "plugin/devices/presence.h"

enum {
	RETRY_MS = 1000,     /* of what the disk did not take */
	READ_MS = 5000,      /* the broker has long routed what it was given */
	AGE_PAUSE_MS = 1000, /* between two looks at ages, at least */
	FULL_NO_MORE = COMMAND_MAX / 10 * 9,
	VALUE_MAX = 512 << 10, /* of a stored command: the hub's messages are far smaller */
};

struct commands {
	struct command_queue queue;
	int64_t due_ms, age_ms; /* next look; at ages */
	uint64_t sessions;      /* presence_sessions() when last looked */
	int64_t tried_ms; /* until when the broker may ask who reads what was tried; 0: nothing was */
	uint64_t look;    /* counts them */
	bool disk_fails, full; /* which is logged */
	uint64_t lost;         /* since then */
};

/* --- life --- */

enum status command_open(struct hubgate *h)
{
	h->commands = calloc(1, sizeof(*h->commands));
	if (!h->commands)
		return ST_NOMEM;
	h->commands->due_ms = h->commands->age_ms = INT64_MAX;
	return ST_OK;
}

static void free_command(struct command *c)
{
	free(c->topic);
	free(c->payload);
	free(c);
}

void command_close(struct hubgate *h)
{
	struct command *c;

	while (h->commands && (c = h->commands->queue.line.first) != NULL) {
		command_queue_remove(&h->commands->queue, c);
		free_command(c);
	}
	free(h->commands);
	h->commands = NULL;
}

static struct presence *presence_of(const struct command *c)
{
	const struct device *d = c->device;

	return d->presence;
}

static void due_by(struct hubgate *h, int64_t due_ms)
{
	if (due_ms < h->commands->due_ms)
		h->commands->due_ms = due_ms;
	if (h->uplink) /* else it is the start, and the first turn looks */
		timer_ring_by(h, due_ms);
}

static void put(struct hubgate *h, struct command *c)
{
	command_queue_put(&h->commands->queue, c);
	presence_of(c)->commands++;
}

static void leaves(struct command *c)
{
	struct presence *p = presence_of(c);

	p->commands--;
	p->overflows = p->overflows && p->commands > 0;
}

static void show(struct hubgate *h)
{
	metric_set(&h->metrics, M_COMMANDS, h->commands->queue.count);
	metric_set(&h->metrics, M_COMMANDS_UNKEPT, h->commands->queue.unkept);
}

/* --- the store, and the hub's acknowledgement --- */

static void acknowledge(struct hubgate *h, const struct command *c)
{
	const struct uplink_down down = { .qos = 1, .packet_id = c->packet_id, .epoch = c->epoch };

	uplink_down_done(h->uplink, &down);
}

static enum status write_record(struct hubgate *h, const struct command *c)
{
	const struct command_record r = { c->topic, strlen(c->topic), c->payload, c->len, c->wall_ms };
	const struct device *d = c->device;
	struct buf value = BUF_MAX(VALUE_MAX);
	char key[COMMAND_KEY_MAX];
	enum status st = h->state ? command_record_encode(&value, &r) : ST_NOSPACE;

	command_record_key(d->client_id, c->seq, key);
	if (st == ST_OK)
		st = state_put(h->state, STATE_COMMAND, key, value.data, value.len);
	buf_free(&value);
	return st;
}

/* It left. Its record may stay for a while: what is not erased comes again with the next start. */
static void erase(struct hubgate *h, struct command *c)
{
	const struct device *d = c->device;
	char key[COMMAND_KEY_MAX];

	command_record_key(d->client_id, c->seq, key);
	if (!c->kept || (h->state && state_put(h->state, STATE_COMMAND, key, NULL, 0) == ST_OK)) {
		command_queue_remove(&h->commands->queue, c);
		free_command(c);
		return;
	}
	command_queue_end(&h->commands->queue, c);
	due_by(h, hubgate_now_ms() + RETRY_MS);
}

static void end(struct hubgate *h, struct command *c)
{
	if (!c->kept)
		acknowledge(h, c);
	leaves(c);
	erase(h, c);
}

/* Once when it begins, and when it is over. */
static void say_disk(struct hubgate *h, enum status st)
{
	struct commands *all = h->commands;

	if (st != ST_OK && !all->disk_fails) {
		all->lost = 0;
		log_line(&h->log, LOG_ERROR,
		         "commands for devices that are away cannot be kept (%s): the hub gets no "
		         "acknowledgement and keeps them; tried again every second, and of more than %d "
		         "the oldest is dropped",
		         status_text(st), COMMAND_UNKEPT_MAX);
	} else if (st == ST_OK && all->disk_fails) {
		log_line(&h->log, LOG_NOTE,
		         "commands for devices that are away are kept again; %" PRIu64 " were dropped",
		         all->lost);
	}
	all->disk_fails = st != ST_OK;
}

/* Oldest first, so that none is kept whose elder is not. */
static void keep_all(struct hubgate *h)
{
	struct command_queue *q = &h->commands->queue;
	enum status st = ST_OK;

	for (struct command *c = q->line.first; c && q->unkept > 0 && st == ST_OK; c = c->next) {
		if (c->kept || c->over)
			continue;
		st = write_record(h, c);
		say_disk(h, st);
		if (st != ST_OK)
			continue;
		command_queue_kept(q, c);
		acknowledge(h, c);
	}
	if (st != ST_OK)
		due_by(h, hubgate_now_ms() + RETRY_MS);
}

/* --- for who traces it --- */

/* A command of d with this topic, of the hub or as the LAN gets it. Called while trace_on(). */
static void note(struct hubgate *h, const struct device *d, enum trace_step step, const char *topic,
                 size_t bytes, const char *why)
{
	trace_note(h, d->client_id, step,
	           &(struct trace_about){ .topic = topic, .bytes = bytes, .qos = 1, .why = why });
}

/* --- drops --- */

static enum metric drop_metric(enum command_drop why)
{
	static const enum metric metrics[COMMAND_DROPS] = {
		[COMMAND_DROP_DEVICE] = M_COMMANDS_BOUND, [COMMAND_DROP_ALL] = M_COMMANDS_BOUND,
		[COMMAND_DROP_DISK] = M_COMMANDS_DISK,    [COMMAND_DROP_AGE] = M_COMMANDS_AGE,
		[COMMAND_DROP_GONE] = M_COMMANDS_GONE,    [COMMAND_DROP_UNFIT] = M_COMMANDS_UNFIT,
	};

	return metrics[why];
}

static const char *drop_text(enum command_drop why)
{
	static const char *const texts[COMMAND_DROPS] = {
		[COMMAND_DROP_DEVICE] = "more commands wait for it than are kept of one device",
		[COMMAND_DROP_ALL] = "more commands wait than are kept of all devices",
		[COMMAND_DROP_DISK] = "the disk takes no commands",
		[COMMAND_DROP_AGE] = "nobody took it for commands.max_age_s",
		[COMMAND_DROP_GONE] = "its device was unbound or removed",
		[COMMAND_DROP_UNFIT] = "no rule of mappings[] makes anything of it",
	};

	return texts[why];
}

static void drop(struct hubgate *h, struct command *c, enum command_drop why)
{
	metric_add(&h->metrics, drop_metric(why), 1);
	if (trace_on(h))
		note(h, c->device, TRACE_DROPPED, c->topic, c->len, drop_text(why));
	end(h, c);
}

/* Once, until that is over. */
static void say_bound(struct hubgate *h, const struct command *c, enum command_drop why)
{
	struct presence *p = presence_of(c);

	h->commands->lost += why == COMMAND_DROP_DISK;
	if (why == COMMAND_DROP_DEVICE && !p->overflows) {
		p->overflows = true;
		log_line(&h->log, LOG_WARN,
		         "%s: more than %d commands wait for it: the oldest is dropped for each new one",
		         p->device->client_id, COMMAND_DEVICE_MAX);
	}
	if (why == COMMAND_DROP_ALL && !h->commands->full) {
		h->commands->full = true;
		log_line(&h->log, LOG_WARN,
		         "more than %d commands wait for devices that are away: the oldest is dropped for "
		         "each new one",
		         COMMAND_MAX);
	}
}

static void hold_bounds(struct hubgate *h, const struct device *d)
{
	enum command_drop why;
	struct command *c;

	while ((c = command_queue_excess(&h->commands->queue, d, &why)) != NULL) {
		say_bound(h, c, why);
		drop(h, c, why);
	}
	if (h->commands->queue.count < FULL_NO_MORE)
		h->commands->full = false;
}

void command_forget(struct hubgate *h, struct device *d)
{
	struct command *next;

	IN_ROOM(ROOM_BROKER);
	command_drop(h, d);
	for (struct command *c = h->commands->queue.line.first; c; c = next) {
		next = c->next;
		if (c->device != d)
			continue;
		command_queue_remove(&h->commands->queue, c);
		free_command(c);
	}
}

void command_drop(struct hubgate *h, struct device *d)
{
	struct command *next;
	size_t count = 0;

	IN_ROOM(ROOM_BROKER);
	if (!d->presence || d->presence->commands == 0)
		return;
	for (struct command *c = h->commands->queue.line.first; c; c = next) {
		next = c->next;
		if (c->device != d || c->over)
			continue;
		drop(h, c, COMMAND_DROP_GONE);
		count++;
	}
	log_line(&h->log, LOG_WARN,
	         "%s: unbound or removed, %zu commands that waited for it are dropped", d->client_id,
	         count);
	show(h);
}

/* --- handing over --- */

/* Takes down. */
static void pass(struct hubgate *h, const struct device *d, const struct command_message *m,
                 struct uplink_down *down)
{
	if (publish_on_lan(m->topic, m->payload, m->len, down->qos, false) == ST_OK) {
		metric_add(&h->metrics, M_DOWN, 1);
		if (trace_on(h))
			note(h, d, TRACE_DELIVERED, m->topic, m->len, NULL);
		uplink_down_done(h->uplink, down);
	}
	/* Without memory there is no acknowledgement: the hub sends it again. */
	uplink_down_free(down);
}

static enum status message_of(const struct hubgate *h, const struct command *c, bool mapped,
                              struct command_message *out)
{
	return command_message_make(h, c->device, mapped, c->topic, c->payload, c->len, out);
}

static void handed_over(struct hubgate *h, struct command *c, const struct command_target *t,
                        const struct command_message *m, bool taken, int64_t now_ms)
{
	metric_add(&h->metrics, M_DOWN, 1);
	metric_add(&h->metrics, M_COMMANDS_AGAIN, c->taken);
	if (trace_on(h))
		note(h, c->device, TRACE_DELIVERED, m->topic, m->len,
		     taken ? NULL : "tried: whether anybody heard it shows");
	c->session = t->who.session;
	c->connection = t->who.connection;
	c->taken = taken;
	c->wanted = false;
	c->at_ms = now_ms;
	c->lan_len = m->len;
	c->lan_hash = command_message_hash(h, m->topic, m->payload, m->len);
	if (!taken)
		h->commands->tried_ms = now_ms + READ_MS;
}

/* ST_OK, or as command_message_make(). */
static enum status hand_over(struct hubgate *h, struct command *c, const struct command_target *t,
                             bool taken, int64_t now_ms)
{
	const struct device *d = c->device;
	struct command_message m;
	enum status st = message_of(h, c, t->mapped, &m);

	if (st == ST_OK && publish_on_lan(m.topic, m.payload, m.len, 1, false) != ST_OK)
		st = ST_NOMEM;
	if (st == ST_OK)
		handed_over(h, c, t, &m, taken, now_ms);
	if (st == ST_INVALID)
		limiter_log_refusal(h, d->client_id, c->topic, m.why);
	command_message_free(&m);
	return st;
}

/* Its next look, unless something happens before. */
static int64_t due_of(const struct command *c, const struct command_target *t, int64_t now_ms)
{
	if (command_is_with(c, t->who.session))
		return command_heard_ms(c, &t->who);
	if (t->mapped && t->who.session == 0 && presence_of(c)->device->online)
		return now_ms + COMMAND_AGAIN_MS; /* it settles */
	return INT64_MAX;
}

/* False: what came later for the device has to wait behind it. c may be gone. */
static bool treat(struct hubgate *h, struct command *c, int64_t now_ms)
{
	struct command_target t;
	enum command_step step;
	enum status st = ST_OK;

	command_target_of(h, c->device, c->kind, c->topic, now_ms, &t);
	t.who.subscribes |= c->wanted;
	step = command_next(c, &t.who, now_ms);
	if (step == COMMAND_GOES || step == COMMAND_TRIED)
		st = hand_over(h, c, &t, step == COMMAND_GOES, now_ms);
	if (st == ST_INVALID) { /* the rules are others since it came */
		drop(h, c, COMMAND_DROP_UNFIT);
		return true;
	}
	if (step == COMMAND_HEARD || (!c->kept && command_is_with(c, t.who.session))) {
		end(h, c);
		return true;
	}
	if (step == COMMAND_SOON || st == ST_NOMEM)
		due_by(h, now_ms + COMMAND_AGAIN_MS);
	due_by(h, due_of(c, &t, now_ms));
	return step != COMMAND_SOON && st != ST_NOMEM;
}

static void age_by(struct hubgate *h, int64_t due_ms)
{
	if (due_ms < h->commands->age_ms)
		h->commands->age_ms = due_ms;
	due_by(h, due_ms);
}

static bool is_too_old(struct hubgate *h, const struct command *c, int64_t now_ms)
{
	int64_t max_ms = INT64_C(1000) * h->config->commands.max_age_s;
	int64_t wall_ms = clock_trusted(h->clock) ? clocks_realtime_ms() : 0;
	int64_t age_ms = command_age_ms(c, now_ms, wall_ms);

	if (max_ms == 0)
		return false;
	if (age_ms < max_ms)
		age_by(h, now_ms + (max_ms - age_ms > AGE_PAUSE_MS ? max_ms - age_ms : AGE_PAUSE_MS));
	return age_ms >= max_ms;
}

/* Most that wait do so for somebody who is away. */
static bool is_away(const struct command *c)
{
	const struct device *d = c->device;

	return !d->presence->current && !(d->origins & (ORIGIN_MAPPING | ORIGIN_APPLICATION));
}

/* Of d, or of all. */
static void look(struct hubgate *h, const struct device *d, int64_t now_ms)
{
	struct command *next;

	h->commands->look++;
	for (struct command *c = h->commands->queue.line.first; c; c = next) {
		struct presence *p = presence_of(c);

		next = c->next;
		if (c->over || (d && c->device != d) || is_away(c) || p->blocked == h->commands->look)
			continue;
		if (!treat(h, c, now_ms))
			p->blocked = h->commands->look;
	}
	show(h);
}

/* --- in --- */

/* What an earlier connection brought and the disk did not take comes again with this one. */
static void forget_earlier(struct hubgate *h, uint32_t epoch)
{
	struct command *next;

	if (h->config->hub.clean_session || h->commands->queue.unkept == 0)
		return;
	for (struct command *c = h->commands->queue.line.first; c; c = next) {
		next = c->next;
		if (c->kept || c->over || c->epoch == epoch)
			continue;
		leaves(c);
		erase(h, c);
	}
}

/* Takes down. */
static void keep(struct hubgate *h, struct device *d, enum topic_kind kind,
                 struct uplink_down *down, int64_t now_ms)
{
	struct command *c = calloc(1, sizeof(*c));

	if (!c) {
		uplink_down_free(down); /* no acknowledgement: the hub sends it again */
		return;
	}
	*c = (struct command){ .device = d,
		                   .kind = kind,
		                   .topic = down->topic,
		                   .payload = down->payload,
		                   .len = down->len,
		                   .packet_id = down->packet_id,
		                   .epoch = down->epoch,
		                   .wall_ms = clock_trusted(h->clock) ? clocks_realtime_ms() : 0,
		                   .since_ms = now_ms };
	metric_add(&h->metrics, M_DOWN_HELD, 1);
	if (trace_on(h))
		note(h, d, TRACE_KEPT, c->topic, c->len, "its device cannot take it now");
	put(h, c);
	keep_all(h);
	hold_bounds(h, d);
	if (h->config->commands.max_age_s > 0)
		age_by(h, now_ms + INT64_C(1000) * h->config->commands.max_age_s);
	look(h, d, now_ms);
}

/* Whoever is there is known to have it at once, and nothing has to go before it. */
static bool goes_at_once(const struct hubgate *h, const struct device *d,
                         const struct command_target *t)
{
	if (t->who.session == 0 || t->blind || !(t->mapped || t->who.subscribes))
		return false;
	return d->presence->commands == 0 ||
	       command_queue_is_clear(&h->commands->queue, d, t->who.session);
}

static bool may_be_kept(const struct device *d, enum topic_kind kind,
                        const struct uplink_down *down)
{
	return down->qos > 0 && command_is_kept(kind) && d->standing == STANDING_OWN &&
	       down->len + TOPIC_LEN_MAX + COMMAND_RECORD_HEAD <= VALUE_MAX;
}

/* Takes down. */
static void refuse(struct hubgate *h, const struct device *d, const char *why,
                   struct uplink_down *down)
{
	metric_add(&h->metrics, M_COMMANDS_UNFIT, 1);
	if (trace_on(h))
		note(h, d, TRACE_DROPPED, down->topic, down->len, why);
	limiter_log_refusal(h, d->client_id, down->topic, why);
	uplink_down_done(h->uplink, down);
	uplink_down_free(down);
}

void command_take(struct hubgate *h, struct device *d, enum topic_kind kind,
                  struct uplink_down *down)
{
	int64_t now_ms = hubgate_now_ms();
	struct command_message m;
	struct command_target t;
	enum status st;
	bool later = may_be_kept(d, kind, down);

	IN_ROOM(ROOM_BROKER);
	forget_earlier(h, down->epoch);
	command_target_of(h, d, kind, down->topic, now_ms, &t);
	st = command_message_make(h, d, t.mapped, down->topic, down->payload, down->len, &m);
	if (st == ST_NOMEM)
		uplink_down_free(down); /* no acknowledgement: the hub sends it again */
	else if (st == ST_INVALID || (st == ST_AGAIN && !later))
		refuse(h, d, m.why, down);
	else if (later && (st == ST_AGAIN || !goes_at_once(h, d, &t)))
		keep(h, d, kind, down, now_ms);
	else
		pass(h, d, &m, down);
	command_message_free(&m);
}

/* NULL: it is nothing that can be used. */
static struct command *read_record(const struct state_entry *e)
{
	struct command_record r;
	struct command *c;
	struct topic t;

	if (command_record_decode(e->value, e->len, &r) != ST_OK ||
	    topic_parse(r.topic, r.topic_len, &t) != ST_OK)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->topic = strndup(r.topic, r.topic_len);
	c->payload = malloc(r.len + 1);
	if (!c->topic || !c->payload) {
		free_command(c);
		return NULL;
	}
	memcpy(c->payload, r.payload, r.len);
	c->len = r.len;
	c->kind = t.kind;
	c->wall_ms = r.wall_ms;
	c->kept = true;
	return c;
}

bool command_load(struct hubgate *h, const struct state_entry *e)
{
	size_t id_len;
	uint64_t seq = command_record_seq(e->key, &id_len);
	struct device *d = device_table_find(h->devices, e->key, id_len);
	struct command *c;

	IN_ROOM(ROOM_BROKER);
	if (seq > h->commands->queue.last_seq)
		h->commands->queue.last_seq = seq;
	if (seq != 0 && !d)
		return false;
	c = seq != 0 ? read_record(e) : NULL;
	if (!c) {
		log_line(&h->log, LOG_WARN, "a stored command of %.*s cannot be used", (int)id_len, e->key);
		return true;
	}
	c->device = d;
	c->seq = seq;
	c->since_ms = hubgate_now_ms();
	put(h, c);
	hold_bounds(h, d);
	d->stored = true;
	h->commands->due_ms = h->commands->age_ms = TIMER_AT_ONCE_MS;
	return true;
}

/* --- who hears it --- */

void command_subscribed(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	/* The broker applies the subscription before it routes what is published here: it drains at the
	 * top of its loop. */
	if (d->presence->commands > 0)
		look(h, d, hubgate_now_ms());
}

static bool is_on(const struct hubgate *h, const struct command *c, const char *filter)
{
	struct command_message m;
	bool fits = message_of(h, c, true, &m) == ST_OK && topic_matches(filter, m.topic);

	command_message_free(&m);
	return fits;
}

void command_lan_subscribed(struct hubgate *h, const char *filter)
{
	int64_t now_ms = hubgate_now_ms();
	struct command_target t;

	IN_ROOM(ROOM_BROKER);
	for (struct command *c = h->commands->queue.line.first; c; c = c->next) {
		const struct device *d = c->device;

		if (c->over || !(d->origins & ORIGIN_MAPPING))
			continue;
		command_target_of(h, d, c->kind, c->topic, now_ms, &t);
		if (!t.mapped || command_is_with(c, t.who.session) || !is_on(h, c, filter))
			continue;
		c->wanted = true;
		due_by(h, TIMER_AT_ONCE_MS);
	}
}

/* *hash: of what is read, made when it is needed first; 0: it was not yet. */
static bool is_what_is_read(const struct hubgate *h, const struct command *c,
                            const struct mosquitto_evt_acl_check *ed, uint64_t *hash)
{
	if (c->over || c->taken || c->session == 0 || c->lan_len != ed->payloadlen)
		return false;
	if (*hash == 0)
		*hash = command_message_hash(h, ed->topic, ed->payload, ed->payloadlen);
	return c->lan_hash == *hash;
}

static bool is_read(const struct hubgate *h, const struct command *c,
                    const struct mosquitto_evt_acl_check *ed, int64_t now_ms,
                    struct command_target *t)
{
	command_target_of(h, c->device, c->kind, c->topic, now_ms, t);
	return t->who.session == c->session && (!t->client || t->client == ed->client);
}

void command_read(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	struct command_target t;
	uint64_t hash = 0;
	int64_t now_ms;

	IN_ROOM(ROOM_BROKER);
	if (h->commands->tried_ms == 0)
		return;
	now_ms = hubgate_now_ms();
	if (now_ms > h->commands->tried_ms) {
		h->commands->tried_ms = 0;
		return;
	}
	for (struct command *c = h->commands->queue.line.first; c; c = c->next) {
		if (!is_what_is_read(h, c, ed, &hash) || !is_read(h, c, ed, now_ms, &t))
			continue;
		c->taken = true;
		if (!t.mapped)
			device_heard(c->device, c->topic, t.who.connection);
		due_by(h, TIMER_AT_ONCE_MS);
		return;
	}
}

/* --- plain devices --- */

void command_learned(struct hubgate *h, const struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (d->presence->commands > 0)
		due_by(h, TIMER_AT_ONCE_MS);
}

void command_rules_changed(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	for (struct command *c = h->commands->queue.line.first; c; c = c->next) {
		const struct device *d = c->device;

		if (d->origins & ORIGIN_MAPPING && !c->taken)
			c->session = c->connection = 0;
	}
	due_by(h, TIMER_AT_ONCE_MS);
}

/* --- the turn --- */

void command_age_changed(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	age_by(h, TIMER_AT_ONCE_MS);
}

static void erase_again(struct hubgate *h)
{
	struct command *next;

	for (struct command *c = h->commands->queue.line.first; c; c = next) {
		next = c->next;
		if (c->over)
			erase(h, c);
	}
}

static void drop_old(struct hubgate *h, int64_t now_ms)
{
	struct command *next;
	size_t count = 0;

	if (now_ms < h->commands->age_ms) {
		due_by(h, h->commands->age_ms);
		return;
	}
	h->commands->age_ms = INT64_MAX;
	for (struct command *c = h->commands->queue.line.first; c; c = next) {
		next = c->next;
		if (c->over || !is_too_old(h, c, now_ms))
			continue;
		drop(h, c, COMMAND_DROP_AGE);
		count++;
	}
	if (count > 0)
		log_line(&h->log, LOG_WARN,
		         "%zu commands that nobody took for commands.max_age_s (%u s) are dropped", count,
		         h->config->commands.max_age_s);
}

void command_run(struct hubgate *h, int64_t now_ms)
{
	struct commands *all = h->commands;

	IN_ROOM(ROOM_BROKER);
	if (now_ms < all->due_ms && all->sessions == presence_sessions(h))
		return;
	all->due_ms = INT64_MAX;
	all->sessions = presence_sessions(h);
	if (!all->queue.line.first)
		return;
	erase_again(h);
	if (all->queue.unkept > 0)
		keep_all(h);
	drop_old(h, now_ms);
	look(h, NULL, now_ms);
}

int64_t command_due(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->commands->due_ms;
}
