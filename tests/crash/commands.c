/* Commands for a device that comes and goes, under kill -9: whatever the hub was told to send while
 * the device was away is heard in the end, first arrivals in order. */
#include "tests/crash/faults.h"
#include "tests/crash/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL LOAD_PRODUCT "/" EAR "/control"

enum {
	ROUNDS = 5,
	BATCH_MAX = 5, /* of each: fewer than 32 wait at any time */
	SENT_MAX = ROUNDS * BATCH_MAX,
	HEAR_MS = 20000, /* hubgate reconnects, and the hub sends again */
};

struct ear {
	struct dev *dev; /* NULL: away */
	bool heard[SENT_MAX + 1];
	int sent, highest, late; /* late: first heard after a younger one */
};

static void listen_up(struct ear *e)
{
	const struct dev_message *m;

	while (e->dev && (m = dev_await_message(e->dev, CONTROL, 0)) != NULL) {
		int n = atoi(m->payload + strcspn(m->payload, "0123456789"));

		if (n < 1 || n > e->sent || e->heard[n])
			continue;
		e->heard[n] = true;
		e->late += n < e->highest;
		if (n > e->highest)
			e->highest = n;
	}
}

static bool come(struct world *w, struct ear *e)
{
	const struct dev_opts o = { .keepalive = 5, .persistent = world_below(w, 2) == 1 };

	e->dev = dev_connect(w->lan, LOAD_PRODUCT, EAR, EAR_SECRET, &o);
	return (e->dev && dev_code(e->dev) == 0 && dev_subscribe(e->dev, CONTROL, 1) == 1) ||
	       world_broken(w, "the device that gets commands cannot log in or subscribe");
}

/* Nothing is sent to it while the broker does not know that it is gone: a live device's commands
 * are in the broker's memory alone. */
static bool go(struct world *w, struct ear *e)
{
	dev_leave(e->dev);
	listen_up(e);
	dev_disconnect(e->dev);
	e->dev = NULL;
	/* "Client X disconnected", "Client X closed its connection", "Socket error on client X" */
	return lan_log_await(w->lan, "lient " LOAD_PRODUCT EAR, WAIT_MS) ||
	       world_broken(w, "the broker does not see a device leave");
}

static bool die(struct world *w, struct ear *e)
{
	bool ok = world_kill(w);

	listen_up(e);
	dev_drop(e->dev);
	e->dev = NULL;
	return ok && world_restart(w);
}

static bool send_batch(struct world *w, struct ear *e)
{
	for (unsigned n = 1 + world_below(w, BATCH_MAX); n > 0; n--) {
		char *text = text_fmt("{\"n\":%d}", ++e->sent);
		bool ok = sim_publish(w->sim, CONTROL, text, 1);

		free(text);
		if (!ok)
			return world_broken(w, "the simulator does not take a command");
	}
	return true;
}

static bool play_round(struct world *w, struct ear *e)
{
	if (!send_batch(w, e))
		return false;
	world_pause(w, 0, 150);
	if (world_below(w, 2) == 1 && !(world_kill(w) && world_restart(w)))
		return false;
	if (!come(w, e))
		return false;
	world_pause(w, 0, 200);
	listen_up(e);
	return world_below(w, 2) == 1 ? die(w, e) : go(w, e);
}

static int missing(const struct ear *e)
{
	int count = 0;

	for (int n = 1; n <= e->sent; n++)
		count += !e->heard[n];
	return count;
}

static bool hear_the_rest(struct world *w, struct ear *e)
{
	int64_t until_ms = now_ms() + HEAR_MS;

	if (!come(w, e))
		return false;
	while (missing(e) > 0 && now_ms() < until_ms) {
		world_pause(w, 10, 20);
		listen_up(e);
	}
	if (missing(e) > 0)
		return world_broken(w, "%d of %d commands were never heard", missing(e), e->sent);
	if (e->late > 0)
		return world_broken(w, "%d of %d commands came after a younger one", e->late, e->sent);
	return true;
}

/* The hub says nothing of subscriptions here: one command comes through. It is none of those that
 * count. */
static bool await_way(struct world *w, struct ear *e)
{
	int64_t until_ms = now_ms() + WAIT_MS;

	while (now_ms() < until_ms) {
		if (!sim_publish(w->sim, CONTROL, "{\"n\":0}", 1))
			break;
		if (dev_await_message(e->dev, CONTROL, 200))
			return true;
	}
	return world_broken(w, "no command comes down");
}

bool fault_commands(struct world *w)
{
	struct ear e = { .dev = NULL };
	bool ok = come(w, &e) && await_way(w, &e) && go(w, &e);

	for (int i = 0; ok && i < ROUNDS; i++)
		ok = play_round(w, &e);
	ok = ok && hear_the_rest(w, &e);
	snprintf(w->note, sizeof w->note, "%d commands", e.sent);
	dev_disconnect(e.dev);
	return ok;
}
