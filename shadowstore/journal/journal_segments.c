/* The list of segments, in the order of their sequences, and the directory with their names. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "shadowstore/journal/journal_impl.h"

size_t journal_segment_behind(const struct journal *j, uint64_t seq)
{
	size_t low = 0, high = j->segment_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (j->segments[mid]->first_seq <= seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct segment *journal_segment_of(const struct journal *j, uint64_t seq)
{
	size_t behind = journal_segment_behind(j, seq);

	return behind > 0 ? j->segments[behind - 1] : NULL;
}

enum status journal_add_segment(struct journal *j, struct segment *s)
{
	if (j->segment_count == j->segment_size) {
		size_t size = j->segment_size * 2 + 16;
		struct segment **segments = realloc(j->segments, size * sizeof(struct segment *));

		if (!segments)
			return ST_NOMEM;
		j->segments = segments;
		j->segment_size = size;
	}
	s->file->id = ++j->next_file_id;
	j->segments[j->segment_count++] = s;
	return ST_OK;
}

void journal_close_tail(struct journal *j)
{
	if (!j->tail)
		return;
	j->tail->closed = true;
	j->tail = NULL;
	j->trim = true;
}

enum status journal_sync_dir(const struct journal *j)
{
	int fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	enum status st;

	if (fd < 0)
		return ST_IO;
	st = fsync(fd) == 0 ? ST_OK : ST_IO;
	error = errno;
	close(fd);
	errno = error;
	return st;
}
