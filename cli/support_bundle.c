/* support-bundle: all that somebody who helps wants to see, in one file, without secrets. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/archive.h"
#include "cli/redact.h"
#include "cli/session.h"
#include "cli/way_in.h"
#include "core/config/mosquitto_conf.h"

enum {
	TEXT_MAX = 16 << 20,
	LOG_MAX = 512 << 10, /* its end */
	CAPTURE_MS = 20000,
	TIMEOUT_S = 5,
	LIST_MAX = 100, /* dead letters */
	LISTING_MAX = 1 << 20
};

#define LOG_FILE "/var/log/mosquitto/mosquitto.log"

static const char help[] =
	"Usage: hubgate support-bundle [-o FILE] [OPTION ...]\n"
	"\n"
	"Collects what somebody who helps wants to see into one .tar.gz that only you can read:\n"
	"versions, hubgate.json and mosquitto.conf without secrets, status, devices, queue, the\n"
	"first dead letters, names and sizes of the files in store.dir, what hubgate check --offline\n"
	"says, and the end of the broker's log. Names of devices and topics, and addresses, are in it:\n"
	"look at it before you send it.\n"
	"What cannot be had is left out, and said in the file; the broker need not run.\n"
	"\n"
	"  -o, --output FILE     where to (hubgate-support-TIME.tar.gz); nothing is overwritten\n"
	"                        (the file of options is --options FILE here)\n"
	"  --log FILE            the broker's log (log_dest of mosquitto.conf, or\n"
	"                        " LOG_FILE ")\n"
	"\n"
	"Exit code 1 when the file cannot be written.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate support-bundle\n"
	"  sudo hubgate support-bundle -o /tmp/for-support.tar.gz\n";

struct bundle {
	const struct cli_command *command;
	const char *config, *log; /* log NULL: found in mosquitto.conf */
	char conf[WAY_IN_PATH_MAX], log_found[WAY_IN_PATH_MAX];
	struct redact *redact;
	struct archive *archive;
	bool whole; /* false: no memory */
};

/* --- parts --- */

static void put(struct bundle *b, const char *name, const char *text, size_t len)
{
	struct buf clean = BUF_MAX(2 * TEXT_MAX);

	if (redact_text(b->redact, text, len, &clean) == ST_OK)
		archive_add(b->archive, name, clean.data ? clean.data : (const unsigned char *)"",
		            clean.len);
	else
		b->whole = false;
	buf_free(&clean);
}

static void put_text(struct bundle *b, const char *name, const char *text)
{
	put(b, name, text, strlen(text));
}

/* "NAME.missing" with the reason. */
static void put_missing(struct bundle *b, const char *name, const char *why)
{
	char missing[100];

	snprintf(missing, sizeof missing, "%.80s.missing", name);
	put_text(b, missing, why);
}

/* The last `max` bytes of a file. 0, or an errno. */
static int read_end(const char *path, off_t max, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = 0;
	unsigned char chunk[16384];
	off_t size;
	ssize_t n = 0;

	if (fd < 0)
		return errno;
	size = lseek(fd, 0, SEEK_END);
	if (size > max)
		lseek(fd, size - max, SEEK_SET);
	else if (size >= 0)
		lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, chunk, sizeof chunk)) > 0 && error == 0)
		error = buf_add(out, chunk, (size_t)n) == ST_OK ? 0 : EFBIG;
	if (n < 0)
		error = errno;
	close(fd);
	explicit_bzero(chunk, sizeof chunk);
	return error;
}

static void wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

/* --- the two configurations --- */

/* name, seen from the folder of hubgate.json. */
static void from_config(const struct bundle *b, const char *name, char out[WAY_IN_PATH_MAX])
{
	const char *slash = strrchr(b->config, '/');
	int folder = *name != '/' && slash ? (int)(slash - b->config) + 1 : 0;

	snprintf(out, WAY_IN_PATH_MAX, "%.*s%s", folder, b->config, name);
}

/* Secrets in files count by lines too: a key's are many. */
static void learn_lines(struct redact *r, const struct buf *text)
{
	const char *at = (const char *)text->data, *end = at + text->len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);

		if (len > 0 && at[len - 1] == '\r')
			len--;
		redact_learn(r, at, len);
		at = newline ? newline + 1 : end;
	}
}

static bool learn_holder(void *ctx, struct redact *r, const char *name, bool environment)
{
	const struct bundle *b = ctx;
	const char *value = environment ? getenv(name) : NULL;
	struct buf text = BUF_MAX(TEXT_MAX);
	char path[WAY_IN_PATH_MAX];
	int error;

	if (environment)
		return value && redact_learn(r, value, strlen(value));
	from_config(b, name, path);
	error = read_end(path, TEXT_MAX, &text);
	if (text.len > 0)
		learn_lines(r, &text);
	wipe(&text);
	return error == 0 || error == EACCES;
}

static void put_config(struct bundle *b)
{
	struct buf text = BUF_MAX(TEXT_MAX), clean = BUF_MAX(2 * TEXT_MAX);
	int error = read_end(b->config, TEXT_MAX, &text);
	enum status st = ST_OK;

	if (error != 0)
		put_missing(b, "hubgate.json", strerror(error));
	else
		st = redact_config(b->redact, (const char *)text.data, text.len, learn_holder, b, &clean);
	if (st != ST_OK)
		put_missing(b, "hubgate.json", "it is no JSON: what is secret in it cannot be told");
	else if (error == 0)
		put(b, "hubgate.json", (const char *)clean.data, clean.len);
	wipe(&text);
	buf_free(&clean);
}

/* The token of a broker that runs opens it. */
static void learn_token(struct bundle *b)
{
	char store[WAY_IN_PATH_MAX], path[WAY_IN_PATH_MAX + 16];
	char why[WAY_IN_WHY_MAX];
	struct buf text = BUF_MAX(TEXT_MAX);

	if (way_in_store(b->config, store, why) != ST_OK)
		return;
	snprintf(path, sizeof path, "%s/control.token", store);
	if (read_end(path, 4096, &text) == 0 && text.len > 0)
		learn_lines(b->redact, &text);
	wipe(&text);
}

/* The value of an option's last line; false: there is none. */
static bool find_option(const char *text, const char *option, char out[WAY_IN_PATH_MAX])
{
	size_t len = strlen(option);
	bool found = false;

	for (const char *line = text; line && *line;) {
		const char *newline = strchr(line, '\n');

		if (strncmp(line, option, len) == 0 && line[len] == ' ') {
			snprintf(out, WAY_IN_PATH_MAX, "%.*s",
			         (int)(newline ? newline - line - (long)len - 1 : 4000), line + len + 1);
			found = true;
		}
		line = newline ? newline + 1 : NULL;
	}
	return found;
}

/* A file of the broker's configuration, as `name`; its include_dir, if wanted. */
static void put_mosquitto(struct bundle *b, const char *path, const char *name,
                          char include_dir[WAY_IN_PATH_MAX])
{
	struct buf text = BUF_MAX(TEXT_MAX), clean = BUF_MAX(2 * TEXT_MAX);
	int error = read_end(path, TEXT_MAX, &text);

	if (error != 0) {
		put_missing(b, name, strerror(error));
	} else if (redact_mosquitto(b->redact, (const char *)text.data, text.len, &clean) == ST_OK &&
	           buf_text(&clean)) {
		put(b, name, buf_text(&clean), clean.len);
		find_option(buf_text(&clean), "log_dest file", b->log_found);
		if (include_dir)
			find_option(buf_text(&clean), "include_dir", include_dir);
	}
	wipe(&text);
	buf_free(&clean);
}

static int is_included(const struct dirent *entry)
{
	return mosquitto_conf_is_included(entry->d_name);
}

static int in_order(const struct dirent **a, const struct dirent **b)
{
	return mosquitto_conf_order((*a)->d_name, (*b)->d_name);
}

static void put_mosquittos(struct bundle *b)
{
	char dir[WAY_IN_PATH_MAX] = "", path[2 * WAY_IN_PATH_MAX], name[100];
	struct dirent **entries = NULL;
	int count;

	put_mosquitto(b, b->conf, "mosquitto.conf", dir);
	count = *dir ? scandir(dir, &entries, is_included, in_order) : 0;
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
		snprintf(name, sizeof name, "conf.d/%.80s", entries[i]->d_name);
		put_mosquitto(b, path, name, NULL);
		free(entries[i]);
	}
	free(entries);
}

/* --- what this program says --- */

static void hear(int fd, struct buf *out)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char chunk[4096];
	ssize_t n;

	while (poll(&p, 1, CAPTURE_MS) > 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
		buf_add(out, chunk, (size_t)n);
}

/* This very program with other arguments; both its outputs. */
static void put_own(struct bundle *b, const char *name, char *const argv[])
{
	struct buf text = BUF_MAX(TEXT_MAX);
	int ends[2] = { -1, -1 };
	pid_t child;

	fflush(stdout);
	child = pipe2(ends, O_CLOEXEC) == 0 ? fork() : -1;
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	if (child < 0) {
		put_missing(b, name, strerror(errno));
		return;
	}
	close(ends[1]);
	hear(ends[0], &text);
	close(ends[0]);
	waitpid(child, NULL, 0);
	put(b, name, text.data ? (const char *)text.data : "", text.len);
	buf_free(&text);
}

static void put_versions(struct bundle *b)
{
	static char program[] = "hubgate", version[] = "version";
	struct buf text = BUF_MAX(TEXT_MAX);
	struct utsname machine;

	put_own(b, "version.txt", (char *[]){ program, version, NULL });
	if (uname(&machine) == 0)
		buf_addf(&text, "%s %s %s\n", machine.sysname, machine.release, machine.machine);
	read_end("/etc/os-release", TEXT_MAX, &text);
	put(b, "system.txt", (const char *)text.data, text.len);
	buf_free(&text);
}

static void put_check(struct bundle *b)
{
	static char program[] = "hubgate", check[] = "check", offline[] = "--offline",
				option[] = "--mosquitto";
	char config[WAY_IN_PATH_MAX];

	snprintf(config, sizeof config, "%s", b->config);
	put_own(b, "check.txt", (char *[]){ program, check, offline, config, option, b->conf, NULL });
}

/* --- what the plugin says --- */

static const struct asked {
	const char *file, *command;
	int count; /* 0: not told */
} asked[] = {
	{ "status.json", "status", 0 },
	{ "hub.json", "getHub", 0 },
	{ "queue.json", "listQueue", LIST_MAX },
	{ "devices.json", "listDevices", 0 },
	{ "dead-letters.json", "listDeadLetters", LIST_MAX },
	{ "firmware.json", "listFirmware", 0 },
};

static int ask_for(struct control_call *call, const struct asked *a, cJSON **data)
{
	cJSON *members = cJSON_CreateObject();
	int code;

	if (a->count > 0)
		cJSON_AddNumberToObject(members, "count", a->count);
	if (strcmp(a->command, "listDevices") != 0)
		return control_call_ask(call, a->command, members, data);
	code = control_call_pages(call, a->command, members, "devices", data);
	cJSON_Delete(members);
	return code;
}

static void put_answer(struct bundle *b, const char *name, const cJSON *data)
{
	char *text = cJSON_Print(data);

	if (text)
		put_text(b, name, text);
	free(text);
}

/* When the first one has no answer, none has. */
static void put_answers(struct bundle *b, const struct control_link *link)
{
	struct control_call *call = NULL;
	char why[WAY_IN_WHY_MAX];

	if (control_call_open(b->command, link, why, &call) != CLI_OK) {
		put_missing(b, "status.json", why);
		return;
	}
	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
		cJSON *data = NULL;

		if (ask_for(call, &asked[i], &data) == CLI_OK)
			put_answer(b, asked[i].file, data);
		else
			put_missing(b, asked[i].file, why);
		if (!data && i == 0)
			break;
		cJSON_Delete(data);
	}
	control_call_close(call);
}

/* --- the store, by names and sizes --- */

static struct buf *listing; /* nftw() has no context */

static int list_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	char when[32] = "";
	struct tm utc;

	(void)at;
	gmtime_r(&info->st_mtime, &utc);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
	buf_addf(listing, "%04o %u %10lld %s %s%s\n", (unsigned)info->st_mode & 07777,
	         (unsigned)info->st_uid, (long long)info->st_size, when, path,
	         kind == FTW_DNR ? " (cannot be read)" : "");
	return listing->len > LISTING_MAX;
}

static void put_store(struct bundle *b)
{
	char store[WAY_IN_PATH_MAX], why[WAY_IN_WHY_MAX];
	struct buf text = BUF_MAX(TEXT_MAX);
	struct statvfs disk;

	if (way_in_store(b->config, store, why) != ST_OK) {
		put_missing(b, "store.txt", why);
		return;
	}
	if (statvfs(store, &disk) == 0)
		buf_addf(&text, "disk: %llu of %llu KiB free\n",
		         (unsigned long long)disk.f_bavail * disk.f_frsize / 1024,
		         (unsigned long long)disk.f_blocks * disk.f_frsize / 1024);
	listing = &text;
	nftw(store, list_one, 16, FTW_PHYS | FTW_MOUNT);
	put(b, "store.txt", text.data ? (const char *)text.data : "", text.len);
	buf_free(&text);
}

/* --- the log --- */

static void put_log(struct bundle *b)
{
	const char *path = b->log ? b->log : *b->log_found ? b->log_found : LOG_FILE;
	struct buf text = BUF_MAX(TEXT_MAX);
	int error = read_end(path, LOG_MAX, &text);
	char why[WAY_IN_PATH_MAX + 200];

	snprintf(why, sizeof why, "%.4000s: %s; where is it? --log FILE (or journalctl -u mosquitto)",
	         path, strerror(error));
	if (error == 0)
		put(b, "log.txt", text.data ? (const char *)text.data : "", text.len);
	else
		put_missing(b, "log.txt", why);
	buf_free(&text);
}

/* --- all of it --- */

static const char about[] =
	"Made by hubgate support-bundle. Secrets are left out: where one stood it says (secret).\n"
	"NAME.missing says why NAME could not be had.\n";

/* The configurations first: what is secret in them is looked for in all that follows. */
static void fill(struct bundle *b, const struct control_link *link)
{
	learn_token(b);
	if (link->password)
		redact_learn(b->redact, link->password, strlen(link->password));
	put_text(b, "README.txt", about);
	put_config(b);
	put_mosquittos(b);
	put_versions(b);
	put_check(b);
	put_store(b);
	put_answers(b, link);
	put_log(b);
}

static int make(struct bundle *b, const struct control_link *link, const char *path)
{
	int code;

	way_in_conf(b->config, b->conf);
	b->redact = redact_new();
	b->archive = b->redact ? archive_open(path) : NULL;
	if (!b->archive) {
		code = cli_failed(b->command, "%s: %s", path, b->redact ? strerror(errno) : "no memory");
		redact_free(b->redact);
		return code;
	}
	b->whole = true;
	fill(b, link);
	code = archive_close(b->archive) && b->whole
	           ? CLI_OK
	           : cli_failed(b->command, "%s: not written: the disk is full, or there is no gzip",
	                        path);
	redact_free(b->redact);
	return code;
}

static void name_it(char out[64])
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(out, 64, "hubgate-support-%Y%m%d-%H%M%S.tar.gz", &utc);
}

static int run(int argc, char **argv)
{
	const char *path = NULL, *log = NULL;
	const struct argument own[] = {
		{ "output", 'o', ARGUMENT_TEXT, &path, 0, 0 },
		{ "log", 0, ARGUMENT_TEXT, &log, 0, 0 },
	};
	struct session s;
	char name[64];
	int code = session_begin(&support_bundle_command, argc, argv,
	                         &(struct session_line){ .own = own, .count = 2, .wants = "" }, &s);

	if (code != CLI_OK)
		return code;
	name_it(name);
	if (!path)
		path = name;
	if (s.arguments.link.timeout_s > TIMEOUT_S)
		s.arguments.link.timeout_s = TIMEOUT_S;
	code = make(&(struct bundle){ .command = &support_bundle_command,
	                              .config = s.arguments.link.config ? s.arguments.link.config
	                                                                : CLI_CONFIG_FILE,
	                              .log = log },
	            &s.arguments.link, path);
	session_end(&s);
	if (code == CLI_OK)
		printf("%s\nLook at it before you send it: it names devices, topics and addresses.\n",
		       path);
	return code;
}

const struct cli_command support_bundle_command = {
	.name = "support-bundle",
	.does = "all that somebody who helps wants to see, without secrets",
	.help = help,
	.asks = true,
	.run = run,
};
