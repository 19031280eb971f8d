/* crc32.h - CRC-32C, the checksum of everything hubgate writes to disk.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_CRC32_H
#define HUBGATE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Continues from crc; 0 starts. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
