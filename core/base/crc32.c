/* CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), eight bytes per step. The tables
 * are constants: computed on first use they would be state that two rooms share. */
#include "core/base/crc32.h"

#include "core/base/crc32_tables.h"

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	crc = ~crc;
	for (; len >= 8; p += 8, len -= 8) {
		uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
		                      (uint32_t)p[3] << 24);

		crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^
		      tables[4][low >> 24] ^ tables[3][p[4]] ^ tables[2][p[5]] ^ tables[1][p[6]] ^
		      tables[0][p[7]];
	}
	for (; len > 0; p++, len--)
		crc = tables[0][(crc ^ *p) & 0xff] ^ crc >> 8;
	return ~crc;
}
