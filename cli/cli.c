#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

bool cli_split_name(const char *text, struct cli_name *out)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : 0;

	if (!slash || !credential_product_id_ok(text, len) ||
	    !credential_device_name_ok(slash + 1, strlen(slash + 1)))
		return false;
	memcpy(out->product_id, text, PRODUCT_ID_LEN);
	out->product_id[PRODUCT_ID_LEN] = '\0';
	snprintf(out->device_name, sizeof out->device_name, "%s", slash + 1);
	return true;
}

int cli_take_name(const struct cli_command *c, const char *text, struct cli_name *out)
{
	if (cli_split_name(text, out))
		return CLI_OK;
	return cli_usage(c,
	                 "'%s' is not PID/DNAME: a product id of 10 letters and digits, and a "
	                 "device name of at most 48 of A-Z a-z 0-9 : _ -",
	                 text);
}

bool cli_is_port(const char *text)
{
	return *text && !text[strspn(text, "0123456789")] && strlen(text) <= 5 && atoi(text) > 0 &&
	       atoi(text) <= 65535;
}
