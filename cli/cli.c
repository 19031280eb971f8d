#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

#include "plugin/config_file.h"

__attribute__((format(printf, 3, 0))) static int complain(int code, const struct cli_command *c,
                                                          const char *format, va_list args)
{
	fprintf(stderr, "hubgate %s: ", c->name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	if (code == CLI_USAGE)
		fprintf(stderr, "hubgate %s --help tells what it takes\n", c->name);
	return code;
}

int cli_usage(const struct cli_command *c, const char *format, ...)
{
	va_list args;
	int code;

	va_start(args, format);
	code = complain(CLI_USAGE, c, format, args);
	va_end(args);
	return code;
}

int cli_failed(const struct cli_command *c, const char *format, ...)
{
	va_list args;
	int code;

	va_start(args, format);
	code = complain(CLI_FAILED, c, format, args);
	va_end(args);
	return code;
}

int cli_load_config(const struct cli_command *c, const char *path, struct config *out)
{
	struct config_report report;

	if (config_file_load(path, out, &report) == ST_OK)
		return CLI_OK;
	for (size_t i = 0; i < report.error_count; i++)
		cli_failed(c, "%s", report.errors[i]);
	return CLI_FAILED;
}
