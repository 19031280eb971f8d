#include "shadowstore/file/store_upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/checksum.h"
#include "core/journal/record.h"
#include "core/journal/record_v1.h"
#include "shadowstore/file/store_file.h"

enum {
	WINDOW = 2 * RECORD_BYTES_MAX, /* of a file in memory */
	SECTOR_BYTES = 4096,           /* that a disk does not give */
	NAME_ROOM = 64,
};

#define SPARE "spare"

struct upgrade {
	int dir;
	const char *shown;
	store_upgrade_fn *wanted;
	const struct log *log;
	unsigned files;
	uint64_t records;
	unsigned char *window; /* owned */
};

struct lifting {  /* of one file */
	int from, to; /* to -1: nothing is written */
	off_t read_at, write_at, size;
	size_t len;      /* bytes in the window */
	bool unreadable; /* some of it is zeros instead */
	uint64_t jump;   /* over what cannot be read next */
	uint64_t records;
};

/* --- one file --- */

/* Zeros for what the disk does not give. Each try may take it seconds: a bad region is left in few
 * steps. */
static size_t skip_unreadable(struct lifting *l, unsigned char *to, size_t want)
{
	uint64_t next = (uint64_t)l->read_at / SECTOR_BYTES * SECTOR_BYTES + l->jump;
	uint64_t end = next < (uint64_t)l->size ? next : (uint64_t)l->size;
	size_t n = (size_t)(end - (uint64_t)l->read_at);

	n = n < want ? n : want;
	memset(to, 0, n);
	l->unreadable = true;
	l->jump *= 2;
	return n;
}

/* Fills the window. */
static enum status fill(struct lifting *l, unsigned char *window)
{
	while (l->len < WINDOW && l->read_at < l->size) {
		size_t want = WINDOW - l->len;
		ssize_t n = pread(l->from, window + l->len, want, l->read_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EIO && want > SECTOR_BYTES) /* somewhere in there */
			n = pread(l->from, window + l->len, SECTOR_BYTES - (size_t)(l->read_at % SECTOR_BYTES),
			          l->read_at);
		if (n < 0 && errno == EIO)
			n = (ssize_t)skip_unreadable(l, window + l->len, want);
		else if (n > 0)
			l->jump = SECTOR_BYTES;
		if (n < 0)
			return ST_IO;
		if (n == 0)
			l->size = l->read_at; /* somebody cut it */
		l->len += (size_t)n;
		l->read_at += n;
	}
	return ST_OK;
}

static enum status write_out(struct lifting *l, unsigned char *window, size_t len)
{
	ssize_t n = l->to < 0 ? (ssize_t)len : pwrite(l->to, window, len, l->write_at);

	if (n != (ssize_t)len) {
		errno = n < 0 ? errno : ENOSPC;
		return ST_IO;
	}
	l->write_at += n;
	l->len -= len;
	memmove(window, window + len, l->len);
	return ST_OK;
}

static enum status lift(struct lifting *l, unsigned char *window)
{
	enum status st = fill(l, window);
	size_t done = RECORD_FILE_BYTES;

	if (st == ST_OK && l->len >= RECORD_FILE_BYTES)
		l->records += record_v1_lift_file(window);
	while (st == ST_OK && l->len > 0) {
		bool last = l->read_at >= l->size;
		size_t from = done < l->len ? done : l->len;

		done = from + record_v1_lift(window + from, l->len - from, last, &l->records);
		st = write_out(l, window, done);
		done = 0;
		if (st == ST_OK)
			st = fill(l, window);
	}
	return st == ST_OK && l->to >= 0 && fsync(l->to) != 0 ? ST_IO : st;
}

/* --- in its place --- */

/* The bytes that the disk may give tomorrow. */
static void keep_unreadable(const struct upgrade *u, const char *name)
{
	char kept[NAME_ROOM + 16];

	snprintf(kept, sizeof(kept), "%s.damaged-1", name);
	(void)!linkat(u->dir, name, u->dir, kept, 0);
	log_line(
		u->log, LOG_ERROR,
		"%s/%s: the disk does not give all of it; what is missing is skipped, the file stays as %s",
		u->shown, name, kept);
}

static enum status put_in_place(struct upgrade *u, const struct lifting *l, const char *tmp,
                                const char *name)
{
	if (l->unreadable)
		keep_unreadable(u, name);
	if (renameat(u->dir, tmp, u->dir, name) != 0 || fsync(u->dir) != 0)
		return ST_IO;
	u->files++;
	u->records += l->records;
	return ST_OK;
}

static enum status begin(struct lifting *l, int fd, int to)
{
	struct stat info;

	*l = (struct lifting){ .from = fd, .to = to, .jump = SECTOR_BYTES };
	if (fstat(fd, &info) != 0)
		return ST_IO;
	l->size = info.st_size;
	return ST_OK;
}

/* A header says it; behind one that is damaged a record does. */
static enum status is_old(const struct upgrade *u, int fd, uint8_t header[RECORD_FILE_BYTES],
                          bool *out)
{
	struct lifting l;
	enum status st;

	*out = record_v1_lift_file(header);
	if (*out)
		return ST_OK;
	st = begin(&l, fd, -1);
	if (st == ST_OK)
		st = lift(&l, u->window);
	*out = l.records > 0;
	return st;
}

static enum status rewrite(struct upgrade *u, const char *name, int fd)
{
	struct lifting l;
	char tmp[NAME_ROOM + 8];
	enum status st = begin(&l, fd, -1);
	int error;

	if (st != ST_OK)
		return st;
	snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	l.to = store_file_create_tmp(u->dir, tmp);
	if (l.to < 0)
		return ST_IO;
	st = lift(&l, u->window);
	if (st == ST_OK)
		st = put_in_place(u, &l, tmp, name);
	error = errno;
	close(l.to);
	if (st != ST_OK)
		unlinkat(u->dir, tmp, 0);
	errno = error;
	return st;
}

static bool no_room(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

/* False: there is none; errno stays. */
static bool give_spare(const struct upgrade *u)
{
	int error = errno;
	bool given = unlinkat(u->dir, SPARE, 0) == 0;

	errno = error;
	return given;
}

static enum status upgrade(struct upgrade *u, const char *name, int fd)
{
	enum status st;

	if (u->files == 0)
		log_line(u->log, LOG_NOTE, "%s: files of an older version are brought to format %d",
		         u->shown, RECORD_VERSION);
	st = rewrite(u, name, fd);
	if (st == ST_IO && no_room(errno) && give_spare(u))
		st = rewrite(u, name, fd);
	return st;
}

static enum status refuse_newer(const struct upgrade *u, const char *name, uint32_t version)
{
	log_line(u->log, LOG_ERROR,
	         "not started: %s/%s has format %u, this hubgate knows up to %d: install the newer "
	         "hubgate again, or give this one an empty store.dir",
	         u->shown, name, (unsigned)version, RECORD_VERSION);
	errno = EPROTONOSUPPORT;
	return ST_DENIED;
}

static enum status refuse_file(const struct upgrade *u, const char *name, int fd)
{
	int error = errno;
	struct stat info;

	if (no_room(error) && fstat(fd, &info) == 0)
		log_line(
			u->log, LOG_ERROR,
			"not started: %s/%s cannot be brought to format %d, the disk is full: free %lld KiB "
			"there for the time of one start",
			u->shown, name, RECORD_VERSION, (long long)info.st_size / 1024 + 64);
	else
		store_file_refuse(u->log, u->shown, name, "brought to the format of this version");
	errno = error;
	return ST_DENIED;
}

/* ST_DENIED: said why not. */
static enum status look(struct upgrade *u, const char *name, int fd)
{
	uint8_t header[RECORD_FILE_BYTES];
	ssize_t n = pread(fd, header, sizeof(header), 0);
	uint32_t version;
	enum status st;
	bool old;

	if (n != (ssize_t)sizeof(header))
		return ST_OK; /* cut short, or a disk error: who reads it tells */
	version = record_file_version(header, checksum);
	if (version > RECORD_VERSION)
		return refuse_newer(u, name, version);
	if (version == RECORD_VERSION || store_file_is_blank(header, sizeof(header)))
		return ST_OK;
	st = is_old(u, fd, header, &old);
	if (st == ST_OK && old)
		st = upgrade(u, name, fd);
	return st == ST_OK ? ST_OK : refuse_file(u, name, fd);
}

static enum status upgrade_file(struct upgrade *u, const char *name)
{
	int fd = store_file_open(u->dir, name, O_RDONLY);
	enum status st;
	int error;

	if (fd < 0)
		return ST_OK; /* who opens it tells why not */
	st = look(u, name, fd);
	error = errno;
	close(fd);
	errno = error;
	return st;
}

/* --- all of them --- */

struct names {
	store_upgrade_fn *wanted;
	struct buf list; /* each with its NUL */
};

static enum status add_name(void *ctx, const char *name)
{
	struct names *n = ctx;

	return n->wanted(name) && strlen(name) < NAME_ROOM ? buf_add(&n->list, name, strlen(name) + 1)
	                                                   : ST_OK;
}

/* Listed first: a directory that changes while it is read may name a file twice. */
static enum status upgrade_all(struct upgrade *u)
{
	struct names n = { .wanted = u->wanted, .list = BUF_MAX(SIZE_MAX / 2) };
	enum status st = store_file_list(u->dir, add_name, &n);

	if (st == ST_IO)
		store_file_refuse(u->log, u->shown, NULL, "read");
	for (size_t at = 0; st == ST_OK && at < n.list.len;
	     at += strlen((const char *)n.list.data + at) + 1)
		st = upgrade_file(u, (const char *)n.list.data + at);
	buf_free(&n.list);
	return st == ST_DENIED ? ST_IO : st;
}

enum status store_upgrade(int dir, const char *shown, store_upgrade_fn *wanted,
                          const struct log *log)
{
	struct upgrade u = {
		.dir = dir, .shown = shown, .wanted = wanted, .log = log, .window = malloc(WINDOW)
	};
	enum status st = u.window ? upgrade_all(&u) : ST_NOMEM;

	if (st == ST_OK && u.files > 0)
		log_line(log, LOG_NOTE, "%s: %u files with %" PRIu64 " records have format %d now", shown,
		         u.files, u.records, RECORD_VERSION);
	free(u.window);
	return st;
}
