/* The commands of `hubgate`: from here come its --help, the man page and the completion. */
#include "cli/cli.h"

const struct cli_command *const cli_commands[] = {
	&init_command,      &check_command,          &probe_command,    &credentials_command,
	&status_command,    &watch_command,          &devices_command,  &device_command,
	&queue_command,     &dead_letters_command,   &bind_command,     &unbind_command,
	&online_command,    &offline_command,        &register_command, &shadow_command,
	&firmware_command,  &route_command,          &trace_command,    &reload_command,
	&log_level_command, &support_bundle_command, &export_command,   &import_command,
};

const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];
