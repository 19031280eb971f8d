#include "core/base/clocks.h"

#include <time.h>

static int64_t read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clocks_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clocks_monotonic_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clocks_boottime_ms(void)
{
	return read_us(CLOCK_BOOTTIME) / 1000;
}

int64_t clocks_realtime_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}
