/* What becomes of the messages of devices that somebody traces: told to BROKER step by step. Who is
 * traced is a list of a few names, asked only while there are some: a name need not be a subdevice
 * yet, and one that is freed leaves nothing behind here. */
#include <stdio.h>
#include <string.h>

#include "bridge/uplink/uplink_impl.h"
#include "core/base/clocks.h"

/* traced.count: it is not among them. */
static size_t find(const struct traced *t, const char *client_id)
{
	size_t i = 0;

	while (i < t->count && strcmp(t->ids[i], client_id) != 0)
		i++;
	return i;
}

void traced_set(struct uplink *u, const char *client_id, bool on)
{
	struct traced *t = &u->traced;
	size_t i = find(t, client_id);

	if (on && i == t->count && i < TRACES_MAX)
		snprintf(t->ids[t->count++], sizeof(t->ids[0]), "%s", client_id);
	if (!on && i < t->count && i != --t->count)
		memcpy(t->ids[i], t->ids[t->count], sizeof(t->ids[i]));
}

void traced_tell(struct uplink *u, const struct subdev *d, enum trace_step step,
                 const struct trace_about *about)
{
	struct trace_about now = *about;
	char client_id[CLIENT_ID_MAX + 1];
	struct trace_event e;

	gateway_client_id(d, client_id);
	if (find(&u->traced, client_id) == u->traced.count)
		return;
	now.at_us = clocks_monotonic_us();
	trace_event_make(&e, step, client_id, &now);
	mail_put_trace(&u->mail, &e);
	u->traced.told = true;
}
