#include "plugin/base/broker_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clocks.h"
#include "core/base/room.h"

struct broker_log {
	struct recent_lines recent;
	enum log_level level;
	int64_t until_ms; /* of level; 0: for good */
};

static const int levels[] = {
	[LOG_ERROR] = MOSQ_LOG_ERR,
	[LOG_WARN] = MOSQ_LOG_WARNING,
	[LOG_NOTE] = MOSQ_LOG_NOTICE,
	[LOG_FINE] = MOSQ_LOG_DEBUG,
};

enum status broker_log_open(struct hubgate *h)
{
	h->broker_log = calloc(1, sizeof(*h->broker_log));
	if (!h->broker_log)
		return ST_NOMEM;
	h->broker_log->level = LOG_NOTE;
	return ST_OK;
}

void broker_log_close(struct hubgate *h)
{
	free(h->broker_log);
	h->broker_log = NULL;
}

static enum log_level level_now(struct broker_log *b)
{
	if (b->until_ms != 0 && hubgate_now_ms() >= b->until_ms) {
		b->level = LOG_NOTE;
		b->until_ms = 0;
	}
	return b->level;
}

void broker_log_write(void *ctx, enum log_level level, const char *line)
{
	struct hubgate *h = ctx;
	struct broker_log *b = h->broker_log;
	enum log_level up_to = b ? level_now(b) : LOG_NOTE;
	int broker_level = levels[level];

	IN_ROOM(ROOM_BROKER);
	if (b && level <= LOG_WARN)
		recent_lines_add(&b->recent, clocks_realtime_ms(), level, line);
	if (level > up_to && level <= LOG_NOTE)
		return;
	if (level == LOG_FINE && up_to == LOG_FINE)
		broker_level = MOSQ_LOG_NOTICE; /* asked for, whatever log_type says */
	mosquitto_log_printf(broker_level, "hubgate: %s", line);
}

void broker_log_audit(struct hubgate *h, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list args;

	IN_ROOM(ROOM_BROKER);
	(void)h;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	mosquitto_log_printf(MOSQ_LOG_NOTICE, "hubgate: %s", line);
}

enum log_level broker_log_set_level(struct hubgate *h, enum log_level level, uint32_t seconds)
{
	struct broker_log *b = h->broker_log;
	enum log_level was = level_now(b);

	IN_ROOM(ROOM_BROKER);
	b->level = level;
	b->until_ms = seconds > 0 ? hubgate_now_ms() + INT64_C(1000) * seconds : 0;
	return was;
}

const struct recent_line *broker_log_recent(const struct hubgate *h, size_t nth)
{
	IN_ROOM(ROOM_BROKER);
	return recent_lines_at(&h->broker_log->recent, nth);
}
