/* A gateway moves: `hubgate export` here, `hubgate import` there, and everything that waited
 * arrives once. The store is a sample (tests/samples/README.md): it has messages, shadows,
 * registered secrets. */
#include "tests/e2e/broker_start.h"
#include "tests/e2e/command_call.h"
#include "tests/e2e/sample_store.h"
#include "tests/runner.h"

#include <poll.h>
#include <pty.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLE     "tests/samples/store-format-2"
#define OLD_SAMPLE "tests/samples/store-02e6fb7"
#define SHADOW     "$shadow/operation/" PRODUCT "/dev1"
#define RESULT     "$shadow/operation/result/" PRODUCT "/dev1"

enum {
	KILLS = 10,
	SMALL_FILE = 4096,
	CUTS = 6,
};

/* --- two places --- */

struct move {
	char *dir;       /* of all below */
	char *from, *to; /* the stores */
	char *config;    /* of the old place: beside it a file that it names */
	char *new_config;
	char *file, *pass;
};

static const char *own_name(void)
{
	const struct passwd *entry = getpwuid(geteuid());

	return entry ? entry->pw_name : "root";
}

static void shell(const char *command)
{
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

static struct move move_from(const char *sample)
{
	struct move m = { .dir = dir_make() };
	char *text;

	m.from = text_fmt("%s/old", m.dir);
	m.to = text_fmt("%s/new/store", m.dir);
	m.config = text_fmt("%s/etc/hubgate.json", m.dir);
	m.new_config = text_fmt("%s/new/etc/hubgate.json", m.dir);
	m.file = text_fmt("%s/gateway.export", m.dir);
	m.pass = text_fmt("%s/pass", m.dir);
	text = text_fmt("mkdir -p %s/etc/secrets %s/new && cp -R %s/. %s && chmod -R go= %s", m.dir,
	                m.dir, sample, m.from, m.from);
	shell(text);
	free(text);
	text = text_fmt("{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	                "\"secret_file\":\"secrets/gw\"},\"store\":{\"dir\":\"%s\",\"max_age_s\":0}}",
	                m.from);
	CU_ASSERT_FATAL(file_write(m.config, text, 0600));
	free(text);
	text = text_fmt("%s/etc/secrets/gw", m.dir);
	CU_ASSERT_FATAL(file_write(text, "Z2F0ZXdheS1vbmUtcHNrIQ==\n", 0600));
	free(text);
	CU_ASSERT_FATAL(file_write(m.pass, "correct horse battery\n", 0600));
	return m;
}

static struct move move_begin(void)
{
	return move_from(SAMPLE);
}

static void move_end(struct move *m)
{
	dir_remove(m->dir);
	free(m->dir);
	free(m->from);
	free(m->to);
	free(m->config);
	free(m->new_config);
	free(m->file);
	free(m->pass);
}

static bool is_there(const char *dir, const char *name)
{
	char *path = text_fmt("%s/%s", dir, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* Its exit code; said: what must be in its words, NULL: anything. */
static int call(char *line, const char *said)
{
	struct command_call c = command_call(line);
	int code = c.code;

	if (said && !strstr(c.err, said) && !strstr(c.out, said))
		code =
			harness_failed("hubgate %s said\n%s%s----\nand not: %s", line, c.out, c.err, said) - 1;
	command_call_free(&c);
	free(line);
	return code;
}

static char *export_line(const struct move *m)
{
	return text_fmt("export --config %s -o %s --passphrase-file %s", m->config, m->file, m->pass);
}

static int export_it(const struct move *m, const char *said)
{
	return call(export_line(m), said);
}

static char *import_line(const struct move *m)
{
	return text_fmt("import %s --config %s --store %s --user %s --passphrase-file %s", m->file,
	                m->new_config, m->to, own_name(), m->pass);
}

static int import_it(const struct move *m, const char *said)
{
	return call(import_line(m), said);
}

static bool nothing_came(const struct move *m)
{
	return !is_there(m->to, "state.db") && !is_there(m->to, "arrived") &&
	       access(m->new_config, F_OK) != 0;
}

/* --- what arrives --- */

static void expect_each_once(struct scene *s)
{
	struct dev *dev[SAMPLE_DEVICES];
	const struct dev_message *m;

	for (int i = 0; i < SAMPLE_DEVICES; i++) /* dev3 by the secret of its registration */
		dev[i] = sample_login(s, &sample_devices[i]);
	CU_ASSERT_EQUAL(dev_subscribe(dev[0], RESULT, 0), 0);
	CU_ASSERT(dev_publish(dev[0], SHADOW, "{\"type\":\"get\",\"clientToken\":\"t-2\"}", 0));
	m = dev_await_message(dev[0], RESULT, WAIT_MS);
	CU_ASSERT(m && strstr(m->payload, SAMPLE_REPORTED));
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(scene_await_metric(s, "messages_queued", 0));
	for (int i = 0; i < SAMPLE_DEVICES; i++) {
		const struct sample_device *d = &sample_devices[i];

		for (int seq = d->delivered + 1; seq <= d->accepted; seq++) {
			const cJSON *ev = scene_await_publish(s, d->event, WAIT_MS);
			const char *payload = cJSON_GetStringValue(cJSON_GetObjectItem(ev, "payload"));
			char *expected = text_fmt("{\"seq\":%d}", seq);

			CU_ASSERT_STRING_EQUAL(payload ? payload : "", expected);
			free(expected);
		}
		CU_ASSERT_EQUAL(sim_count_events(s->sim, "ev", "publish", "topic", d->event, NULL),
		                d->accepted - d->delivered);
		dev_disconnect(dev[i]);
	}
}

static void move_sample(const char *sample)
{
	struct move m = move_from(sample);
	char *member = text_fmt("\"dir\":\"%s\",\"max_age_s\":0", m.to);
	const struct sample_opts opts = { .store = member };
	struct stat info;
	char *text;
	struct scene s;

	CU_ASSERT_EQUAL(export_it(&m, "marked as moved"), 0);
	CU_ASSERT(stat(m.file, &info) == 0 && (info.st_mode & 07777) == 0600);
	CU_ASSERT_EQUAL(import_it(&m, "imported"), 0);
	CU_ASSERT_FALSE(is_there(m.to, "arrived") || is_there(m.to, "arriving"));
	text = file_read(m.new_config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, m.to));
	CU_ASSERT_PTR_NULL(strstr(text, m.from));
	free(text);
	text = text_fmt("%s/new/etc/secrets/gw", m.dir); /* hubgate.json names it from where it is */
	CU_ASSERT(stat(text, &info) == 0 && (info.st_mode & 07777) == 0600);
	free(text);
	CU_ASSERT_EQUAL(call(text_fmt("credentials GWPRODUCT1/gw1 --config %s", m.new_config), NULL),
	                0);
	s = sample_scene(&opts);
	expect_each_once(&s);
	scene_end(&s);
	free(member);
	move_end(&m);
}

static void gateway_moves_and_everything_that_waited_arrives_once(void)
{
	move_sample(SAMPLE);
}

static void store_of_format_1_moves_too(void)
{
	move_sample(OLD_SAMPLE);
}

/* --- the old place --- */

static void refused_at_start(const struct move *m, const char *said)
{
	char *listener, *log;
	struct broker b;
	struct broker_opts opts = { .plugin = true };

	broker_init(&b);
	log = file_read(m->config);
	free(broker_file(&b, "hubgate.json", log, 0600));
	free(log);
	log = text_fmt("mkdir %s/secrets && cp %s/etc/secrets/gw %s/secrets", b.dir, m->dir, b.dir);
	shell(log);
	free(log);
	listener = text_fmt("listener %d 127.0.0.1\nallow_anonymous true", b.port);
	opts.conf = listener;
	CU_ASSERT_FATAL(broker_start(&b, &opts));
	CU_ASSERT(broker_refused(&b));
	log = file_read(b.log);
	CU_ASSERT(log && (strstr(log, said) || harness_failed("the broker did not say %s", said)));
	free(log);
	free(listener);
	broker_fini(&b);
}

static void store_that_went_away_starts_no_more_until_it_is_taken_back(void)
{
	struct move m = move_begin();

	CU_ASSERT_EQUAL(export_it(&m, NULL), 0);
	refused_at_start(&m, "if it was imported nowhere: hubgate import --undo");
	CU_ASSERT_EQUAL(unlink(m.file), 0);
	CU_ASSERT_EQUAL(export_it(&m, "was exported"), 1); /* nor a second time */
	CU_ASSERT_NOT_EQUAL(access(m.file, F_OK), 0);
	CU_ASSERT_EQUAL(call(text_fmt("import --undo --config %s", m.config), "starts here again"), 0);
	CU_ASSERT_FALSE(is_there(m.from, "MOVED"));
	CU_ASSERT_EQUAL(call(text_fmt("import --undo --store %s", m.from), "nothing to undo"), 1);
	CU_ASSERT_EQUAL(export_it(&m, "marked as moved"), 0);
	move_end(&m);
}

static void store_that_a_broker_has_is_not_exported(void)
{
	struct move m = move_begin();
	char *member = text_fmt("\"dir\":\"%s\",\"max_age_s\":0", m.from);
	const struct sample_opts opts = { .store = member };
	struct scene s = sample_scene(&opts);

	CU_ASSERT_EQUAL(export_it(&m, "the broker must be stopped"), 1);
	CU_ASSERT_FALSE(is_there(m.from, "MOVED"));
	CU_ASSERT_NOT_EQUAL(access(m.file, F_OK), 0);
	scene_end(&s);
	free(member);
	move_end(&m);
}

/* --- the file --- */

static void no_secret_and_no_message_can_be_read_in_an_export(void)
{
	static const char *const canaries[] = { "Z2F0ZXdheS1vbmUtcHNrIQ==",
		                                    "ZGV2aWNlLXRocmVlLXBzaw==",
		                                    "{\"seq\":",
		                                    "SUBPRODUC1",
		                                    "gw1",
		                                    "secrets" };
	struct move m = move_begin();

	CU_ASSERT_EQUAL(export_it(&m, NULL), 0);
	for (size_t i = 0; i < sizeof canaries / sizeof canaries[0]; i++) {
		char *grep = text_fmt("! grep -qaF '%s' %s && grep -qraF '%s' %s/old %s/etc", canaries[i],
		                      m.file, canaries[i], m.dir, m.dir);

		shell(grep);
		free(grep);
	}
	move_end(&m);
}

static void wrong_passphrase_is_told_and_nothing_comes(void)
{
	struct move m = move_begin();

	CU_ASSERT_EQUAL(export_it(&m, NULL), 0);
	CU_ASSERT(file_write(m.pass, "correct horse batters\n", 0600));
	CU_ASSERT_EQUAL(import_it(&m, "is not the passphrase"), 1);
	CU_ASSERT(nothing_came(&m));
	CU_ASSERT_EQUAL(chmod(m.pass, 0644), 0);
	CU_ASSERT_EQUAL(import_it(&m, "every user may use it"), 1);
	CU_ASSERT(file_write(m.pass, "short\n", 0600));
	CU_ASSERT_EQUAL(chmod(m.pass, 0600), 0);
	CU_ASSERT_EQUAL(unlink(m.file), 0);
	CU_ASSERT_EQUAL(call(text_fmt("import --undo --store %s", m.from), NULL), 0);
	CU_ASSERT_EQUAL(export_it(&m, "at least 12 characters"), 1);
	CU_ASSERT_FALSE(is_there(m.from, "MOVED"));
	move_end(&m);
}

static long size_of(const char *path)
{
	struct stat info;

	CU_ASSERT_EQUAL_FATAL(stat(path, &info), 0);
	return (long)info.st_size;
}

static void flip(const char *path, long at)
{
	FILE *f = fopen(path, "r+e");
	int byte;

	CU_ASSERT_FATAL(f != NULL && fseek(f, at, SEEK_SET) == 0);
	byte = fgetc(f);
	CU_ASSERT_FATAL(fseek(f, at, SEEK_SET) == 0 && fputc(byte ^ 1, f) != EOF && fclose(f) == 0);
}

static void cut_or_changed_file_is_found_before_anything_is_written(void)
{
	struct move m = move_begin();
	long size;

	CU_ASSERT_EQUAL(export_it(&m, NULL), 0);
	size = size_of(m.file);
	for (int i = 1; i <= CUTS; i++) {
		long at = 64 + (size - 64) * i / (CUTS + 1);

		flip(m.file, at);
		CU_ASSERT_EQUAL(import_it(&m, "is damaged or not whole"), 1);
		flip(m.file, at);
		CU_ASSERT(nothing_came(&m));
	}
	CU_ASSERT_EQUAL(truncate(m.file, size - 1), 0);
	CU_ASSERT_EQUAL(import_it(&m, "is damaged or not whole"), 1);
	CU_ASSERT_EQUAL(truncate(m.file, 64), 0);
	CU_ASSERT_EQUAL(import_it(&m, "is damaged or not whole"), 1);
	CU_ASSERT_EQUAL(truncate(m.file, 63), 0);
	CU_ASSERT_EQUAL(import_it(&m, "is no export of hubgate"), 1);
	CU_ASSERT(nothing_came(&m));
	move_end(&m);
}

static void export_of_a_format_to_come_is_refused_with_both_numbers(void)
{
	struct move m = move_begin();

	CU_ASSERT_EQUAL(export_it(&m, NULL), 0);
	flip(m.file, 9); /* of the version */
	CU_ASSERT_EQUAL(import_it(&m, "has format 257, this hubgate knows 1"), 1);
	CU_ASSERT(nothing_came(&m));
	move_end(&m);
}

/* --- the new place --- */

static void what_is_there_already_is_not_touched(void)
{
	struct move m = move_begin();
	char *text;

	CU_ASSERT_EQUAL(export_it(&m, NULL), 0);
	text = text_fmt("mkdir -p %s/journal && echo x >%s/journal/acks", m.to, m.to);
	shell(text);
	free(text);
	CU_ASSERT_EQUAL(import_it(&m, "is not empty"), 1);
	text = text_fmt("rm -rf %s && mkdir %s/new/etc && echo '{}' >%s", m.to, m.dir, m.new_config);
	shell(text);
	free(text);
	CU_ASSERT_EQUAL(import_it(&m, "is there already and is another one"), 1);
	text = file_read(m.new_config);
	CU_ASSERT_STRING_EQUAL(text ? text : "", "{}\n");
	free(text);
	CU_ASSERT_NOT_EQUAL(access(m.to, F_OK), 0);
	move_end(&m);
}

static void expect_owner(const char *dir, const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	char *path = text_fmt("%s/%s", dir, name);
	struct stat info;

	CU_ASSERT_EQUAL_FATAL(lstat(path, &info), 0);
	if (info.st_uid != uid || info.st_gid != gid || (info.st_mode & 07777) != mode)
		CU_FAIL("");
	free(path);
}

/* Only root can give files away. */
static void imported_files_are_the_brokers_and_nobody_elses(void)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam("nobody") : NULL;
	struct move m = move_begin();
	uid_t uid;
	gid_t gid;

	if (user) {
		uid = user->pw_uid;
		gid = user->pw_gid;
		CU_ASSERT_EQUAL(export_it(&m, NULL), 0);
		CU_ASSERT_EQUAL(call(text_fmt("import %s --config %s --store %s --user nobody "
		                              "--passphrase-file %s",
		                              m.file, m.new_config, m.to, m.pass),
		                     NULL),
		                0);
		expect_owner(m.to, ".", uid, gid, 0700);
		expect_owner(m.to, "journal", uid, gid, 0700);
		expect_owner(m.to, "journal/acks", uid, gid, 0600);
		expect_owner(m.to, "secrets", uid, gid, 0600);
		expect_owner(m.to, "lock", uid, gid, 0600);
		expect_owner(m.dir, "new/etc/hubgate.json", 0, gid, 0640);
		expect_owner(m.dir, "new/etc/secrets/gw", uid, gid, 0600);
	}
	move_end(&m);
}

/* As on a full disk: no file may become longer. */
static void small_files(bool small)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	signal(SIGXFSZ, small ? SIG_IGN : SIG_DFL);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = small ? SMALL_FILE : limit.rlim_max;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void disk_that_takes_no_more_leaves_nothing_half_done(void)
{
	struct move m = move_begin();
	char *part = text_fmt("%s.part", m.file);

	small_files(true);
	CU_ASSERT_EQUAL(export_it(&m, "cannot be written"), 1);
	small_files(false);
	CU_ASSERT_FALSE(is_there(m.from, "MOVED"));
	CU_ASSERT(access(m.file, F_OK) != 0 && access(part, F_OK) != 0);
	CU_ASSERT_EQUAL(export_it(&m, NULL), 0);
	small_files(true);
	CU_ASSERT_EQUAL(import_it(&m, "cannot be written"), 1);
	small_files(false);
	CU_ASSERT(nothing_came(&m));
	CU_ASSERT_FALSE(is_there(m.to, "arriving"));
	CU_ASSERT_EQUAL(import_it(&m, "imported"), 0);
	free(part);
	move_end(&m);
}

/* Runs hubgate LINE, killed at its system call number stops / 2 (0: never). How many stops there
 * were. */
static long traced(char *line, long stops)
{
	char *whole = text_fmt("exec %s/hubgate %s >/dev/null 2>&1", build_dir(), line);
	pid_t child = fork();
	int status = 0;
	long n = 0;

	if (child == 0) {
		const char *options = getenv("ASAN_OPTIONS");
		char *more = text_fmt("%s%sdetect_leaks=0", options ? options : "", options ? ":" : "");

		setenv("ASAN_OPTIONS", more, 1); /* it does not work under a tracer */
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execl("/bin/sh", "sh", "-c", whole, (char *)NULL);
		_exit(127);
	}
	free(line);
	free(whole);
	CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
	while (WIFSTOPPED(status) && (stops == 0 || n < stops)) {
		if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child)
			break;
		n++;
	}
	if (WIFSTOPPED(status)) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	return n;
}

static void start_anew(const struct move *m)
{
	char *text = text_fmt("rm -rf %s/new && mkdir %s/new", m->dir, m->dir);

	shell(text);
	free(text);
}

/* Either nothing came, or all that is needed is there and the same call ends it. */
static void kill_and_go_on(const struct move *m, long stops)
{
	char *same;
	bool whole;

	start_anew(m);
	traced(import_line(m), stops);
	whole = is_there(m->to, "state.db") && !is_there(m->to, "arrived");
	CU_ASSERT(is_there(m->to, "arrived") || whole || nothing_came(m));
	if (!whole)
		CU_ASSERT_EQUAL(import_it(m, "imported"), 0);
	same = text_fmt("diff -r -x lock -x arriving %s/reference %s/new", m->dir, m->dir);
	shell(same);
	free(same);
}

static void import_that_is_killed_anywhere_leaves_nothing_or_goes_on(void)
{
	struct move m = move_begin();
	char *text = text_fmt("mv %s/new %s/reference", m.dir, m.dir);
	long all;

	CU_ASSERT_EQUAL(export_it(&m, NULL), 0);
	all = traced(import_line(&m), 0);
	CU_ASSERT_FATAL(is_there(m.to, "state.db"));
	shell(text);
	for (int i = 1; i <= KILLS; i++) /* the second half: before it only reads */
		kill_and_go_on(&m, all / 2 + all * i / (2 * (KILLS + 1)));
	free(text);
	move_end(&m);
}

/* Either the store lives on here, or the file is whole. */
static void kill_the_export(const struct move *m, long stops)
{
	char *text = text_fmt("if [ -e %s.part ]; then mv %s.part %s; fi", m->file, m->file, m->file);

	traced(export_line(m), stops);
	if (is_there(m->from, "MOVED")) {
		shell(text);
		start_anew(m);
		CU_ASSERT_EQUAL(import_it(m, "imported"), 0);
		CU_ASSERT_EQUAL(call(text_fmt("import --undo --store %s", m->from), NULL), 0);
	} else {
		CU_ASSERT_NOT_EQUAL(access(m->file, F_OK), 0);
		CU_ASSERT_EQUAL(export_it(m, "marked as moved"), 0);
		CU_ASSERT_EQUAL(call(text_fmt("import --undo --store %s", m->from), NULL), 0);
	}
	unlink(m->file);
	free(text);
}

static void export_that_is_killed_anywhere_has_marked_nothing_or_is_whole(void)
{
	struct move m = move_begin();
	long all = traced(export_line(&m), 0);

	CU_ASSERT(is_there(m.from, "MOVED"));
	CU_ASSERT_EQUAL(call(text_fmt("import --undo --store %s", m.from), NULL), 0);
	unlink(m.file);
	for (int i = 0; i < KILLS; i++) /* the last of them: where it is decided */
		kill_the_export(&m, i < KILLS / 2 ? all * (i + 4) / KILLS : all - 8 * (KILLS - i));
	move_end(&m);
}

/* --- a person --- */

/* What the terminal shows until `part` is there, added to shown. */
static bool await_shown(int tty, char *shown, size_t size, const char *part)
{
	int64_t end_ms = now_ms() + WAIT_MS;
	size_t len = strlen(shown);

	while (!strstr(shown, part) && now_ms() < end_ms && len + 1 < size) {
		struct pollfd fd = { .fd = tty, .events = POLLIN };
		ssize_t n = poll(&fd, 1, 100) > 0 ? read(tty, shown + len, size - len - 1) : 0;

		if (n < 0)
			break;
		len += (size_t)n;
		shown[len] = '\0';
	}
	return strstr(shown, part) || harness_failed("the terminal shows no %s:\n%s", part, shown);
}

/* The rest of it, until nobody has the terminal any more. */
static void await_end(int tty, char *shown, size_t size)
{
	size_t len = strlen(shown);
	ssize_t n;

	while (len + 1 < size && (n = read(tty, shown + len, size - len - 1)) > 0)
		len += (size_t)n;
	shown[len] = '\0';
}

static int export_at_a_terminal(const struct move *m, const char *second, char *shown, size_t size)
{
	char *command =
		text_fmt("exec %s/hubgate export --config %s -o %s", build_dir(), m->config, m->file);
	int tty = -1, status = 0;
	pid_t child = forkpty(&tty, NULL, NULL, NULL);

	if (child == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	free(command);
	CU_ASSERT_FATAL(child > 0);
	*shown = '\0';
	CU_ASSERT(await_shown(tty, shown, size, "Passphrase: "));
	CU_ASSERT_EQUAL(write(tty, "correct horse battery\n", 22), 22);
	CU_ASSERT(await_shown(tty, shown, size, "Once more: "));
	CU_ASSERT_EQUAL(write(tty, second, strlen(second)), (ssize_t)strlen(second));
	await_shown(tty, shown, size,
	            strcmp(second, "correct horse battery\n") == 0 ? "back:" : "hubgate");
	await_end(tty, shown, size);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	close(tty);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void passphrase_is_asked_for_twice_and_never_shown(void)
{
	struct move m = move_begin();
	char shown[8192];

	CU_ASSERT_EQUAL(export_at_a_terminal(&m, "correct horse batters\n", shown, sizeof shown), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(shown, "two passphrases"));
	CU_ASSERT_EQUAL(export_at_a_terminal(&m, "\003", shown, sizeof shown), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(shown, "no passphrase was given"));
	CU_ASSERT_FALSE(is_there(m.from, "MOVED"));
	CU_ASSERT_EQUAL(export_at_a_terminal(&m, "correct horse battery\n", shown, sizeof shown), 0);
	CU_ASSERT_PTR_NULL(strstr(shown, "horse"));
	CU_ASSERT_EQUAL(import_it(&m, "imported"), 0);
	move_end(&m);
}

SUITE(export, TEST(gateway_moves_and_everything_that_waited_arrives_once),
      TEST(store_of_format_1_moves_too), TEST(imported_files_are_the_brokers_and_nobody_elses),
      TEST(store_that_went_away_starts_no_more_until_it_is_taken_back),
      TEST(store_that_a_broker_has_is_not_exported),
      TEST(no_secret_and_no_message_can_be_read_in_an_export),
      TEST(wrong_passphrase_is_told_and_nothing_comes),
      TEST(cut_or_changed_file_is_found_before_anything_is_written),
      TEST(export_of_a_format_to_come_is_refused_with_both_numbers),
      TEST(what_is_there_already_is_not_touched),
      TEST(disk_that_takes_no_more_leaves_nothing_half_done),
      TEST(export_that_is_killed_anywhere_has_marked_nothing_or_is_whole),
      TEST(passphrase_is_asked_for_twice_and_never_shown),
      TEST(import_that_is_killed_anywhere_leaves_nothing_or_goes_on))
