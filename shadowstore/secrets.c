#include "shadowstore/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LINE_BYTES = CLIENT_ID_MAX + SECRET_TEXT_MAX + 8,
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

/* ST_OK: read, *bad lines were none; ST_NOTFOUND: no such file; ST_IO. */
static enum status read_file(struct secrets *s, const char *name, size_t *bad)
{
	int fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC);
	char line[LINE_BYTES];
	FILE *f;

	if (fd < 0)
		return errno == ENOENT ? ST_NOTFOUND : ST_IO;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return ST_NOMEM;
	}
	while (fgets(line, sizeof(line), f)) {
		size_t len = strcspn(line, "\n");
		bool whole = line[len] == '\n';

		line[len] = '\0';
		*bad += !whole || !take_line(s, line);
	}
	explicit_bzero(line, sizeof(line));
	fclose(f);
	return ST_OK;
}

enum status secrets_open(const char *dir, const struct log *log, struct secrets **out)
{
	struct secrets *s = calloc(1, sizeof(*s));
	enum status st;
	size_t bad = 0;

	if (!s)
		return ST_NOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	st = s->dir < 0 ? ST_IO : read_file(s, "secrets", &bad);
	if (st == ST_NOTFOUND || (st == ST_OK && bad > 0)) {
		size_t old = 0;
		enum status before = st;

		st = read_file(s, "secrets.old", &old);
		if (st == ST_OK || bad > 0)
			log_line(log, LOG_WARN,
			         "%s/secrets %s; what the copy before it knows is used, the rest is "
			         "registered again",
			         dir, before == ST_OK ? "has lines that are none" : "is gone");
		st = st == ST_NOTFOUND ? ST_OK : st;
	}
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

enum status secrets_get(struct secrets *s, const char *client_id, struct secret *out)
{
	const struct known *k;

	pthread_mutex_lock(&s->lock);
	k = find(s, client_id);
	if (k)
		*out = k->secret;
	pthread_mutex_unlock(&s->lock);
	return k ? ST_OK : ST_NOTFOUND;
}

void secrets_each(struct secrets *s,
                  void (*each)(void *ctx, const char *client_id, const struct secret *secret),
                  void *ctx)
{
	for (size_t i = 0; i < s->count; i++)
		each(ctx, s->list[i].client_id, &s->list[i].secret);
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
	int fd = openat(s->dir, "secrets.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write_all(fd, text, len);

	if (fd >= 0)
		close(fd);
	if (!ok)
		return ST_IO;
	unlinkat(s->dir, "secrets.old", 0);
	if (linkat(s->dir, "secrets", s->dir, "secrets.old", 0) != 0 && errno != ENOENT)
		return ST_IO;
	return renameat(s->dir, "secrets.new", s->dir, "secrets") == 0 && fsync(s->dir) == 0 ? ST_OK
	                                                                                     : ST_IO;
}

enum status secrets_put(struct secrets *s, const char *client_id, const struct secret *secret)
{
	enum status st;
	char *text = NULL;
	size_t len = 0;

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
