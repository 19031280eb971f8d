#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bridge/http/http_lan_impl.h"
#include "core/base/clocks.h"
#include "core/base/room.h"

enum {
	CROWD_MS = 60000, /* without one that gave way, and the crowd is over */
};

/* --- who may stay --- */

/* libmicrohttpd finds it closed in its next turn, and says so to http_lan_on_connection(). */
static void send_away(struct http_lan *h, size_t i)
{
	h->places[i].state = CONNECTION_GIVES_WAY;
	shutdown(h->sockets[i], SHUT_RDWR);
}

/* Once per crowd; the next one's line tells how many it were. */
static void tell_crowd(struct http_lan *h, int64_t now_ms)
{
	char before[48] = "";

	if (h->crowd == 0 || now_ms - h->crowd_ms >= CROWD_MS) {
		if (h->crowd > 0)
			snprintf(before, sizeof(before), "; %u gave way the last time", h->crowd);
		log_line(h->conf.log, LOG_WARN,
		         "lan.http: more than %d connections at once that send no whole request, or read "
		         "no reply: the oldest gives way to each that comes%s",
		         HTTP_CONNECTIONS, before);
		h->crowd = 0;
	}
	h->crowd++;
	h->crowd_ms = now_ms;
}

static void make_way(struct http_lan *h)
{
	size_t goes;

	if (connections_count(h->places, HTTP_PLACES) <= HTTP_CONNECTIONS)
		return;
	goes = connections_give_way(h->places, HTTP_PLACES);
	if (goes == SIZE_MAX)
		return;
	tell_crowd(h, clocks_monotonic_ms());
	send_away(h, goes);
}

/* --- libmicrohttpd's connections --- */

static void put_address(const struct sockaddr *from, unsigned char out[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	memset(out, 0, 16);
	if (from->sa_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
	} else if (from->sa_family == AF_INET) {
		memcpy(out, mapped, sizeof(mapped));
		memcpy(out + sizeof(mapped), &((const struct sockaddr_in *)(const void *)from)->sin_addr,
		       4);
	}
}

/* Each answer is used before the next question: since 1.0 libmicrohttpd writes them all to one
 * place. */
static bool look(struct MHD_Connection *c, unsigned char address[16], int *socket)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (!info || !info->client_addr)
		return false;
	put_address(info->client_addr, address);
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		*socket = info->connect_fd;
	return info != NULL;
}

static void came(struct http_lan *h, struct MHD_Connection *c, void **place)
{
	size_t i = 0;

	while (i < HTTP_PLACES && h->places[i].state != CONNECTION_NONE)
		i++;
	if (i == HTTP_PLACES || !look(c, h->places[i].address, &h->sockets[i]))
		return; /* not with its limit; it would live without a deadline */
	h->places[i].state = CONNECTION_OPEN;
	h->places[i].since_ms = clocks_monotonic_ms();
	*place = &h->places[i];
	make_way(h);
}

void http_lan_on_connection(void *ctx, struct MHD_Connection *c, void **place,
                            enum MHD_ConnectionNotificationCode what)
{
	struct connection *left = *place;

	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		came(ctx, c, place);
	else if (left)
		left->state = CONNECTION_NONE;
}

void http_lan_mark(struct MHD_Connection *c, enum connection_state state)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *place = info ? info->socket_context : NULL;

	if (!place || place->state == CONNECTION_GIVES_WAY)
		return;
	place->state = state;
	place->since_ms = clocks_monotonic_ms();
}
