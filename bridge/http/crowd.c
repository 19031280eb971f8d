#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bridge/http/http_lan_impl.h"
#include "bridge/http/socket_address.h"
#include "core/base/clocks.h"
#include "core/base/room.h"

enum {
	CROWD_MS = 60000, /* without one that gave way, and the crowd is over */
};

/* --- who may stay --- */

/* libmicrohttpd finds it closed in its next turn, and says so to http_lan_on_connection() before it
 * gives the descriptor back: under the lock it is still this connection's. */
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

/* Under the lock. True: there are too many, and one goes. */
static bool make_way(struct http_lan *h)
{
	size_t goes = SIZE_MAX;

	if (connections_count(h->places, HTTP_PLACES) > HTTP_CONNECTIONS)
		goes = connections_give_way(h->places, HTTP_PLACES);
	if (goes != SIZE_MAX)
		send_away(h, goes);
	return goes != SIZE_MAX;
}

/* One at a time: whoever waits for the lock waits for a step. */
static bool end_one_overdue(struct http_lan *h)
{
	size_t goes;

	pthread_mutex_lock(&h->lock);
	/* NET looks once in NET_TURN_MS. */
	goes = connections_overdue(h->places, HTTP_PLACES, clocks_monotonic_ms(),
	                           HTTP_REQUEST_MS - NET_TURN_MS);
	if (goes != SIZE_MAX)
		send_away(h, goes);
	pthread_mutex_unlock(&h->lock);
	return goes != SIZE_MAX;
}

void http_lan_end_overdue(void *http_lan)
{
	IN_ROOM(ROOM_NET);
	while (end_one_overdue(http_lan))
		;
}

/* --- libmicrohttpd's connections --- */

/* Each answer is used before the next question: since 1.0 libmicrohttpd writes them all to one
 * place. */
static bool look(struct MHD_Connection *c, unsigned char address[16], int *socket)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (!info || !info->client_addr)
		return false;
	socket_address_bytes(info->client_addr, address); /* zeros: they are one */
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		*socket = info->connect_fd;
	return info != NULL;
}

/* Under the lock. NULL: none is free, which does not happen with the daemon's limit; it would live
 * without a deadline. */
static struct connection *take_place(struct http_lan *h, struct MHD_Connection *c)
{
	size_t i = 0;

	while (i < HTTP_PLACES && h->places[i].state != CONNECTION_NONE)
		i++;
	if (i == HTTP_PLACES || !look(c, h->places[i].address, &h->sockets[i]))
		return NULL;
	h->places[i].state = CONNECTION_OPEN;
	h->places[i].since_ms = clocks_monotonic_ms();
	return &h->places[i];
}

static void came(struct http_lan *h, struct MHD_Connection *c, void **place)
{
	bool crowd;

	pthread_mutex_lock(&h->lock);
	*place = take_place(h, c);
	crowd = *place && make_way(h);
	pthread_mutex_unlock(&h->lock);
	if (crowd)
		tell_crowd(h, clocks_monotonic_ms());
}

static void left(struct http_lan *h, struct connection *place)
{
	pthread_mutex_lock(&h->lock);
	place->state = CONNECTION_NONE;
	pthread_mutex_unlock(&h->lock);
}

void http_lan_on_connection(void *ctx, struct MHD_Connection *c, void **place,
                            enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		came(ctx, c, place);
	else if (*place)
		left(ctx, *place);
}

void http_lan_mark(struct http_lan *h, struct MHD_Connection *c, enum connection_state state)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *place = info ? info->socket_context : NULL;

	if (!place)
		return;
	pthread_mutex_lock(&h->lock);
	if (place->state != CONNECTION_GIVES_WAY) {
		place->state = state;
		place->since_ms = clocks_monotonic_ms();
	}
	pthread_mutex_unlock(&h->lock);
}
