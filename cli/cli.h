/* cli.h - what the subcommands of `hubgate` share: exit codes and how they complain.
 * The command is a process of its own: no room of the plugin, one thread, nothing outlives it.
 */
#ifndef HUBGATE_CLI_H
#define HUBGATE_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config/config.h"

enum { /* exit codes; part of the interface, stated by `hubgate --help` */
	CLI_OK = 0,
	CLI_FAILED = 1, /* what was asked for could not be done, or is not as it should be */
	CLI_USAGE = 2   /* the command line makes no sense */
};

#define CLI_CONFIG_FILE "/etc/mosquitto/hubgate.json"

struct cli_command {
	const char *name;
	const char *does; /* one line of the list */
	const char *help; /* usage, options, examples; ends with a newline */
	bool asks;        /* hubgate in a running broker: takes the options of cli/arguments.h too */
	/* argv[0] is the command's name. Returns an exit code. */
	int (*run)(int argc, char **argv);
};

extern const struct cli_command check_command, credentials_command, init_command, probe_command,
	export_command, import_command;
extern const struct cli_command status_command, watch_command, devices_command, device_command,
	queue_command, dead_letters_command, bind_command, unbind_command, online_command,
	offline_command, register_command, shadow_command, firmware_command, route_command,
	trace_command, reload_command, log_level_command, support_bundle_command;

/* All of them, in the order of the list that people see. */
extern const struct cli_command *const cli_commands[];
extern const size_t cli_command_count;

/* "hubgate COMMAND: ..." on standard error; returns CLI_USAGE or CLI_FAILED, for `return`. */
int cli_usage(const struct cli_command *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int cli_failed(const struct cli_command *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct cli_name { /* of a device */
	char product_id[PRODUCT_ID_LEN + 1], device_name[DEVICE_NAME_MAX + 1];
};

/* "PRODUCT_ID/DEVICE_NAME" into its two names. False: it is no such text. */
bool cli_split_name(const char *text, struct cli_name *out);
bool cli_is_port(const char *text); /* 1..65535, nothing but digits */

/* The same, or the complaint that text is none. */
int cli_take_name(const struct cli_command *c, const char *text, struct cli_name *out);

/* CLI_OK: the caller owns *out (config_free). Else the file's errors were told, a line each. */
int cli_load_config(const struct cli_command *c, const char *path, struct config *out);

#endif
