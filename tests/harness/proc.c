#include "tests/harness/harness.h"
#include "tests/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_MS   5
#define DUMP_TAIL 6000

struct proc {
	struct proc *next;
	pid_t pid;
	bool ended;
	int status;
	char *log;
};

static struct proc *all;
static bool bad_exit;

static bool is_broker(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *name = slash ? slash + 1 : program;

	return strcmp(name, "mosquitto") == 0 || strcmp(name, "hubsim") == 0;
}

static void become(char *const argv[], const char *out, const char *log, pid_t parent)
{
	const char *preload = getenv("HUBGATE_PRELOAD");
	int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int out_fd = out ? open(out, O_WRONLY | O_CREAT | O_APPEND, 0600) : log_fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || log_fd < 0 || out_fd < 0)
		_exit(126);
	if (preload && *preload && is_broker(argv[0]))
		setenv("LD_PRELOAD", preload, 1);
	dup2(out_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

struct proc *proc_start(char *const argv[], const char *out, const char *log)
{
	struct proc *p = calloc(1, sizeof *p);
	pid_t parent = getpid();

	if (!p)
		return NULL;
	p->log = strdup(log);
	p->pid = fork();
	if (p->pid == 0)
		become(argv, out, log, parent);
	if (p->pid < 0 || !p->log) {
		free(p->log);
		free(p);
		return NULL;
	}
	p->next = all;
	all = p;
	return p;
}

pid_t proc_pid(const struct proc *p)
{
	return p ? p->pid : -1;
}

bool proc_alive(struct proc *p)
{
	if (!p)
		return false;
	if (!p->ended && waitpid(p->pid, &p->status, WNOHANG) == p->pid)
		p->ended = true;
	return !p->ended;
}

void proc_signal(struct proc *p, int signal)
{
	if (proc_alive(p))
		kill(p->pid, signal);
}

int proc_wait(struct proc *p, int timeout_ms, int *status)
{
	int64_t start = now_ms();

	while (proc_alive(p)) {
		if (now_ms() - start > timeout_ms)
			return -1;
		poll(NULL, 0, 1);
	}
	if (status)
		*status = p ? p->status : 0;
	return (int)(now_ms() - start);
}

static void fail_program(void)
{
	fflush(NULL);
	_exit(EXIT_FAILURE);
}

static void fail_at_exit(void)
{
	if (!bad_exit)
		atexit(fail_program);
	bad_exit = true;
}

bool proc_never_said(struct proc *p, const char *substring)
{
	char *text = file_read(p->log);
	const char *said = text ? strstr(text, substring) : NULL;

	if (said) {
		fail_at_exit();
		harness_failed("pid %d said: %.*s", (int)p->pid, (int)strcspn(said, "\n"), said);
	}
	free(text);
	return !said;
}

bool proc_ended_well(struct proc *p)
{
	if (!p || proc_alive(p) || (WIFEXITED(p->status) && WEXITSTATUS(p->status) == 0))
		return true;
	fail_at_exit();
	return harness_failed("pid %d ended with status 0x%x", (int)p->pid, (unsigned)p->status);
}

void proc_free(struct proc *p)
{
	struct proc **at = &all;

	if (!p)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	proc_signal(p, SIGKILL);
	proc_wait(p, 5000, NULL);
	free(p->log);
	free(p);
}

static void dump(const struct proc *p)
{
	char *text = file_read(p->log);
	size_t len = text ? strlen(text) : 0;

	fprintf(stderr, "---- %s (pid %d%s)\n%s", p->log, (int)p->pid, p->ended ? ", ended" : "",
	        len > DUMP_TAIL ? text + len - DUMP_TAIL
	        : text          ? text
	                        : "");
	free(text);
}

bool harness_failed(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("harness: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	for (struct proc *p = all; p; p = p->next) {
		proc_alive(p);
		dump(p);
	}
	fputs("----\n", stderr);
	return false;
}

int port_free(void)
{
	return port_pick();
}

static bool accepts(int port, const char *path)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (path)
		snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	rc = path ? connect(fd, (struct sockaddr *)&un, sizeof un)
	          : connect(fd, (struct sockaddr *)&in, sizeof in);
	close(fd);
	return rc == 0;
}

bool port_await(struct proc *p, int port, const char *path, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (!accepts(port, path)) {
		if (p && !proc_alive(p))
			return harness_failed("process ended before it listened on %d%s", port,
			                      path ? path : "");
		if (now_ms() > end)
			return harness_failed("nobody listens on %d%s", port, path ? path : "");
		poll(NULL, 0, POLL_MS);
	}
	return true;
}
