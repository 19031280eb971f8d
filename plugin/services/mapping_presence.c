#include "plugin/services/mapping_presence.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/base/timer.h"
#include "plugin/devices/mapped.h"
#include "plugin/devices/presence.h"
#include "plugin/lan/broker_rights.h"

enum {
	LOOKS_PER_TURN = 64,
	FACTS_MAX = 4096, /* that no voice has: of devices that have not been heard yet */
	VOICES_MAX = 8,   /* of one device */
};

struct fact {
	struct table_node node; /* by what was hashed: key */
	uint64_t key;
	/* MAPPING_TOLD_NOTHING: nothing yet. proven: by a client whose username was checked, which is
	 * all that counts for devices of which devices[] say how they log in. */
	enum mapping_told told, proven;
	struct watch *watches;
	struct fact *prev, *next; /* while no voice has it: the one told longest ago is first */
};

struct watch { /* a voice has a fact */
	struct fact *fact;
	struct voice *voice;
	struct watch *next, **at;
};

struct speaker {
	struct table_node node;          /* by client id */
	const struct mosquitto *client;  /* a key while connected, never followed; else NULL */
	const struct mosquitto *pending; /* logs in */
	bool proven;                     /* a rule names its username, and the broker checked that */
	struct voice *voices;
	char id[];
};

struct voice {
	struct voice *next; /* of its device */
	struct mapped *of;
	size_t rule;
	uint64_t key;
	struct speaker *speaker; /* NULL: nobody knows who */
	struct voice *speaker_next, **speaker_at;
	struct watch watches[MAPPING_CONDITIONS_MAX];
	size_t watch_count;
	int64_t heard_ms;
	bool silent;
	bool listed;                         /* in the line of its rule */
	struct voice *line_prev, *line_next; /* not the names that core/base/list.h wants */
};

struct rule_state {
	uint64_t condition[MAPPING_CONDITIONS_MAX]; /* what each is, in short */
	struct voice *first, *last;                 /* by when they were heard, with silence_s */
};

struct mapping_presence {
	struct table facts, speakers;
	LINE_OF(struct fact) unwatched;
	size_t unwatched_count;
	LINE_OF(struct mapped) to_look;
	struct rule_state *rules;
	size_t rule_count;
	bool pending;  /* some speaker logs in */
	bool renewing; /* the rules have changed, and not all devices have their new voices */
};

/* --- facts --- */

static bool same_key(const struct table_node *node, const void *key)
{
	return table_entry(node, const struct fact, node)->key == *(const uint64_t *)key;
}

static void unwatch_line_remove(struct mapping_presence *p, struct fact *f)
{
	LINE_REMOVE(&p->unwatched, f);
	p->unwatched_count--;
}

static void unwatch_line_put(struct mapping_presence *p, struct fact *f)
{
	LINE_PUT(&p->unwatched, f);
	p->unwatched_count++;
}

static void fact_free(struct mapping_presence *p, struct fact *f)
{
	unwatch_line_remove(p, f);
	table_remove(&p->facts, &f->node);
	free(f);
}

/* NULL: no memory. */
static struct fact *fact_of(struct mapping_presence *p, uint64_t key)
{
	struct table_node *n = table_find(&p->facts, key, same_key, &key);
	struct fact *f;

	if (n)
		return table_entry(n, struct fact, node);
	while (p->unwatched_count >= FACTS_MAX)
		fact_free(p, p->unwatched.first);
	f = calloc(1, sizeof(*f));
	if (!f || table_add(&p->facts, &f->node, key) != ST_OK) {
		free(f);
		return NULL;
	}
	f->key = key;
	unwatch_line_put(p, f);
	return f;
}

/* The fact of condition i for these captures. False: they do not name one. */
static bool fact_key(struct hubgate *h, const struct config_mapping *m, size_t i,
                     const struct mapping_values *values, uint64_t *key)
{
	const struct mapping_condition c = mapping_condition(m, i);
	size_t rule = (size_t)(m - h->config->mappings);
	char topic[MAPPING_TOPIC_MAX];

	if (!c.topic || rule >= h->mapping_presence->rule_count ||
	    !mapping_condition_key(m, &c, values, topic))
		return false;
	*key =
		table_hash(h->seed ^ h->mapping_presence->rules[rule].condition[i], topic, strlen(topic));
	return true;
}

/* --- looking at devices --- */

static void look_later(struct mapping_presence *p, struct mapped *m)
{
	if (m->looked_for)
		return;
	m->looked_for = true;
	LINE_PUT(&p->to_look, m);
}

static bool is_connected(const struct voice *v)
{
	return v->speaker && v->speaker->client && (v->speaker->proven || !v->of->device->guarded);
}

/* Until something was told, the connection of whoever speaks counts. */
static bool condition_holds(const struct mapping_condition *c, const struct voice *v,
                            const struct fact *f)
{
	bool connected = is_connected(v);
	enum mapping_told told = MAPPING_TOLD_NOTHING;

	if (f)
		told = v->of->device->guarded ? f->proven : f->told;
	return c->connected || told == MAPPING_TOLD_NOTHING ? connected : told == MAPPING_TOLD_THERE;
}

static bool voice_says(const struct hubgate *h, const struct voice *v)
{
	const struct config_mapping *m = &h->config->mappings[v->rule];
	size_t count = mapping_condition_count(m), watch = 0;

	if (v->silent)
		return false;
	if (count == 0)
		return !m->up || is_connected(v);
	for (size_t i = 0; i < count; i++) {
		const struct mapping_condition c = mapping_condition(m, i);
		const struct fact *f = c.topic ? v->watches[watch++].fact : NULL;

		if (!condition_holds(&c, v, f))
			return false;
	}
	return true;
}

static bool is_there(const struct hubgate *h, const struct mapped *m)
{
	for (const struct voice *v = m->voices; v; v = v->next) {
		if (voice_says(h, v))
			return true;
	}
	return false;
}

static void give_voices(struct hubgate *h, struct device *d);
static void renewed(struct hubgate *h);

static void look(struct hubgate *h, struct mapped *m)
{
	bool renews = m->renews;

	if (m->looked_for)
		LINE_REMOVE(&h->mapping_presence->to_look, m);
	m->looked_for = m->renews = false;
	if (!(m->device->origins & ORIGIN_MAPPING) ||
	    (renews && !h->renew_mapped(h, m->device))) /* m is gone */
		return;
	if (renews)
		give_voices(h, m->device);
	presence_mapped(h, m->device, is_there(h, m));
}

static void look_at_some(struct hubgate *h)
{
	struct mapping_presence *p = h->mapping_presence;

	for (int n = 0; n < LOOKS_PER_TURN && p->to_look.first; n++)
		look(h, p->to_look.first);
	if (!p->to_look.first && p->renewing)
		renewed(h);
	if (p->to_look.first)
		timer_ring_by(h, TIMER_AT_ONCE_MS);
}

/* --- speakers --- */

static bool same_id(const struct table_node *node, const void *id)
{
	return strcmp(table_entry(node, const struct speaker, node)->id, id) == 0;
}

static struct speaker *find_speaker(const struct hubgate *h, const char *id)
{
	struct table_node *n = id ? table_find(&h->mapping_presence->speakers,
	                                       table_hash(h->seed, id, strlen(id)), same_id, id)
	                          : NULL;

	return n ? table_entry(n, struct speaker, node) : NULL;
}

static struct speaker *speaker_of(struct hubgate *h, const char *id)
{
	struct speaker *s = find_speaker(h, id);
	size_t len = id ? strlen(id) : 0;

	if (s || !id)
		return s;
	s = calloc(1, sizeof(*s) + len + 1);
	if (!s)
		return NULL;
	memcpy(s->id, id, len + 1);
	if (table_add(&h->mapping_presence->speakers, &s->node, table_hash(h->seed, id, len)) == ST_OK)
		return s;
	free(s);
	return NULL;
}

static void look_at_all_of(struct hubgate *h, struct speaker *s)
{
	for (struct voice *v = s->voices; v; v = v->speaker_next)
		look_later(h->mapping_presence, v->of);
	look_at_some(h);
}

static void speaker_let_go(struct hubgate *h, struct speaker *s)
{
	if (!s || s->voices || h->mapping_presence->renewing) /* its voices may come yet */
		return;
	table_remove(&h->mapping_presence->speakers, &s->node);
	free(s);
}

static struct mapping_client client_of(const struct hubgate *h, const struct mosquitto *client)
{
	return (struct mapping_client){
		.client_id = mosquitto_client_id(client),
		.username = mosquitto_client_username(client),
		.checked = !h->rights->unknown_users_pass,
	};
}

/* How the rules by which s speaks know this client, at best: somebody may have taken its id. */
static enum mapping_speaker known_as(const struct hubgate *h, const struct speaker *s,
                                     const struct mosquitto *client)
{
	const struct mapping_client who = client_of(h, client);
	enum mapping_speaker best = MAPPING_NOT_ITS_CLIENT;

	for (const struct voice *v = s->voices; v && best != MAPPING_BY_USERNAME; v = v->speaker_next) {
		enum mapping_speaker as = mapping_speaker_of(&h->config->mappings[v->rule], &who);

		best = as > best ? as : best;
	}
	return best;
}

static void here(struct hubgate *h, struct speaker *s, const struct mosquitto *client)
{
	enum mapping_speaker as = s->client == client ? MAPPING_NOT_ITS_CLIENT : known_as(h, s, client);

	s->pending = NULL;
	if (h->mapping_presence->renewing && s->client != client)
		s->client = client; /* renewed() asks who it is */
	if (as == MAPPING_NOT_ITS_CLIENT)
		return;
	s->client = client;
	s->proven = as == MAPPING_BY_USERNAME;
	look_at_all_of(h, s);
}

void mapping_presence_client_here(struct hubgate *h, const struct mosquitto *client)
{
	struct speaker *s = find_speaker(h, mosquitto_client_id(client));

	IN_ROOM(ROOM_BROKER);
	if (s)
		here(h, s, client);
}

void mapping_presence_login(struct hubgate *h, const struct mosquitto *client)
{
	struct speaker *s = find_speaker(h, mosquitto_client_id(client));

	IN_ROOM(ROOM_BROKER);
	if (!s || h->has_connect_event)
		return;
	s->pending = client;
	h->mapping_presence->pending = true;
}

void mapping_presence_logins_settle(struct hubgate *h)
{
	struct table_at at;

	IN_ROOM(ROOM_BROKER);
	if (!h->mapping_presence->pending)
		return;
	h->mapping_presence->pending = false;
	for (struct table_node *n = table_first(&h->mapping_presence->speakers, &at); n;
	     n = table_next(&h->mapping_presence->speakers, &at)) {
		struct speaker *s = table_entry(n, struct speaker, node);

		if (s->pending)
			here(h, s, s->pending);
	}
}

void mapping_presence_client_gone(struct hubgate *h, const struct mosquitto *client)
{
	struct table_at at;

	IN_ROOM(ROOM_BROKER);
	for (struct table_node *n = table_first(&h->mapping_presence->speakers, &at); n;
	     n = table_next(&h->mapping_presence->speakers, &at)) {
		struct speaker *s = table_entry(n, struct speaker, node);

		if (s->pending == client)
			s->pending = NULL;
		if (s->client != client)
			continue;
		s->client = NULL;
		look_at_all_of(h, s);
	}
}

/* --- voices --- */

static void line_remove(struct hubgate *h, struct voice *v)
{
	struct rule_state *r = &h->mapping_presence->rules[v->rule];

	if (!v->listed)
		return;
	*(v->line_prev ? &v->line_prev->line_next : &r->first) = v->line_next;
	*(v->line_next ? &v->line_next->line_prev : &r->last) = v->line_prev;
	v->listed = false;
}

static void line_put(struct hubgate *h, struct voice *v)
{
	struct rule_state *r = &h->mapping_presence->rules[v->rule];

	v->line_next = NULL;
	v->line_prev = r->last;
	*(r->last ? &r->last->line_next : &r->first) = v;
	r->last = v;
	v->listed = true;
}

static void leave_speaker(struct voice *v)
{
	if (!v->speaker)
		return;
	if (v->speaker_next)
		v->speaker_next->speaker_at = v->speaker_at;
	*v->speaker_at = v->speaker_next;
	v->speaker = NULL;
}

static void join_speaker(struct voice *v, struct speaker *s)
{
	v->speaker = s;
	if (!s)
		return;
	v->speaker_next = s->voices;
	v->speaker_at = &s->voices;
	if (s->voices)
		s->voices->speaker_at = &v->speaker_next;
	s->voices = v;
}

static void watch(struct mapping_presence *p, struct voice *v, struct fact *f)
{
	struct watch *w = &v->watches[v->watch_count++];

	w->fact = f;
	w->voice = v;
	if (!f)
		return;
	if (!f->watches)
		unwatch_line_remove(p, f);
	LINKS_PUSH(&f->watches, w);
}

static void unwatch(struct mapping_presence *p, struct watch *w)
{
	if (!w->fact)
		return;
	LINKS_REMOVE(w);
	if (!w->fact->watches)
		unwatch_line_put(p, w->fact);
	if (!w->fact->watches && w->fact->told == MAPPING_TOLD_NOTHING)
		fact_free(p, w->fact);
}

static void voice_free(struct hubgate *h, struct mapped *m, struct voice *v)
{
	struct voice **at = &m->voices;

	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	m->voice_count--;
	line_remove(h, v);
	leave_speaker(v);
	for (size_t i = 0; i < v->watch_count; i++)
		unwatch(h->mapping_presence, &v->watches[i]);
	free(v);
}

/* What makes one voice another one: the rule, the topics of its conditions, and the client where
 * its connection counts. False: the captures do not name the topics, or there are no rules. */
static bool voice_key(struct hubgate *h, const struct config_mapping *m,
                      const struct mapping_values *values, const struct speaker *s, uint64_t *key)
{
	size_t count = mapping_condition_count(m);
	uint64_t parts[MAPPING_CONDITIONS_MAX + 2] = { (uint64_t)(m - h->config->mappings) };
	bool by_client = count == 0;

	if (parts[0] >= h->mapping_presence->rule_count) /* no memory for them */
		return false;
	for (size_t i = 0; i < count; i++) {
		by_client |= mapping_condition(m, i).connected;
		if (mapping_condition(m, i).topic && !fact_key(h, m, i, values, &parts[i + 1]))
			return false;
	}
	if (by_client && s)
		parts[MAPPING_CONDITIONS_MAX + 1] = table_hash(h->seed, s->id, strlen(s->id));
	*key = table_hash(h->seed, parts, sizeof(parts));
	return true;
}

/* At the bound the one heard longest ago gives way; not its speaker, should it be joining. */
static void make_room(struct hubgate *h, struct mapped *m, const struct speaker *joining)
{
	struct voice *oldest = m->voices;
	struct speaker *s;

	if (m->voice_count < VOICES_MAX)
		return;
	for (struct voice *v = m->voices; v; v = v->next) {
		if (v->heard_ms < oldest->heard_ms)
			oldest = v;
	}
	s = oldest->speaker;
	voice_free(h, m, oldest);
	if (s != joining)
		speaker_let_go(h, s);
}

static struct voice *voice_new(struct hubgate *h, struct mapped *of, const struct config_mapping *m,
                               const struct mapping_values *values, uint64_t key)
{
	struct voice *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->of = of;
	v->rule = (size_t)(m - h->config->mappings);
	v->key = key;
	v->heard_ms = hubgate_now_ms();
	v->next = of->voices;
	of->voices = v;
	of->voice_count++;
	for (size_t i = 0; i < mapping_condition_count(m); i++) {
		uint64_t fact;

		if (fact_key(h, m, i, values, &fact))
			watch(h->mapping_presence, v, fact_of(h->mapping_presence, fact));
	}
	if (m->silence_s > 0) {
		line_put(h, v);
		timer_ring_by(h, v->heard_ms + INT64_C(1000) * m->silence_s + 1);
	}
	return v;
}

static struct voice *voice_of(struct hubgate *h, struct mapped *of, const struct config_mapping *m,
                              const struct mapping_values *values, struct speaker *s)
{
	uint64_t key;

	if (!voice_key(h, m, values, s, &key))
		return NULL;
	for (struct voice *v = of->voices; v; v = v->next) {
		if (v->key == key)
			return v;
	}
	make_room(h, of, s);
	return voice_new(h, of, m, values, key);
}

static void heard(struct hubgate *h, struct voice *v, const struct config_mapping *m)
{
	v->heard_ms = hubgate_now_ms();
	v->silent = false;
	if (m->silence_s == 0)
		return;
	line_remove(h, v);
	line_put(h, v);
}

void mapping_presence_spoken(struct hubgate *h, struct device *d, const struct config_mapping *m,
                             const struct mapping_values *values, const struct mosquitto *client,
                             bool by_message)
{
	struct speaker *s = client ? speaker_of(h, mosquitto_client_id(client)) : NULL;
	struct mapped *of = mapped_of(d);
	struct voice *v;

	IN_ROOM(ROOM_BROKER);
	if (of && of->renews)
		give_voices(h, d);
	v = of ? voice_of(h, of, m, values, s) : NULL;
	if (v && s && v->speaker != s) {
		struct speaker *before = v->speaker;

		leave_speaker(v);
		join_speaker(v, s);
		speaker_let_go(h, before);
	}
	if (v && by_message)
		heard(h, v, m);
	if (s && v)
		here(h, s, client);
	speaker_let_go(h, s); /* unless it has a voice */
	if (of)
		look(h, of);
	if (by_message)
		presence_mapped_burst(h, d); /* unless what is told says so too */
}

void mapping_presence_fact(struct hubgate *h, const struct config_mapping *m, size_t i,
                           const struct mapping_values *values, bool there, bool proven)
{
	enum mapping_told told = there ? MAPPING_TOLD_THERE : MAPPING_TOLD_GONE;
	struct fact *f = NULL;
	uint64_t key;

	IN_ROOM(ROOM_BROKER);
	if (fact_key(h, m, i, values, &key))
		f = fact_of(h->mapping_presence, key);
	if (!f || (f->told == told && (!proven || f->proven == told)))
		return;
	f->told = told;
	f->proven = proven ? told : f->proven;
	for (struct watch *w = f->watches; w; w = w->next)
		look_later(h->mapping_presence, w->voice->of);
	look_at_some(h);
}

void mapping_presence_forget(struct hubgate *h, struct device *d)
{
	struct mapped *m = d->mapped;

	IN_ROOM(ROOM_BROKER);
	if (!m)
		return;
	while (m->voices) {
		struct speaker *s = m->voices->speaker;

		voice_free(h, m, m->voices);
		speaker_let_go(h, s);
	}
	if (m->looked_for)
		LINE_REMOVE(&h->mapping_presence->to_look, m);
	m->looked_for = false;
}

/* --- the rules --- */

static uint64_t hash_text(uint64_t seed, const char *text)
{
	return text ? table_hash(seed, text, strlen(text) + 1) : table_hash(seed, "", 0);
}

/* The same condition under other rules is the same: what was told of it stays. */
static uint64_t condition_hash(const struct hubgate *h, const struct config_mapping *m, size_t i)
{
	const struct mapping_condition c = mapping_condition(m, i);
	uint64_t hash = hash_text(hash_text(h->seed, m->client), m->client_id);

	hash = hash_text(hash_text(hash_text(hash, c.topic), c.death), c.member);
	for (size_t k = 0; k < c.online.count; k++)
		hash = hash_text(hash, c.online.at[k]);
	return hash;
}

static struct rule_state *states_of(const struct hubgate *h)
{
	size_t count = h->config->mapping_count;
	struct rule_state *all = calloc(count + 1, sizeof(*all));

	for (size_t i = 0; all && i < count; i++) {
		const struct config_mapping *m = &h->config->mappings[i];

		for (size_t k = 0; k < mapping_condition_count(m) && k < MAPPING_CONDITIONS_MAX; k++)
			all[i].condition[k] = condition_hash(h, m, k);
	}
	return all;
}

/* The voices that the rules give a device of which there are records. */
static void give_voices(struct hubgate *h, struct device *d)
{
	const struct mapping_known known = mapped_known(d);
	struct speaker *s = speaker_of(h, d->mapped->client_id);

	d->mapped->renews = false;
	for (size_t i = 0; i < h->config->mapping_count; i++) {
		const struct config_mapping *m = &h->config->mappings[i];
		struct mapping_values values;
		struct voice *v;

		if ((m->up && known.up && strcmp(m->up, known.up) != 0) ||
		    !mapping_makes(m, d->product_id, d->device_name, known.original, known.values, &values))
			continue;
		v = voice_of(h, d->mapped, m, &values, s);
		if (v && !v->speaker)
			join_speaker(v, s);
	}
}

/* The lines of the old rules end with them. Speakers stay: they may be connected. */
static void drop_voices(struct hubgate *h, struct mapped *m)
{
	for (struct voice *v = m->voices; v; v = v->next)
		v->listed = false;
	while (m->voices)
		voice_free(h, m, m->voices);
}

static void let_speakers_go(struct hubgate *h)
{
	struct table_at at;

	for (struct table_node *n = table_first(&h->mapping_presence->speakers, &at); n;
	     n = table_next(&h->mapping_presence->speakers, &at))
		speaker_let_go(h, table_entry(n, struct speaker, node));
}

/* All devices have their voices: the rules may be for other clients now. */
static void renewed(struct hubgate *h)
{
	struct table_at at;

	h->mapping_presence->renewing = false;
	let_speakers_go(h);
	for (struct table_node *n = table_first(&h->mapping_presence->speakers, &at); n;
	     n = table_next(&h->mapping_presence->speakers, &at)) {
		struct speaker *s = table_entry(n, struct speaker, node);
		enum mapping_speaker as = s->client ? known_as(h, s, s->client) : MAPPING_NOT_ITS_CLIENT;
		bool proven = as == MAPPING_BY_USERNAME;

		if (proven == s->proven && (!s->client || as != MAPPING_NOT_ITS_CLIENT))
			continue;
		s->proven = proven;
		s->client = as == MAPPING_NOT_ITS_CLIENT ? NULL : s->client;
		for (struct voice *v = s->voices; v; v = v->speaker_next)
			look_later(h->mapping_presence, v->of);
	}
	for (int n = 0; n < LOOKS_PER_TURN && h->mapping_presence->to_look.first; n++)
		look(h, h->mapping_presence->to_look.first);
}

enum status mapping_presence_rules(struct hubgate *h)
{
	struct rule_state *states = states_of(h);
	struct mapping_presence *p = h->mapping_presence;
	struct table_at at;

	IN_ROOM(ROOM_BROKER);
	p->renewing = true;
	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		if (d->mapped)
			drop_voices(h, d->mapped);
		if (!(d->origins & ORIGIN_MAPPING) || !mapped_of(d))
			continue;
		d->mapped->renews = true;
		look_later(p, d->mapped);
	}
	free(p->rules);
	p->rules = states;
	p->rule_count = states ? h->config->mapping_count : 0;
	look_at_some(h);
	return states ? ST_OK : ST_NOMEM;
}

/* --- time --- */

static int64_t silent_at(const struct hubgate *h, size_t rule)
{
	const struct voice *v = h->mapping_presence->rules[rule].first;

	return v ? v->heard_ms + INT64_C(1000) * h->config->mappings[rule].silence_s + 1 : INT64_MAX;
}

void mapping_presence_run(struct hubgate *h, int64_t now_ms)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < h->mapping_presence->rule_count; i++) {
		for (int n = 0; n < LOOKS_PER_TURN && silent_at(h, i) <= now_ms; n++) {
			struct voice *v = h->mapping_presence->rules[i].first;

			line_remove(h, v);
			v->silent = true;
			look_later(h->mapping_presence, v->of);
		}
	}
	look_at_some(h);
}

int64_t mapping_presence_due(const struct hubgate *h)
{
	int64_t due_ms = INT64_MAX;

	IN_ROOM(ROOM_BROKER);
	if (h->mapping_presence->to_look.first)
		return TIMER_AT_ONCE_MS;
	for (size_t i = 0; i < h->mapping_presence->rule_count; i++)
		due_ms = silent_at(h, i) < due_ms ? silent_at(h, i) : due_ms;
	return due_ms;
}

/* --- life --- */

enum status mapping_presence_open(struct hubgate *h)
{
	h->mapping_presence = calloc(1, sizeof(*h->mapping_presence));
	if (!h->mapping_presence)
		return ST_NOMEM;
	table_init(&h->mapping_presence->facts);
	table_init(&h->mapping_presence->speakers);
	return ST_OK;
}

void mapping_presence_close(struct hubgate *h)
{
	struct mapping_presence *p = h->mapping_presence;
	struct table_at at;

	if (!p)
		return;
	p->renewing = false;
	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at))
		mapping_presence_forget(h, d);
	let_speakers_go(h);
	while (p->unwatched.first)
		fact_free(p, p->unwatched.first);
	table_fini(&p->facts);
	table_fini(&p->speakers);
	free(p->rules);
	free(p);
	h->mapping_presence = NULL;
}
