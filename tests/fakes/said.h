/* said.h - a log that a test reads.
 */
#ifndef HUBGATE_TESTS_SAID_H
#define HUBGATE_TESTS_SAID_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/log.h"

enum {
	SAID_MAX = 16384
};

struct said {
	struct log log;
	char text[SAID_MAX]; /* all lines, each with its newline */
	size_t lines;
};

void said_clear(struct said *s); /* before the first use too */
bool said_has(const struct said *s, const char *part);

#endif
