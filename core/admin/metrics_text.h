/* metrics_text.h - the metrics in the text format of Prometheus.
 * Room:  any. Pure.
 * Keeps: every row of core/base/metrics.tbl is there, under its name with hubgate_ before it, and a
 *        unit of Prometheus at its end: times are in seconds. What ends with _total is a counter,
 *        all else a gauge, the time in callbacks a histogram.
 */
#ifndef HUBGATE_METRICS_TEXT_H
#define HUBGATE_METRICS_TEXT_H

#include "core/base/buf.h"
#include "core/base/metrics.h"

enum {
	METRICS_TEXT_NAME_MAX = 80,
	METRICS_TEXT_MAX = 256 * 1024, /* of metrics_text_put() */
};

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* "hubgate_store_sync_seconds" */
void metrics_text_name(enum metric id, char out[METRICS_TEXT_NAME_MAX]);
/* All of the table, and the histograms. ST_OK; ST_TOOBIG, ST_NOMEM of buf_add(), as all here. */
enum status metrics_text_put(const struct metrics *m, struct buf *out);

/* HELP and TYPE of a gauge that is not in the table; name without hubgate_. */
enum status metrics_text_family(struct buf *out, const char *name, const char *help);
/* One series of it; labels as {a="b"}, or "". */
enum status metrics_text_value(struct buf *out, const char *name, const char *labels, double value);

#endif
