/* block.h - bytes of one file in memory: one read() serves many records.
 * Room:  whoever holds the block.
 */
#ifndef HUBGATE_BLOCK_H
#define HUBGATE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "shadowstore/journal/segment.h"

enum {
	BLOCK_BYTES = 256 << 10, /* read at once; more when more is wanted */
};

struct block {        /* all zeros: empty */
	uint64_t file_id; /* 0: none */
	uint64_t at;
	size_t len, cap;
	unsigned char *data; /* owned */
};

void block_free(struct block *b);
/* The bytes of file at offset as far as they are known and fit, at least want of them unless
 * file_size ends them. *at is borrowed until the next call. ST_OK; ST_IO (errno): fewer can be
 * read; ST_NOMEM. */
enum status block_read(struct block *b, const struct segment_file *f, uint64_t offset,
                       uint64_t file_size, size_t want, const unsigned char **at, size_t *avail);

#endif
