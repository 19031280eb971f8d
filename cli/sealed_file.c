#include "cli/sealed_file.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static enum status write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ST_IO;
		bytes += n;
		len -= (size_t)n;
	}
	return ST_OK;
}

/* --- writing --- */

enum status sealed_file_begin(struct sealed_file *f, int fd, const char *passphrase)
{
	uint8_t salt[SEALED_SALT_BYTES];
	enum status st;

	f->fd = fd;
	f->n = 0;
	f->len = 0;
	if (getrandom(salt, sizeof salt, 0) != (ssize_t)sizeof salt)
		return ST_IO;
	st = sealed_begin(&f->sealed, salt, passphrase, strlen(passphrase));
	return st == ST_OK ? write_all(fd, f->sealed.header, SEALED_HEADER_BYTES) : st;
}

static enum status flush(struct sealed_file *f, bool last)
{
	enum status st = sealed_put(&f->sealed, f->n++, last, f->plain, f->len, f->bytes);

	if (st == ST_OK)
		st = write_all(f->fd, f->bytes, f->len + SEALED_TAG_BYTES);
	f->len = 0;
	return st;
}

/* A full chunk waits for what follows: it may be the last. */
enum status sealed_file_put(struct sealed_file *f, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	enum status st = ST_OK;

	while (len > 0 && st == ST_OK) {
		size_t part = sizeof f->plain - f->len;

		if (part == 0) {
			st = flush(f, false);
			continue;
		}
		part = part < len ? part : len;
		memcpy(f->plain + f->len, from, part);
		f->len += part;
		from += part;
		len -= part;
	}
	return st;
}

enum status sealed_file_put_head(struct sealed_file *f, const struct archive_head *h,
                                 const char *path)
{
	uint8_t head[ARCHIVE_HEAD_BYTES];
	enum status st;

	archive_put_head(h, head);
	st = sealed_file_put(f, head, sizeof head);
	return st == ST_OK ? sealed_file_put(f, path, h->path_len) : st;
}

enum status sealed_file_end(struct sealed_file *f)
{
	enum status st = flush(f, true);

	return st == ST_OK && fsync(f->fd) != 0 ? ST_IO : st;
}

/* --- reading --- */

static enum status read_all(struct sealed_file *f, uint8_t *out, size_t len)
{
	while (len > 0) {
		ssize_t n = read(f->fd, out, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? ST_IO : ST_MALFORMED; /* somebody cut it meanwhile */
		out += n;
		len -= (size_t)n;
		f->left -= (size_t)n;
	}
	return ST_OK;
}

enum status sealed_file_rewind(struct sealed_file *f, uint64_t size)
{
	f->n = f->len = f->at = 0;
	f->left = size - SEALED_HEADER_BYTES;
	return lseek(f->fd, SEALED_HEADER_BYTES, SEEK_SET) == SEALED_HEADER_BYTES ? ST_OK : ST_IO;
}

enum status sealed_file_take(struct sealed_file *f, int fd, uint64_t size, const char *passphrase,
                             uint32_t *version)
{
	uint8_t header[SEALED_HEADER_BYTES];
	ssize_t n = pread(fd, header, sizeof header, 0);
	enum status st;

	*version = 0;
	f->fd = fd;
	if (n < 0)
		return ST_IO;
	if (n != (ssize_t)sizeof header || size < SEALED_HEADER_BYTES)
		return ST_MALFORMED;
	st = sealed_take(&f->sealed, header, passphrase, strlen(passphrase), version);
	return st == ST_OK ? sealed_file_rewind(f, size) : st;
}

static enum status next_chunk(struct sealed_file *f)
{
	size_t len = f->left < sizeof f->bytes ? (size_t)f->left : sizeof f->bytes;
	enum status st;

	if (len == 0)
		return ST_MALFORMED;
	st = read_all(f, f->bytes, len);
	if (st == ST_OK)
		st = sealed_get(&f->sealed, f->n++, f->left == 0, f->bytes, len, f->plain);
	f->at = 0;
	f->len = st == ST_OK ? len - SEALED_TAG_BYTES : 0;
	return st;
}

enum status sealed_file_get(struct sealed_file *f, void *out, size_t len)
{
	uint8_t *to = out;
	enum status st = ST_OK;

	while (len > 0 && st == ST_OK) {
		size_t part = f->len - f->at;

		if (part == 0) {
			st = next_chunk(f);
			continue;
		}
		part = part < len ? part : len;
		memcpy(to, f->plain + f->at, part);
		f->at += part;
		to += part;
		len -= part;
	}
	return st;
}

enum status sealed_file_get_head(struct sealed_file *f, struct archive_head *out, char *path)
{
	uint8_t head[ARCHIVE_HEAD_BYTES];
	enum status st = sealed_file_get(f, head, sizeof head);

	if (st == ST_OK)
		st = archive_get_head(head, out);
	if (st == ST_OK)
		st = sealed_file_get(f, path, out->path_len);
	if (st != ST_OK)
		return st;
	path[out->path_len] = '\0';
	return archive_path_ok(out->kind, path, out->path_len) ? ST_OK : ST_MALFORMED;
}

bool sealed_file_at_end(const struct sealed_file *f)
{
	return f->left == 0 && f->at == f->len;
}

void sealed_file_wipe(struct sealed_file *f)
{
	explicit_bzero(f, sizeof *f);
}
