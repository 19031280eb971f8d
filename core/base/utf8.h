/* utf8.h - well-formed UTF-8 (RFC 3629), without NUL.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_UTF8_H
#define HUBGATE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at text, 0: none (over-long, surrogate, beyond U+10FFFF, cut short). */
size_t utf8_next(const char *text, size_t len);
bool utf8_ok(const char *text, size_t len);

#endif
