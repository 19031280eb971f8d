/* log.h - one line per event, to whoever the plugin named as sink.
 * Room:  any. The sink decides how a line leaves its room.
 * Never pass secrets, passwords or signatures.
 */
#ifndef HUBGATE_LOG_H
#define HUBGATE_LOG_H

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_NOTE,
	LOG_FINE
};

enum {
	LOG_LINE_MAX = 512
}; /* bytes with NUL; longer lines are cut */

struct log {
	void (*sink)(void *ctx, enum log_level level, const char *line);
	void *ctx;
};

/* log NULL or without sink: dropped. */
void log_line(const struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
