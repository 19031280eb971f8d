/* disk_bound.h - how many bytes of messages a disk has room for, however many are allowed.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_DISK_BOUND_H
#define HUBGATE_DISK_BOUND_H

#include <stdint.h>

/* max: what the user allows. total: free bytes of the disk and those of the messages' files
 * together; reserve: of these, not for messages. Files hold up to half as much again as what is
 * alive in them, so two thirds count. before is the bound so far, and stays while it fits roughly:
 * others write to the disk too, and the bound is not to follow each of their files. Returns the
 * bound, at most max. */
uint64_t disk_bound(uint64_t max, uint64_t before, uint64_t total, uint64_t reserve);

#endif
