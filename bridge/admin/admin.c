#include "bridge/admin/admin.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "bridge/admin/admin_impl.h"
#include "core/base/clocks.h"
#include "core/base/room.h"

enum {
	TURN_MS = 250, /* the longest time between two */
	IDLE_S = 30,
	MEMORY_BYTES = 16 * 1024,
};

/* --- the thread --- */

static int wait_ms(const struct admin *a, int64_t look_ms, int64_t now_ms)
{
	MHD_UNSIGNED_LONG_LONG theirs;
	int64_t ms = TURN_MS;

	if (look_ms - now_ms < ms)
		ms = look_ms > now_ms ? look_ms - now_ms : 0;
	if (MHD_get_timeout(a->daemon, &theirs) == MHD_YES && (int64_t)theirs < ms)
		ms = (int64_t)theirs;
	return (int)ms;
}

static void serve(void *admin)
{
	struct admin *a = admin;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds[2 + ADMIN_STREAMS] = { { .fd = info->epoll_fd, .events = POLLIN },
		                                     { .fd = wake_fd(&a->wake), .events = POLLIN } };
	int64_t look_ms = INT64_MAX;

	room_enter(ROOM_ADMIN);
	while (!atomic_load(&a->closing)) {
		int64_t now_ms = clocks_monotonic_ms();

		poll(fds, 2 + admin_streams_poll(a, fds + 2), wait_ms(a, look_ms, now_ms));
		if (fds[1].revents & POLLIN)
			wake_hear(&a->wake);
		now_ms = clocks_monotonic_ms();
		look_ms = wake_look(&a->wake, admin_news_take(a, now_ms), now_ms);
		admin_requests_run(a, now_ms);
		admin_streams_run(a, now_ms);
		MHD_run(a->daemon);
		crowd_end_overdue(&a->crowd, TURN_MS);
	}
	admin_requests_resume(a);
	admin_streams_resume(a);
	MHD_stop_daemon(a->daemon);
	a->daemon = NULL;
}

/* libmicrohttpd's own lines are about clients' faults. */
static void no_log(void *ctx, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
static void no_log(void *ctx, const char *format, va_list args)
{
	(void)ctx;
	(void)format;
	(void)args;
}

static struct MHD_Daemon *start_daemon(struct admin *a)
{
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		admin_on_request, a, MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL, MHD_OPTION_LISTEN_SOCKET,
		a->fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CROWD_PLACES, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
		MHD_OPTION_NOTIFY_COMPLETED, admin_on_end, a, MHD_OPTION_NOTIFY_CONNECTION,
		crowd_on_connection, &a->crowd, MHD_OPTION_END);
}

/* --- life --- */

static enum status make(struct admin *a, uint64_t seed)
{
	const struct wake_watch watch = { .room = "ADMIN", .log = a->conf.log };
	enum status st;

	crowd_init(&a->crowd, "admin.http", a->conf.log);
	repeats_init(&a->refusals, seed);
	atomic_store(&a->turn_ms, clocks_monotonic_ms());
	st = wake_init(&a->wake, &watch);
	if (st == ST_OK)
		st = admin_news_init(a);
	return st == ST_OK ? admin_page_init(&a->page) : st;
}

enum status admin_open(const struct admin_conf *conf, char why[LISTEN_SOCKET_WHY_MAX],
                       struct admin **out)
{
	struct admin *a = calloc(1, sizeof(*a));
	uint64_t seed = (uint64_t)clocks_monotonic_ms();
	enum status st;

	snprintf(why, LISTEN_SOCKET_WHY_MAX, "%s", status_text(ST_NOMEM));
	if (!a)
		return ST_NOMEM;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed ^= (uint64_t)getpid() << 32;
	a->conf = *conf;
	a->fd = -1;
	st = make(a, seed);
	if (st == ST_OK) {
		a->fd = listen_socket_open(conf->listen, why);
		st = a->fd < 0 ? ST_IO : ST_OK;
	}
	if (st == ST_OK)
		*out = a;
	else
		admin_close(a);
	return st;
}

enum status admin_start(struct admin *a)
{
	IN_ROOM(ROOM_BROKER);
	if (a->thread.started)
		return ST_OK;
	if (!a->daemon) {
		a->daemon = start_daemon(a);
		a->fd = -1; /* libmicrohttpd's, which closes it on most of its failures */
	}
	return a->daemon ? thread_start(&a->thread, serve, a) : ST_IO;
}

bool admin_stop(struct admin *a, uint32_t wait)
{
	IN_ROOM(ROOM_BROKER);
	if (!a)
		return true;
	atomic_store(&a->closing, true);
	wake_ring(&a->wake);
	return thread_join(&a->thread, wait);
}

void admin_close(struct admin *a)
{
	int why = errno;

	if (!a)
		return;
	if (a->daemon)
		MHD_stop_daemon(a->daemon); /* no thread ever ran it */
	if (a->fd >= 0)
		close(a->fd);
	admin_news_fini(a);
	admin_page_fini(&a->page);
	wake_fini(&a->wake);
	crowd_fini(&a->crowd);
	free(a);
	errno = why;
}
