#include "shadowstore/disk.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/mailbox.h"
#include "core/room.h"
#include "core/wake.h"

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
	struct wake wake;
	int stop_fd;
	atomic_bool stopping;
	pthread_t thread;
	bool started;
};

static void to_mailbox(void *ctx, enum log_level level, const char *line)
{
	struct disk *d = ctx;
	struct disk_log item = { .level = level };

	snprintf(item.line, sizeof(item.line), "%s", line);
	if (mailbox_put(d->logs, &item, NULL) != ST_OK)
		atomic_fetch_add(&d->logs_lost, 1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void ring(int fd)
{
	const uint64_t one = 1;

	/* Fails only when the counter is at its end, and then it is rung. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* Journal and state call it for the first piece of work only: each has a flag of its own before the
 * wake's, cleared by its run before it looks at the work. That is the rule of core/wake.h with two
 * flags: both are cleared behind the read and before the work is taken. */
static void wake(void *ctx)
{
	struct disk *d = ctx;

	wake_ring(&d->wake);
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
	if (d->conf.state)
		state = state_disk_run(d->conf.state, &d->log);
	return journal != ST_OK ? journal : state;
}

/* Appends that come meanwhile share the next sync. */
static void pause_flush(const struct disk *d)
{
	struct pollfd stop = { .fd = d->stop_fd, .events = POLLIN };

	poll(&stop, 1, (int)d->conf.flush_ms);
}

/* wait_ms -1: for ever. */
static void await_work(struct disk *d, int64_t wait_ms)
{
	struct pollfd fds[] = {
		{ .fd = wake_fd(&d->wake), .events = POLLIN },
		{ .fd = d->stop_fd, .events = POLLIN },
	};
	int64_t now = now_ms(), look_ms = wake_look(&d->wake, false, now);

	if (look_ms != INT64_MAX && (wait_ms < 0 || wait_ms > look_ms - now))
		wait_ms = look_ms - now;
	if (poll(fds, 2, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms) > 0 && fds[0].revents)
		wake_hear(&d->wake);
}

static void *disk_thread(void *arg)
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
	run_round(d);
	return NULL;
}

/* --- life --- */

enum status disk_new(const struct disk_conf *conf, struct disk **out)
{
	struct disk *d = calloc(1, sizeof(*d));
	enum status st;

	if (!d)
		return ST_NOMEM;
	d->conf = *conf;
	if (d->conf.flush_ms == 0)
		d->conf.flush_ms = FLUSH_MS;
	d->log = (struct log){ to_mailbox, d };
	st = wake_init(&d->wake, &(struct wake_watch){ "DISK", &d->log, conf->metrics });
	d->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (st != ST_OK || d->stop_fd < 0) {
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
	sigset_t all, before;
	int rc;

	if (d->conf.journal)
		journal_disk_wake(d->conf.journal, wake, d);
	if (d->conf.state)
		state_disk_wake(d->conf.state, wake, d);
	/* The broker's signals are for the broker's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&d->thread, NULL, disk_thread, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	d->started = rc == 0;
	return rc == 0 ? ST_OK : ST_IO;
}

bool disk_stop(struct disk *d, uint32_t wait_ms)
{
	struct timespec deadline;

	if (!d || !d->started)
		return true;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += wait_ms / 1000;
	deadline.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (deadline.tv_nsec >= 1000000000) {
		deadline.tv_sec++;
		deadline.tv_nsec -= 1000000000;
	}
	atomic_store(&d->stopping, true);
	ring(d->stop_fd);
	if (pthread_timedjoin_np(d->thread, NULL, &deadline) == 0) {
		d->started = false;
		return true;
	}
	/* It hangs in the kernel. Everything it may touch is left to the ending process. */
	pthread_detach(d->thread);
	return false;
}

void disk_free(struct disk *d)
{
	if (!d || d->started)
		return;
	/* What they hold is no longer valid. */
	if (d->conf.journal)
		journal_disk_wake(d->conf.journal, NULL, NULL);
	if (d->conf.state)
		state_disk_wake(d->conf.state, NULL, NULL);
	mailbox_free(d->logs, NULL);
	wake_fini(&d->wake);
	if (d->stop_fd >= 0)
		close(d->stop_fd);
	free(d);
}

enum status disk_take_log(struct disk *d, struct disk_log *out)
{
	return mailbox_take(d->logs, out);
}
