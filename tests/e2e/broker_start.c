#include "tests/e2e/broker_start.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 20000

/* Exit codes above are those of signals and of the sanitizers. */
#define STATUS_MAX 98

void broker_init(struct broker *b)
{
	memset(b, 0, sizeof *b);
	b->dir = dir_make();
	b->log = text_fmt("%s/mosquitto.log", b->dir);
	b->port = port_free();
}

void broker_fini(struct broker *b)
{
	broker_stop(b);
	dir_remove(b->dir);
	free(b->dir);
	free(b->log);
}

char *broker_file(const struct broker *b, const char *name, const char *text, mode_t mode)
{
	char *path = text_fmt("%s/%s", b->dir, name);

	file_write(path, text, mode);
	return path;
}

/* Caller frees. */
static char *whole_conf(const struct broker *b, const struct broker_opts *o)
{
	char so[PATH_MAX] = "", *name = text_fmt("%s/mosquitto_hubgate.so", build_dir());
	char *ours = strdup(""), *all;

	if (o->plugin && realpath(name, so)) {
		free(ours);
		ours = text_fmt("plugin %s\nplugin_opt_config_file %s/hubgate.json\n", so, b->dir);
	}
	all = text_fmt("%slog_dest stderr\nlog_type all\nset_tcp_nodelay true\n%s%s%s\n",
	               geteuid() == 0 ? "user root\n" : "", o->head ? o->head : "", ours, o->conf);
	free(name);
	free(ours);
	return all;
}

bool broker_start(struct broker *b, const struct broker_opts *opts)
{
	static char debian[] = "/usr/sbin/mosquitto", in_path[] = "mosquitto";
	static char config[] = "-c", port_flag[] = "-p";
	char *text = whole_conf(b, opts), *conf = broker_file(b, "mosquitto.conf", text, 0644);
	char *port = text_fmt("%d", b->port);
	char *argv[] = { access(debian, X_OK) == 0 ? debian : in_path, config, conf,
		             opts->port_option ? port_flag : NULL,         port,   NULL };

	unlink(b->log);
	b->log_at = 0;
	b->proc = proc_start(argv, NULL, b->log);
	free(text);
	free(conf);
	free(port);
	return b->proc != NULL;
}

bool broker_stop(struct broker *b)
{
	bool well = true;

	if (!b->proc)
		return true;
	/* Told to end before it says that it runs it dies of it. */
	if (proc_alive(b->proc) && !file_await(b->log, " running\n", NULL, WAIT_MS))
		well = harness_failed("it never said that it runs: is log_type information missing?");
	proc_signal(b->proc, SIGTERM);
	well = proc_wait(b->proc, WAIT_MS, NULL) >= 0 && proc_ended_well(b->proc) &&
	       proc_never_said(b->proc, "hubgate: internal:") && well;
	proc_free(b->proc);
	b->proc = NULL;
	return well;
}

bool broker_log_await(struct broker *b, const char *substring)
{
	return file_await(b->log, substring, &b->log_at, WAIT_MS) ||
	       harness_failed("not logged: %s", substring);
}

bool broker_refused(struct broker *b)
{
	int status = 0;
	bool refused = proc_wait(b->proc, WAIT_MS, &status) >= 0 && WIFEXITED(status) &&
	               WEXITSTATUS(status) > 0 && WEXITSTATUS(status) <= STATUS_MAX;

	if (!refused)
		harness_failed("the broker did not refuse to start (status 0x%x)", (unsigned)status);
	proc_free(b->proc);
	b->proc = NULL;
	return refused;
}

bool broker_said(const struct broker *b, const char *text)
{
	char *log = file_read(b->log), *line = text_fmt(": hubgate: %s\n", text);
	bool found = log && strstr(log, line);

	if (!found)
		fprintf(stderr, "awaited the line\n%s---- in\n%s----\n", line, log ? log : "");
	free(log);
	free(line);
	return found;
}
