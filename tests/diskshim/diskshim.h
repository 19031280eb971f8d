/* diskshim.h - what a test tells the disk of a running broker, and what it learns from it.
 *
 * build/diskshim.so is preloaded into a broker and stands between it and the files below one
 * directory. It makes syncs slow, makes calls fail, and keeps the durable image: what would stand
 * there after a power cut at this moment (tests/crash/README.md says what it models). Environment:
 *   DISKSHIM_DIR      the directory; need not exist yet, its parent does
 *   DISKSHIM_IMAGE    a directory beside it, on the same file system; "tree" in it is the image.
 *                     Without a "tree" a start takes all that it finds below DISKSHIM_DIR as
 * durable DISKSHIM_CONTROL  a file of sizeof(struct diskshim) bytes, shared with the test */
#ifndef HUBGATE_TESTS_DISKSHIM_H
#define HUBGATE_TESTS_DISKSHIM_H

#include <stdatomic.h>

enum {                 /* calls that may fail, or'ed */
	DISKSHIM_OPEN = 1, /* open, openat, creat, opendir */
	DISKSHIM_READDIR = 2,
	DISKSHIM_READ = 4,  /* read, pread */
	DISKSHIM_WRITE = 8, /* write, pwrite, of regular files */
	DISKSHIM_SYNC = 16  /* fsync, fdatasync; what was written before is dropped for good */
};

enum {
	DISKSHIM_FAULTS = 4,
	DISKSHIM_PATH = 64,
	DISKSHIM_ALL = -1
};

struct diskshim_fault {
	int error;                /* errno */
	unsigned calls;           /* DISKSHIM_OPEN and so on */
	char path[DISKSHIM_PATH]; /* part of the path; empty: every one */
	atomic_int left;          /* calls still to fail, or DISKSHIM_ALL. Written last */
	atomic_uint hits;         /* calls that failed so far */
};

struct diskshim {
	/* by the test */
	atomic_int sync_ms;   /* what a sync takes */
	atomic_int writeback; /* of 1,000 writes, how many are followed by the kernel's own writing of
	                         their pages, and of all names */
	atomic_uint seed;     /* which ones */
	atomic_int cut;       /* the power is off: the image stands, syncs never return */
	struct diskshim_fault fault[DISKSHIM_FAULTS];

	/* by the shim; the power is off when `cut` is set and then `changing` is 0 */
	atomic_int changing; /* threads that change the image now */
	atomic_uint syncs, syncs_failed, writes, longest_sync_us;
};

/* For a program that loads the library and unloads it again. */
void diskshim_close(void);

#endif
