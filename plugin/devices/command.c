#include "plugin/devices/command.h"

#include <stdlib.h>

#include "core/base/room.h"
#include "core/hub/topic.h"
#include "plugin/base/publish.h"

void command_init(struct held_line *l)
{
	*l = (struct held_line){ .last = &l->first };
}

static struct held *take_all(struct held_line *l)
{
	struct held *first = l->first;

	command_init(l);
	return first;
}

void command_fini(struct held_line *l)
{
	struct held *held = take_all(l);

	while (held) {
		struct held *next = held->next;

		uplink_down_free(&held->down);
		free(held);
		held = next;
	}
}

void command_hand_over(struct hubgate *h, struct uplink_down *down)
{
	IN_ROOM(ROOM_BROKER);
	if (publish_on_lan(down->topic, down->payload, down->len, down->qos, false) == ST_OK) {
		metric_add(&h->metrics, M_DOWN, 1);
		uplink_down_done(h->uplink, down);
	}
	/* Without memory there is no acknowledgement: the hub sends it again. */
	uplink_down_free(down);
}

bool command_hold(struct held_line *l, const struct uplink_down *down)
{
	struct held *held = l->count < HELD_MAX ? calloc(1, sizeof(*held)) : NULL;

	IN_ROOM(ROOM_BROKER);
	if (!held)
		return false;
	held->down = *down;
	*l->last = held;
	l->last = &held->next;
	l->count++;
	return true;
}

void command_release(struct hubgate *h, struct held_line *l)
{
	struct held *held = take_all(l);

	IN_ROOM(ROOM_BROKER);
	while (held) {
		struct held *next = held->next;

		command_hand_over(h, &held->down);
		free(held);
		held = next;
	}
}

void command_release_for(struct hubgate *h, struct held_line *l, const char *filter)
{
	struct held *held = take_all(l);

	IN_ROOM(ROOM_BROKER);
	while (held) {
		struct held *next = held->next;

		/* The broker applies the subscription before it routes what is published
		 * here: it drains at the top of its loop. */
		if (topic_matches(filter, held->down.topic) || !command_hold(l, &held->down))
			command_hand_over(h, &held->down);
		free(held);
		held = next;
	}
}
