/* store_file.h - how files of the store are opened, read and listed.
 * Room:  any. Nothing here waits for anybody but the disk.
 * Keeps: only regular files are opened. What else stands in the place of one (a link, even to a
 *        file; a directory; a FIFO, socket or device) is an error and never waited for. A read
 *        error is an error, never an end.
 * dir is a descriptor, or AT_FDCWD with a path as name.
 */
#ifndef HUBGATE_STORE_FILE_H
#define HUBGATE_STORE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/status.h"

/* What errno means for a file of the store; static. */
const char *store_file_why(int error);
/* Logs that the start ends here because dir/name (name may be NULL) cannot be done ("read") for the
 * reason in errno, which stays as it is. Returns ST_IO. */
enum status store_file_refuse(const struct log *log, const char *dir, const char *name,
                              const char *done);

/* ST_OK: a regular file; ST_NOTFOUND; ST_IO (errno): something else, or it cannot be looked at. */
enum status store_file_check(int dir, const char *name);
/* As openat(2); O_CREAT makes it 0600. -1: errno. */
int store_file_open(int dir, const char *name, int flags);
/* A new one, for reading and writing. -1: errno, EEXIST when there is one. */
int store_file_create(int dir, const char *name);
/* The same for a file that is renamed when it is whole: one that stands there is of a rename that
 * never came, and goes. */
int store_file_create_tmp(int dir, const char *name);
/* Opens the directory, makes it (0700, and lasting) when it is missing. -1: errno, also when we may
 * not write there. */
int store_file_dir(int dir, const char *name);
/* The entry of the directory that is open as dir lasts. ST_OK; ST_IO (errno). */
enum status store_file_sync_parent(int dir);

/* Adds the first want bytes of fd to out, fewer when it is shorter. ST_OK; ST_IO (errno); ST_NOMEM;
 * ST_TOOBIG: over out's ceiling. */
enum status store_file_read(int fd, size_t want, struct buf *out);
bool store_file_is_blank(const void *bytes, size_t len); /* nothing but zeros */
/* Calls each for every name in dir but "." and "..", until it says anything but ST_OK. ST_OK; ST_IO
 * (errno); what each said. */
typedef enum status store_name_fn(void *ctx, const char *name);
enum status store_file_list(int dir, store_name_fn *each, void *ctx);
/* Renames name to name.damaged-N, with those of its companions ("-journal" ...) that exist. The
 * last N is used again and again, so that damage cannot fill a disk. out: the new name. ST_OK;
 * ST_IO (errno). */
enum status store_file_set_aside(int dir, const char *name, char *out, size_t out_size);

#endif
