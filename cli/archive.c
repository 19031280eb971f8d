#include "cli/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	BLOCK = 512
};

struct archive {
	char *path; /* owned */
	FILE *to;   /* gzip's standard input */
	pid_t gzip;
	bool broken;
};

/* Runs gzip between a pipe and fd. The pipe's end for writing, or -1. */
static int start_gzip(struct archive *a, int fd)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	a->gzip = fork();
	if (a->gzip == 0) {
		dup2(ends[0], STDIN_FILENO);
		dup2(fd, STDOUT_FILENO);
		execlp("gzip", "gzip", "-c", (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	if (a->gzip > 0)
		return ends[1];
	close(ends[1]);
	return -1;
}

struct archive *archive_open(const char *path)
{
	struct archive *a = calloc(1, sizeof *a);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), end;

	if (!a || fd < 0) {
		free(a);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	signal(SIGPIPE, SIG_IGN); /* a gzip that ended is told by archive_close() */
	a->path = strdup(path);
	end = start_gzip(a, fd);
	close(fd);
	a->to = end >= 0 ? fdopen(end, "we") : NULL;
	a->broken = !a->to || !a->path;
	return a;
}

/* The header's fields, POSIX.1 pax "ustar Interchange Format". */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[8];
	char rest[247];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is a block");

void archive_add(struct archive *a, const char *name, const void *data, size_t len)
{
	static const char zero[BLOCK];
	struct ustar h;
	unsigned sum = 0;
	size_t tail = len % BLOCK;

	if (a->broken)
		return;
	memset(&h, 0, sizeof h);
	snprintf(h.name, sizeof h.name, "%s", name);
	memcpy(h.mode, "0000600", 8);
	memcpy(h.uid, "0000000", 8);
	memcpy(h.gid, "0000000", 8);
	snprintf(h.size, sizeof h.size, "%011lo", (unsigned long)len);
	snprintf(h.mtime, sizeof h.mtime, "%011llo", (unsigned long long)time(NULL) & 077777777777ULL);
	memset(h.sum, ' ', sizeof h.sum);
	h.type = '0';
	memcpy(h.magic,
	       "ustar\0"
	       "00",
	       8);
	for (size_t i = 0; i < sizeof h; i++)
		sum += ((const unsigned char *)&h)[i];
	snprintf(h.sum, sizeof h.sum, "%06o", sum & 0777777);
	a->broken = fwrite(&h, sizeof h, 1, a->to) != 1 || fwrite(data, 1, len, a->to) != len ||
	            (tail > 0 && fwrite(zero, 1, BLOCK - tail, a->to) != BLOCK - tail);
}

/* Ends with two empty blocks. */
static void end_stream(struct archive *a)
{
	static const char zero[2 * BLOCK];

	if (!a->to)
		return;
	a->broken |= fwrite(zero, sizeof zero, 1, a->to) != 1;
	a->broken |= fclose(a->to) != 0;
}

bool archive_close(struct archive *a)
{
	int status = -1;
	bool whole;

	end_stream(a);
	while (a->gzip > 0 && waitpid(a->gzip, &status, 0) < 0 && errno == EINTR)
		;
	whole = !a->broken && status == 0;
	if (!whole && a->path)
		unlink(a->path);
	free(a->path);
	free(a);
	return whole;
}
