#include "tests/crash/starts.h"

#include "tests/crash/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The configuration of the world's broker, line by line. */
static bool write_conf(struct world *w, const char *path, int port, const char *more)
{
	char *from = text_fmt("%s/mosquitto.conf", lan_dir(w->lan)), *text = file_read(from);
	char *rest = text, *line;
	FILE *f = text ? fopen(path, "we") : NULL;

	while (f && (line = strsep(&rest, "\n"))) {
		if (port != 0 && strncmp(line, "listener ", 9) == 0)
			fprintf(f, "listener %d 127.0.0.1\n", port);
		else
			fprintf(f, "%s\n", line);
	}
	if (f)
		fprintf(f, "%s\n", more);
	free(from);
	free(text);
	return f && fclose(f) == 0;
}

bool start_begin(struct world *w, struct start *s, int port, const char *more)
{
	static char debian[] = "/usr/sbin/mosquitto", in_path[] = "mosquitto", flag[] = "-c";
	int n = w->starts++;

	*s = (struct start){
		.conf = text_fmt("%s/start-%d.conf", lan_dir(w->lan), n),
		.log = text_fmt("%s/start-%d.log", lan_dir(w->lan), n),
	};
	if (write_conf(w, s->conf, port, more)) {
		char *argv[] = { access(debian, X_OK) == 0 ? debian : in_path, flag, s->conf, NULL };

		s->proc = proc_start(argv, NULL, s->log);
	}
	return s->proc || world_broken(w, "another broker cannot be started");
}

bool start_failed(struct start *s, int timeout_ms)
{
	int status = 0;

	return proc_wait(s->proc, timeout_ms, &status) >= 0 && WIFEXITED(status) &&
	       WEXITSTATUS(status) != 0;
}

int start_lines(const struct start *s, const char *about)
{
	char *text = file_read(s->log), *rest = text, *line;
	int n = 0;

	while (rest && (line = strsep(&rest, "\n"))) {
		if (strstr(line, "hubgate: ") && strstr(line, about))
			n++;
	}
	free(text);
	return n;
}

void start_end(struct start *s)
{
	proc_free(s->proc);
	free(s->conf);
	free(s->log);
}

bool start_refused(struct world *w)
{
	struct start s;
	bool failed = start_begin(w, &s, 0, "") && start_failed(&s, WAIT_MS);
	int lines = start_lines(&s, w->store);

	start_end(&s);
	return (failed && lines == 1) ||
	       world_broken(w, "a start with a store that cannot be used %s, and %d lines name it",
	                    failed ? "failed" : "did not end by itself with a failure", lines);
}
