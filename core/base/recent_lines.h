/* recent_lines.h - the last lines of a log that somebody should have read.
 * Room:  any; one owner. Pure.
 * Keeps: RECENT_LINES of them, the oldest gives way.
 */
#ifndef HUBGATE_RECENT_LINES_H
#define HUBGATE_RECENT_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"

enum {
	RECENT_LINES = 20,
	RECENT_TEXT_MAX = 320, /* with NUL; a longer line is cut between characters */
};

struct recent_line {
	int64_t at_ms; /* wall clock, since 1970 */
	enum log_level level;
	char text[RECENT_TEXT_MAX];
};

struct recent_lines { /* zeroed: empty */
	struct recent_line ring[RECENT_LINES];
	size_t next, count;
};

void recent_lines_add(struct recent_lines *r, int64_t at_ms, enum log_level level,
                      const char *text);
/* The oldest is 0. NULL: there are not so many. Borrowed until the next one is added. */
const struct recent_line *recent_lines_at(const struct recent_lines *r, size_t nth);

#endif
