/* disk_bound.h - how many bytes of messages a disk has room for, however many are allowed.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_DISK_BOUND_H
#define HUBGATE_DISK_BOUND_H

#include <stdbool.h>
#include <stdint.h>

/* max: what the user allows. total: free bytes of the disk and those of the messages' files
 * together; reserve: of these, not for messages. Files hold up to half as much again as what is
 * alive in them, so two thirds count. before is the bound so far, and stays while it fits roughly:
 * others write to the disk too, and the bound is not to follow each of their files. Returns the
 * bound, at most max. */
uint64_t disk_bound(uint64_t max, uint64_t before, uint64_t total, uint64_t reserve);

/* Others leave the disk no room for more than the live bytes of messages: new ones are to be
 * refused, for dropping those would only make room for the others. True too while the bound is
 * falling and comes closer than near bytes: whoever fills a disk is seen while he does it. */
bool disk_bound_squeezes(uint64_t max, uint64_t before, uint64_t bound, uint64_t live,
                         uint64_t near);

#endif
