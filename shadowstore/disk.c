#include "shadowstore/disk.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clocks.h"
#include "core/base/mailbox.h"
#include "core/base/room.h"
#include "core/base/thread.h"
#include "core/base/wake.h"

enum {
	LOGS_MAX = 64,
	JOBS_MAX = 8,
	PAUSE_MS = 200,  /* between two rounds of what is not urgent */
	RETRY_MS = 1000, /* after a round that failed */
};

struct job {
	void (*run)(void *ctx);
	void *ctx;
};

struct worker { /* one thread */
	struct wake wake;
	struct thread thread;
};

struct disk {
	struct disk_conf conf;
	struct log log;

	/* shared between rooms */
	struct mailbox *logs, *jobs;
	_Atomic uint64_t logs_lost;
	int stop_fd; /* readable for good from the stop on */
	atomic_bool stopping;
	struct worker sync, tidy;
};

static void to_mailbox(void *ctx, enum log_level level, const char *line)
{
	struct disk *d = ctx;
	struct disk_log item = { .level = level };

	snprintf(item.line, sizeof(item.line), "%s", line);
	if (mailbox_put(d->logs, &item, NULL) != ST_OK)
		atomic_fetch_add(&d->logs_lost, 1);
}

static void wake_sync(void *ctx)
{
	struct disk *d = ctx;

	wake_ring(&d->sync.wake);
}

/* State calls it for the first piece of work only: it has a flag of its own before the wake's,
 * cleared by its run before it looks at the work. That is the rule of core/base/wake.h with two
 * flags: both are cleared behind the read and before the work is taken. */
static void wake_tidy(void *ctx)
{
	struct disk *d = ctx;

	wake_ring(&d->tidy.wake);
}

/* -1: for ever. */
static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int clip(int64_t ms)
{
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* Until the stop, or wait_ms have passed. What rings meanwhile is heard later. */
static void rest(const struct disk *d, int64_t wait_ms)
{
	struct pollfd stop = { .fd = d->stop_fd, .events = POLLIN };

	poll(&stop, 1, clip(wait_ms));
}

/* Until something rings, or the stop, or wait_ms have passed; -1: for ever. */
static void await(const struct disk *d, struct worker *w, int64_t wait_ms)
{
	struct pollfd fds[] = {
		{ .fd = wake_fd(&w->wake), .events = POLLIN },
		{ .fd = d->stop_fd, .events = POLLIN },
	};
	int64_t now = clocks_monotonic_ms(), look_ms = wake_look(&w->wake, false, now);

	if (look_ms != INT64_MAX)
		wait_ms = sooner(wait_ms, look_ms - now);
	if (poll(fds, 2, clip(wait_ms)) > 0 && fds[0].revents)
		wake_hear(&w->wake);
}

/* --- messages: to the disk by their time, whatever else is to be done --- */

static void sync_thread(void *arg)
{
	struct disk *d = arg;

	room_enter(ROOM_DISK);
	while (!atomic_load(&d->stopping)) {
		int64_t wait_ms = journal_sync_wait_ms(d->conf.journal);

		/* What is appended while a time is awaited is due later: no reason to wake up. */
		if (wait_ms > 0)
			rest(d, wait_ms);
		else if (wait_ms < 0)
			await(d, &d->sync, wait_ms);
		journal_sync_run(d->conf.journal, &d->log);
	}
	journal_sync_all(d->conf.journal);
}

/* --- everything else --- */

static void run_jobs(struct disk *d)
{
	struct job job;

	while (!atomic_load(&d->stopping) && mailbox_take(d->jobs, &job) == ST_OK)
		job.run(job.ctx);
}

static enum status run_round(struct disk *d)
{
	enum status journal = ST_OK, state = ST_OK;
	uint64_t lost = atomic_exchange(&d->logs_lost, 0);

	if (lost > 0)
		log_line(&d->log, LOG_WARN, "disk: %llu lines were not logged", (unsigned long long)lost);
	run_jobs(d);
	/* A stop waits for no fold. */
	if (d->conf.state && !atomic_load(&d->stopping))
		state = state_disk_run(d->conf.state, &d->log);
	if (d->conf.journal)
		journal = journal_disk_run(d->conf.journal, &d->log);
	return journal != ST_OK ? journal : state;
}

static void tidy_thread(void *arg)
{
	struct disk *d = arg;

	room_enter(ROOM_DISK);
	while (!atomic_load(&d->stopping)) {
		int64_t wait_ms = run_round(d) == ST_OK ? -1 : RETRY_MS;

		if (d->conf.state)
			wait_ms = sooner(wait_ms, state_disk_wait_ms(d->conf.state));
		if (d->conf.journal)
			wait_ms = sooner(wait_ms, journal_disk_wait_ms(d->conf.journal));
		rest(d, d->conf.flush_ms);
		await(d, &d->tidy, wait_ms);
	}
	/* What the files need to be closed without a wait. */
	if (d->conf.state)
		state_disk_sync(d->conf.state, &d->log);
}

/* --- life --- */

static uint32_t left_ms(int64_t end_ms)
{
	int64_t left = end_ms - clocks_monotonic_ms();

	return left > 0 ? (uint32_t)left : 0;
}

enum status disk_new(const struct disk_conf *conf, struct disk **out)
{
	struct disk *d = calloc(1, sizeof(*d));
	enum status st;

	if (!d)
		return ST_NOMEM;
	d->conf = *conf;
	if (d->conf.flush_ms == 0 || d->conf.flush_ms > PAUSE_MS)
		d->conf.flush_ms = PAUSE_MS;
	d->log = (struct log){ to_mailbox, d };
	d->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	st = d->stop_fd < 0 ? ST_IO : ST_OK;
	/* Both, whatever the first says: disk_free() ends both. */
	if (wake_init(&d->sync.wake, &(struct wake_watch){ "DISK", &d->log, conf->metrics }) != ST_OK)
		st = ST_IO;
	if (wake_init(&d->tidy.wake, &(struct wake_watch){ "DISK", &d->log, conf->metrics }) != ST_OK)
		st = ST_IO;
	if (st == ST_OK)
		st = mailbox_new(sizeof(struct disk_log), LOGS_MAX, &d->logs);
	if (st == ST_OK)
		st = mailbox_new(sizeof(struct job), JOBS_MAX, &d->jobs);
	if (st != ST_OK) {
		disk_free(d);
		return st;
	}
	*out = d;
	return ST_OK;
}

enum status disk_start(struct disk *d)
{
	const struct journal_wakes wakes = { wake_sync, wake_tidy, d };
	enum status st = ST_OK;

	IN_ROOM(ROOM_BROKER);
	if (d->conf.journal)
		journal_disk_wake(d->conf.journal, &wakes);
	if (d->conf.state)
		state_disk_wake(d->conf.state, wake_tidy, d);
	if (d->conf.journal)
		st = thread_start(&d->sync.thread, sync_thread, d);
	return st == ST_OK ? thread_start(&d->tidy.thread, tidy_thread, d) : st;
}

static bool is_running(const struct disk *d)
{
	return d->sync.thread.started || d->tidy.thread.started;
}

bool disk_stop(struct disk *d, uint32_t wait_ms)
{
	const uint64_t one = 1;
	int64_t end_ms = clocks_monotonic_ms() + wait_ms;
	bool stopped;

	IN_ROOM(ROOM_BROKER);
	if (!d || !is_running(d))
		return true;
	atomic_store(&d->stopping, true);
	stopped = write(d->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one);
	stopped &= thread_join(&d->sync.thread, left_ms(end_ms));
	stopped &= thread_join(&d->tidy.thread, left_ms(end_ms));
	return stopped;
}

void disk_free(struct disk *d)
{
	if (!d || is_running(d))
		return;
	/* What they hold is no longer valid. */
	if (d->conf.journal)
		journal_disk_wake(d->conf.journal, NULL);
	if (d->conf.state)
		state_disk_wake(d->conf.state, NULL, NULL);
	mailbox_free(d->logs, NULL);
	mailbox_free(d->jobs, NULL);
	wake_fini(&d->sync.wake);
	wake_fini(&d->tidy.wake);
	if (d->stop_fd >= 0)
		close(d->stop_fd);
	free(d);
}

enum status disk_ask(struct disk *d, void (*run)(void *ctx), void *ctx)
{
	const struct job job = { run, ctx };
	enum status st = mailbox_put(d->jobs, &job, NULL);

	IN_ROOM(ROOM_BROKER);
	if (st == ST_OK)
		wake_ring(&d->tidy.wake);
	return st;
}

enum status disk_take_log(struct disk *d, struct disk_log *out)
{
	IN_ROOM(ROOM_BROKER);
	return mailbox_take(d->logs, out);
}
