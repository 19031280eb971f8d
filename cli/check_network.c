/* Checks of the way to the hub: name, addresses, TCP, TLS. They end before CONNECT. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/check_net.h"
#include "cli/port_owner.h"
#include "cli/store_owner.h"
#include "core/base/clocks.h"

enum {
	LIST_MAX = 200,
	DAY_MAX = 32
};

void check_net_begin(struct check_net *n)
{
	memset(n, 0, sizeof *n);
	n->fd = -1;
	n->until = clocks_monotonic_ms() + CHECK_NET_ALL_MS;
}

void check_net_end(struct check_net *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
	cJSON_Delete(n->hub);
	cJSON_Delete(n->devices);
}

int64_t check_net_until(const struct check_net *n, int64_t ms)
{
	int64_t step = clocks_monotonic_ms() + ms;

	return step < n->until ? step : n->until;
}

static bool have(const struct check_facts *f, struct finding *out)
{
	if (!f->have_config)
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
	return f->have_config;
}

static bool after(enum check_step before, const char *what, struct finding *out)
{
	if (before != STEP_DONE)
		check_says(out, VERDICT_SKIP, "", "%s", what);
	return before == STEP_DONE;
}

static const char *name_of(const struct config *c)
{
	return c->hub.address ? c->hub.address : c->hub.host;
}

/* --- names --- */

static void hub_has_an_address(const struct check_facts *f, struct finding *out)
{
	struct check_net *n = f->net;
	char why[NET_LOOK_WHY_MAX];
	const struct config_hub *hub = &f->config.hub;

	if (!have(f, out))
		return;
	n->name = STEP_FAILED;
	if (net_look_name(name_of(&f->config), (uint16_t)hub->port,
	                  check_net_until(n, CHECK_NET_NAME_MS), &n->answer, why) == ST_OK) {
		n->name = STEP_DONE;
		return;
	}
	check_says(out, VERDICT_FAIL, "", "%s %s does not resolve: %s",
	           hub->address ? "hub.address" : "hub.host", name_of(&f->config), why);
	check_fix(out,
	          "see whether this machine resolves other names (getent hosts example.com): if not, "
	          "mend its name server (/etc/resolv.conf) or the WAN; else correct %s",
	          hub->address ? "hub.address" : "hub.host, or gateway.product_id that it is made of");
}

static bool broker_listens_at(const struct check_facts *f, uint32_t port)
{
	for (size_t i = 0; f->have_conf && i <= f->conf.listener_count; i++) {
		if (f->conf.listeners[i].port == port)
			return true;
	}
	return false;
}

/* A program that is not our broker has the hub's port of this machine: a simulator, or a tunnel to
 * the hub. */
static bool is_anothers(const struct check_facts *f, struct port_owner *out)
{
	uint16_t port = (uint16_t)f->config.hub.port;
	char broker[STORE_OWNER_MAX];
	int pid;

	if (broker_listens_at(f, port) || !port_owner_find(NULL, port, out) || out->pid == 0)
		return false;
	if (store_owner_find(f->config.store.dir, broker) == ST_EXISTS &&
	    sscanf(broker, "pid %d", &pid) == 1)
		return out->pid != pid;
	return strcmp(out->name, "mosquitto") != 0;
}

/* The vendor's name leads here. At its own name nobody expects a tunnel: it is told. */
static void leads_here(const struct check_facts *f, const char *address, struct finding *out)
{
	struct port_owner owner;
	char who[96];

	if (is_anothers(f, &owner))
		check_says(out, VERDICT_WARN,
		           "if that is no tunnel to the hub, set hub.address to the hub's own address",
		           "%s leads to this machine (%s), where %s listens", name_of(&f->config), address,
		           port_owner_text(&owner, who));
	else
		check_says(out, VERDICT_FAIL,
		           "set hub.address to the hub's own address (ask a name server outside: dig "
		           "@119.29.29.29 NAME), or take the override out of the LAN's name server",
		           "%s leads to this machine (%s): the gateway would log in at its own broker",
		           name_of(&f->config), address);
}

static void hub_is_another_machine(const struct check_facts *f, struct finding *out)
{
	const struct config_hub *hub = &f->config.hub;
	bool vendors; /* by its own name: hub.address may lead to a tunnel */
	char text[NET_LOOK_ADDRESS_MAX];

	if (!have(f, out) || !after(f->net->name, "the hub's name does not resolve", out))
		return;
	vendors = !hub->address && region_host_is_vendors(hub->host);
	for (size_t i = 0; i < f->net->answer.count && out->verdict == VERDICT_OK; i++) {
		const struct sockaddr_storage *a = &f->net->answer.address[i];
		bool here = net_look_is_here(a);

		/* A simulator, or a tunnel to the hub, may well be here; at another port than ours. */
		if (here && (vendors || broker_listens_at(f, hub->port)))
			leads_here(f, net_look_text(a, text), out);
		else if (vendors && net_look_is_private(a))
			check_says(out, VERDICT_WARN,
			           "if no tunnel to the hub is there, set hub.address to the hub's own address",
			           "%s is %s, an address of a LAN: the name server here overrides it, and "
			           "another gateway may be there",
			           name_of(&f->config), net_look_text(a, text));
	}
}

static void list(const struct resolver_answer *a, char out[LIST_MAX])
{
	char text[NET_LOOK_ADDRESS_MAX];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < a->count && used + NET_LOOK_ADDRESS_MAX + 2 < LIST_MAX; i++)
		used += (size_t)snprintf(out + used, LIST_MAX - used, "%s%s", i ? ", " : "",
		                         net_look_text(&a->address[i], text));
}

static bool share_one(const struct resolver_answer *a, const struct resolver_answer *b)
{
	for (size_t i = 0; i < a->count; i++) {
		for (size_t k = 0; k < b->count; k++) {
			if (net_look_same(&a->address[i], &b->address[k]))
				return true;
		}
	}
	return false;
}

/* hub.address stands there because the LAN's answers mislead: those are no better. */
static bool misleads(const struct resolver_answer *a)
{
	for (size_t i = 0; i < a->count; i++) {
		if (net_look_is_here(&a->address[i]) || net_look_is_private(&a->address[i]))
			return true;
	}
	return false;
}

static void address_is_still_the_hubs(const struct check_facts *f, struct finding *out)
{
	const struct config_hub *hub = &f->config.hub;
	struct resolver_answer named;
	char why[NET_LOOK_WHY_MAX], has[LIST_MAX], is[LIST_MAX];

	if (!have(f, out) || !hub->address || !after(f->net->name, "hub.address does not resolve", out))
		return;
	if (net_look_name(hub->host, (uint16_t)hub->port, check_net_until(f->net, CHECK_NET_NAME_MS),
	                  &named, why) != ST_OK)
		return; /* which is what hub.address is for */
	if (misleads(&named) || share_one(&named, &f->net->answer))
		return;
	list(&named, is);
	list(&f->net->answer, has);
	check_says(out, VERDICT_WARN,
	           "take hub.address out if the hub's name resolves rightly here, or write a new one",
	           "hub.address is %s, but %s is %s now: the hub may have moved", has, hub->host, is);
}

/* --- TCP and TLS --- */

static void hub_takes_connections(const struct check_facts *f, struct finding *out)
{
	struct check_net *n = f->net;
	char why[NET_LOOK_WHY_MAX];

	if (!have(f, out) || !after(n->name, "the hub's name does not resolve", out))
		return;
	n->fd = net_look_connect(&n->answer, check_net_until(n, CHECK_NET_TCP_MS), why);
	n->tcp = n->fd >= 0 ? STEP_DONE : STEP_FAILED;
	if (n->fd < 0)
		check_says(out, VERDICT_FAIL,
		           "see that the WAN is up and that no firewall stands between (TCP to that port, "
		           "outwards); if the port is wrong correct hub.port",
		           "no connection to %s port %u: %s", name_of(&f->config),
		           (unsigned)f->config.hub.port, why);
}

static const char *day(time_t t, char out[DAY_MAX])
{
	struct tm utc;

	strftime(out, DAY_MAX, "%Y-%m-%d %H:%M UTC", gmtime_r(&t, &utc));
	return out;
}

static void say_time(const struct net_look_tls *t, struct finding *out)
{
	char limit[DAY_MAX], now[DAY_MAX];
	bool early = t->end == NET_TLS_EARLY;

	check_says(out, VERDICT_FAIL, "",
	           "the certificate %s (issuer %s) is valid %s %s, and the clock here says %s",
	           t->subject, t->issuer, early ? "only from" : "only until",
	           day(early ? t->from : t->to, limit), day(time(NULL), now));
	check_fix(out, "%s",
	          early ? "the clock is behind: timedatectl set-ntp true, or date -s"
	                : "if the clock is ahead: timedatectl set-ntp true; else whoever runs that "
	                  "server must renew the certificate");
}

static void say_ca(const struct config_hub *hub, const struct net_look_tls *t, struct finding *out)
{
	check_says(out, VERDICT_FAIL, "",
	           "the certificate %s is of an issuer that %s does not hold: %s (%s)", t->subject,
	           hub->ca_file ? hub->ca_file : "this machine's list of CAs", t->issuer, t->why);
	check_fix(
		out, "%s",
		hub->ca_file
			? "put the hub's CA into hub.ca_file, or take the key out: the vendor's hub has a "
			  "public CA"
			: "install ca-certificates; if a proxy on the way makes certificates of its own, "
			  "except the hub from it, or name its CA in hub.ca_file");
}

static void say_refused(const struct config_hub *hub, const struct net_look_tls *t,
                        struct finding *out)
{
	if (t->end == NET_TLS_EARLY || t->end == NET_TLS_EXPIRED)
		say_time(t, out);
	else if (t->end == NET_TLS_CA)
		say_ca(hub, t, out);
	else if (t->end == NET_TLS_HOST)
		check_says(out, VERDICT_FAIL,
		           "correct hub.host (hub.address may lead elsewhere); if this is the hub under "
		           "another name set hub.host to one of these",
		           "the certificate is for %s, not for %s", t->names[0] ? t->names : t->subject,
		           hub->host);
	else
		check_says(out, VERDICT_FAIL,
		           "see what answers there: openssl s_client -connect HOST:PORT -showcerts",
		           "TLS was refused: %s%s%s", t->why, t->subject[0] ? "; certificate " : "",
		           t->subject);
}

static void say_no_tls(const struct config_hub *hub, const struct net_look_tls *t,
                       struct finding *out)
{
	if (t->end == NET_TLS_FILE)
		check_says(out, VERDICT_FAIL, "correct the file, or the key that names it", "%s", t->why);
	else if (t->end == NET_TLS_NONE)
		check_says(out, VERDICT_FAIL, "set hub.port to the TLS port (8883), or hub.tls to false",
		           "port %u does not speak TLS", (unsigned)hub->port);
	else
		check_says(out, VERDICT_FAIL,
		           "see that hub.port is the TLS port (8883), and that no firewall or proxy on the "
		           "way ends TLS",
		           "the TLS handshake at port %u %s", (unsigned)hub->port,
		           t->end == NET_TLS_TIMEOUT ? "gets no answer" : "is closed by the other side");
}

static void hub_proves_itself(const struct check_facts *f, struct finding *out)
{
	const struct config_hub *hub = &f->config.hub;
	struct check_net *n = f->net;
	struct net_look_tls t;

	if (!have(f, out) || !after(n->tcp, "no connection to the hub", out))
		return;
	n->tls = STEP_DONE;
	if (!hub->tls)
		return;
	net_look_tls(&f->config, n->fd, check_net_until(n, CHECK_NET_TLS_MS), &t);
	if (t.end == NET_TLS_OK)
		return;
	n->tls = STEP_FAILED;
	if (t.end == NET_TLS_FILE || t.end == NET_TLS_NONE || t.end == NET_TLS_TIMEOUT ||
	    t.end == NET_TLS_CLOSED)
		say_no_tls(hub, &t, out);
	else
		say_refused(hub, &t, out);
}

static const struct check checks[] = {
	{ "dns", hub_has_an_address },
	{ "dns-loop", hub_is_another_machine },
	{ "dns-address", address_is_still_the_hubs },
	{ "tcp", hub_takes_connections },
	{ "tls", hub_proves_itself },
};

const struct check_table check_network = { checks, sizeof checks / sizeof checks[0] };
