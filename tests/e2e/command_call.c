#include "tests/e2e/command_call.h"

#include <stdlib.h>
#include <sys/wait.h>

#include "tests/e2e/scene.h"

enum {
	CALL_MS = 4 * WAIT_MS /* longer than any command waits for a network */
};

void command_call_free(struct command_call *c)
{
	dir_remove(c->dir);
	free(c->dir);
	free(c->out);
	free(c->err);
}

struct command_call command_call(const char *arguments)
{
	return command_call_with("", arguments);
}

struct command_call command_call_with(const char *variables, const char *arguments)
{
	struct command_call c = { .dir = dir_make(), .code = -1 };
	char *out = text_fmt("%s/out", c.dir), *err = text_fmt("%s/err", c.dir);
	char *line = text_fmt("exec env %s %s/hubgate %s", variables, build_dir(), arguments);
	char sh[] = "sh", option[] = "-c", *argv[] = { sh, option, line, NULL };
	struct proc *p = proc_start(argv, out, err);
	int status = 0;

	if (p && proc_wait(p, CALL_MS, &status) >= 0 && WIFEXITED(status))
		c.code = WEXITSTATUS(status);
	proc_free(p);
	c.out = file_read(out);
	c.err = file_read(err);
	free(out);
	free(err);
	free(line);
	return c;
}
