/* sys_time.h - what time it is: asking the hub, and answering a device in its place.
 * Room:  any. Pure.
 * Facts: docs/protocol/other.md "Time": $sys/operation/{pid}/{dname} and .../result/...
 */
#ifndef HUBGATE_SYS_TIME_H
#define HUBGATE_SYS_TIME_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"

#define SYS_TIME_REQUEST "{\"type\":\"get\",\"resource\":[\"time\"]}"

/* Milliseconds since 1970 between the hub's receipt and answer; an older hub says whole seconds
 * only. ST_OK; ST_MALFORMED; ST_INVALID: no time in it; ST_TOOBIG; ST_NOMEM. */
enum status sys_time_parse(const void *payload, size_t len, int64_t *hub_ms);

/* What a device asks on $sys/operation. */
enum sys_time_ask {
	SYS_TIME_OTHER, /* not the time, or more than that: the hub's to answer */
	SYS_TIME_PLAIN, /* no resource is named, as before there was more than the seconds */
	SYS_TIME_NTP,   /* "resource" is ["time"], as stock SDKs ask */
};
enum sys_time_ask sys_time_asked(const void *payload, size_t len);

/* Appends the answer as the hub writes it: members in alphabetical order, sent when it was
 * received. ask is not SYS_TIME_OTHER. Statuses of buf_addf(). */
enum status sys_time_put_answer(struct buf *out, enum sys_time_ask ask, int64_t now_ms);

#endif
