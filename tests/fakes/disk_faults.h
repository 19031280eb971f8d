/* disk_faults.h - a disk that fails, is slow or full when a test says so. It takes the place of
 * fsync(), fdatasync() and statvfs() in the test program, libraries included.
 */
#ifndef HUBGATE_TESTS_DISK_FAULTS_H
#define HUBGATE_TESTS_DISK_FAULTS_H

#include <stdatomic.h>
#include <stdint.h>

struct disk_faults {
	const char *part;             /* of the path of the files that it is about; NULL: all */
	_Atomic unsigned sync_spared; /* so many syncs to come are well ... */
	_Atomic unsigned sync_fails;  /* ... and so many after those fail with EIO */
	_Atomic unsigned sync_ms;     /* what a sync takes */
	uint64_t free_bytes;          /* what statvfs() says; 0: the truth */
	_Atomic unsigned syncs;       /* counted here, those that failed too */
};

extern struct disk_faults disk_faults;

void disk_faults_end(void); /* a disk like any other; counts from 0 */

#endif
