/* command_call.h - one call of the command `hubgate`, as a user types it. */
#ifndef HUBGATE_TESTS_COMMAND_CALL_H
#define HUBGATE_TESTS_COMMAND_CALL_H

struct command_call {
	char *dir, *out, *err; /* what it wrote */
	int code;              /* -1: it was killed, or did not end */
};

/* hubgate ARGUMENTS by a shell, which takes them apart. The caller frees. */
struct command_call command_call(const char *arguments);
/* The same with NAME=VALUE ... in its environment. */
struct command_call command_call_with(const char *variables, const char *arguments);
void command_call_free(struct command_call *c);

#endif
