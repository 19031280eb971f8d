/* ota_http.h - one GET that is read in pieces, by a thread that waits for them.
 * Room:  one thread of the program.
 */
#ifndef HUBGATE_OTA_HTTP_H
#define HUBGATE_OTA_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/hub/ota_download.h"

struct ota_http; /* opaque */

/* Asks, from byte `from` on (0: without Range), and waits for the head of the reply: *reply. Caller
 * owns *out. ST_OK; ST_TIMEOUT; ST_INVALID: no URL of http or https; ST_IO; ST_NOMEM. */
enum status ota_http_open(const char *url, const char *ca_file, uint64_t from, int timeout_ms,
                          struct ota_reply *reply, struct ota_http **out);
/* ST_OK: *got bytes; ST_EMPTY: the reply is over; ST_TIMEOUT; ST_CLOSED: cut. */
enum status ota_http_read(struct ota_http *h, void *out, size_t size, int timeout_ms, size_t *got);
void ota_http_close(struct ota_http *h); /* NULL is fine */

#endif
