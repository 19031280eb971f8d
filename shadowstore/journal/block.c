#include "shadowstore/journal/block.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void block_free(struct block *b)
{
	free(b->data);
	*b = (struct block){ .file_id = 0 };
}

static enum status make_room(struct block *b, size_t size)
{
	unsigned char *data;

	if (size <= b->cap)
		return ST_OK;
	data = realloc(b->data, size);
	if (!data)
		return ST_NOMEM;
	b->data = data;
	b->cap = size;
	return ST_OK;
}

/* As much as can be read; errno says why it is not all. A disk gives what stands before its bad
 * sector, and only the next read says so. */
static size_t fill(int fd, unsigned char *out, size_t size, uint64_t offset)
{
	size_t len = 0;
	ssize_t n = 1;

	while (len < size && n > 0) {
		n = pread(fd, out + len, size - len, (off_t)(offset + len));
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
		else if (n == 0)
			errno = ENODATA; /* somebody cut the file */
	}
	return len;
}

enum status block_read(struct block *b, const struct segment_file *f, uint64_t offset,
                       uint64_t file_size, size_t want, const unsigned char **at, size_t *avail)
{
	uint64_t left = file_size - offset;
	size_t size, len;

	if (want > left)
		want = (size_t)left;
	if (b->file_id == f->id && offset >= b->at && offset + want <= b->at + b->len) {
		*at = b->data + (offset - b->at);
		*avail = (size_t)(b->at + b->len - offset);
		return ST_OK;
	}
	size = want > BLOCK_BYTES ? want : BLOCK_BYTES;
	if (size > left)
		size = (size_t)left;
	b->file_id = 0;
	if (make_room(b, size) != ST_OK)
		return ST_NOMEM;
	len = fill(f->fd, b->data, size, offset);
	if (len < want)
		return ST_IO;
	*b = (struct block){ f->id, offset, len, b->cap, b->data };
	*at = b->data;
	*avail = len;
	return ST_OK;
}
