/* session.h - one run of a command that asks the plugin: its arguments, and the connection, which is
 * made when something is asked. What fails is told. */
#ifndef HUBGATE_CLI_SESSION_H
#define HUBGATE_CLI_SESSION_H

#include "cli/arguments.h"
#include "cli/control_call.h"

struct session {
	const struct cli_command *command;
	struct arguments arguments;
	struct control_call *call;
};

struct session_line { /* what a command line may hold */
	const struct argument *own;
	size_t count;
	int least, most;   /* texts besides options */
	const char *wants; /* what they are */
};

/* CLI_OK: the caller closes. line NULL: nothing of its own. */
int session_begin(const struct cli_command *c, int argc, char **argv,
                  const struct session_line *line, struct session *s);
void session_end(struct session *s);

/* As control_call_ask() and control_call_pages(). */
int session_ask(struct session *s, const char *command, cJSON *members, cJSON **data);
int session_pages(struct session *s, const char *command, const cJSON *members, const char *list,
                  cJSON **data);
/* About a device: text is PID/DNAME. */
int session_ask_device(struct session *s, const char *command, const char *text, cJSON **data);

/* Prints by show, or as JSON with --json; takes data. Returns code, or what printing says. */
int session_show(struct session *s, int code, cJSON *data, void (*show)(const cJSON *data));

#endif
