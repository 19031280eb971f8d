/* What the broker's user may do, and how findings are worded. */
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/check.h"

static int become(const struct check_facts *f)
{
	return initgroups(f->user, f->gid) == 0 && setgid(f->gid) == 0 && setuid(f->uid) == 0 ? 0
	                                                                                      : errno;
}

int check_user_may(const struct check_facts *f, const char *path, int mode)
{
	int status, error = 0;
	pid_t child;

	if (geteuid() != 0 || !f->user_known || f->uid == 0)
		return access(path, mode) == 0 ? 0 : errno;
	child = fork();
	if (child < 0)
		return errno;
	if (child == 0) {
		error = become(f);
		if (error == 0 && access(path, mode) != 0)
			error = errno;
		_exit(error);
	}
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

void check_says(struct finding *out, enum verdict verdict, const char *fix, const char *cause, ...)
{
	va_list args;

	out->verdict = verdict;
	check_fix(out, "%s", fix);
	va_start(args, cause);
	vsnprintf(out->cause, sizeof out->cause, cause, args);
	va_end(args);
}

void check_fix(struct finding *out, const char *fix, ...)
{
	va_list args;

	va_start(args, fix);
	vsnprintf(out->fix, sizeof out->fix, fix, args);
	va_end(args);
}
