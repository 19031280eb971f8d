/* bad_disk.h - a disk that gives errors: calls of this process fail for files whose path holds a
 * text. Also a library of its own to preload into brokers, build/bad_disk.so, which takes its one
 * fault from the environment: HUBGATE_BAD_DISK="CALL ERRNO PATH-PART".
 */
#ifndef HUBGATE_TESTS_BAD_DISK_H
#define HUBGATE_TESTS_BAD_DISK_H

/* call: "open", "pread", "readdir" or "flock"; error: an errno. One fault at a time. */
void bad_disk_fail(const char *call, const char *path_part, int error);
/* Reads of these bytes fail, as those of a bad sector: what stands before them is given. */
void bad_disk_sector(const char *path_part, long from, long to);
void bad_disk_heal(void);

#endif
