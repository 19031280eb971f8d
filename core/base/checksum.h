/* checksum.h - the checksum of everything hubgate writes to disk: the low 32 bits of XXH3 (libxxhash;
 * docs/decisions/0021-store-format.md). It finds damage; it proves nothing against whoever wants to
 * deceive.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_CHECKSUM_H
#define HUBGATE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Of what follows bytes whose checksum is from; 0 starts. len 0: bytes may be NULL. */
uint32_t checksum(uint32_t from, const void *bytes, size_t len);

#endif
