/* export: everything of this gateway into one sealed file, and the store marked as moved. Nothing
 * is marked before the file is whole and on the disk; the file gets its name after that. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/passphrase.h"
#include "cli/sealed_file.h"
#include "core/config/config_files.h"
#include "shadowstore/file/store_file.h"
#include "shadowstore/store.h"
#include "shadowstore/store_format.h"

enum {
	PATH_ROOM = 4200,
	BLOCK = 65536,
	WAIT_MS = 0, /* for a broker that is stopping: a person waits himself */
};

static const char help[] =
	"Usage: hubgate export [OPTION ...]\n"
	"\n"
	"Writes the configuration, the files it names, and store.dir (what waits for the hub,\n"
	"shadows, subscriptions, registered secrets) into one file, sealed with a passphrase.\n"
	"Stop the broker first. The store is marked as moved: it starts no more here, so that no\n"
	"message is sent twice, until `hubgate import --undo`.\n"
	"\n"
	"  --config FILE          hubgate.json (" CLI_CONFIG_FILE ")\n"
	"  -o, --output FILE      where to (hubgate-DEVICE-DATE.export in this directory)\n"
	"  --passphrase-file FILE its first line is the passphrase; else it is asked for\n"
	"\n"
	"Example:\n"
	"  sudo systemctl stop mosquitto && sudo hubgate export -o /media/stick/gateway.export\n";

struct export
{
	const char *config_path, *output, *passphrase_file;
	struct config cfg;
	char *full_config; /* the same, absolute; owned */
	char *text;        /* of hubgate.json, with its NUL; owned */
	size_t text_len;
	char passphrase[PASSPHRASE_MAX + 1];
	char name[PATH_ROOM], part[PATH_ROOM]; /* the file, and while it is not whole */
	struct store *store;
	struct sealed_file file;
	int fd;
	uint64_t files, bytes;
	char failed[PATH_ROOM]; /* what could not be read; "": the export could not be written */
};

/* --- arguments --- */

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "output", required_argument, NULL, 'o' },
	{ "passphrase-file", required_argument, NULL, 'p' },
	{ NULL, 0, NULL, 0 },
};

static int take_arguments(int argc, char **argv, struct export *e)
{
	int id;

	while ((id = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (id == 'c')
			e->config_path = optarg;
		else if (id == 'o')
			e->output = optarg;
		else if (id == 'p')
			e->passphrase_file = optarg;
		else
			return CLI_USAGE; /* getopt_long() has said what is wrong */
	}
	return optind == argc ? CLI_OK : cli_usage(&export_command, "takes no '%s'", argv[optind]);
}

/* --- entries --- */

/* The store is locked, and nobody else changes these: size bytes, or the export fails. */
static enum status put_bytes(struct export *e, int fd, uint64_t size)
{
	char block[BLOCK];
	enum status st = ST_OK;

	for (uint64_t done = 0; done < size && st == ST_OK;) {
		size_t want = size - done < sizeof block ? (size_t)(size - done) : sizeof block;
		ssize_t n = read(fd, block, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n < 0 ? errno : EIO; /* it became shorter */
			st = ST_IO;
			break;
		}
		st = sealed_file_put(&e->file, block, (size_t)n);
		if (st != ST_OK)
			e->failed[0] = '\0';
		done += (uint64_t)n;
	}
	explicit_bzero(block, sizeof block);
	return st;
}

static enum status put_open_file(struct export *e, int fd, enum archive_kind kind, const char *path)
{
	struct archive_head h = { .kind = kind, .path_len = strlen(path) };
	struct stat info;
	enum status st;

	if (fstat(fd, &info) != 0)
		return ST_IO;
	h.mode = info.st_mode & 07777;
	h.size = (uint64_t)info.st_size;
	h.mtime_s = info.st_mtim.tv_sec;
	st = sealed_file_put_head(&e->file, &h, path);
	if (st != ST_OK) {
		e->failed[0] = '\0';
		return st;
	}
	e->files++;
	e->bytes += h.size;
	return put_bytes(e, fd, h.size);
}

static enum status put_file(struct export *e, int dir, const char *name, enum archive_kind kind,
                            const char *path)
{
	/* Of a store only regular files; named files may be links, as Docker lays out secrets. */
	int fd = kind == ARCHIVE_STORE ? store_file_open(dir, name, O_RDONLY)
	                               : openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum status st;
	int error;

	snprintf(e->failed, sizeof e->failed, "%s", path);
	if (fd < 0)
		return ST_IO;
	st = put_open_file(e, fd, kind, path);
	error = errno;
	close(fd);
	errno = error;
	return st;
}

static enum status put_text(struct export *e, enum archive_kind kind, const char *path,
                            uint32_t mode, const char *text, size_t len)
{
	const struct archive_head h = { .kind = kind,
		                            .path_len = strlen(path),
		                            .mode = mode,
		                            .size = len,
		                            .mtime_s = (int64_t)time(NULL) };
	enum status st = sealed_file_put_head(&e->file, &h, path);

	e->failed[0] = '\0';
	return st == ST_OK ? sealed_file_put(&e->file, text, len) : st;
}

static void now_text(char out[32])
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static enum status put_info(struct export *e)
{
	char text[ARCHIVE_INFO_MAX], when[32], host[65] = "";
	int len;

	now_text(when);
	gethostname(host, sizeof host - 1);
	len = snprintf(text, sizeof text,
	               "store_format %d\nstore_dir %s\nconfig %s\ngateway %s/%s\nhost %s\ntime %s\n",
	               STORE_FORMAT, e->cfg.store.dir, e->full_config, e->cfg.gateway.product_id,
	               e->cfg.gateway.device_name, host, when);
	if (len < 0 || (size_t)len >= sizeof text)
		return ST_TOOBIG;
	return put_text(e, ARCHIVE_INFO, "", 0, text, (size_t)len);
}

/* hubgate.json names it as it stands here, or from its own directory. */
static enum archive_kind kind_of(const struct export *e, const char *path, const char **name)
{
	const char *slash = strrchr(e->full_config, '/');
	size_t len = slash ? (size_t)(slash - e->full_config) + 1 : 0;

	*name = path;
	if (strstr(e->text, path) || len == 0 || strncmp(path, e->full_config, len) != 0)
		return ARCHIVE_FILE;
	*name = path + len;
	return ARCHIVE_BESIDE;
}

struct named {
	struct export *e;
	const char **seen; /* owned array of borrowed paths */
	size_t count, room;
	enum status st;
};

static bool is_new(struct named *n, const char *path)
{
	for (size_t i = 0; i < n->count; i++) {
		if (strcmp(n->seen[i], path) == 0)
			return false;
	}
	if (n->count == n->room) {
		size_t room = n->room ? 2 * n->room : 16;
		const char **seen = realloc(n->seen, room * sizeof *seen);

		if (!seen) {
			n->st = ST_NOMEM;
			return false;
		}
		n->seen = seen;
		n->room = room;
	}
	n->seen[n->count++] = path;
	return true;
}

static bool put_named(void *ctx, const char *path)
{
	struct named *n = ctx;
	struct export *e = n->e;
	enum archive_kind kind;
	const char *name;

	if (!is_new(n, path))
		return n->st == ST_OK;
	kind = kind_of(e, path, &name);
	if (!archive_path_ok(kind, name, strlen(name))) {
		errno = EINVAL;
		snprintf(e->failed, sizeof e->failed, "%s", path);
		n->st = ST_IO;
		return false;
	}
	n->st = put_file(e, AT_FDCWD, path, kind, name);
	return n->st == ST_OK;
}

static enum status put_config(struct export *e)
{
	struct named n = { .e = e };
	enum status st = put_text(e, ARCHIVE_CONFIG, e->full_config, 0640, e->text, e->text_len);

	if (st == ST_OK && !config_files_each(&e->cfg, put_named, &n))
		st = n.st;
	free(n.seen);
	return st;
}

struct folder {
	struct export *e;
	int dir;
	const char *prefix; /* "", "journal/", "state/" */
};

static enum status put_store_file(void *ctx, const char *name)
{
	struct folder *f = ctx;
	char path[PATH_ROOM];
	struct stat info;

	snprintf(path, sizeof path, "%s%s", f->prefix, name);
	if (fstatat(f->dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
		return ST_IO;
	if (!S_ISREG(info.st_mode) || !archive_takes(name) ||
	    !archive_path_ok(ARCHIVE_STORE, path, strlen(path)))
		return ST_OK;
	return put_file(f->e, f->dir, name, ARCHIVE_STORE, path);
}

static enum status put_folder(struct export *e, const char *name, const char *prefix)
{
	struct folder f = { e, openat(store_dir(e->store), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		                prefix };
	enum status st;

	snprintf(e->failed, sizeof e->failed, "%s", name);
	if (f.dir < 0)
		return ST_IO;
	st = store_file_list(f.dir, put_store_file, &f);
	close(f.dir);
	return st;
}

static enum status put_all(struct export *e)
{
	enum status st = sealed_file_begin(&e->file, e->fd, e->passphrase);

	if (st == ST_OK)
		st = put_info(e);
	if (st == ST_OK)
		st = put_config(e);
	if (st == ST_OK)
		st = put_folder(e, ".", "");
	if (st == ST_OK)
		st = put_folder(e, "journal", "journal/");
	if (st == ST_OK)
		st = put_folder(e, "state", "state/");
	if (st == ST_OK)
		st = put_text(e, ARCHIVE_END, "", 0, "", 0);
	return st == ST_OK ? sealed_file_end(&e->file) : st;
}

/* --- the file --- */

static int name_file(struct export *e)
{
	struct stat info;
	char when[32];

	now_text(when);
	if (e->output)
		snprintf(e->name, sizeof e->name, "%.4100s", e->output);
	else
		snprintf(e->name, sizeof e->name, "hubgate-%s-%.10s.export", e->cfg.gateway.device_name,
		         when);
	snprintf(e->part, sizeof e->part, "%.4100s.part", e->name);
	if (lstat(e->name, &info) == 0)
		return cli_failed(&export_command, "%s is there already and is not touched", e->name);
	return CLI_OK;
}

static int open_part(struct export *e)
{
	if (unlink(e->part) == 0 || errno == ENOENT)
		e->fd = open(e->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (e->fd >= 0 && fchmod(e->fd, 0600) == 0)
		return CLI_OK;
	return cli_failed(&export_command, "%s cannot be written: %s", e->part, strerror(errno));
}

static bool sync_folder_of(const char *path)
{
	char folder[PATH_ROOM];
	char *slash;
	int fd, rc;

	snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	return rc == 0;
}

/* Marked first: at no moment there are two stores that would start. */
static int conclude(struct export *e)
{
	char line[PATH_ROOM], when[32], host[65] = "";

	now_text(when);
	gethostname(host, sizeof host - 1);
	snprintf(line, sizeof line, "%s by host %s to %.400s\n", when, host, e->name);
	if (!sync_folder_of(e->part) || store_format_move(store_dir(e->store), line) != ST_OK)
		return cli_failed(&export_command, "%s cannot be marked as moved: %s", e->cfg.store.dir,
		                  strerror(errno));
	if (rename(e->part, e->name) == 0 && sync_folder_of(e->name))
		return CLI_OK;
	cli_failed(&export_command, "%s cannot be named %s: %s", e->part, e->name, strerror(errno));
	store_format_move_back(store_dir(e->store));
	return CLI_FAILED;
}

static int write_file(struct export *e)
{
	int code = open_part(e);
	enum status st = code == CLI_OK ? put_all(e) : ST_IO;

	if (code == CLI_OK && st != ST_OK)
		code = cli_failed(&export_command, "%s cannot be %s: %s",
		                  e->failed[0] ? e->failed : e->part, e->failed[0] ? "read" : "written",
		                  st == ST_IO ? strerror(errno) : status_text(st));
	if (code == CLI_OK)
		code = conclude(e);
	if (e->fd >= 0) {
		close(e->fd);
		if (code != CLI_OK)
			unlink(e->part);
	}
	return code;
}

/* --- what is exported --- */

static int read_config(struct export *e)
{
	FILE *f;
	long len;

	e->full_config = realpath(e->config_path, NULL);
	f = e->full_config ? fopen(e->full_config, "re") : NULL;
	len = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
	if (len >= 0 && len <= CONFIG_BYTES_MAX)
		e->text = calloc(1, (size_t)len + 1);
	if (e->text && fseek(f, 0, SEEK_SET) == 0)
		e->text_len = fread(e->text, 1, (size_t)len, f);
	if (f)
		fclose(f);
	if (!e->text || e->text_len != (size_t)len)
		return cli_failed(&export_command, "%s cannot be read: %s", e->config_path,
		                  strerror(errno));
	return cli_load_config(&export_command, e->full_config, &e->cfg);
}

static void say(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	if (level != LOG_FINE)
		fprintf(stderr, "hubgate export: %s\n", line);
}

static int open_store(struct export *e)
{
	const struct log log = { .sink = say };
	const struct store_conf conf = {
		.dir = e->cfg.store.dir, .lock = e->cfg.store.lock, .wait_ms = WAIT_MS, .log = &log
	};
	struct stat info;
	enum status st;

	if (stat(e->cfg.store.dir, &info) != 0)
		return cli_failed(&export_command, "store.dir %s: %s", e->cfg.store.dir, strerror(errno));
	st = store_open(&conf, &e->store);
	if (st == ST_NOMEM)
		cli_failed(&export_command, "no memory");
	if (st == ST_DENIED)
		fprintf(stderr,
		        "hubgate export: the broker must be stopped, and this store be the living one\n");
	return st == ST_OK ? CLI_OK : CLI_FAILED;
}

static int go(struct export *e)
{
	int code = name_file(e);

	if (code == CLI_OK)
		code = open_store(e);
	if (code == CLI_OK)
		code = passphrase_get(&export_command, e->passphrase_file, true, e->passphrase);
	if (code == CLI_OK)
		code = write_file(e);
	store_close(e->store);
	if (code == CLI_OK)
		printf("written: %s (%" PRIu64 " files, %" PRIu64
		       " bytes); without its passphrase nobody can "
		       "read it\n"
		       "         %s is marked as moved and starts no more here\n"
		       "next:    on the new machine: hubgate import %s\n"
		       "back:    sudo hubgate import --undo, if it was imported nowhere\n",
		       e->name, e->files, e->bytes, e->cfg.store.dir, e->name);
	return code;
}

static int run(int argc, char **argv)
{
	struct export *e = calloc(1, sizeof *e);
	int code;

	if (!e)
		return cli_failed(&export_command, "no memory");
	e->config_path = CLI_CONFIG_FILE;
	e->fd = -1;
	code = take_arguments(argc, argv, e);
	if (code == CLI_OK)
		code = read_config(e);
	if (code == CLI_OK) {
		code = go(e);
		config_free(&e->cfg);
	}
	if (e->text)
		explicit_bzero(e->text, e->text_len);
	free(e->text);
	free(e->full_config);
	explicit_bzero(e, sizeof *e);
	free(e);
	return code;
}

const struct cli_command export_command = {
	.name = "export",
	.does = "everything of this gateway into one sealed file",
	.help = help,
	.run = run,
};
