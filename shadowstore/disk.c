#include "shadowstore/disk.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/mailbox.h"
#include "core/room.h"
#include "shadowstore/thread.h"

enum {
	LOGS_MAX = 64,
	FLUSH_MS = 200,
	RETRY_MS = 1000, /* after a round that failed */
};

struct disk {
	struct disk_conf conf;
	struct log log;

	/* shared between rooms */
	struct mailbox *logs;
	_Atomic uint64_t logs_lost;
	int wake_fd, stop_fd;
	atomic_bool stopping;
	struct thread thread;
};

static void to_mailbox(void *ctx, enum log_level level, const char *line)
{
	struct disk *d = ctx;
	struct disk_log item = { .level = level };

	snprintf(item.line, sizeof(item.line), "%s", line);
	if (mailbox_put(d->logs, &item, NULL) != ST_OK)
		atomic_fetch_add(&d->logs_lost, 1);
}

static void ring(int fd)
{
	const uint64_t one = 1;

	/* Fails only when the counter is at its end, and then it is rung. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static void wake(void *ctx)
{
	const struct disk *d = ctx;

	ring(d->wake_fd);
}

/* --- the thread --- */

static enum status run_round(struct disk *d)
{
	enum status journal = ST_OK, state = ST_OK;
	uint64_t lost = atomic_exchange(&d->logs_lost, 0);

	if (lost > 0)
		log_line(&d->log, LOG_WARN, "disk: %llu lines were not logged", (unsigned long long)lost);
	if (d->conf.journal)
		journal = journal_disk_run(d->conf.journal, &d->log);
	/* A stop waits for no fold. */
	if (d->conf.state && !atomic_load(&d->stopping))
		state = state_disk_run(d->conf.state, &d->log);
	return journal != ST_OK ? journal : state;
}

/* What the files need to be closed without a wait. */
static void last_round(struct disk *d)
{
	if (d->conf.journal)
		journal_disk_run(d->conf.journal, &d->log);
	if (d->conf.state)
		state_disk_sync(d->conf.state, &d->log);
}

/* Appends that come meanwhile share the next sync. */
static void pause_flush(const struct disk *d)
{
	struct pollfd stop = { .fd = d->stop_fd, .events = POLLIN };

	poll(&stop, 1, (int)d->conf.flush_ms);
}

static void await_work(const struct disk *d, int64_t wait_ms)
{
	struct pollfd fds[] = {
		{ .fd = d->wake_fd, .events = POLLIN },
		{ .fd = d->stop_fd, .events = POLLIN },
	};
	uint64_t rings;

	if (poll(fds, 2, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms) > 0 &&
	    read(d->wake_fd, &rings, sizeof(rings)) < 0)
		return; /* only the stop was rung */
}

static void disk_thread(void *arg)
{
	struct disk *d = arg;

	room_enter(ROOM_DISK);
	while (!atomic_load(&d->stopping)) {
		enum status st = run_round(d);
		int64_t wait_ms = d->conf.state ? state_disk_wait_ms(d->conf.state) : -1;

		if (st != ST_OK && (wait_ms < 0 || wait_ms > RETRY_MS))
			wait_ms = RETRY_MS;
		pause_flush(d);
		await_work(d, wait_ms);
	}
	last_round(d);
}

/* --- life --- */

enum status disk_new(const struct disk_conf *conf, struct disk **out)
{
	struct disk *d = calloc(1, sizeof(*d));

	if (!d)
		return ST_NOMEM;
	d->conf = *conf;
	if (d->conf.flush_ms == 0)
		d->conf.flush_ms = FLUSH_MS;
	d->log = (struct log){ to_mailbox, d };
	d->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->wake_fd < 0 || d->stop_fd < 0) {
		disk_free(d);
		return ST_IO;
	}
	if (mailbox_new(sizeof(struct disk_log), LOGS_MAX, &d->logs) != ST_OK) {
		disk_free(d);
		return ST_NOMEM;
	}
	*out = d;
	return ST_OK;
}

enum status disk_start(struct disk *d)
{
	if (d->conf.journal)
		journal_disk_wake(d->conf.journal, wake, d);
	if (d->conf.state)
		state_disk_wake(d->conf.state, wake, d);
	return thread_start(&d->thread, disk_thread, d);
}

bool disk_stop(struct disk *d, uint32_t wait_ms)
{
	if (!d || !d->thread.started)
		return true;
	atomic_store(&d->stopping, true);
	ring(d->stop_fd);
	return thread_join(&d->thread, wait_ms);
}

void disk_free(struct disk *d)
{
	if (!d || d->thread.started)
		return;
	/* What they hold is no longer valid. */
	if (d->conf.journal)
		journal_disk_wake(d->conf.journal, NULL, NULL);
	if (d->conf.state)
		state_disk_wake(d->conf.state, NULL, NULL);
	mailbox_free(d->logs, NULL);
	if (d->wake_fd >= 0)
		close(d->wake_fd);
	if (d->stop_fd >= 0)
		close(d->stop_fd);
	free(d);
}

enum status disk_take_log(struct disk *d, struct disk_log *out)
{
	return mailbox_take(d->logs, out);
}
