/* How many messages wait, of which device, and whether one more is within the bounds. Under the
 * lock. */
#include <stdlib.h>
#include <string.h>

#include "shadowstore/journal/journal_impl.h"

enum {
	/* With JOURNAL_DROP_OLDEST the reader trims. Until it has run, so much over
	 * either bound is taken rather than refused: a quarter, and a burst. */
	SLACK_PERCENT = 25,
	SLACK_MESSAGES = 1000,
	SLACK_BYTES = 1024 * 1024,
	WAY_PERCENT = 75, /* for messages that give way */
};

uint64_t journal_queued(const struct journal *j)
{
	uint64_t ended = 0;

	for (int i = 0; i < JOURNAL_ENDS; i++)
		ended += j->ended[i];
	/* More only while a damaged account has not been closed yet. */
	return ended < j->next_seq ? j->next_seq - 1 - ended : 0;
}

struct bound {
	uint64_t messages, bytes;
};

static struct bound part_of_bound(const struct journal *j, unsigned percent)
{
	return (struct bound){ j->lim.max_messages * percent / 100,
		                   atomic_load(&j->bound_bytes) * percent / 100 };
}

static bool over(uint64_t messages, uint64_t bytes, struct bound bound)
{
	return messages > bound.messages || bytes > bound.bytes;
}

/* However small the share, one message is within it. */
bool journal_over_share(const struct journal *j, uint64_t messages, uint64_t bytes)
{
	return messages > 1 && over(messages, bytes, part_of_bound(j, j->lim.device_share));
}

static bool same_device(const struct table_node *node, const void *key)
{
	return strcmp(table_entry(node, struct share, node)->device, key) == 0;
}

struct share *journal_find_share(const struct journal *j, const char *device)
{
	uint64_t hash = table_hash(0, device, strlen(device));
	struct table_node *node = table_find(&j->shares, hash, same_device, device);

	return node ? table_entry(node, struct share, node) : NULL;
}

void journal_leave_share(struct journal *j, struct share *s)
{
	if (s->messages > 0)
		return;
	table_remove(&j->shares, &s->node);
	free(s);
}

struct share *journal_share_of(struct journal *j, const char *device)
{
	size_t len = strlen(device);
	uint64_t hash = table_hash(0, device, len);
	struct share *s = journal_find_share(j, device);

	if (s)
		return s;
	s = calloc(1, sizeof(*s) + len + 1);
	if (!s)
		return NULL;
	memcpy(s->device, device, len + 1);
	if (table_add(&j->shares, &s->node, hash) != ST_OK) {
		free(s);
		return NULL;
	}
	return s;
}

enum status journal_room_for(struct journal *j, const struct journal_msg *msg, uint64_t bytes)
{
	unsigned part = msg->gives_way && j->lim.policy == JOURNAL_REFUSE ? WAY_PERCENT : 100;
	struct bound bound = part_of_bound(j, part), loose = part_of_bound(j, 100 + SLACK_PERCENT);
	uint64_t queued = journal_queued(j);
	const struct share *s;

	if (j->space.squeezed)
		return ST_NOSPACE;
	/* Room for one more is not asked of the slack: a quarter of a small store may
	 * be less than one message, and then nothing would ever be over the bound. */
	loose.messages += SLACK_MESSAGES;
	loose.bytes += SLACK_BYTES;
	if (j->lim.policy == JOURNAL_DROP_OLDEST)
		return bytes <= bound.bytes && !over(queued, j->live_bytes, loose) ? ST_OK : ST_FULL;
	if (over(queued + 1, j->live_bytes + bytes, bound))
		return ST_FULL;
	s = journal_find_share(j, msg->device);
	return journal_over_share(j, (s ? s->messages : 0) + 1, (s ? s->bytes : 0) + bytes) ? ST_FULL
	                                                                                    : ST_OK;
}
