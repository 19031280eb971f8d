/* What the main thread asks of the proxy. */
#include "tests/hubsim/proxy_int.h"

#include <string.h>

void proxy_fault(struct proxy *p, enum fault mode, int ms)
{
	pthread_mutex_lock(&p->lock);
	p->fault = mode;
	p->delay_ms = ms;
	pthread_mutex_unlock(&p->lock);
	proxy_wake_broker(p);
}

int proxy_end(struct proxy *p, const char *client, bool reset)
{
	int n = 0;

	pthread_mutex_lock(&p->lock);
	for (struct conn *c = p->conns; c; c = c->next) {
		if (c->end != END_NONE || (client && strcmp(c->label, client) != 0))
			continue;
		c->end = reset ? END_RESET : END_CUT;
		n++;
	}
	pthread_mutex_unlock(&p->lock);
	proxy_wake_broker(p);
	return n;
}

void proxy_drop_pubacks(struct proxy *p, int count)
{
	pthread_mutex_lock(&p->lock);
	p->drop_pubacks = count;
	pthread_mutex_unlock(&p->lock);
}

static struct conn *at_address(struct proxy *p, const char *address)
{
	struct conn *c = p->conns;

	while (c && (!address || strcmp(c->address, address) != 0))
		c = c->next;
	return c;
}

bool proxy_peer(struct proxy *p, const char *address, struct proxy_peer *out)
{
	struct conn *c;

	pthread_mutex_lock(&p->lock);
	c = at_address(p, address);
	if (c)
		*out = c->peer;
	pthread_mutex_unlock(&p->lock);
	return c != NULL;
}

void proxy_withhold(struct proxy *p, const char *address, uint64_t ordinal)
{
	struct conn *c;
	uint16_t mid;

	pthread_mutex_lock(&p->lock);
	c = at_address(p, address);
	if (c && ordinal <= c->qos1_count && c->qos1_count - ordinal < MID_RING) {
		mid = c->mids[ordinal % MID_RING];
		c->withheld[mid / 8] |= (uint8_t)(1u << (mid % 8));
	}
	pthread_mutex_unlock(&p->lock);
}

static int unacked(const struct proxy *p)
{
	int count = 0;

	for (const struct conn *c = p->conns; c; c = c->next)
		count += c->unacked_count;
	return count;
}

void proxy_stats(struct proxy *p, cJSON *stats)
{
	const struct proxy_counts *n = &p->counts;
	uint64_t first;
	cJSON *log;

	pthread_mutex_lock(&p->lock);
	cJSON_AddStringToObject(stats, "fault", fault_names[p->fault]);
	cJSON_AddNumberToObject(stats, "accepts", (double)n->accepts);
	cJSON_AddNumberToObject(stats, "connects", (double)n->connects);
	cJSON_AddNumberToObject(stats, "publish_packets", (double)n->publishes);
	cJSON_AddNumberToObject(stats, "dup_packets", (double)n->dups);
	cJSON_AddNumberToObject(stats, "max_rate", n->max_rate);
	cJSON_AddNumberToObject(stats, "rate_dropped", (double)n->rate_dropped);
	cJSON_AddNumberToObject(stats, "pubacks_dropped", (double)n->pubacks_dropped);
	cJSON_AddNumberToObject(stats, "pubacks_withheld", (double)n->pubacks_withheld);
	cJSON_AddNumberToObject(stats, "unacknowledged", unacked(p));
	log = cJSON_AddArrayToObject(stats, "accept_times");
	first = p->accept_logged > LOG_RING ? p->accept_logged - LOG_RING : 0;
	for (uint64_t i = first; i < p->accept_logged; i++)
		cJSON_AddItemToArray(log, cJSON_CreateNumber((double)p->accept_log[i % LOG_RING]));
	pthread_mutex_unlock(&p->lock);
}

void proxy_stats_clear(struct proxy *p)
{
	pthread_mutex_lock(&p->lock);
	p->counts = (struct proxy_counts){ .accepts = 0 };
	p->accept_logged = 0;
	pthread_mutex_unlock(&p->lock);
}
