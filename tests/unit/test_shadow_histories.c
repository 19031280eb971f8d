/* Random lives of one device, its gateway and the hub: whatever was lost, delayed, repeated,
 * killed or damaged, in the end both documents are equal, nothing the device said is missing,
 * nothing vanished that nobody deleted, and no desired value was cleared that the device had not
 * seen. HISTORIES=n and HISTORY_SEED=n (printed on failure) repeat or lengthen. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"
#include "core/shadow/shadow_doc.h"
#include "core/shadow/shadow_impl.h"
#include "tests/runner.h"
#include "tests/unit/shadow_hub.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HISTORIES 40000
#else
#define HISTORIES 100000
#endif

enum {
	STEPS = 24,
	QUEUE = 64,
	SETTLE_TURNS = 60,
	NAMES = 4,
	SEEN_MAX = 512,
	TEXT_MAX = 512
};

struct history {
	uint64_t random;
	struct shadow_doc *doc;
	struct shadow_hub hub;
	cJSON *truth; /* what the device reported, as it must be in the end */
	struct buf stored;
	char *up[QUEUE], *down[QUEUE]; /* on the wire, first first */
	int ups, downs;
	int64_t mono_ms;
	int value;           /* every value of desired is a new one */
	bool seen[SEEN_MAX]; /* desired values that the device was shown */
	bool online, told;
	uint64_t version;
	const char *broken;
};

static uint32_t pick(struct history *h, uint32_t below)
{
	h->random = h->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(h->random >> 33) % below;
}

static void broken(struct history *h, const char *why)
{
	if (!h->broken)
		h->broken = why;
}

/* For whoever repeats one history: what happened, in order. */
static void tell(const struct history *h, const char *what, const char *text)
{
	if (h->told)
		fprintf(stderr, "%8" PRId64 " %-8s %s\n", h->mono_ms, what, text);
}

static void tell_tree(const struct history *h, const char *what, const cJSON *tree)
{
	char *text = h->told ? cJSON_PrintUnformatted(tree) : NULL;

	if (text)
		tell(h, what, text);
	free(text);
}

/* --- the gateway's side, as the plugin does it --- */

static void persist(struct history *h)
{
	buf_reset(&h->stored);
	if (shadow_doc_encode(h->doc, &h->stored) != ST_OK)
		broken(h, "cannot be encoded");
	if (shadow_doc_version(h->doc) < h->version)
		broken(h, "the version went back");
	h->version = shadow_doc_version(h->doc);
}

static void device_says(struct history *h, const char *text)
{
	struct buf reply = BUF_MAX(SHADOW_REPLY_MAX);

	tell(h, "device", text);
	if (shadow_doc_request(h->doc, text, strlen(text), 1600000000000 + h->mono_ms, &reply) ==
	    SHADOW_CHANGED)
		persist(h);
	shadow_doc_keep(h->doc);
	buf_free(&reply);
}

static void drop_wire(char **queue, int *count)
{
	while (*count > 0)
		free(queue[--*count]);
}

static void push(char **queue, int *count, char *text)
{
	if (text && *count < QUEUE)
		queue[(*count)++] = text;
	else
		free(text);
}

static char *pop(char **queue, int *count)
{
	char *first = queue[0];

	(*count)--;
	memmove(queue, queue + 1, (size_t)*count * sizeof(*queue));
	return first;
}

static void gateway_turn(struct history *h)
{
	struct buf text = BUF_MAX(SHADOW_BYTES_MAX * 2);
	int64_t due_ms;
	enum shadow_want want = shadow_sync_wants(h->doc, h->mono_ms, &due_ms);

	if (want != SHADOW_WANT_NOTHING &&
	    shadow_sync_request(h->doc, want, h->mono_ms, &text) == ST_OK) {
		persist(h);
		tell(h, "up", buf_text(&text));
		push(h->up, &h->ups, strdup(buf_text(&text)));
		shadow_sync_sent(h->doc, h->mono_ms);
	}
	buf_free(&text);
}

/* The members of the hub's document that the device never mentioned become known here. */
static void note_first(struct history *h)
{
	cJSON *all = cJSON_Duplicate(h->hub.reported, 1);

	model_merge(all, h->truth);
	cJSON_Delete(h->truth);
	h->truth = all;
}

static void gateway_hears(struct history *h, const char *text)
{
	struct shadow_effect effect;

	tell(h, "down", text);
	shadow_sync_message(h->doc, text, strlen(text), 1600000000000 + h->mono_ms, h->mono_ms,
	                    &effect);
	if (effect.first)
		note_first(h);
	if (effect.changed)
		persist(h);
	if (effect.refused)
		broken(h, "the hub refused");
}

/* --- what can happen --- */

static void name_of(struct history *h, char out[16])
{
	snprintf(out, 16, "%c", 'a' + (char)pick(h, NAMES));
}

/* Object members live under names of their own, so that kinds never change places unnoticed. */
static void random_change(struct history *h, bool may_delete, char out[TEXT_MAX])
{
	char name[16];

	name_of(h, name);
	h->value++;
	if (may_delete && pick(h, 4) == 0)
		snprintf(out, TEXT_MAX, "{\"%s\":null}", name);
	else if (pick(h, 3) == 0)
		snprintf(out, TEXT_MAX, "{\"o\":{\"%s\":%d}}", name, h->value);
	else if (may_delete && pick(h, 6) == 0)
		snprintf(out, TEXT_MAX, "{\"o\":{\"%s\":null}}", name);
	else if (pick(h, 6) == 0)
		snprintf(out, TEXT_MAX, "{\"%s\":[%d,{\"x\":%d}]}", name, h->value, h->value);
	else
		snprintf(out, TEXT_MAX, "{\"%s\":%d}", name, h->value);
}

static void device_reports(struct history *h)
{
	char change[TEXT_MAX], text[TEXT_MAX * 2];
	cJSON *m;

	random_change(h, true, change);
	m = cJSON_Parse(change);
	model_merge(h->truth, m);
	cJSON_Delete(m);
	snprintf(text, sizeof text, "{\"type\":\"update\",\"state\":{\"reported\":%s}}", change);
	device_says(h, text);
}

/* Values of desired are their own proof that they were seen: no two are equal. */
static void note_seen(struct history *h, const cJSON *node)
{
	const cJSON *m;

	if (json_is_number(node) && atoi(node->valuestring) < SEEN_MAX)
		h->seen[atoi(node->valuestring)] = true;
	cJSON_ArrayForEach(m, node) note_seen(h, m);
}

/* The device does what it is asked for: takes the values over and clears them. */
static void device_obeys(struct history *h)
{
	cJSON *desired = shadow_merged_desired(h->doc);
	const cJSON *m;
	struct buf text = BUF_MAX(SHADOW_BYTES_MAX);
	int32_t skip = (int32_t)pick(h, 3) - 1;

	note_seen(h, desired);
	cJSON_ArrayForEach(m, desired)
	{
		cJSON *change;

		if (skip-- == 0)
			continue;
		buf_reset(&text);
		buf_addf(&text, "{\"%s\":", m->string);
		shadow_tree_print(&text, m);
		buf_add_text(&text, "}");
		change = cJSON_Parse(buf_text(&text));
		model_merge(h->truth, change);
		cJSON_Delete(change);
		buf_reset(&text);
		buf_addf(&text, "{\"type\":\"update\",\"state\":{\"reported\":{\"%s\":", m->string);
		shadow_tree_print(&text, m);
		if (cJSON_IsObject(m) && m->child && pick(h, 2) == 0)
			buf_addf(&text, "},\"desired\":{\"%s\":{\"%s\":null}}}}", m->string, m->child->string);
		else
			buf_addf(&text, "},\"desired\":{\"%s\":null}}}", m->string);
		device_says(h, buf_text(&text));
	}
	cJSON_Delete(desired);
	buf_free(&text);
}

static void app_desires(struct history *h)
{
	char change[TEXT_MAX];
	cJSON *m;
	char *delta;

	random_change(h, true, change);
	m = cJSON_Parse(change);
	tell(h, "app", change);
	delta = shadow_hub_desire(&h->hub, m);
	cJSON_Delete(m);
	/* Only a connected gateway hears it, and not even that always. */
	if (h->online && pick(h, 4) > 0)
		push(h->down, &h->downs, delta);
	else
		free(delta);
}

static void local_app_desires(struct history *h)
{
	char change[TEXT_MAX], text[TEXT_MAX * 2];
	struct buf reply = BUF_MAX(SHADOW_REPLY_MAX);

	random_change(h, true, change);
	snprintf(text, sizeof text, "{\"type\":\"update\",\"state\":{\"desired\":%s}}", change);
	tell(h, "local", text);
	note_seen(h, h->doc->now.tree[SHADOW_TREE_desired]); /* the last writer is shown instead */
	if (shadow_doc_app_request(h->doc, text, strlen(text), 1600000000000 + h->mono_ms, &reply) ==
	    SHADOW_CHANGED)
		persist(h);
	shadow_doc_keep(h->doc);
	buf_free(&reply);
}

/* No desired value goes that the device was not shown. */
static void judge_clear(struct history *h, const cJSON *clear, const cJSON *desired)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, clear)
	{
		const cJSON *old = cJSON_GetObjectItemCaseSensitive(desired, m->string);

		if (cJSON_IsObject(m) && cJSON_IsObject(old))
			judge_clear(h, m, old);
		else if (cJSON_IsNull(m) && cJSON_IsNumber(old) && old->valueint < SEEN_MAX &&
		         !h->seen[old->valueint])
			broken(h, "a desired value was cleared that the device never saw");
	}
}

static void hub_turn(struct history *h)
{
	char *text = pop(h->up, &h->ups);
	cJSON *request = cJSON_Parse(text);
	cJSON *desired = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(request, "state"), "desired");
	cJSON *before = cJSON_Duplicate(h->hub.desired, 1);
	int version = h->hub.version;
	char *reply = shadow_hub_request(&h->hub, text);

	if (h->hub.version != version)
		judge_clear(h, desired, before);
	cJSON_Delete(before);
	cJSON_Delete(request);
	free(text);
	if (h->online && pick(h, 8) > 0)
		push(h->down, &h->downs, reply);
	else
		free(reply);
}

static void gateway_receives(struct history *h)
{
	char *text = pop(h->down, &h->downs);

	gateway_hears(h, text);
	if (pick(h, 10) == 0)
		gateway_hears(h, text); /* twice */
	free(text);
}

static void cut(struct history *h)
{
	/* What left may still arrive there; nothing comes back any more. */
	tell(h, "cut", "");
	h->online = false;
	while (h->ups > 0 && pick(h, 2))
		hub_turn(h);
	drop_wire(h->up, &h->ups);
	drop_wire(h->down, &h->downs);
	shadow_sync_ready(h->doc, false);
}

static void link_up(struct history *h)
{
	tell(h, "link", "");
	h->online = true;
	shadow_sync_ready(h->doc, true);
}

static void kill_gateway(struct history *h)
{
	struct shadow_doc *back = NULL;

	cut(h);
	if (h->stored.len == 0)
		back = shadow_doc_new();
	else if (shadow_doc_decode(h->stored.data, h->stored.len, &back) != ST_OK)
		broken(h, "what was stored cannot be read");
	if (!back)
		return;
	shadow_doc_free(h->doc);
	h->doc = back;
	if (pick(h, 2))
		link_up(h);
}

/* The document is lost; the device's next words and the hub make a new one. */
static void quarantine(struct history *h)
{
	cut(h);
	tell(h, "lost", "the document");
	shadow_doc_free(h->doc);
	h->doc = shadow_doc_new();
	h->mono_ms += 60000; /* a restart of the broker lies between */
	shadow_doc_rebuilt(h->doc, 1600000000000 + h->mono_ms);
	cJSON_Delete(h->truth);
	h->truth = cJSON_CreateObject();
	persist(h);
}

static void step(struct history *h)
{
	uint32_t what = pick(h, 100);

	h->mono_ms += pick(h, 4) ? pick(h, 300) : pick(h, 8000);
	if (what < 22)
		device_reports(h);
	else if (what < 30)
		device_obeys(h);
	else if (what < 40)
		app_desires(h);
	else if (what < 44)
		local_app_desires(h);
	else if (what < 47)
		h->online ? cut(h) : link_up(h);
	else if (what < 50)
		kill_gateway(h);
	else if (what < 51)
		quarantine(h);
	else if (h->online && what < 65)
		gateway_turn(h);
	else if (h->ups > 0 && what < 83)
		hub_turn(h);
	else if (h->downs > 0)
		gateway_receives(h);
	else if (!h->online)
		link_up(h);
}

/* --- the end --- */

static void settle(struct history *h)
{
	cut(h);
	link_up(h);
	for (int i = 0; i < SETTLE_TURNS; i++) {
		h->mono_ms += 1000;
		gateway_turn(h);
		while (h->ups > 0) {
			char *text = pop(h->up, &h->ups), *reply = shadow_hub_request(&h->hub, text);

			gateway_hears(h, reply);
			free(text);
			free(reply);
		}
	}
}

static cJSON *plain(const cJSON *tree)
{
	struct buf text = BUF_MAX(SHADOW_STORED_MAX);
	cJSON *copy;

	shadow_tree_print(&text, tree);
	copy = cJSON_Parse(buf_text(&text));
	buf_free(&text);
	return copy;
}

static void judge(struct history *h)
{
	cJSON *reported = plain(h->doc->now.tree[SHADOW_TREE_reported]);
	cJSON *desired = plain(h->doc->now.tree[SHADOW_TREE_desired]);

	tell_tree(h, "truth", h->truth);
	tell_tree(h, "reported", reported);
	tell_tree(h, "desired", desired);
	tell_tree(h, "hub rep", h->hub.reported);
	tell_tree(h, "hub des", h->hub.desired);
	if (!model_equal(reported, h->truth))
		broken(h, "local reported is not what the device said");
	if (!model_equal(h->hub.reported, h->truth))
		broken(h, "the hub's reported is not what the device said");
	if (!model_equal(h->hub.desired, desired))
		broken(h, "desired differs");
	if (shadow_sync_dirty(h->doc) || h->doc->look || h->doc->now.tree[SHADOW_TREE_clears]->child)
		broken(h, "something is still to be sent");
	cJSON_Delete(reported);
	cJSON_Delete(desired);
}

static const char *live(uint64_t seed, bool told)
{
	struct history h = { .random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1,
		                 .doc = shadow_doc_new(),
		                 .truth = cJSON_CreateObject(),
		                 .stored = BUF_MAX(SHADOW_STORED_MAX),
		                 .mono_ms = 1000,
		                 .told = told };

	shadow_hub_init(&h.hub);
	if (pick(&h, 2)) { /* the hub knows the device from elsewhere */
		cJSON_AddNumberToObject(h.hub.reported, "a", 100000);
		cJSON_AddNumberToObject(h.hub.reported, "elsewhere", 100001);
		h.hub.version = 40;
		h.hub.written = true;
	}
	h.hub.first_version = (int)pick(&h, 2);
	if (pick(&h, 3) > 0)
		link_up(&h);
	for (int i = 0; i < STEPS && !h.broken; i++)
		step(&h);
	if (!h.broken)
		settle(&h);
	if (!h.broken)
		judge(&h);
	drop_wire(h.up, &h.ups);
	drop_wire(h.down, &h.downs);
	shadow_hub_free(&h.hub);
	shadow_doc_free(h.doc);
	cJSON_Delete(h.truth);
	buf_free(&h.stored);
	return h.broken;
}

static uint64_t number(const char *text, uint64_t without)
{
	return text ? strtoull(text, NULL, 10) : without;
}

static void documents_are_equal_in_the_end_and_nothing_is_lost_in_any_history(void)
{
	const char *one = getenv("HISTORY_SEED"), *many = getenv("HISTORIES");
	uint64_t first = number(one, 1);
	uint64_t count = one ? 1 : number(many, (uint64_t)runner_rounds(HISTORIES));
	unsigned failures = 0;

	for (uint64_t seed = first; seed < first + count && failures < 10; seed++) {
		const char *why = live(seed, one != NULL);

		if (!why)
			continue;
		failures++;
		fprintf(stderr, "history %" PRIu64 ": %s; repeat it with HISTORY_SEED=%" PRIu64 "\n", seed,
		        why, seed);
	}
	CU_ASSERT_EQUAL(failures, 0);
}

SUITE(shadow_histories, TEST(documents_are_equal_in_the_end_and_nothing_is_lost_in_any_history))
