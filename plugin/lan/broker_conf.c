#include "plugin/lan/broker_conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"

enum {
	FILE_MAX = 1 << 20,
	CHUNK = 4096
};

struct reading {
	const char *base; /* where relative names start; "" = our own directory */
	char *why;
};

static enum status failed(const struct reading *r, const char *path)
{
	int cause = errno;

	snprintf(r->why, MOSQUITTO_CONF_WHY_MAX, "%.160s: %s", path, strerror(cause));
	if (cause == ENOENT || cause == ENOTDIR)
		return ST_NOTFOUND;
	return cause == EACCES || cause == EPERM ? ST_DENIED : ST_IO;
}

static enum status no_memory(const struct reading *r)
{
	snprintf(r->why, MOSQUITTO_CONF_WHY_MAX, "%s", status_text(ST_NOMEM));
	return ST_NOMEM;
}

/* Owned; NULL: no memory. */
static char *below(const char *dir, const char *name)
{
	char *out;

	if (*name == '/' || !*dir)
		return strdup(name);
	return asprintf(&out, "%s/%s", dir, name) < 0 ? NULL : out;
}

/* O_NONBLOCK: a FIFO in place of the file must not stop the broker. */
static enum status read_text(const struct reading *r, const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	unsigned char chunk[CHUNK];
	enum status st = ST_OK;
	ssize_t n;

	if (fd < 0)
		return failed(r, path);
	do {
		n = read(fd, chunk, sizeof chunk);
		if (n > 0)
			st = buf_add(out, chunk, (size_t)n);
	} while (st == ST_OK && (n > 0 || (n < 0 && errno == EINTR)));
	if (n < 0)
		st = failed(r, path);
	else if (st != ST_OK)
		snprintf(r->why, MOSQUITTO_CONF_WHY_MAX, "%.160s: %s", path, status_text(st));
	close(fd);
	return st;
}

static enum status read_conf(struct reading *r, struct mosquitto_conf *conf, const char *path,
                             mosquitto_conf_include_fn *include)
{
	struct buf text = BUF_MAX(FILE_MAX);
	enum status st = read_text(r, path, &text);

	if (st == ST_OK) {
		r->why[0] = '\0';
		st = mosquitto_conf_read(conf, path, (const char *)text.data, text.len, include, r);
		if (st != ST_OK && !r->why[0])
			snprintf(r->why, MOSQUITTO_CONF_WHY_MAX, "%.160s: %s", path, status_text(st));
	}
	buf_free(&text);
	return st;
}

/* ---- include_dir ---- */

static int is_included(const struct dirent *entry)
{
	return mosquitto_conf_is_included(entry->d_name);
}

static int in_order(const struct dirent **a, const struct dirent **b)
{
	return mosquitto_conf_order((*a)->d_name, (*b)->d_name);
}

static enum status include(void *ctx, struct mosquitto_conf *conf, const char *dir)
{
	struct reading *r = ctx;
	char *path = below(r->base, dir), *file;
	struct dirent **names = NULL;
	enum status st = ST_OK;
	int count = path ? scandir(path, &names, is_included, in_order) : 0;

	if (count < 0)
		st = failed(r, path);
	else if (!path)
		st = no_memory(r);
	for (int i = 0; i < count; i++) {
		file = st == ST_OK ? below(path, names[i]->d_name) : NULL;
		if (file)
			st = read_conf(r, conf, file, NULL);
		else if (st == ST_OK)
			st = no_memory(r);
		free(file);
		free(names[i]);
	}
	free(names);
	free(path);
	return st;
}

static enum status add_main(struct reading *r, struct mosquitto_conf *conf, const char *name)
{
	char *path = below(r->base, name);
	enum status st = path ? read_conf(r, conf, path, include) : no_memory(r);

	free(path);
	return st;
}

/* ---- the two ways to name the file ---- */

enum status broker_conf_read(const char *path, struct mosquitto_conf *out,
                             char why[MOSQUITTO_CONF_WHY_MAX])
{
	struct reading r = { .base = "", .why = why };
	enum status st;

	memset(out, 0, sizeof *out);
	st = add_main(&r, out, path);
	if (st != ST_OK)
		mosquitto_conf_free(out);
	return st;
}

/* args: NUL-terminated words, one after the other, the program's name first. */
static enum status read_named(struct reading *r, struct mosquitto_conf *conf, const char *args,
                              const char *end)
{
	const char *word = args + strlen(args) + 1;
	enum status st = ST_NOTFOUND;
	bool value = false;

	snprintf(r->why, MOSQUITTO_CONF_WHY_MAX, "the broker was started without -c FILE");
	for (; word < end; word += strlen(word) + 1) {
		if (!value) {
			value = strcmp(word, "-c") == 0 || strcmp(word, "--config-file") == 0;
			continue;
		}
		value = false;
		st = add_main(r, conf, word);
		if (st != ST_OK)
			return st;
	}
	return st;
}

enum status broker_conf_find(const char *proc, struct mosquitto_conf *out,
                             char why[MOSQUITTO_CONF_WHY_MAX])
{
	char *cmdline = below(proc, "cmdline"), *cwd = below(proc, "cwd");
	struct reading r = { .base = cwd, .why = why };
	struct buf args = BUF_MAX(FILE_MAX);
	enum status st;
	const char *text;

	memset(out, 0, sizeof *out);
	st = cmdline && cwd ? read_text(&r, cmdline, &args) : no_memory(&r);
	if (st == ST_OK) {
		text = buf_text(&args);
		st = text ? read_named(&r, out, text, text + args.len) : no_memory(&r);
	}
	if (st != ST_OK)
		mosquitto_conf_free(out);
	buf_free(&args);
	free(cmdline);
	free(cwd);
	return st;
}
