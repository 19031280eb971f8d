#include "core/base/repeats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/table.h"

enum {
	TOPICS = 8, /* of one who, with one reason */
};

void repeats_init(struct repeats *r, uint64_t seed)
{
	memset(r, 0, sizeof(*r));
	r->seed = seed;
	r->next_ms = INT64_MIN / 2;
}

static uint64_t hash(const struct repeats *r, const char *text)
{
	return table_hash(r->seed, text, strlen(text)) | 1;
}

static bool take_token(struct repeats *r, int64_t now_ms)
{
	if (now_ms <= r->next_ms - INT64_C(1) * REPEATS_BURST * REPEATS_REFILL_MS)
		return false;
	r->next_ms = (r->next_ms > now_ms ? r->next_ms : now_ms) + REPEATS_REFILL_MS;
	return true;
}

static struct repeat *find(struct repeats *r, uint64_t who, uint64_t key)
{
	for (size_t i = 0; i < REPEATS_MAX; i++) {
		if (r->of[i].key == key && r->of[i].who == who)
			return &r->of[i];
	}
	return NULL;
}

static struct repeat *place(struct repeats *r)
{
	struct repeat *oldest = &r->of[0];

	for (size_t i = 0; i < REPEATS_MAX; i++) {
		if (r->of[i].key == 0)
			return &r->of[i];
		if (r->of[i].last_ms < oldest->last_ms)
			oldest = &r->of[i];
	}
	return oldest;
}

static bool is_due(const struct repeat *e, int64_t now_ms)
{
	return now_ms - e->said_ms >= (e->times > 1 ? REPEATS_NEXT_MS : REPEATS_FIRST_MS);
}

bool repeats_is_news(struct repeats *r, const char *who, const char *what, int64_t now_ms,
                     uint64_t *more, uint64_t *others)
{
	uint64_t by = hash(r, who), key = hash(r, what);
	struct repeat *e = find(r, by, key);

	if (e)
		e->last_ms = now_ms;
	if ((e && !is_due(e, now_ms)) || !take_token(r, now_ms)) {
		*(e ? &e->more : &r->unnamed) += 1;
		return false;
	}
	if (!e) {
		e = place(r);
		r->unnamed += e->more;
		*e = (struct repeat){ .who = by, .key = key, .last_ms = now_ms };
	}
	*more = e->more;
	*others = r->unnamed;
	e->more = r->unnamed = 0;
	e->said_ms = now_ms;
	e->times++;
	return true;
}

static size_t add(char *line, size_t size, size_t at, uint64_t count, const char *of)
{
	int n = 0;

	if (count > 0 && at < size)
		n = snprintf(line + at, size - at, " (%" PRIu64 " %s since the last line)", count, of);
	return at + (n > 0 ? (size_t)n : 0);
}

void repeats_vlog(struct repeats *r, const struct log *log, enum log_level level, const char *who,
                  const char *what, int64_t now_ms, const char *format, va_list args)
{
	char line[LOG_LINE_MAX], counts[LOG_LINE_MAX / 4] = "";
	uint64_t more, others;
	size_t len;

	if (!repeats_is_news(r, who, what, now_ms, &more, &others))
		return;
	vsnprintf(line, sizeof(line), format, args);
	len = add(counts, sizeof(counts), 0, more, "more");
	add(counts, sizeof(counts), len, others, "of others");
	log_line(log, level, "%s%s", line, counts);
}

void repeats_log(struct repeats *r, const struct log *log, enum log_level level, const char *who,
                 const char *what, int64_t now_ms, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	repeats_vlog(r, log, level, who, what, now_ms, format, args);
	va_end(args);
}

void repeats_over(struct repeats *r, const char *who)
{
	uint64_t by = hash(r, who);

	for (size_t i = 0; i < REPEATS_MAX; i++) {
		if (r->of[i].key != 0 && r->of[i].who == by)
			r->of[i].key = 0;
	}
}

const char *repeats_by_topic(const struct repeats *r, const char *why, const char *topic, char *out,
                             size_t size)
{
	snprintf(out, size, "%s %u", why, (unsigned)(hash(r, topic) / 2 % TOPICS));
	return out;
}
