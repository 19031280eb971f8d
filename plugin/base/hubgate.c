#include "plugin/base/hubgate.h"

#include "core/base/clocks.h"

int64_t hubgate_now_ms(void)
{
	return clocks_monotonic_ms();
}
