/* Checks of the machine: the store's directory, the disk, ports, the clock. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "cli/check.h"

enum {
	PATH_ROOM = 4096,
	MIB = 1 << 20,
	OTHERS_WRITE = 022,
	DESCRIPTORS_BESIDE = 64 /* of the broker itself and of hubgate */
};

/* Seconds of 2025-01-01: certificates of the hub are younger. */
#define CLOCK_EARLIEST 1735689600L

static bool have(const struct check_facts *f, struct finding *out)
{
	if (!f->have_config)
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
	return f->have_config;
}

/* --- the store --- */

static void parent_of(const char *path, char out[PATH_ROOM])
{
	char copy[PATH_ROOM];

	snprintf(copy, sizeof copy, "%s", path); /* dirname() writes into it */
	snprintf(out, PATH_ROOM, "%s", dirname(copy));
}

static void store_can_be_made(const struct check_facts *f, struct finding *out)
{
	const char *dir = f->config.store.dir;
	char parent[PATH_ROOM];
	int error;

	parent_of(dir, parent);
	error = check_user_may(f, parent, W_OK | X_OK);
	if (error == 0)
		return;
	check_says(out, VERDICT_FAIL, "",
	           "store.dir %s is missing, and user %s (uid %u) cannot make it: %s", dir, f->user,
	           (unsigned)f->uid, strerror(error));
	check_fix(out, "install -d -o %s -m 0700 %s", f->user, dir);
}

static void store_is_the_users(const struct check_facts *f, struct finding *out)
{
	struct stat info;
	const char *dir;

	if (!have(f, out))
		return;
	dir = f->config.store.dir;
	if (lstat(dir, &info) != 0 && errno == ENOENT) {
		store_can_be_made(f, out);
	} else if (stat(dir, &info) != 0 || !S_ISDIR(info.st_mode)) {
		check_says(out, VERDICT_FAIL, "name a directory in store.dir",
		           "store.dir %s is no directory", dir);
	} else if (info.st_uid != f->uid) {
		check_says(out, VERDICT_FAIL, "", "store.dir %s belongs to uid %u, not to user %s (uid %u)",
		           dir, (unsigned)info.st_uid, f->user, (unsigned)f->uid);
		check_fix(out, "chown -R %s %s", f->user, dir);
	} else if (check_user_may(f, dir, R_OK | W_OK | X_OK) != 0) {
		check_says(out, VERDICT_FAIL, "", "store.dir %s cannot be used by user %s (uid %u)", dir,
		           f->user, (unsigned)f->uid);
		check_fix(out, "chmod 0700 %s, and let the user pass every folder above it", dir);
	} else if (info.st_mode & OTHERS_WRITE) {
		check_says(out, VERDICT_WARN, "", "store.dir %s is writable for others (mode %04o)", dir,
		           (unsigned)(info.st_mode & 07777));
		check_fix(out, "chmod 0700 %s (hubgate does it at its start)", dir);
	}
}

/* Of the nearest folder that is there already. */
static bool disk_of(const char *dir, struct statvfs *out)
{
	char path[PATH_ROOM], parent[PATH_ROOM];

	snprintf(path, sizeof path, "%s", dir);
	while (statvfs(path, out) != 0) {
		parent_of(path, parent);
		if (errno != ENOENT || strcmp(path, parent) == 0)
			return false;
		snprintf(path, sizeof path, "%s", parent);
	}
	return true;
}

static void disk_has_room(const struct check_facts *f, struct finding *out)
{
	const struct config_store *store = &f->config.store;
	struct statvfs disk;
	uint64_t free_bytes;

	if (!have(f, out))
		return;
	if (!disk_of(store->dir, &disk)) {
		check_says(out, VERDICT_FAIL, "", "the disk of %s cannot be asked: %s", store->dir,
		           strerror(errno));
		return;
	}
	free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (disk.f_flag & ST_RDONLY)
		check_says(out, VERDICT_FAIL, "mount it read-write, or name another store.dir",
		           "the disk of %s is read-only", store->dir);
	else if (free_bytes < store->max_bytes)
		check_says(out, VERDICT_WARN, "free some, or lower store.max_bytes",
		           "the disk of %s has %llu MiB free, less than store.max_bytes (%llu MiB): fewer "
		           "messages are kept",
		           store->dir, (unsigned long long)(free_bytes / MIB),
		           (unsigned long long)(store->max_bytes / MIB));
}

static void disk_keeps_files(const struct check_facts *f, struct finding *out)
{
	enum {
		TMPFS = 0x01021994,
		RAMFS = (int)0x858458f6
	};
	char path[PATH_ROOM];
	struct statfs fs;
	const char *dir;

	if (!have(f, out))
		return;
	dir = f->config.store.dir;
	parent_of(dir, path);
	if (statfs(dir, &fs) != 0 && statfs(path, &fs) != 0)
		check_says(out, VERDICT_SKIP, "", "neither %s nor its folder is there", dir);
	else if ((int)fs.f_type == TMPFS || (int)fs.f_type == RAMFS)
		check_says(out, VERDICT_WARN, "name a folder on a disk in store.dir",
		           "store.dir %s is in memory: a power cut loses everything that waits", dir);
}

/* --- limits, ports, clock --- */

static void descriptors_suffice(const struct check_facts *f, struct finding *out)
{
	struct rlimit limit;

	if (!have(f, out))
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_max < f->config.device_count + DESCRIPTORS_BESIDE)
		check_says(out, VERDICT_WARN, "raise LimitNOFILE= of the broker's service",
		           "%llu descriptors are too few for %zu devices (limit of this shell; the service "
		           "may have another)",
		           (unsigned long long)limit.rlim_max, f->config.device_count);
}

static long number_in(const char *path, long otherwise)
{
	FILE *file = fopen(path, "re");
	char line[32] = "";
	long value = otherwise;

	if (file && fgets(line, sizeof line, file))
		value = strtol(line, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static void http_port_is_allowed(const struct check_facts *f, struct finding *out)
{
	const char *at, *colon;
	long port, from;

	if (!have(f, out) || !f->config.lan.http)
		return;
	at = f->config.lan.http;
	colon = strrchr(at, ':');
	port = strtol(colon ? colon + 1 : at, NULL, 10);
	from = number_in("/proc/sys/net/ipv4/ip_unprivileged_port_start", 1024);
	if (f->uid != 0 && port > 0 && port < from)
		check_says(out, VERDICT_WARN,
		           "give the broker's service AmbientCapabilities=CAP_NET_BIND_SERVICE, or let the "
		           "router forward port 80 to a higher one",
		           "lan.http %s: user %s may not open ports below %ld", at, f->user, from);
}

static void clock_is_right(const struct check_facts *f, struct finding *out)
{
	struct timex t = { .modes = 0 };

	(void)f;
	if (time(NULL) < CLOCK_EARLIEST)
		check_says(out, VERDICT_FAIL, "set it: timedatectl set-ntp true",
		           "the clock stands before 2025: no certificate of the hub is valid yet");
	else if (adjtimex(&t) == TIME_ERROR)
		check_says(out, VERDICT_WARN, "timedatectl set-ntp true, or another time service",
		           "the clock is not synchronised: hubgate asks the hub for the time and judges no "
		           "login by its expiry before it has an answer");
}

static const struct check checks[] = {
	{ "store-dir", store_is_the_users },   { "store-space", disk_has_room },
	{ "store-disk", disk_keeps_files },    { "descriptors", descriptors_suffice },
	{ "http-port", http_port_is_allowed }, { "clock", clock_is_right },
};

const struct check_table check_machine = { checks, sizeof checks / sizeof checks[0] };
