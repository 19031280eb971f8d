#include "core/hub/command_queue.h"

/* --- order --- */

void command_queue_put(struct command_queue *q, struct command *c)
{
	struct command *before = q->line.last;

	if (c->seq == 0)
		c->seq = q->last_seq + 1;
	if (c->seq > q->last_seq)
		q->last_seq = c->seq;
	while (before && before->seq > c->seq)
		before = before->prev;
	c->prev = before;
	c->next = before ? before->next : q->line.first;
	*(before ? &before->next : &q->line.first) = c;
	*(c->next ? &c->next->prev : &q->line.last) = c;
	q->count++;
	q->unkept += !c->kept;
}

void command_queue_remove(struct command_queue *q, struct command *c)
{
	LINE_REMOVE(&q->line, c);
	q->count -= !c->over;
	q->unkept -= !c->kept && !c->over;
}

void command_queue_kept(struct command_queue *q, struct command *c)
{
	q->unkept -= !c->kept;
	c->kept = true;
}

void command_queue_end(struct command_queue *q, struct command *c)
{
	q->count -= !c->over;
	q->unkept -= !c->kept && !c->over;
	c->over = true;
}

size_t command_queue_count(const struct command_queue *q, const void *device)
{
	size_t n = 0;

	for (const struct command *c = q->line.first; c; c = c->next)
		n += c->device == device && !c->over;
	return n;
}

/* --- bounds --- */

/* device NULL: of all. */
static struct command *oldest_of(const struct command_queue *q, const void *device)
{
	struct command *c = q->line.first;

	while (c && (c->over || (device && c->device != device)))
		c = c->next;
	return c;
}

static struct command *oldest_unkept(const struct command_queue *q)
{
	struct command *c = q->line.first;

	while (c && (c->over || c->kept))
		c = c->next;
	return c;
}

struct command *command_queue_excess(const struct command_queue *q, const void *device,
                                     enum command_drop *why)
{
	*why = COMMAND_DROP_NONE;
	if (q->unkept > COMMAND_UNKEPT_MAX) {
		*why = COMMAND_DROP_DISK;
		return oldest_unkept(q);
	}
	if (command_queue_count(q, device) > COMMAND_DEVICE_MAX) {
		*why = COMMAND_DROP_DEVICE;
		return oldest_of(q, device);
	}
	if (q->count > COMMAND_MAX) {
		*why = COMMAND_DROP_ALL;
		return oldest_of(q, NULL);
	}
	return NULL;
}

/* --- what is to be done --- */

bool command_is_with(const struct command *c, uint64_t session)
{
	return c->taken && session != 0 && c->session == session;
}

int64_t command_heard_ms(const struct command *c, const struct command_listener *l)
{
	return (c->at_ms > l->since_ms ? c->at_ms : l->since_ms) + l->live_ms;
}

enum command_step command_next(const struct command *c, const struct command_listener *l,
                               int64_t now_ms)
{
	bool tried = c->connection == l->connection;

	if (c->over || l->session == 0)
		return COMMAND_STAYS;
	if (command_is_with(c, l->session))
		return now_ms >= command_heard_ms(c, l) ? COMMAND_HEARD : COMMAND_STAYS;
	if (tried && l->subscribes && now_ms - c->at_ms < COMMAND_AGAIN_MS)
		return COMMAND_SOON;
	if (l->subscribes)
		return COMMAND_GOES;
	return l->sure || tried ? COMMAND_STAYS : COMMAND_TRIED;
}

bool command_queue_is_clear(const struct command_queue *q, const void *device, uint64_t session)
{
	for (const struct command *c = q->line.first; c; c = c->next) {
		if (c->device == device && !c->over && !command_is_with(c, session))
			return false;
	}
	return true;
}

bool command_is_kept(enum topic_kind kind)
{
	static const bool kept[] = {
		[TOPIC_CUSTOM] = true,           [TOPIC_BROADCAST] = true,
		[TOPIC_CONFIG_RESULT] = true,    [TOPIC_CONFIG_UPDATE] = true,
		[TOPIC_RESOURCE_DOWN] = true,    [TOPIC_THING_DOWN_PROPERTY] = true,
		[TOPIC_THING_DOWN_EVENT] = true, [TOPIC_THING_DOWN_ACTION] = true,
		[TOPIC_THING_DOWN_RAW] = true,   [TOPIC_THING_DOWN_SERVICE] = true,
	};

	return (size_t)kind < sizeof(kept) / sizeof(kept[0]) && kept[kind];
}

int64_t command_age_ms(const struct command *c, int64_t now_ms, int64_t wall_ms)
{
	int64_t here_ms = now_ms - c->since_ms;

	return wall_ms != 0 && c->wall_ms != 0 && wall_ms - c->wall_ms > here_ms ? wall_ms - c->wall_ms
	                                                                         : here_ms;
}

int64_t command_live_ms(int keepalive_s)
{
	int64_t ms = (int64_t)keepalive_s * 1000;

	return ms > 0 && ms < COMMAND_LIVE_MS ? ms : COMMAND_LIVE_MS;
}
