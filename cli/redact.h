/* redact.h - texts without secrets: hubgate.json, mosquitto.conf, and any other text in which one of
 * them could stand.
 * Pure. Rather hides too much: what core/config/config.tbl does not know is hidden, and comments
 * are left out.
 */
#ifndef HUBGATE_CLI_REDACT_H
#define HUBGATE_CLI_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

struct redact; /* opaque: the secrets that were met */

struct redact *redact_new(void);    /* NULL: no memory */
void redact_free(struct redact *r); /* wipes them; NULL is fine */

/* From now on this text is a secret; short ones (under 4 bytes) are not looked for. False: no
 * memory. */
bool redact_learn(struct redact *r, const char *text, size_t len);

/* Called for each file (environment false) or environment variable that holds a secret: it may
 * redact_learn() the content. False: there is none of this name, which then may be a secret put in
 * the wrong place, and is hidden. */
typedef bool redact_holder_fn(void *ctx, struct redact *r, const char *name, bool environment);

/* hubgate.json, formatted anew, its secrets learned. ST_OK; ST_MALFORMED: no JSON, nothing is
 * written, and all its texts count as secrets; ST_TOOBIG; ST_NOMEM. */
enum status redact_config(struct redact *r, const char *text, size_t len, redact_holder_fn *holder,
                          void *ctx, struct buf *out);
/* mosquitto.conf or a file that it includes. ST_OK; ST_TOOBIG; ST_NOMEM. */
enum status redact_mosquitto(struct redact *r, const char *text, size_t len, struct buf *out);
/* The text with each secret that was learned replaced. The same statuses. */
enum status redact_text(const struct redact *r, const char *text, size_t len, struct buf *out);

#endif
