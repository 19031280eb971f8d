/* sys_time.h - asking the hub what time it is.
 * Room:  any. Pure.
 * Facts: docs/protocol/other.md "Time": $sys/operation/{pid}/{dname} and .../result/...
 */
#ifndef HUBGATE_SYS_TIME_H
#define HUBGATE_SYS_TIME_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

#define SYS_TIME_REQUEST "{\"type\":\"get\",\"resource\":[\"time\"]}"

/* Milliseconds since 1970 between the hub's receipt and answer; an older hub says whole seconds
 * only. ST_OK; ST_MALFORMED; ST_INVALID: no time in it; ST_TOOBIG; ST_NOMEM. */
enum status sys_time_parse(const void *payload, size_t len, int64_t *hub_ms);

#endif
