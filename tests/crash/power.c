#include "tests/crash/power.h"

#include "tests/crash/world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FLUSH_MS = 200,
	MARGIN_MS = 150, /* threads of a busy machine, and the way of a PUBACK */
	REST_MS = 20,    /* until publishers have taken what a dead broker sent */
};

static struct {
	char dir[PATH_MAX];
	char *store, *image, *control; /* for as long as the run's process lives */
	struct diskshim *disk;
} power;

static struct diskshim *make_control(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *at = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof *power.disk) == 0)
		at = mmap(NULL, sizeof *power.disk, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return at == MAP_FAILED ? NULL : at;
}

enum ready power_prepare(const char **why)
{
	char *dir = text_fmt("%s/disk", getenv("TMPDIR"));
	bool ok = mkdir(dir, 0700) == 0 && realpath(dir, power.dir);

	free(dir);
	*why = "a disk cannot be made";
	power.store = text_fmt("%s/store", power.dir);
	power.image = text_fmt("%s/image", power.dir);
	power.control = text_fmt("%s/control", power.dir);
	if (!ok || mkdir(power.image, 0700) != 0)
		return NOT_READY;
	power.disk = make_control(power.control);
	if (!power.disk)
		return NOT_READY;
	atomic_store(&power.disk->sync_ms, FAST_SYNC_MS);
	return READY;
}

const char *power_store(void)
{
	return power.store;
}

struct diskshim *power_disk(void)
{
	return power.disk;
}

/* Behind the sanitizers' runtimes, which want to come first. */
void power_preload(void)
{
	const char *before = getenv("HUBGATE_PRELOAD");
	char *so = text_fmt("%s/diskshim.so", build_dir()), *absolute = realpath(so, NULL);
	char *all =
		text_fmt("%s%s%s", before ? before : "", before ? " " : "", absolute ? absolute : "");

	if (power.disk) {
		setenv("HUBGATE_PRELOAD", all, 1);
		setenv("DISKSHIM_DIR", power.store, 1);
		setenv("DISKSHIM_IMAGE", power.image, 1);
		setenv("DISKSHIM_CONTROL", power.control, 1);
	}
	free(so);
	free(absolute);
	free(all);
}

void power_fault(unsigned calls, int error, const char *path, int times)
{
	struct diskshim_fault *f = &power.disk->fault[0];

	atomic_store(&f->left, 0);
	atomic_store(&f->hits, 0);
	f->error = error;
	f->calls = calls;
	snprintf(f->path, sizeof f->path, "%s", path);
	atomic_store(&f->left, times);
}

unsigned power_fault_hits(void)
{
	return atomic_load(&power.disk->fault[0].hits);
}

int power_flush_ms(const struct scenario *sc)
{
	return sc->flush_ms == FLUSH_BEFORE_ACK ? 0 : sc->flush_ms ? sc->flush_ms : FLUSH_MS;
}

/* --- a cut --- */

/* Longest of those seen, since the machine may be slower than the disk. */
static int sync_ms(void)
{
	int longest = (int)(atomic_load(&power.disk->longest_sync_us) / 1000) + 1;
	int set = atomic_load(&power.disk->sync_ms);

	return longest > set ? longest : set;
}

static bool await_still(void)
{
	int64_t end_ms = now_ms() + WAIT_MS;

	while (atomic_load(&power.disk->changing) != 0 && now_ms() < end_ms)
		poll(NULL, 0, 1);
	return atomic_load(&power.disk->changing) == 0;
}

static bool become_durable_image(struct world *w)
{
	char *tree = text_fmt("%s/tree", power.image), *pool = text_fmt("%s/pool", power.image);
	bool ok;

	dir_remove(w->store);
	ok = rename(tree, w->store) == 0;
	dir_remove(pool); /* the next start begins an image of its own */
	free(tree);
	free(pool);
	return ok || world_broken(w, "no durable image: %s", strerror(errno));
}

bool power_cut_begin(struct world *w)
{
	struct cut *c = &w->cuts[w->cut_count];

	if (w->cut_count == CUTS_MAX || atomic_load(&power.disk->syncs) == 0)
		return world_broken(w, "the disk saw no sync, or too many cuts");
	c->off_ms = now_ms();
	c->allowed_ms = power_flush_ms(w->scenario) + 2 * sync_ms() + MARGIN_MS;
	atomic_store(&power.disk->cut, 1);
	return await_still() || world_broken(w, "the disk does not come to rest");
}

bool power_cut_end(struct world *w)
{
	if (!become_durable_image(w))
		return false;
	w->cut_count++;
	atomic_store(&power.disk->longest_sync_us, 0);
	atomic_store(&power.disk->cut, 0);
	return true;
}

bool power_cut(struct world *w)
{
	if (!power_cut_begin(w))
		return false;
	world_kill(w);
	poll(NULL, 0, REST_MS);
	return power_cut_end(w);
}

void power_on(struct world *w)
{
	if (w->cut_count > 0 && w->cuts[w->cut_count - 1].on_ms == 0)
		w->cuts[w->cut_count - 1].on_ms = now_ms();
}

bool power_excuses(const struct world *w, int64_t acked_ms, int *before_ms)
{
	const struct cut *c = w->cuts;

	*before_ms = 0;
	while (c < w->cuts + w->cut_count && acked_ms > c->on_ms)
		c++;
	if (c == w->cuts + w->cut_count)
		return false;
	*before_ms = acked_ms < c->off_ms ? (int)(c->off_ms - acked_ms) : 0;
	return power_flush_ms(w->scenario) > 0 && *before_ms < c->allowed_ms;
}
