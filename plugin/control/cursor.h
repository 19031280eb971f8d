/* cursor.h - where a list goes on: the member `next` of a page, which comes back as `from`.
 * Room:  BROKER.
 */
#ifndef HUBGATE_CURSOR_H
#define HUBGATE_CURSOR_H

#include "core/json/json_writer.h"

#define CURSOR_WRONG "from is no cursor; use the next of the page before, or leave it out"

/* text NULL: from the beginning, which is 0. False: it is no cursor. */
bool cursor_read(const char *text, uint64_t *out);
void cursor_put(struct json_writer *w, uint64_t at); /* the member next */

#endif
