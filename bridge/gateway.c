#include "bridge/gateway.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/gateway_impl.h"
#include "core/topic.h"

struct ids {
	const char *product_id, *device_name;
};

static bool same_ids(const struct table_node *node, const void *key)
{
	const struct subdev *d = table_entry(node, struct subdev, node);
	const struct ids *ids = key;

	return strcmp(d->product_id, ids->product_id) == 0 &&
	       strcmp(d->device_name, ids->device_name) == 0;
}

void gateway_init(struct gateway *g, uint32_t answer_ms, uint64_t seed, const struct log *log,
                  struct metrics *metrics)
{
	memset(g, 0, sizeof(*g));
	table_init(&g->devices);
	turns_init(&g->urgent);
	turns_init(&g->normal);
	turns_init(&g->data);
	g->answer_ms = answer_ms;
	g->seed = seed;
	g->random = seed | 1;
	g->due_ms = INT64_MAX;
	g->log = log;
	g->metrics = metrics;
}

static void subdev_free(struct subdev *d)
{
	while (d->filters) {
		struct filter *f = d->filters;

		d->filters = f->next;
		free(f);
	}
	while (d->live) {
		struct live_msg *m = d->live;

		d->live = m->next;
		live_msg_free(m);
	}
	outbox_fini(&d->outbox);
	free(d);
}

void gateway_fini(struct gateway *g)
{
	struct table_at at;

	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		table_remove(&g->devices, n);
		subdev_free(table_entry(n, struct subdev, node));
	}
	table_fini(&g->devices);
}

static uint64_t hash_ids(const struct gateway *g, const char *product_id, const char *device_name)
{
	return table_hash(table_hash(g->seed, product_id, strlen(product_id)), device_name,
	                  strlen(device_name));
}

struct subdev *gateway_find(struct gateway *g, const char *product_id, const char *device_name)
{
	const struct ids ids = { product_id, device_name };
	struct table_node *n =
		table_find(&g->devices, hash_ids(g, product_id, device_name), same_ids, &ids);

	return n ? table_entry(n, struct subdev, node) : NULL;
}

struct subdev *gateway_device(struct gateway *g, const char *client_id)
{
	size_t len = strlen(client_id);
	struct subdev *d;
	char product_id[PRODUCT_ID_LEN + 1];

	if (len <= PRODUCT_ID_LEN || len > CLIENT_ID_MAX)
		return NULL;
	memcpy(product_id, client_id, PRODUCT_ID_LEN);
	product_id[PRODUCT_ID_LEN] = '\0';
	d = gateway_find(g, product_id, client_id + PRODUCT_ID_LEN);
	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	memcpy(d->product_id, product_id, sizeof(product_id));
	memcpy(d->device_name, client_id + PRODUCT_ID_LEN, len - PRODUCT_ID_LEN + 1);
	d->live_tail = &d->live;
	outbox_init(&d->outbox);
	if (table_add(&g->devices, &d->node, hash_ids(g, d->product_id, d->device_name)) != ST_OK) {
		free(d);
		return NULL;
	}
	return d;
}

/* --- what a device wants --- */

static bool has_data(const struct subdev *d)
{
	return d->outbox.live > 0 || d->live;
}

/* A device that left while its messages were queued is shown online for them. */
static bool wants_online(const struct gateway *g, const struct subdev *d)
{
	return !g->leaving && (d->present || has_data(d));
}

/* The next request for d, whether or not its time has come. */
static enum gateway_op wanted_op(const struct gateway *g, const struct subdev *d)
{
	if (wants_online(g, d))
		return d->state == SUBDEV_ONLINE ? GATEWAY_UNKNOWN : GATEWAY_ONLINE;
	return d->shown_online ? GATEWAY_OFFLINE : GATEWAY_UNKNOWN;
}

static bool filter_leaves(const struct subdev *d, const struct filter *f)
{
	return f->state == FILTER_SUBSCRIBED && (!f->wanted || d->unbound);
}

static bool filter_wants(const struct gateway *g, const struct subdev *d, const struct filter *f)
{
	if (g->leaving)
		return false;
	if (filter_leaves(d, f))
		return true;
	/* Again when the device asked with another QoS since. */
	return d->state == SUBDEV_ONLINE && f->wanted &&
	       (f->state == FILTER_NONE || (f->state == FILTER_SUBSCRIBED && f->qos != f->asked_qos));
}

static struct filter *next_filter(const struct gateway *g, const struct subdev *d, int64_t now_ms)
{
	for (struct filter *f = d->filters; f; f = f->next) {
		if (filter_wants(g, d, f) && f->due_ms <= now_ms)
			return f;
	}
	return NULL;
}

static bool has_control(const struct gateway *g, const struct subdev *d, int64_t now_ms)
{
	if (!g->linked)
		return false;
	if (d->pending == GATEWAY_UNKNOWN && wanted_op(g, d) != GATEWAY_UNKNOWN && d->due_ms <= now_ms)
		return true;
	return next_filter(g, d, now_ms) != NULL;
}

static void note_due(struct gateway *g, int64_t due_ms)
{
	if (due_ms < g->due_ms)
		g->due_ms = due_ms;
}

void gateway_update(struct gateway *g, struct subdev *d, int64_t now_ms)
{
	struct turns *line;

	if (g->linked && d->state == SUBDEV_ONLINE && (d->live || outbox_next(&d->outbox)))
		turns_add(&g->data, &d->data);
	else
		turns_remove(&g->data, &d->data);
	line = !has_control(g, d, now_ms) ? NULL : d->outbox.live > 0 ? &g->urgent : &g->normal;
	if (line != d->line) {
		if (d->line)
			turns_remove(d->line, &d->control);
		if (line)
			turns_add(line, &d->control);
		d->line = line;
	}
	if (d->due_ms > now_ms)
		note_due(g, d->due_ms);
}

void gateway_present(struct gateway *g, struct subdev *d, bool present, int64_t now_ms)
{
	if (present && !d->present && d->pending == GATEWAY_UNKNOWN) {
		d->due_ms = 0; /* a device that comes back need not wait out a retry */
		d->attempts = 0;
	}
	d->present = present;
	gateway_update(g, d, now_ms);
}

/* --- subscriptions --- */

static struct filter *find_filter(const struct subdev *d, const char *text)
{
	for (struct filter *f = d->filters; f; f = f->next) {
		if (strcmp(f->text, text) == 0)
			return f;
	}
	return NULL;
}

static void prune_filters(struct subdev *d)
{
	for (struct filter **at = &d->filters; *at;) {
		struct filter *f = *at;

		if (f->wanted || f->state != FILTER_NONE) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		free(f);
	}
}

enum status gateway_subscribe(struct gateway *g, struct subdev *d, const char *filter, uint8_t qos,
                              int64_t now_ms)
{
	struct filter *f = find_filter(d, filter);

	if (!f) {
		size_t size = strlen(filter) + 1;

		f = calloc(1, sizeof(*f) + size);
		if (!f)
			return ST_NOMEM;
		memcpy(f->text, filter, size);
		f->next = d->filters;
		d->filters = f;
	}
	f->wanted = true;
	f->qos = qos;
	gateway_update(g, d, now_ms);
	return ST_OK;
}

void gateway_unsubscribe(struct gateway *g, struct subdev *d, const char *filter, int64_t now_ms)
{
	struct filter *f = find_filter(d, filter);

	if (!f)
		return;
	f->wanted = false;
	prune_filters(d);
	gateway_update(g, d, now_ms);
}

bool gateway_echoes(const struct subdev *d, const char *topic)
{
	for (const struct filter *f = d->filters; f; f = f->next) {
		if (f->state != FILTER_NONE && topic_matches(f->text, topic))
			return true;
	}
	return false;
}

/* --- live messages --- */

void live_msg_free(struct live_msg *m)
{
	if (!m)
		return;
	free(m->topic);
	free(m->payload);
	free(m);
}

void gateway_add_live(struct gateway *g, struct subdev *d, struct live_msg *m, int64_t now_ms)
{
	m->next = NULL;
	*d->live_tail = m;
	d->live_tail = &m->next;
	g->live_count++;
	gateway_update(g, d, now_ms);
}

struct live_msg *gateway_take_live(struct gateway *g, struct subdev *d)
{
	struct live_msg *m = d->live;

	if (!m)
		return NULL;
	d->live = m->next;
	if (!d->live)
		d->live_tail = &d->live;
	g->live_count--;
	return m;
}

/* --- the link --- */

void gateway_count_online(struct gateway *g, struct subdev *d, enum subdev_state state)
{
	if (d->state == SUBDEV_ONLINE)
		g->online--;
	if (state == SUBDEV_ONLINE)
		g->online++;
	d->state = state;
	metric_set(g->metrics, M_ONLINE, g->online);
}

void gateway_link_up(struct gateway *g, bool resumed, int64_t now_ms)
{
	struct table_at at;

	g->linked = true;
	g->renewing = resumed;
	g->renew_ms = now_ms + GATEWAY_RENEW_MS;
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		d->due_ms = 0;
		d->attempts = 0;
		if (!resumed)
			outbox_forget_ids(&d->outbox);
		for (struct filter *f = d->filters; f; f = f->next) {
			f->renew = resumed && f->state == FILTER_SUBSCRIBED;
			f->due_ms = 0;
			if (!resumed)
				f->state = FILTER_NONE;
		}
		prune_filters(d);
		gateway_update(g, d, now_ms);
	}
}

void gateway_link_down(struct gateway *g, int64_t now_ms)
{
	struct table_at at;

	g->linked = false;
	g->change_acks = 0;
	g->due_ms = INT64_MAX;
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		gateway_count_online(g, d, SUBDEV_UNKNOWN);
		d->pending = GATEWAY_UNKNOWN;
		outbox_rewind(&d->outbox);
		for (struct filter *f = d->filters; f; f = f->next) {
			f->packet_id = 0;
			/* A request without an answer: the hub may have carried it out or
			 * not; asking again is harmless. */
			if (f->state == FILTER_SUBSCRIBING)
				f->state = FILTER_NONE;
			if (f->state == FILTER_UNSUBSCRIBING)
				f->state = FILTER_SUBSCRIBED;
		}
		gateway_update(g, d, now_ms);
	}
}

void gateway_leave(struct gateway *g, int64_t now_ms)
{
	struct table_at at;

	g->leaving = true;
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		d->due_ms = d->pending == GATEWAY_UNKNOWN ? 0 : d->due_ms;
		gateway_update(g, d, now_ms);
	}
}

bool gateway_left(const struct gateway *g)
{
	struct table_at at;

	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		const struct subdev *d = table_entry(n, struct subdev, node);

		if (d->shown_online || d->pending == GATEWAY_ONLINE)
			return false;
	}
	return true;
}

/* --- what to send next --- */

static bool renewal_due(const struct gateway *g, int64_t now_ms)
{
	return g->linked && g->renewing && !g->leaving && now_ms >= g->renew_ms;
}

bool gateway_has_control(const struct gateway *g, int64_t now_ms)
{
	return g->change_acks > 0 || g->urgent.count > 0 || g->normal.count > 0 ||
	       renewal_due(g, now_ms);
}

/* One subscription of the resumed session that was not renewed yet. */
static bool next_renewal(struct gateway *g, struct gateway_action *out)
{
	struct table_at at;

	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		for (struct filter *f = d->filters; f && d->state == SUBDEV_ONLINE; f = f->next) {
			if (!f->renew || f->state != FILTER_SUBSCRIBED || !f->wanted)
				continue;
			*out = (struct gateway_action){ .kind = ACT_SUBSCRIBE, .dev = d, .filter = f };
			return true;
		}
	}
	return false;
}

void gateway_next(struct gateway *g, int64_t now_ms, struct gateway_action *out)
{
	struct flow *flow;
	struct subdev *d;

	memset(out, 0, sizeof(*out));
	if (g->change_acks > 0) {
		out->kind = ACT_CHANGE_ACK;
		return;
	}
	flow = g->urgent.count > 0 ? turns_next(&g->urgent) : turns_next(&g->normal);
	if (!flow) {
		if (renewal_due(g, now_ms) && !next_renewal(g, out))
			g->renew_ms = now_ms + GATEWAY_RETRY_MS; /* the rest is offline */
		return;
	}
	d = table_entry(flow, struct subdev, control);
	out->dev = d;
	if (d->pending == GATEWAY_UNKNOWN && d->due_ms <= now_ms) {
		out->op = wanted_op(g, d);
		if (out->op != GATEWAY_UNKNOWN) {
			out->kind = ACT_REQUEST;
			return;
		}
	}
	out->filter = next_filter(g, d, now_ms);
	if (out->filter)
		out->kind = filter_leaves(d, out->filter) ? ACT_UNSUBSCRIBE : ACT_SUBSCRIBE;
	else
		gateway_update(g, d, now_ms);
}

static void filter_sent(struct gateway *g, const struct gateway_action *a, uint16_t packet_id,
                        int64_t now_ms)
{
	struct filter *f = a->filter;

	if (f->renew) {
		f->renew = false;
		g->renew_ms = now_ms + GATEWAY_RENEW_MS;
	}
	f->state = a->kind == ACT_SUBSCRIBE ? FILTER_SUBSCRIBING : FILTER_UNSUBSCRIBING;
	f->asked_qos = f->qos;
	f->packet_id = packet_id;
	f->due_ms = now_ms + g->answer_ms;
	note_due(g, f->due_ms);
}

void gateway_sent(struct gateway *g, const struct gateway_action *a, uint16_t packet_id,
                  int64_t now_ms)
{
	if (a->kind == ACT_CHANGE_ACK) {
		g->change_acks--;
		return;
	}
	if (a->kind == ACT_REQUEST) {
		a->dev->pending = a->op;
		/* From here on the hub may take it for offline, whatever becomes of the
		 * answer: nothing may be sent in its name before the next online. */
		if (a->op == GATEWAY_OFFLINE)
			gateway_count_online(g, a->dev, SUBDEV_UNKNOWN);
		a->dev->due_ms = now_ms + g->answer_ms;
		metric_add(g->metrics, M_CONTROL, 1);
		note_due(g, a->dev->due_ms);
	} else {
		filter_sent(g, a, packet_id, now_ms);
	}
	gateway_update(g, a->dev, now_ms);
}
