/* http_range.h - the headers Range and Content-Range, as far as whole files need them.
 * Room:  any. Pure.
 * Facts: docs/protocol/ota.md 3: SDKs ask for one byte more than there is, and servers clamp.
 */
#ifndef HUBGATE_HTTP_RANGE_H
#define HUBGATE_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"

struct http_range { /* of a file: bytes first to last, both included */
	uint64_t first, last;
};

/* What `Range: text` means for a file of size bytes (more than 0). ST_OK: *out, an end behind the
 * file is its last byte; ST_EMPTY: text NULL, or one that is not understood (several ranges, other
 * units): the whole file; ST_INVALID: nothing of it is there (416). */
enum status http_range_read(const char *text, uint64_t size, struct http_range *out);
/* `Content-Range: bytes FIRST-LAST/TOTAL`; *total 0: "*", not said. False: not such a text. */
bool http_range_read_content(const char *text, uint64_t *first, uint64_t *total);

#endif
