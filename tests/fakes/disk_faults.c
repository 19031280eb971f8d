#include "tests/fakes/disk_faults.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

struct disk_faults disk_faults;

void disk_faults_end(void)
{
	disk_faults.part = NULL;
	disk_faults.free_bytes = 0;
	disk_faults.sync_spared = disk_faults.sync_fails = disk_faults.sync_ms = disk_faults.syncs = 0;
}

static bool is_about(int fd)
{
	char link[32], path[512];
	ssize_t len;

	if (!disk_faults.part)
		return true;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof path - 1);
	path[len > 0 ? len : 0] = '\0';
	return strstr(path, disk_faults.part) != NULL;
}

static int sync_file(int fd, long number)
{
	if (is_about(fd)) {
		disk_faults.syncs++;
		if (disk_faults.sync_ms > 0)
			poll(NULL, 0, (int)disk_faults.sync_ms);
		if (disk_faults.sync_spared > 0) {
			disk_faults.sync_spared--;
		} else if (disk_faults.sync_fails > 0) {
			disk_faults.sync_fails--;
			errno = EIO;
			return -1;
		}
	}
	return (int)syscall(number, fd);
}

int fsync(int fd)
{
	return sync_file(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_file(fd, SYS_fdatasync);
}

int statvfs(const char *path, struct statvfs *out)
{
	struct statfs truth;

	if (statfs(path, &truth) != 0)
		return -1;
	memset(out, 0, sizeof *out);
	out->f_bsize = out->f_frsize = (unsigned long)truth.f_bsize;
	out->f_bavail = truth.f_bavail;
	if (disk_faults.free_bytes > 0) {
		out->f_frsize = 1;
		out->f_bavail = disk_faults.free_bytes;
	}
	return 0;
}
