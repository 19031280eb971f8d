#include "shadowstore/control_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/room.h"
#include "shadowstore/file/store_file.h"

#define FILE_NAME "control.token"
#define NEW_NAME  FILE_NAME ".new"

static int open_dir(const char *dir)
{
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static enum status write_in(int dir, const char *token)
{
	size_t len = strlen(token);
	int fd = store_file_create_tmp(dir, NEW_NAME);
	bool ok;

	if (fd < 0)
		return ST_IO;
	errno = ENOSPC; /* of a write that is cut short */
	ok = write(fd, token, len) == (ssize_t)len;
	close(fd);
	return ok && renameat(dir, NEW_NAME, dir, FILE_NAME) == 0 ? ST_OK : ST_IO;
}

static void remove_in(int dir)
{
	unlinkat(dir, NEW_NAME, 0);
	unlinkat(dir, FILE_NAME, 0);
}

enum status control_token_write(const char *dir, const char *token)
{
	int fd = open_dir(dir), why;
	enum status st;

	IN_ROOM(ROOM_BROKER);
	if (fd < 0)
		return ST_IO;
	st = write_in(fd, token);
	why = errno;
	if (st != ST_OK) /* one of an earlier start lets nobody in */
		remove_in(fd);
	close(fd);
	errno = why;
	return st;
}

void control_token_remove(const char *dir)
{
	int fd = open_dir(dir);

	IN_ROOM(ROOM_BROKER);
	if (fd < 0)
		return;
	remove_in(fd);
	close(fd);
}
