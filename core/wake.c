#include "core/wake.h"
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
enum status wake_init(struct wake *w)
{
	atomic_init(&w->rung, false);
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return w->fd < 0 ? ST_IO : ST_OK;
}
void wake_fini(struct wake *w)
{
	if (w->fd > 0)
		close(w->fd);
	w->fd = -1;
}
void wake_ring(struct wake *w)
{
	const uint64_t one = 1;
	if (!atomic_exchange(&w->rung, true) && write(w->fd, &one, sizeof(one)) < 0)
		return;
}
int wake_fd(const struct wake *w)
{
	return w->fd;
}
void wake_hear(struct wake *w)
{
	uint64_t count;
	while (read(w->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	atomic_store(&w->rung, false);
}
