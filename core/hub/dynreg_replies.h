/* dynreg_replies.h - the last replies to registrations: a reply that was lost on its way is given
 * once more, to the very same request, and to nothing else.
 * Room:  any, one owner or its lock. Pure (SHA-256 from OpenSSL); the caller brings the time.
 * Keeps: a reply is given again for DYNREG_REPLIES_MS after it was asked for, to the address that
 *        asked, and only until its device logs in: the product secret, which opens it, is in every
 *        device of the product.
 * Facts: docs/architecture.md 4 "Dynamic registration".
 */
#ifndef HUBGATE_DYNREG_REPLIES_H
#define HUBGATE_DYNREG_REPLIES_H

#include <stdbool.h>

#include "core/hub/dynreg.h"

enum {
	DYNREG_REPLIES = 256, /* the last ones; an older reply that is lost is lost */
	DYNREG_REPLIES_MS = 60000,
	DYNREG_REPLIES_BYTES = 8192, /* a longer one is not kept */
	DYNREG_DIGEST_SIZE = 32,
	DYNREG_ADDRESS_MAX = 64, /* an address as text, with NUL */
};

struct dynreg_asked { /* who asked what: equal bytes of it are the same request again */
	unsigned char digest[DYNREG_DIGEST_SIZE];
	char address[DYNREG_ADDRESS_MAX];
};

struct dynreg_replies { /* embedded, zeroed */
	struct dynreg_kept {
		struct dynreg_asked asked;
		char client_id[CLIENT_ID_MAX + 1];
		int64_t asked_ms;
		bool waits;  /* its reply is still to come */
		bool closed; /* its device logged in: not to be given again */
		struct buf reply;
	} kept[DYNREG_REPLIES];
	size_t next;
};

/* Of all that is signed, and the signature; h NULL: the old form, where all is in the body. ST_OK;
 * ST_NOMEM. */
enum status dynreg_replies_digest(const char *host, const char *path,
                                  const struct dynreg_headers *h, const void *body, size_t len,
                                  unsigned char out[DYNREG_DIGEST_SIZE]);

bool dynreg_replies_same(const struct dynreg_asked *a, const struct dynreg_asked *b);

/* A new request goes to the hub. Takes the place of the oldest reply. */
void dynreg_replies_await(struct dynreg_replies *r, const struct dynreg_asked *asked,
                          const char *client_id, int64_t now_ms);
/* Its reply, which is copied; without memory for that it is not kept. */
void dynreg_replies_put(struct dynreg_replies *r, const struct dynreg_asked *asked,
                        const void *reply, size_t len);
/* The same request again. ST_OK: its reply is added to *out; ST_STATE: the hub is still being
 * asked; ST_NOTFOUND: a new request, or one that must not be answered any more; from buf. */
enum status dynreg_replies_find(struct dynreg_replies *r, const struct dynreg_asked *asked,
                                int64_t now_ms, struct buf *out);
/* The device logged in. */
void dynreg_replies_close(struct dynreg_replies *r, const char *client_id);
void dynreg_replies_fini(struct dynreg_replies *r); /* wipes */

#endif
