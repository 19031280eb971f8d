#include "tests/harness/harness.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS         5
#define CROWDED_PERCENT 20

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Percent of the last ten seconds in which somebody waited for a processor; -1: not told. */
static double processor_pressure(void)
{
	char *text = file_read("/proc/pressure/cpu");
	double percent;

	if (!text || sscanf(text, "some avg10=%lf", &percent) != 1)
		percent = -1;
	free(text);
	return percent;
}

bool machine_is_crowded(void)
{
	const char *sanitized = getenv("HUBGATE_PRELOAD");
	double load[1];

	return (sanitized && *sanitized) || processor_pressure() > CROWDED_PERCENT ||
	       (getloadavg(load, 1) == 1 && load[0] > 2 * (double)sysconf(_SC_NPROCESSORS_ONLN));
}

char *text_fmt(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	return text;
}

const char *build_dir(void)
{
	const char *dir = getenv("HUBGATE_BUILD");

	return dir && *dir ? dir : "build";
}

char *dir_make(void)
{
	const char *base = getenv("TMPDIR");
	char *dir = text_fmt("%s/hubgate.XXXXXX", base && *base ? base : "/tmp");

	if (mkdtemp(dir))
		return dir;
	free(dir);
	return NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void dir_remove(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool file_write(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	size_t len = strlen(text);
	bool ok;

	if (fd < 0)
		return harness_failed("%s cannot be written", path);
	ok = fchmod(fd, mode) == 0 && write(fd, text, len) == (ssize_t)len;
	return close(fd) == 0 && ok;
}

char *file_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	if (!f)
		return NULL;
	n = getdelim(&text, &room, '\0', f);
	fclose(f);
	if (n >= 0)
		return text;
	free(text);
	return strdup("");
}

bool file_await(const char *path, const char *substring, long *offset, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	long from = offset ? *offset : 0;

	for (;;) {
		char *text = file_read(path);
		const char *hit =
			text && (size_t)from <= strlen(text) ? strstr(text + from, substring) : NULL;

		if (hit && offset)
			*offset = (long)(hit - text) + (long)strlen(substring);
		free(text);
		if (hit)
			return true;
		if (now_ms() > end)
			return false;
		poll(NULL, 0, POLL_MS);
	}
}
