/* sealed_file.h - an export as a stream: what is written is sealed chunk by chunk, what is read was
 * proved before. In constant memory. The command, one thread.
 */
#ifndef HUBGATE_CLI_SEALED_FILE_H
#define HUBGATE_CLI_SEALED_FILE_H

#include "core/base/status.h"
#include "core/export/archive.h"
#include "core/export/sealed.h"

struct sealed_file {
	struct sealed sealed;
	int fd;         /* the caller's */
	uint64_t n;     /* of the next chunk */
	uint64_t left;  /* reading: bytes of the file that were not read */
	size_t len, at; /* of plain: bytes there; how far they were read */
	uint8_t plain[SEALED_CHUNK_BYTES];
	uint8_t bytes[SEALED_CHUNK_BYTES + SEALED_TAG_BYTES];
};

/* Writing: fd is an empty file. Each returns ST_OK; ST_IO (errno); ST_NOMEM. */
enum status sealed_file_begin(struct sealed_file *f, int fd, const char *passphrase);
enum status sealed_file_put(struct sealed_file *f, const void *bytes, size_t len);
enum status sealed_file_put_head(struct sealed_file *f, const struct archive_head *h,
                                 const char *path);
enum status sealed_file_end(struct sealed_file *f); /* the last chunk, and a sync */

/* Reading: fd stands anywhere, the file has size bytes. As sealed_take(), and ST_IO (errno). */
enum status sealed_file_take(struct sealed_file *f, int fd, uint64_t size, const char *passphrase,
                             uint32_t *version);
/* From the beginning once more, without another key. ST_OK; ST_IO. */
enum status sealed_file_rewind(struct sealed_file *f, uint64_t size);
/* All of len bytes. ST_OK; ST_MALFORMED: changed, cut off, or it ends before; ST_IO (errno). */
enum status sealed_file_get(struct sealed_file *f, void *out, size_t len);
/* path: ARCHIVE_PATH_MAX + 1 bytes. ST_MALFORMED also for an entry that cannot be. */
enum status sealed_file_get_head(struct sealed_file *f, struct archive_head *out, char *path);
bool sealed_file_at_end(const struct sealed_file *f); /* nothing follows */
void sealed_file_wipe(struct sealed_file *f);

#endif
