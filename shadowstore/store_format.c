#include "shadowstore/store_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "shadowstore/file/store_file.h"

enum {
	LINE_BYTES = 512
};

#define FORMAT_LINE "hubgate store, format "

/* --- small files --- */

/* The first line without its end, what is printable of it: it goes into log lines. ST_OK;
 * ST_NOTFOUND; ST_IO (errno). */
static enum status read_line(int dir, const char *name, char out[LINE_BYTES])
{
	int fd = store_file_open(dir, name, O_RDONLY);
	ssize_t n;
	size_t len = 0;

	if (fd < 0)
		return errno == ENOENT ? ST_NOTFOUND : ST_IO;
	n = pread(fd, out, LINE_BYTES - 1, 0);
	while (n > 0 && len < (size_t)n && out[len] >= ' ' && out[len] <= '~')
		len++;
	out[len] = '\0';
	close(fd);
	return n < 0 ? ST_IO : ST_OK;
}

/* Whole, and lasting when asked for, or not there. */
static enum status write_line(int dir, const char *name, const char *line, bool lasting)
{
	char tmp[64];
	int fd, error;
	bool ok;

	snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	fd = store_file_create_tmp(dir, tmp);
	if (fd < 0)
		return ST_IO;
	errno = ENOSPC; /* of a write that is cut short */
	ok = write(fd, line, strlen(line)) == (ssize_t)strlen(line) && (!lasting || fsync(fd) == 0) &&
	     renameat(dir, tmp, dir, name) == 0 && (!lasting || fsync(dir) == 0);
	error = errno;
	close(fd);
	if (!ok)
		unlinkat(dir, tmp, 0);
	errno = error;
	return ok ? ST_OK : ST_IO;
}

/* --- the format --- */

/* 0: the line is none of ours. */
static unsigned long version_of(const char *line)
{
	size_t len = strlen(FORMAT_LINE);

	return strncmp(line, FORMAT_LINE, len) == 0 ? strtoul(line + len, NULL, 10) : 0;
}

enum status store_format_check_version(int dir, const char *shown, const struct log *log)
{
	char line[LINE_BYTES];
	enum status st = read_line(dir, STORE_FORMAT_FILE, line);

	if (st == ST_IO)
		return store_file_refuse(log, shown, STORE_FORMAT_FILE, "read");
	if (st == ST_NOTFOUND || version_of(line) <= STORE_FORMAT)
		return ST_OK;
	log_line(log, LOG_ERROR,
	         "not started: store.dir %s has format %lu, this hubgate knows up to %d: install the "
	         "newer hubgate again, or give this one an empty store.dir",
	         shown, version_of(line), STORE_FORMAT);
	return ST_DENIED;
}

/* Whatever is there in its place: better a start too few than every message twice. */
static enum status check_moved(int dir, const char *shown, const struct log *log)
{
	char line[LINE_BYTES] = "";
	enum status st = read_line(dir, STORE_MOVED_FILE, line);

	if (st == ST_NOTFOUND)
		return ST_OK;
	log_line(log, LOG_ERROR,
	         "not started: store.dir %s was exported (%s) and goes on where that was imported; two "
	         "would send every message twice; if it was imported nowhere: hubgate import --undo",
	         shown, *line ? line : STORE_MOVED_FILE);
	return ST_DENIED;
}

static enum status check_arrived(int dir, const char *shown, const struct log *log)
{
	struct stat info;

	if (fstatat(dir, STORE_ARRIVED_DIR, &info, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
		return ST_OK;
	log_line(
		log, LOG_ERROR,
		"not started: an import into store.dir %s did not come to its end: run the same hubgate "
		"import again, it goes on where it was",
		shown);
	return ST_DENIED;
}

enum status store_format_check(int dir, const char *shown, const struct log *log)
{
	enum status st = store_format_check_version(dir, shown, log);

	if (st == ST_OK)
		st = check_moved(dir, shown, log);
	return st == ST_OK ? check_arrived(dir, shown, log) : st;
}

static enum status put_bar(int dir)
{
	static const char text[] =
		"The store around this directory has a format that needs a newer hubgate. Versions before "
		"format 2 would take all in it for damaged; this directory ends their start instead. Leave "
		"it here, and install the newer hubgate again.\n";
	enum status st;
	int fd;

	/* What format 1 left of a write that never came to its end. */
	if (store_file_check(dir, STORE_FORMAT_BAR) == ST_OK)
		unlinkat(dir, STORE_FORMAT_BAR, 0);
	if (mkdirat(dir, STORE_FORMAT_BAR, 0700) != 0 && errno != EEXIST)
		return ST_IO;
	fd = store_file_dir(dir, STORE_FORMAT_BAR); /* syncs one that it makes itself */
	if (fd < 0)
		return ST_IO;
	st = store_file_check(fd, "README") == ST_OK ? ST_OK : write_line(fd, "README", text, false);
	close(fd);
	return st;
}

/* Not synced: a disk may be slow, and what a power cut takes of it the next start writes. */
void store_format_write(int dir, const char *shown, const struct log *log)
{
	char line[LINE_BYTES], now[64];
	enum status st = put_bar(dir);

	snprintf(now, sizeof(now), FORMAT_LINE "%d\n", STORE_FORMAT);
	if (st == ST_OK &&
	    (read_line(dir, STORE_FORMAT_FILE, line) != ST_OK || version_of(line) != STORE_FORMAT))
		st = write_line(dir, STORE_FORMAT_FILE, now, false);
	if (st != ST_OK)
		log_line(
			log, LOG_WARN,
			"store.dir %s: what keeps versions before format %d out cannot be written (%s): do "
			"not start one on it",
			shown, STORE_FORMAT, store_file_why(errno));
}

/* --- moved --- */

enum status store_format_move(int dir, const char *line)
{
	return write_line(dir, STORE_MOVED_FILE, line, true);
}

enum status store_format_move_back(int dir)
{
	if (unlinkat(dir, STORE_MOVED_FILE, 0) != 0)
		return errno == ENOENT ? ST_NOTFOUND : ST_IO;
	return fsync(dir) == 0 ? ST_OK : ST_IO;
}
