#include "core/base/wake.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	/* Turns count, not time alone: a process that was stopped for an hour has looked once, and
	 * who was about to ring gets to run between two looks. */
	LOOK_MS = 500,
	LOOKS = 4,
	TELL_MS = 60000, /* between two lines of one room */
};

enum status wake_init(struct wake *w, const struct wake_watch *watch)
{
	memset(w, 0, sizeof(*w));
	atomic_init(&w->rung, false);
	w->watch = watch ? *watch : (struct wake_watch){ .room = "" };
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return w->fd < 0 ? ST_IO : ST_OK;
}

void wake_fini(struct wake *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

void wake_ring(struct wake *w)
{
	const uint64_t one = 1;

	if (atomic_exchange(&w->rung, true))
		return;
	/* It cannot fail: the counter is never near its end. If it does, the next ring writes. */
	if (write(w->fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		atomic_store(&w->rung, false);
}

int wake_fd(const struct wake *w)
{
	return w->fd;
}

void wake_hear(struct wake *w)
{
	uint64_t rings;
	ssize_t n;

	do {
		n = read(w->fd, &rings, sizeof(rings)); /* all of them: the counter is 0 then */
	} while (n < 0 && errno == EINTR);
	w->heard |= n > 0;
	/* An exchange, not a store: it sees what was put before any ring that found the flag set. */
	atomic_exchange(&w->rung, false);
}

static void suspect(struct wake *w, bool found, int64_t now_ms)
{
	w->looks = LOOKS;
	w->found = found;
	w->look_ms = now_ms + LOOK_MS;
}

static void missed(struct wake *w, int64_t now_ms)
{
	const struct wake_watch *to = &w->watch;

	atomic_exchange(&w->rung, false);
	if (to->metrics)
		metric_add(to->metrics, M_WAKES_MISSED, 1);
	if (now_ms < w->tell_ms)
		return;
	w->tell_ms = now_ms + TELL_MS;
	log_line(to->log, LOG_ERROR,
	         w->found ? "internal: %s found work that nobody had woken it for; please report this"
	                  : "internal: %s was rung and did not hear it; it hears again, please report "
	                    "this",
	         to->room);
}

int64_t wake_look(struct wake *w, bool found, int64_t now_ms)
{
	bool heard = w->heard;

	w->heard = false;
	if (heard)
		w->looks = 0; /* who was about to ring has rung */
	if (w->looks == 0 && (atomic_load(&w->rung) || (found && !heard)))
		suspect(w, found && !heard, now_ms);
	if (w->looks == 0)
		return INT64_MAX;
	if (now_ms < w->look_ms)
		return w->look_ms;
	w->look_ms = now_ms + LOOK_MS;
	if (--w->looks > 0)
		return w->look_ms;
	missed(w, now_ms);
	return now_ms;
}
