#include "tests/fakes/said.h"

#include <stdio.h>
#include <string.h>

static void add(void *ctx, enum log_level level, const char *line)
{
	struct said *s = ctx;
	size_t len = strlen(s->text);

	(void)level;
	snprintf(s->text + len, sizeof s->text - len, "%s\n", line);
	s->lines++;
}

void said_clear(struct said *s)
{
	s->log = (struct log){ add, s };
	s->text[0] = '\0';
	s->lines = 0;
}

bool said_has(const struct said *s, const char *part)
{
	if (strstr(s->text, part))
		return true;
	fprintf(stderr, "not said: %s\n---- but\n%s----\n", part, s->text);
	return false;
}
