/* Checks of the ports where devices register and download: who listens there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/check_net.h"
#include "cli/port_owner.h"
#include "cli/store_owner.h"

enum {
	OWNER_TEXT = 96,
	ADDRESS_MAX = 300,
	HTTP_PORT = 80
};

static bool serves(const struct check_facts *f, struct finding *out)
{
	if (!f->have_config)
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
	return f->have_config && f->config.lan.http && strcmp(f->config.lan.http, "off") != 0;
}

static bool by_systemd(const struct config *c)
{
	return strcmp(c->lan.http, "systemd") == 0;
}

/* "address:port", "[address]:port": the port; 0: none. */
static uint16_t split(const char *at, char address[ADDRESS_MAX])
{
	const char *colon = strrchr(at, ':');
	size_t len = colon ? (size_t)(colon - at) : 0;
	long port = colon ? strtol(colon + 1, NULL, 10) : 0;

	if (len >= 2 && at[0] == '[' && at[len - 1] == ']') {
		at++;
		len -= 2;
	}
	snprintf(address, ADDRESS_MAX, "%.*s", (int)len, at);
	return port > 0 && port <= 65535 ? (uint16_t)port : 0;
}

/* The port that URLs for devices lead to: stock SDKs in C know only 80 (docs/firmware.md). */
static uint16_t advertised(const struct config *c)
{
	const char *colon = c->lan.http_advertise ? strrchr(c->lan.http_advertise, ':') : NULL;
	long port;

	if (!colon || strchr(colon, ']') || strchr(c->lan.http_advertise, ':') != colon)
		return HTTP_PORT;
	port = strtol(colon + 1, NULL, 10);
	return port > 0 && port <= 65535 ? (uint16_t)port : HTTP_PORT;
}

/* Whom we cannot see may be the broker. */
static bool is_broker(const struct port_owner *o)
{
	return o->pid == 0 || strstr(o->name, "mosquitto") != NULL;
}

static void systemd_listens(const struct config *c, struct finding *out)
{
	char text[OWNER_TEXT];
	struct port_owner owner;
	unsigned port = advertised(c);

	if (!port_owner_find(NULL, (uint16_t)port, &owner))
		check_says(out, VERDICT_FAIL,
		           "systemctl enable --now hubgate-http.socket, then restart the broker",
		           "lan.http is systemd's, but nobody listens at port %u", port);
	else if (!is_broker(&owner) && strcmp(owner.name, "systemd") != 0)
		check_says(out, VERDICT_FAIL,
		           "stop that program, or change ListenStream= of hubgate-http.socket",
		           "lan.http is systemd's, but port %u is held by %s", port,
		           port_owner_text(&owner, text));
}

static void we_listen(const struct check_facts *f, struct finding *out)
{
	char address[ADDRESS_MAX], text[OWNER_TEXT];
	struct port_owner owner;
	uint16_t port = split(f->config.lan.http, address);
	bool taken = port_owner_find(address, port, &owner);

	if (!taken && f->net->broker)
		check_says(out, VERDICT_FAIL,
		           "read the broker's log for the line about lan.http, and restart the broker",
		           "lan.http is %s and the broker runs, but nobody listens there",
		           f->config.lan.http);
	else if (taken && (!is_broker(&owner) || (!f->net->broker && owner.pid != 0)))
		check_says(out, VERDICT_FAIL,
		           "stop that program, or give lan.http another address or port (and "
		           "lan.http_advertise with it)",
		           "lan.http is %s, which is taken by %s", f->config.lan.http,
		           port_owner_text(&owner, text));
}

static void devices_reach_lan_http(const struct check_facts *f, struct finding *out)
{
	if (!serves(f, out))
		return;
	if (by_systemd(&f->config))
		systemd_listens(&f->config, out);
	else
		we_listen(f, out);
}

static void say_nobody(const struct config *c, unsigned port, struct finding *out)
{
	check_says(
		out, VERDICT_WARN,
		"let lan.http listen there, or have the kernel or the router forward it (then this is "
		"fine), or name the port in lan.http_advertise",
		"devices are told to download at %s, port %u, where nobody listens on this machine: "
		"lan.http is %s",
		c->lan.http_advertise, port, c->lan.http);
}

static void downloads_come_to_us(const struct check_facts *f, struct finding *out)
{
	const struct config *c = &f->config;
	char address[ADDRESS_MAX], text[OWNER_TEXT];
	struct port_owner owner;
	uint16_t port;

	if (!serves(f, out) || !c->lan.http_advertise || by_systemd(c))
		return;
	port = advertised(c);
	if (port == split(c->lan.http, address))
		return; /* the check before this one */
	if (!port_owner_find(NULL, port, &owner))
		say_nobody(c, port, out);
	else
		check_says(
			out, VERDICT_WARN,
			"let that program pass on to lan.http what is for it, or give it another port, or "
			"name lan.http's port in lan.http_advertise",
			"devices are told to download at %s, port %u, which is held by %s: lan.http is "
			"%s",
			c->lan.http_advertise, (unsigned)port, port_owner_text(&owner, text), c->lan.http);
}

static const struct check checks[] = {
	{ "http-listens", devices_reach_lan_http },
	{ "http-advertised", downloads_come_to_us },
};

const struct check_table check_ports = { checks, sizeof checks / sizeof checks[0] };
