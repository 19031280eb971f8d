/* store_age.h - makes files of a store as format 1 had them of those that this version wrote. Shares no
 * code with the product: it says for itself what format 1 was. */
#ifndef HUBGATE_TESTS_STORE_AGE_H
#define HUBGATE_TESTS_STORE_AGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint32_t store_age_crc(uint32_t crc, const void *bytes, size_t len); /* CRC-32C, bit by bit */
/* A segment, acks, or a log of state, whose records follow each other without damage; a torn one at
 * the end stays. Header and records get version 1. */
bool store_age_file(const char *path);
bool store_age_db(const char *path); /* state.db */
/* All of dir, and what says that it has a format. False: something of it is not as it should be. */
bool store_age(const char *dir);

#endif
