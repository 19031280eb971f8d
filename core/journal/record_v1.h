/* record_v1.h - what is left of version 1 of the store's files, which hubgate wrote up to 0.9.0 before
 * its first release: as record.h says, but every checksum is a CRC-32C.
 * Room:  any. Pure.
 * Stays: until the release after 1.0. Then this file, shadowstore/file/store_upgrade, version 1 in
 *        shadowstore/state/state_db and tests/samples/store-02e6fb7 go together, and a store of
 * that age is opened by a 1.0 first (docs/store-format.md, Versions).
 */
#ifndef HUBGATE_RECORD_V1_H
#define HUBGATE_RECORD_V1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli, reflected polynomial 0x82F63B78). Continues from crc; 0 starts. */
uint32_t record_v1_sum(uint32_t crc, const void *bytes, size_t len);

/* bytes hold the RECORD_FILE_BYTES of a header. True: it was one of version 1 and is now one of
 * this version; everything else stays as it is. */
bool record_v1_lift_file(void *bytes);
/* The same for all records of version 1 in bytes. What is no such record (damage, a record of this
 * version) stays as it is, so lifting again changes nothing. last: nothing follows in the file.
 * Returns how many bytes are done with; the rest, fewer than RECORD_BYTES_MAX, is given again with
 * what follows. *lifted rises by the number of records. */
size_t record_v1_lift(void *bytes, size_t len, bool last, uint64_t *lifted);

#endif
