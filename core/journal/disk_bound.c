#include "core/journal/disk_bound.h"

uint64_t disk_bound(uint64_t max, uint64_t before, uint64_t total, uint64_t reserve)
{
	uint64_t room = total > reserve ? (total - reserve) / 3 * 2 : 0;

	if (max <= room)
		return max;
	if (before <= room / 3 * 4 && before >= room / 4 * 3)
		return before < max ? before : max;
	return room;
}

bool disk_bound_squeezes(uint64_t max, uint64_t before, uint64_t bound, uint64_t live,
                         uint64_t near)
{
	bool falling = bound < before;

	return bound < max && (bound < live || (falling && bound < live + near));
}
