#include "bridge/http/crowd.h"

#include <stdio.h>
#include <sys/socket.h>

#include "bridge/http/socket_address.h"
#include "core/base/clocks.h"

enum {
	OVER_MS = 60000, /* without one that gave way, and the crowd is over */
};

void crowd_init(struct crowd *c, const char *name, const struct log *log)
{
	c->name = name;
	c->log = log;
	pthread_mutex_init(&c->lock, NULL);
}

void crowd_fini(struct crowd *c)
{
	pthread_mutex_destroy(&c->lock);
}

/* --- who may stay --- */

/* libmicrohttpd finds it closed in its next turn, and says so to crowd_on_connection() before it
 * gives the descriptor back: under the lock it is still this connection's. */
static void send_away(struct crowd *c, size_t i)
{
	c->places[i].state = CONNECTION_GIVES_WAY;
	shutdown(c->sockets[i], SHUT_RDWR);
}

/* Once per crowd; the next one's line tells how many it were. */
static void tell(struct crowd *c, int64_t now_ms)
{
	char before[48] = "";

	if (c->gone == 0 || now_ms - c->gone_ms >= OVER_MS) {
		if (c->gone > 0)
			snprintf(before, sizeof(before), "; %u gave way the last time", c->gone);
		log_line(c->log, LOG_WARN,
		         "%s: more than %d connections at once that send no whole request, or read no "
		         "reply: the oldest gives way to each that comes%s",
		         c->name, CROWD_MOST, before);
		c->gone = 0;
	}
	c->gone++;
	c->gone_ms = now_ms;
}

/* Under the lock. True: there are too many, and one goes. */
static bool make_way(struct crowd *c)
{
	size_t goes = SIZE_MAX;

	if (connections_count(c->places, CROWD_PLACES) > CROWD_MOST)
		goes = connections_give_way(c->places, CROWD_PLACES);
	if (goes != SIZE_MAX)
		send_away(c, goes);
	return goes != SIZE_MAX;
}

/* One at a time: whoever waits for the lock waits for a step. */
static bool end_one_overdue(struct crowd *c, int64_t turn_ms)
{
	size_t goes;

	pthread_mutex_lock(&c->lock);
	goes = connections_overdue(c->places, CROWD_PLACES, clocks_monotonic_ms(),
	                           CROWD_REQUEST_MS - turn_ms);
	if (goes != SIZE_MAX)
		send_away(c, goes);
	pthread_mutex_unlock(&c->lock);
	return goes != SIZE_MAX;
}

void crowd_end_overdue(struct crowd *c, int64_t turn_ms)
{
	while (end_one_overdue(c, turn_ms))
		;
}

/* --- libmicrohttpd's connections --- */

/* Each answer is used before the next question: since 1.0 libmicrohttpd writes them all to one
 * place. */
static bool look(struct MHD_Connection *connection, unsigned char address[16], int *socket)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (!info || !info->client_addr)
		return false;
	socket_address_bytes(info->client_addr, address); /* zeros: they are one */
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		*socket = info->connect_fd;
	return info != NULL;
}

/* Under the lock. NULL: none is free, which does not happen with the daemon's limit; it would live
 * without a deadline. */
static struct connection *take_place(struct crowd *c, struct MHD_Connection *connection)
{
	size_t i = 0;

	while (i < CROWD_PLACES && c->places[i].state != CONNECTION_NONE)
		i++;
	if (i == CROWD_PLACES || !look(connection, c->places[i].address, &c->sockets[i]))
		return NULL;
	c->places[i].state = CONNECTION_OPEN;
	c->places[i].since_ms = clocks_monotonic_ms();
	return &c->places[i];
}

static void came(struct crowd *c, struct MHD_Connection *connection, void **place)
{
	bool many;

	pthread_mutex_lock(&c->lock);
	*place = take_place(c, connection);
	many = *place && make_way(c);
	pthread_mutex_unlock(&c->lock);
	if (many)
		tell(c, clocks_monotonic_ms());
}

static void left(struct crowd *c, struct connection *place)
{
	pthread_mutex_lock(&c->lock);
	place->state = CONNECTION_NONE;
	pthread_mutex_unlock(&c->lock);
}

void crowd_on_connection(void *crowd, struct MHD_Connection *connection, void **place,
                         enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		came(crowd, connection, place);
	else if (*place)
		left(crowd, *place);
}

void crowd_mark(struct crowd *c, struct MHD_Connection *connection, enum connection_state state)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *place = info ? info->socket_context : NULL;

	if (!place)
		return;
	pthread_mutex_lock(&c->lock);
	if (place->state != CONNECTION_GIVES_WAY) {
		place->state = state;
		place->since_ms = clocks_monotonic_ms();
	}
	pthread_mutex_unlock(&c->lock);
}
