/* image.h - what a power cut would leave of a directory.
 *
 * Durable bytes of an inode stand in pool/NUMBER, durable names in tree/ as further links of it, so
 * that a sync by any name shows under all. The caller holds one lock around every call; what a call
 * needs and does not get ends the process with a line. */
#ifndef HUBGATE_TESTS_DISKSHIM_IMAGE_H
#define HUBGATE_TESTS_DISKSHIM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "tests/diskshim/ranges.h"

struct image;

/* What a sync will make durable: as it was when the sync began. */
struct image_sync {
	bool is_dir;
	char *path; /* below the directory; owned */
	dev_t dev;
	ino_t ino;
	unsigned born, order;
	char *bytes; /* of a file; owned */
	size_t size;
	struct ranges dirty;
	struct image_entry *entries; /* of a directory; owned */
	size_t entry_count;
};

/* Begins with what stands below `dir`, or goes on with the image that `where` holds. */
struct image *image_open(const char *dir, const char *where);
void image_close(struct image *im); /* what stands stays; NULL is fine */
/* The part of an absolute path below the directory, "" for itself; NULL: not below. */
const char *image_below(const struct image *im, const char *path);

/* A file was created, written, cut to a length. */
void image_born(struct image *im, const struct stat *st, const char *path);
void image_wrote(struct image *im, const struct stat *st, uint64_t from, uint64_t to);
void image_cut_off(struct image *im, const struct stat *st, uint64_t size);

void image_sync_begin(struct image *im, int fd, const char *path, struct image_sync *s);
/* `durable` false: what was dirty is dropped, and durable again only when written again and synced.
 * Frees what `s` owns. */
void image_sync_end(struct image *im, struct image_sync *s, bool durable);
/* The kernel writes the pages of a range, and every name, unasked. */
void image_write_back(struct image *im, int fd, const struct stat *st, uint64_t from, uint64_t to);

#endif
