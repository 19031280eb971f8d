#include "shadowstore/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/room.h"
#include "shadowstore/file/store_file.h"

enum {
	LINE_BYTES = CLIENT_ID_MAX + SECRET_TEXT_MAX + 8,
	FILE_BYTES_MAX = 64 << 20,
};

struct known {
	char client_id[CLIENT_ID_MAX + 1];
	struct secret secret;
};

struct secrets {
	int dir;
	pthread_mutex_t lock; /* held for copies only, never while the disk is waited for */
	struct known *list;
	size_t count, room;
	bool fails; /* NET: the last one could not be kept, which is logged */
};

/* Under the lock. NULL: unknown. */
static struct known *find(struct secrets *s, const char *client_id)
{
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->list[i].client_id, client_id) == 0)
			return &s->list[i];
	}
	return NULL;
}

/* Under the lock. ST_OK; ST_EXISTS; ST_NOMEM. */
static enum status note(struct secrets *s, const char *client_id, const struct secret *secret)
{
	struct known *k = find(s, client_id);

	if (k && strcmp(k->secret.text, secret->text) == 0)
		return ST_EXISTS;
	if (!k && s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 16;
		struct known *list = calloc(room, sizeof(*list));

		if (!list)
			return ST_NOMEM;
		if (s->list) {
			memcpy(list, s->list, s->count * sizeof(*list));
			explicit_bzero(s->list, s->count * sizeof(*list));
			free(s->list);
		}
		s->list = list;
		s->room = room;
	}
	if (!k) {
		k = &s->list[s->count++];
		snprintf(k->client_id, sizeof(k->client_id), "%s", client_id);
	}
	k->secret = *secret;
	return ST_OK;
}

/* --- reading --- */

static bool take_line(struct secrets *s, char *line)
{
	char *space = strchr(line, ' ');
	struct secret secret;
	size_t len;
	bool ok;

	if (!space)
		return false;
	*space = '\0';
	len = strlen(line);
	ok = len > PRODUCT_ID_LEN && len <= CLIENT_ID_MAX &&
	     credential_product_id_ok(line, PRODUCT_ID_LEN) &&
	     credential_device_name_ok(line + PRODUCT_ID_LEN, len - PRODUCT_ID_LEN) &&
	     secret_parse(space + 1, &secret) == ST_OK;
	/* The newer file was read first: what it says stands. */
	if (ok && !find(s, line))
		ok = note(s, line, &secret) != ST_NOMEM;
	secret_wipe(&secret);
	return ok;
}

static void take_lines(struct secrets *s, char *text, size_t len, size_t *bad)
{
	char *end;

	for (char *line = text; line < text + len; line = end + 1) {
		end = memchr(line, '\n', (size_t)(text + len - line));
		if (!end) { /* not written to its end */
			++*bad;
			return;
		}
		*end = '\0';
		*bad += (size_t)(end - line) >= LINE_BYTES || strlen(line) != (size_t)(end - line) ||
		        !take_line(s, line);
	}
}

/* ST_OK: read, *bad lines were none; ST_NOTFOUND: no such file; ST_IO (errno). */
static enum status read_file(struct secrets *s, const char *name, size_t *bad)
{
	int fd = store_file_open(s->dir, name, O_RDONLY);
	struct buf text = BUF_MAX(FILE_BYTES_MAX);
	struct stat info;
	enum status st;

	if (fd < 0)
		return errno == ENOENT ? ST_NOTFOUND : ST_IO;
	st = fstat(fd, &info) == 0 ? ST_OK : ST_IO;
	if (st == ST_OK)
		st = store_file_read(fd, (size_t)info.st_size, &text);
	if (st == ST_TOOBIG) {
		errno = EFBIG;
		st = ST_IO;
	}
	if (st == ST_OK)
		take_lines(s, (char *)text.data, text.len, bad);
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_free(&text);
	close(fd);
	return st;
}

static enum status read_both(struct secrets *s, const char *dir, const struct log *log)
{
	size_t bad = 0, old = 0;
	enum status now = read_file(s, "secrets", &bad), before;

	if (now == ST_IO)
		return store_file_refuse(log, dir, "secrets", "read");
	if (now != ST_NOTFOUND && (now != ST_OK || bad == 0))
		return now;
	before = read_file(s, "secrets.old", &old);
	if (before == ST_IO)
		return store_file_refuse(log, dir, "secrets.old", "read");
	if (before == ST_OK || bad > 0)
		log_line(log, LOG_WARN,
		         "%s/secrets %s; what the copy before it knows is used, the rest is registered "
		         "again",
		         dir, now == ST_OK ? "has lines that are none" : "is gone");
	return before == ST_NOTFOUND ? ST_OK : before;
}

enum status secrets_open(const char *dir, const struct log *log, struct secrets **out)
{
	struct secrets *s = calloc(1, sizeof(*s));
	enum status st;

	if (!s)
		return ST_NOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	st = s->dir < 0 ? store_file_refuse(log, dir, NULL, "used") : read_both(s, dir, log);
	if (st != ST_OK) {
		int why = errno;

		secrets_close(s);
		errno = why;
		return st;
	}
	*out = s;
	return ST_OK;
}

void secrets_close(struct secrets *s)
{
	if (!s)
		return;
	if (s->list)
		explicit_bzero(s->list, s->room * sizeof(*s->list));
	free(s->list);
	if (s->dir >= 0)
		close(s->dir);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* False: there are no more. They are added at the end and none leaves, so i stays the same one's.
 */
static bool copy_of(struct secrets *s, size_t i, struct known *out)
{
	bool there;

	pthread_mutex_lock(&s->lock);
	there = i < s->count;
	if (there)
		*out = s->list[i];
	pthread_mutex_unlock(&s->lock);
	return there;
}

void secrets_each(struct secrets *s,
                  void (*each)(void *ctx, const char *client_id, const struct secret *secret),
                  void *ctx)
{
	struct known k;

	for (size_t i = 0; copy_of(s, i, &k); i++)
		each(ctx, k.client_id, &k.secret);
	explicit_bzero(&k, sizeof(k));
}

/* --- writing --- */

/* The whole file as text; caller wipes and frees. Under the lock. */
static char *text_of(const struct secrets *s, size_t *len)
{
	char *text = malloc(s->count * LINE_BYTES + 1);

	*len = 0;
	for (size_t i = 0; text && i < s->count; i++)
		*len += (size_t)snprintf(text + *len, LINE_BYTES, "%s %s\n", s->list[i].client_id,
		                         s->list[i].secret.text);
	return text;
}

static bool write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0;
}

static enum status write_file(const struct secrets *s, const char *text, size_t len)
{
	int fd = store_file_create_tmp(s->dir, "secrets.tmp");
	bool ok = fd >= 0 && write_all(fd, text, len);

	if (fd >= 0)
		close(fd);
	if (!ok)
		return ST_IO;
	unlinkat(s->dir, "secrets.old", 0);
	if (linkat(s->dir, "secrets", s->dir, "secrets.old", 0) != 0 && errno != ENOENT)
		return ST_IO;
	return renameat(s->dir, "secrets.tmp", s->dir, "secrets") == 0 && fsync(s->dir) == 0 ? ST_OK
	                                                                                     : ST_IO;
}

enum status secrets_put(struct secrets *s, const char *client_id, const struct secret *secret)
{
	enum status st;
	char *text = NULL;
	size_t len = 0;

	IN_ROOM(ROOM_NET);
	pthread_mutex_lock(&s->lock);
	st = note(s, client_id, secret);
	if (st == ST_OK)
		text = text_of(s, &len);
	pthread_mutex_unlock(&s->lock);
	if (st != ST_OK)
		return st;
	if (!text)
		return ST_NOMEM;
	st = write_file(s, text, len);
	explicit_bzero(text, len);
	free(text);
	return st;
}

enum status secrets_keep(struct secrets *s, const struct log *log, const char *client_id,
                         const char *psk, struct secret *out)
{
	enum status st = secret_parse(psk, out);
	bool fails;

	IN_ROOM(ROOM_NET);
	if (st != ST_OK)
		return ST_INVALID;
	st = secrets_put(s, client_id, out);
	fails = st != ST_OK && st != ST_EXISTS;
	if (fails && !s->fails)
		log_line(log, LOG_ERROR,
		         "%s was registered, but its secret cannot be kept in store.dir (%s): it must "
		         "register again after a restart, and so must others until this is mended",
		         client_id, st == ST_IO ? strerror(errno) : status_text(st));
	s->fails = fails;
	return ST_OK;
}
