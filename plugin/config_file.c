#include "plugin/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/lan/certificate.h"

enum {
	OTHERS = 007,
	OTHERS_WRITE = 002,
	CHUNK = 16384,
	PEM_MAX = 4 << 20 /* a system's CAs are some 200 KiB */
};

static enum status status_of_errno(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return ST_NOTFOUND;
	case EACCES:
	case EPERM:
		return ST_DENIED;
	case ENOMEM:
		return ST_NOMEM;
	default:
		return ST_IO;
	}
}

bool config_file_in_container(void)
{
	const char *container = getenv("HUBGATE_CONTAINER");

	return container && strcmp(container, "1") == 0;
}

/* Docker and Kubernetes mount secrets readable to all. In a container that is the
 * gateway alone; writable to all stays refused. */
static mode_t forbidden_to_others(void)
{
	return config_file_in_container() ? OTHERS_WRITE : OTHERS;
}

/* ST_DENIED with the sentence when others may use the file at path. */
static enum status closed_to_others(const char *path, mode_t mode, char *why, size_t why_size)
{
	if (!(mode & forbidden_to_others()))
		return ST_OK;
	snprintf(why, why_size,
	         "holds a secret, but every user may use it (mode %04o); run: chmod 0640 %.200s "
	         "(a container secret: give it mode 0440)",
	         (unsigned)(mode & 07777), path);
	return ST_DENIED;
}

static enum status read_to_end(int fd, struct buf *out)
{
	unsigned char chunk[CHUNK];
	enum status st = ST_OK;
	ssize_t n;

	do {
		n = read(fd, chunk, sizeof chunk);
		if (n > 0)
			st = buf_add(out, chunk, (size_t)n);
	} while (st == ST_OK && (n > 0 || (n < 0 && errno == EINTR)));
	explicit_bzero(chunk, sizeof chunk);
	return n < 0 ? ST_IO : st;
}

static void why_unreadable(const char *path, char *why, size_t why_size)
{
	const char *reason = strerror(errno);

	if (errno == EACCES)
		snprintf(why, why_size,
		         "cannot be read by user id %u: %s; run: chgrp %u %.200s && chmod 0640 %.200s",
		         (unsigned)geteuid(), reason, (unsigned)getegid(), path, path);
	else
		snprintf(why, why_size, "cannot be read by user id %u: %s", (unsigned)geteuid(), reason);
}

/* O_NONBLOCK: a FIFO in place of the file must not stop the broker. */
static enum status read_regular(const char *path, struct buf *out, mode_t *mode, char *why,
                                size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum status st = ST_OK;
	struct stat info;

	if (fd < 0 || fstat(fd, &info) != 0) {
		st = status_of_errno();
		why_unreadable(path, why, why_size);
	} else if (!S_ISREG(info.st_mode)) {
		st = ST_INVALID;
		snprintf(why, why_size, "is not a regular file; name one");
	} else {
		*mode = info.st_mode;
		st = read_to_end(fd, out);
		if (st != ST_OK)
			snprintf(why, why_size, "%s (at most %zu bytes are read)", status_text(st), out->max);
	}
	if (fd >= 0)
		close(fd);
	return st;
}

static enum status read_secret(void *ctx, const char *path, struct buf *out, char *why,
                               size_t why_size)
{
	char detail[512];
	mode_t mode = 0;
	enum status st;

	(void)ctx;
	st = read_regular(path, out, &mode, detail, sizeof detail);
	if (st == ST_OK)
		st = closed_to_others(path, mode, detail, sizeof detail);
	if (st != ST_OK)
		snprintf(why, why_size, "%.100s %s", path, detail);
	return st;
}

/* Digests of something else would only be refused by the hub. */
static enum status is_certificate(const char *path, char *why, size_t why_size)
{
	struct buf bytes = BUF_MAX(CERTIFICATE_BYTES_MAX);
	enum status st;
	mode_t mode;

	st = read_regular(path, &bytes, &mode, why, why_size);
	if (st == ST_OK && !certificate_is_any(bytes.data, bytes.len)) {
		snprintf(why, why_size,
		         "%.140s is no certificate; name the file that the console gave for the device",
		         path);
		st = ST_INVALID;
	}
	buf_free(&bytes);
	return st;
}

static enum status read_certificate(void *ctx, const char *path, struct device_certificate *out,
                                    char *why, size_t why_size)
{
	enum status st = certificate_read(path, out);

	(void)ctx;
	if (st == ST_OK)
		return is_certificate(path, why, why_size);
	if (st == ST_IO)
		snprintf(why, why_size, "%.160s cannot be read by user id %u: %s", path,
		         (unsigned)geteuid(), strerror(errno));
	else
		snprintf(why, why_size, "%.160s: %s", path, status_text(st));
	return st;
}

static enum status is_timely(enum config_pem what, const char *path, const struct buf *pem,
                             char *why, size_t why_size)
{
	switch (certificate_time(pem->data, pem->len, what == CONFIG_PEM_CA)) {
	case CERTIFICATE_OVER:
		snprintf(why, why_size,
		         "%.140s has expired by this machine's clock: the hub cannot be reached with it; "
		         "get a new one%s, or set the clock",
		         path, what == CONFIG_PEM_CA ? "" : " from the console");
		return ST_STATE;
	case CERTIFICATE_LATER:
		snprintf(why, why_size,
		         "%.140s is not valid yet by this machine's clock: the hub cannot be reached with "
		         "it; set the clock",
		         path);
		return ST_STATE;
	case CERTIFICATE_NOW:
	default:
		return ST_OK;
	}
}

static enum status holds_certificate(enum config_pem what, const char *path, const struct buf *pem,
                                     char *why, size_t why_size)
{
	if (certificate_is_pem(pem->data, pem->len))
		return is_timely(what, path, pem, why, why_size);
	snprintf(why, why_size, "%.140s holds no certificate (PEM); %s", path,
	         what == CONFIG_PEM_CA
	             ? "name the file of the hub's CA, or leave ca_file out for those "
	               "of the system"
	             : "download it from the console again");
	return ST_INVALID;
}

static enum status holds_key(const char *path, const struct buf *pem, const struct buf *certificate,
                             char *why, size_t why_size)
{
	switch (certificate_key_fits(pem->data, pem->len, certificate->data, certificate->len)) {
	case CERTIFICATE_KEY_FITS:
		return ST_OK;
	case CERTIFICATE_KEY_OTHER:
		snprintf(why, why_size, "%.140s is not the key of cert_file; take both from one download",
		         path);
		return ST_INVALID;
	case CERTIFICATE_KEY_NONE:
	default:
		snprintf(why, why_size,
		         "%.140s holds no private key (PEM) that opens without a passphrase; download it "
		         "from the console again",
		         path);
		return ST_INVALID;
	}
}

static enum status check_pem(void *ctx, enum config_pem what, const char *path,
                             const char *certificate, char *why, size_t why_size)
{
	struct buf pem = BUF_MAX(PEM_MAX), cert = BUF_MAX(PEM_MAX);
	char detail[512];
	mode_t mode = 0;
	enum status st;

	(void)ctx;
	st = read_regular(path, &pem, &mode, detail, sizeof detail);
	if (st != ST_OK)
		snprintf(why, why_size, "%.100s %s", path, detail);
	else if (what != CONFIG_PEM_KEY)
		st = holds_certificate(what, path, &pem, why, why_size);
	else if (read_regular(certificate, &cert, &mode, detail, sizeof detail) == ST_OK)
		st = holds_key(path, &pem, &cert, why, why_size);
	if (pem.data)
		explicit_bzero(pem.data, pem.cap);
	buf_free(&pem);
	buf_free(&cert);
	return st;
}

static const char *environment(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static void only_error(struct config_report *report, const char *path, const char *why)
{
	memset(report, 0, sizeof *report);
	report->error_count = 1;
	snprintf(report->errors[0], CONFIG_LINE_MAX, "%.120s: %.380s", path, why);
}

enum status config_file_load_with(const char *path, const char *remote, size_t remote_len,
                                  struct config *out, struct config_report *report)
{
	struct config_source src = { .name = path,
		                         .remote = remote,
		                         .remote_len = remote_len,
		                         .read_file = read_secret,
		                         .get_env = environment,
		                         .read_certificate = read_certificate,
		                         .check_pem = check_pem };
	struct buf text = BUF_MAX(CONFIG_BYTES_MAX);
	char why[CONFIG_LINE_MAX];
	mode_t mode = 0;
	enum status st;

	memset(out, 0, sizeof *out);
	st = read_regular(path, &text, &mode, why, sizeof why);
	if (st != ST_OK) {
		only_error(report, path, why);
		goto out;
	}
	src.text = (const char *)text.data;
	src.len = text.len;
	st = config_parse(&src, out, report);
	if (st != ST_OK || !out->inline_secrets)
		goto out;
	st = closed_to_others(path, mode, why, sizeof why);
	if (st != ST_OK) {
		only_error(report, path, why);
		config_free(out);
	}
out:
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_free(&text);
	return st;
}

enum status config_file_load(const char *path, struct config *out, struct config_report *report)
{
	return config_file_load_with(path, NULL, 0, out, report);
}

struct journal_limits config_file_limits(const struct config_store *c)
{
	return (struct journal_limits){
		.max_messages = c->max_messages,
		.max_bytes = c->max_bytes,
		.device_share = c->device_share,
		.flush_ms = c->flush_ms,
		.policy = c->policy == STORE_REFUSE ? JOURNAL_REFUSE : JOURNAL_DROP_OLDEST,
	};
}
