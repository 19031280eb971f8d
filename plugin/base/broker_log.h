/* broker_log.h - hubgate's lines in the broker's log, prefix "hubgate: "; which levels go there, and
 * the last errors and warnings, for whoever asks the gateway.
 * Room:  BROKER.
 */
#ifndef HUBGATE_BROKER_LOG_H
#define HUBGATE_BROKER_LOG_H

#include "core/base/recent_lines.h"
#include "plugin/base/context.h"

enum status broker_log_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void broker_log_close(struct hubgate *h);

/* Sink of struct log; ctx is the struct hubgate. Also before broker_log_open(). */
void broker_log_write(void *ctx, enum log_level level, const char *line);
/* Whatever the level is: who did what. */
void broker_log_audit(struct hubgate *h, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Up to this level lines are written, for so many seconds; 0: until it is set again. The broker
 * shows those of LOG_FINE only with log_type debug, but when they were asked for here. Returns what
 * it was; at first it is LOG_NOTE. */
enum log_level broker_log_set_level(struct hubgate *h, enum log_level level, uint32_t seconds);
/* The errors and warnings so far, oldest first. NULL: no more. Borrowed until the next line. */
const struct recent_line *broker_log_recent(const struct hubgate *h, size_t nth);

#endif
