#include <stdarg.h>
#include <stdio.h>

#include "cli/probe.h"

void probe_says(struct probe_answer *a, const char *reading, const char *says, ...)
{
	va_list args;

	a->reading = reading;
	va_start(args, says);
	vsnprintf(a->says, sizeof a->says, says, args);
	va_end(args);
}

void probe_follows(struct probe_answer *a, const char *follows)
{
	snprintf(a->follows, sizeof a->follows, "%s", follows);
}
