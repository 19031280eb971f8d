/* repeats.h - a line that repeats is said once, then counted: who was told of lately, and what.
 * Room:  any, one owner. Pure; the caller brings the time.
 * Keeps: somebody who is wrong for ever costs a line, another after ten minutes and one an hour
 *        from then on, each with how many it stands for. Many who are wrong, or one under ever
 *        new names, cost 20 lines at once and two a minute. Who was mended and is wrong again is
 *        told of again.
 */
#ifndef HUBGATE_REPEATS_H
#define HUBGATE_REPEATS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"

enum {
	REPEATS_MAX = 256, /* that are known at a time; who was not heard of for longest gives way */
	REPEATS_BURST = 20,
	REPEATS_REFILL_MS = 30000,
	REPEATS_FIRST_MS = 600000,
	REPEATS_NEXT_MS = 3600000,
};

struct repeats {
	uint64_t seed;
	int64_t next_ms;  /* of the bucket */
	uint64_t unnamed; /* lines left out since the last one, of who has no place here */
	struct repeat {
		uint64_t who, key;        /* hashes; key 0: free */
		int64_t said_ms, last_ms; /* last: said or counted */
		unsigned times;           /* said */
		uint64_t more;            /* counted since then */
	} of[REPEATS_MAX];
};

void repeats_init(struct repeats *r, uint64_t seed);
/* True: say it, with how many of who with what were counted since it was said last, and lines of
 * others (0: none). False: it is counted. */
bool repeats_is_news(struct repeats *r, const char *who, const char *what, int64_t now_ms,
                     uint64_t *more, uint64_t *others);
/* The same, and the line. */
void repeats_log(struct repeats *r, const struct log *log, enum log_level level, const char *who,
                 const char *what, int64_t now_ms, const char *format, ...)
	__attribute__((format(printf, 7, 8)));
void repeats_vlog(struct repeats *r, const struct log *log, enum log_level level, const char *who,
                  const char *what, int64_t now_ms, const char *format, va_list args)
	__attribute__((format(printf, 7, 0)));
/* Nothing is wrong with who any more: the next time is news. */
void repeats_over(struct repeats *r, const char *who);
/* what, for lines that name a topic: several topics of one who are told of, ever new ones are not
 * (8 at most). Returns out. */
const char *repeats_by_topic(const struct repeats *r, const char *why, const char *topic, char *out,
                             size_t size);

#endif
