/* Preloaded into a broker, a disk that is slow:
 *	HUBGATE_SLOWSYNC   milliseconds that every sync of a file takes longer
 *	HUBGATE_SLOWWRITE  a path; while it exists, threads other than the main one hang in pwrite() */
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	HANG_MS = 6000
};

static void wait_for_the_disk(void)
{
	const char *ms = getenv("HUBGATE_SLOWSYNC");

	if (ms)
		poll(NULL, 0, atoi(ms));
}

int fsync(int fd)
{
	wait_for_the_disk();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	wait_for_the_disk();
	return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	const char *path = getenv("HUBGATE_SLOWWRITE");

	if (path && gettid() != getpid() && access(path, F_OK) == 0)
		poll(NULL, 0, HANG_MS);
	return syscall(SYS_pwrite64, fd, bytes, len, at);
}
