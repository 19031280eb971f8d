/* secrets.h - device secrets that came from dynamic registration: one small file.
 * Room:  open, close: BROKER, at start and end. each: any. put: NET (it waits for the disk).
 * Keeps: DIR/secrets is 0600, written whole and renamed; the version before stays as secrets.old
 * and is read when the file is damaged or gone. Nothing of it is ever logged. File:  a line per
 * device: client id, space, secret in Base64.
 */
#ifndef HUBGATE_SECRETS_H
#define HUBGATE_SECRETS_H

#include <stddef.h>

#include "core/base/log.h"
#include "core/hub/credential.h"

struct secrets; /* opaque */

/* Caller owns *out. Lines that are none are left out and counted in one warning. ST_OK, also
 * without a file; ST_IO (errno): one is there and cannot be read, which is logged; ST_NOMEM. */
enum status secrets_open(const char *dir, const struct log *log, struct secrets **out);
void secrets_close(struct secrets *s); /* wipes; NULL is fine */

/* Room NET. ST_OK: it survives a power cut; ST_EXISTS: it was the same already; ST_IO (errno),
 * ST_NOMEM: it counts until the next start. */
enum status secrets_put(struct secrets *s, const char *client_id, const struct secret *secret);

/* Room NET. What the hub gave as text, psk, is *out, and put; that it cannot be kept is logged,
 * once until one can be again. ST_OK; ST_INVALID: it is no secret. */
enum status secrets_keep(struct secrets *s, const struct log *log, const char *client_id,
                         const char *psk, struct secret *out);

/* Any room. Called without the lock: others may be put meanwhile. */
void secrets_each(struct secrets *s,
                  void (*each)(void *ctx, const char *client_id, const struct secret *secret),
                  void *ctx);

#endif
