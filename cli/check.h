/* check.h - what `hubgate check` looks at: named checks, each with cause and fix. One table per
 * subject; cli/check.c runs them in their order.
 */
#ifndef HUBGATE_CLI_CHECK_H
#define HUBGATE_CLI_CHECK_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/config/config.h"
#include "core/config/mosquitto_conf.h"

enum verdict {
	VERDICT_OK,
	VERDICT_WARN, /* works, but perhaps not as wanted */
	VERDICT_FAIL, /* does not work so */
	VERDICT_SKIP  /* cannot be told: something before it failed */
};

enum {
	CHECK_TEXT_MAX = 768
};

struct finding {
	enum verdict verdict;
	char cause[CHECK_TEXT_MAX];
	char fix[CHECK_TEXT_MAX]; /* "": nothing to do */
};

struct check_net;
struct cli_command;

struct check_facts {
	const struct cli_command *command; /* check itself, for who asks in its name */
	const char *config_path, *conf_path;
	const char *user; /* whom the broker runs as */
	uid_t uid;
	gid_t gid;
	bool user_known;

	bool have_config;
	struct config config; /* with have_config */
	struct config_report report;

	bool have_conf;
	struct mosquitto_conf conf; /* with have_conf */
	char conf_why[MOSQUITTO_CONF_WHY_MAX];

	struct check_net *net; /* what the online checks learn; NULL: offline */
};

struct check {
	const char *name;
	/* *out is VERDICT_OK with empty texts before. */
	void (*look)(const struct check_facts *f, struct finding *out);
};

struct check_table {
	const struct check *checks;
	size_t count;
};

extern const struct check_table check_files, check_broker, check_machine, check_store,
	check_firmware;
/* Online, in this order: each needs what the one before it learnt. */
extern const struct check_table check_network, check_hub, check_ports;

/* Sets verdict, fix and cause, a format: shortened when they do not fit. */
void check_says(struct finding *out, enum verdict verdict, const char *fix, const char *cause, ...)
	__attribute__((format(printf, 4, 5)));
/* The fix, where it holds names. */
void check_fix(struct finding *out, const char *fix, ...) __attribute__((format(printf, 2, 3)));

/* May the broker's user do this (access(2): R_OK, W_OK, X_OK) with path? 0, or an errno. Asked in a
 * child that becomes that user; without root's rights it answers for who calls. */
int check_user_may(const struct check_facts *f, const char *path, int mode);

#endif
