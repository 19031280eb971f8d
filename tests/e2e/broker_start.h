/* broker_start.h - a broker whose mosquitto.conf and hubgate.json are the test's own words, for
 * starts that fail and for configurations that lan_start() does not make. */
#ifndef HUBGATE_TESTS_BROKER_START_H
#define HUBGATE_TESTS_BROKER_START_H

#include "tests/harness/harness.h"

struct broker {
	char *dir, *log;
	struct proc *proc;
	int port; /* a free one, for the test's listener line or port_option */
	long log_at;
};

struct broker_opts {
	const char *head; /* lines before hubgate's; may be NULL */
	const char *conf; /* lines after hubgate's */
	bool plugin;      /* hubgate, with hubgate.json of the directory */
	bool port_option; /* mosquitto -p PORT: the broker stays in local only mode */
};

/* A directory and a port; nothing is started. */
void broker_init(struct broker *b);
void broker_fini(struct broker *b); /* ends it, and removes the directory */
/* The path; caller frees. */
char *broker_file(const struct broker *b, const char *name, const char *text, mode_t mode);
bool broker_start(struct broker *b, const struct broker_opts *opts);
bool broker_stop(struct broker *b); /* TERM; false when it did not end well */
/* Waits until the broker says so, from the last such line on. */
bool broker_log_await(struct broker *b, const char *substring);
/* Waits until the broker ended by itself with a failure of its own, no crash. */
bool broker_refused(struct broker *b);
/* True when a log line consists of "hubgate: " and the text. Dumps the log when not. */
bool broker_said(const struct broker *b, const char *text);

#endif
