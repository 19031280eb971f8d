/* trace.h - what becomes of one device's messages, step by step, for a client that asked to see it.
 * Room:  BROKER.
 * Keeps: at most TRACES_MAX run, one of a device, each for a while. While none runs h->traces is
 *        NULL, and a look at that is all it costs: who has something to note asks trace_on() first.
 *        What finds no room on its way here, or is more than TRACE_EVENTS_PER_S, is counted, and
 *        told as such.
 */
#ifndef HUBGATE_TRACE_H
#define HUBGATE_TRACE_H

#include "core/hub/trace_event.h"
#include "plugin/base/context.h"

enum {
	TRACE_SECONDS_MAX = 300,
	TRACE_EVENTS_PER_S = 200, /* of one trace */
};

struct trace_reader {      /* who sees it */
	const char *client_id; /* copied; the trace ends when that client is gone */
	void (*tell)(void *ctx, const struct trace_event *e, int64_t begin_us);
	void (*end)(void *ctx); /* it is over, ctx is not used any more */
	void *ctx;
};

static inline bool trace_on(const struct hubgate *h)
{
	return h->traces != NULL;
}

/* ST_OK: reader->end() will be called. ST_EXISTS: a trace of d runs; ST_FULL: TRACES_MAX
 * run, or the uplink has no room for the order; ST_NOMEM. seconds: 1..TRACE_SECONDS_MAX. */
enum status trace_begin(struct hubgate *h, const struct device *d, uint32_t seconds,
                        const struct trace_reader *reader);
/* A step of the device with this client id, while trace_on(). */
void trace_note(struct hubgate *h, const char *client_id, enum trace_step step,
                const struct trace_about *about);
/* One step that UPLINK told, while trace_on(). False: there is none. */
bool trace_take(struct hubgate *h);
/* A client is gone, while trace_on(). */
void trace_reader_gone(struct hubgate *h, const char *client_id);

/* Those whose time is over end. */
void trace_run(struct hubgate *h, int64_t now_ms);
int64_t trace_due(const struct hubgate *h); /* INT64_MAX: none runs */
void trace_close(struct hubgate *h);

#endif
