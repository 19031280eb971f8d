/* sealed.h - the envelope of an export: a passphrase seals a stream of bytes in chunks, so that a
 * chunk that was changed, left out, repeated or put elsewhere is found, and so is an end that is
 * not the end (docs/export-format.md). Room:  any. Pure, but for the time that a key takes: some
 * 0.3 s.
 *
 * Header, SEALED_HEADER_BYTES, numbers little-endian:
 *    0  8  "HGEXPORT"
 *    8  4  version, SEALED_VERSION
 *   12  1  scrypt: N as its power of two
 *   13  1  r
 *   14  1  p
 *   15  1  0
 *   16  4  bytes of a chunk before it is sealed, SEALED_CHUNK_BYTES
 *   20 16  salt
 *   36 16  proof that the passphrase is the right one
 *   52 12  0
 * scrypt(passphrase, salt) gives 48 bytes: the key of AES-256-GCM, and the proof. Chunk n (0, 1,
 * ...) has the nonce n (8 bytes), 1 when it is the last, else 0 (1 byte), 0 (3 bytes), and the
 * header as its additional data. It stands as its sealed bytes and 16 of tag. All but the last are
 * full.
 */
#ifndef HUBGATE_SEALED_H
#define HUBGATE_SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

enum {
	SEALED_VERSION = 1,
	SEALED_HEADER_BYTES = 64,
	SEALED_SALT_AT = 20,
	SEALED_SALT_BYTES = 16,
	SEALED_CHUNK_BYTES = 65536,
	SEALED_TAG_BYTES = 16,
	SEALED_KEY_BYTES = 32,
};

struct sealed {
	uint8_t header[SEALED_HEADER_BYTES];
	uint8_t key[SEALED_KEY_BYTES];
};

/* A new envelope. salt: random. ST_OK; ST_NOMEM (scrypt takes 32 MiB). */
enum status sealed_begin(struct sealed *s, const uint8_t salt[SEALED_SALT_BYTES],
                         const char *passphrase, size_t len);
/* One that is there, by its header. *version: what it says. ST_OK; ST_MALFORMED: no export;
 * ST_INVALID: of a version or with numbers that this program does not know; ST_DENIED: not this
 * passphrase; ST_NOMEM. */
enum status sealed_take(struct sealed *s, const uint8_t header[SEALED_HEADER_BYTES],
                        const char *passphrase, size_t len, uint32_t *version);
void sealed_wipe(struct sealed *s);

/* out has room for len + SEALED_TAG_BYTES. ST_OK; ST_NOMEM. */
enum status sealed_put(const struct sealed *s, uint64_t n, bool last, const uint8_t *plain,
                       size_t len, uint8_t *out);
/* len counts the tag; out gets len - SEALED_TAG_BYTES. ST_OK; ST_MALFORMED: it is not what was
 * sealed there; ST_NOMEM. */
enum status sealed_get(const struct sealed *s, uint64_t n, bool last, const uint8_t *bytes,
                       size_t len, uint8_t *out);

#endif
