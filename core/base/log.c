#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list args;

	if (!log || !log->sink)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	log->sink(log->ctx, level, line);
}
