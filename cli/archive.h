/* archive.h - a new .tar.gz, 0600: POSIX ustar, packed by gzip(1). */
#ifndef HUBGATE_CLI_ARCHIVE_H
#define HUBGATE_CLI_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

struct archive; /* opaque */

/* Never overwrites. NULL: errno says why. The caller closes. */
struct archive *archive_open(const char *path);
/* A file of the archive; name: at most 99 bytes. What fails is told by archive_close(). */
void archive_add(struct archive *a, const char *name, const void *data, size_t len);
/* Ends and frees it. False: it is not whole, and was removed. */
bool archive_close(struct archive *a);

#endif
