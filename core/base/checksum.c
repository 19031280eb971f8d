#include "core/base/checksum.h"

#include <xxhash.h>

uint32_t checksum(uint32_t from, const void *bytes, size_t len)
{
	return (uint32_t)XXH3_64bits_withSeed(bytes, len, from);
}
