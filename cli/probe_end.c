/* The end of a probe: what was done is taken back. */
#include <stdio.h>

#include "cli/probe.h"
#include "cli/store_owner.h"
#include "core/base/clocks.h"

enum {
	END_MS = 25000 /* for a connection, its turn included */
};

static bool nothing_left(const struct probe *p)
{
	return !p->bound && !p->online && !p->wrote;
}

/* Never beside a broker that began meanwhile: it has the gateway's session then. */
static bool reconnect(struct probe *p)
{
	char owner[STORE_OWNER_MAX], topic[PROBE_TOPIC_MAX];

	if (probe_is_up(p))
		return true;
	if (store_owner_find(p->config.store.dir, owner) == ST_EXISTS)
		return false;
	fprintf(stderr, "hubgate probe: connects once more to clean up\n");
	if (probe_connect(p, (uint16_t)p->config.hub.keepalive, clocks_monotonic_ms() + END_MS) !=
	    HUB_TALK_UP)
		return false;
	probe_topic(topic, "$gateway/operation/result/", &p->gateway, "");
	return probe_subscribe(p, topic, 0) == ST_OK;
}

/* -1: it is not bound any more, so it is neither online nor ours. */
static bool is_undone(struct probe *p, enum gateway_op op)
{
	int64_t code;

	return probe_request(p, op, &code) == ST_OK && (code == 0 || code == -1);
}

static bool say_left(const struct probe *p)
{
	const char *pid = p->device.product_id, *name = p->device.device_name;

	if (p->wrote)
		fprintf(
			stderr,
			"hubgate probe: the attribute hubgate_probe is still in the shadow of %s/%s: delete it "
			"in the console\n",
			pid, name);
	if (p->bound)
		fprintf(stderr,
		        "hubgate probe: %s/%s is still bound to the gateway: unbind it in the console\n",
		        pid, name);
	else if (p->online)
		fprintf(stderr,
		        "hubgate probe: %s/%s is still online at the hub: the broker's next start takes it "
		        "offline, or run the probe again\n",
		        pid, name);
	return nothing_left(p);
}

bool probe_clean_up(struct probe *p)
{
	p->stop = NULL;
	if (p->talk)
		hub_talk_heed(p->talk, NULL);
	if (nothing_left(p))
		return true;
	if (!reconnect(p))
		return say_left(p);
	if (p->wrote && probe_restore_shadow(p))
		p->wrote = false;
	if (p->online && is_undone(p, GATEWAY_OFFLINE))
		p->online = false;
	if (p->bound && is_undone(p, GATEWAY_UNBIND))
		p->bound = p->online = false;
	return say_left(p);
}
