#include "bench/measure.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t disk_sum;

int64_t measure_cpu_ns(pid_t pid)
{
	char path[288];
	int64_t sum = 0;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		long long ns;
		FILE *f;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", (int)pid, e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%20lld", &ns) == 1)
			sum += ns;
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return sum;
}

int64_t measure_rss(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmRSS: %20ld", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib * INT64_C(1024);
}

int64_t measure_stolen_ms(void)
{
	unsigned long long ticks = 0;
	FILE *f = fopen("/proc/stat", "re");

	if (f && fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %20llu", &ticks) != 1)
		ticks = 0;
	if (f)
		fclose(f);
	return (int64_t)(ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

static int add_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	int64_t blocks = (int64_t)st->st_blocks * 512, filled = (st->st_size + 4095) / 4096 * 4096;

	(void)path;
	(void)at;
	if (type == FTW_F)
		disk_sum += blocks < filled ? blocks : filled;
	return 0;
}

int64_t measure_disk(const char *dir)
{
	disk_sum = 0;
	nftw(dir, add_file, 16, FTW_PHYS);
	return disk_sum;
}

int64_t measure_written(pid_t pid)
{
	char path[64], line[128];
	long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "write_bytes: %20lld", &bytes) == 1)
			break;
	}
	if (f)
		fclose(f);
	return bytes;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int compare_ns(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double measure_quantile(double *samples, size_t count, double q)
{
	if (count == 0)
		return 0;
	qsort(samples, count, sizeof(*samples), compare);
	return samples[(size_t)(q * (double)(count - 1))];
}

double measure_quantile_ns(int64_t *samples, size_t count, double q)
{
	if (count == 0)
		return 0;
	qsort(samples, count, sizeof(*samples), compare_ns);
	return (double)samples[(size_t)(q * (double)(count - 1))];
}
