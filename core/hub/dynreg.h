/* dynreg.h - dynamic registration: requests and replies in both forms, in and out.
 * Room:  any. Pure (HMAC, SHA-256 and AES from OpenSSL).
 * Facts: docs/protocol/dynreg.md; vectors there. Secrets in results are wiped by
 * dynreg_grant_wipe().
 */
#ifndef HUBGATE_DYNREG_H
#define HUBGATE_DYNREG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/hub/credential.h"

#define DYNREG_PATH     "/device/register" /* of the current form */
#define DYNREG_OLD_PATH "/register/dev"

enum {
	DYNREG_SECRET_MIN = 16, /* characters of a product secret */
	DYNREG_SIGNATURE_SIZE = 96,
	DYNREG_BODY_MAX = 2048,
	DYNREG_REPLY_MAX = 64 * 1024,
	DYNREG_TEXT_MAX = 128, /* of a code or message of the hub, with NUL */
	DYNREG_NONCE_MAX = 2147483646,
};

enum dynreg_form {
	DYNREG_CURRENT,
	DYNREG_OLD
};

enum dynreg_type {
	DYNREG_CERTIFICATE = 1,
	DYNREG_KEY = 2
};

/* --- requests --- */

struct dynreg_headers { /* X-TC-..., borrowed; NULL: missing */
	const char *algorithm, *timestamp, *nonce, *signature;
};

struct dynreg_request {
	enum dynreg_form form;
	char product_id[PRODUCT_ID_LEN + 1];
	char device_name[DEVICE_NAME_MAX + 1];
	uint64_t timestamp_s;
	uint32_t nonce;
	char algorithm[16]; /* current form, as sent */
	char signature[DYNREG_SIGNATURE_SIZE];
};

/* Body of the current form. ST_OK or from buf; ST_INVALID: ids out of their grammar. */
enum status dynreg_put_body(struct buf *out, const char *product_id, const char *device_name);
/* Its X-TC-Signature for "hmacsha256" or "hmacsha1". host without port. ST_OK; ST_INVALID: another
 * algorithm, or a secret under DYNREG_SECRET_MIN characters; ST_NOMEM. */
enum status dynreg_sign(const char *product_secret, const char *algorithm, const char *host,
                        const char *path, uint64_t timestamp_s, uint32_t nonce, const void *body,
                        size_t len, char out[DYNREG_SIGNATURE_SIZE]);

/* A device's request. ST_OK; ST_MALFORMED: not of this form; ST_INVALID: ids out of their grammar;
 * ST_TOOBIG; ST_NOMEM. headers NULL: the old form. */
enum status dynreg_parse(const struct dynreg_headers *headers, const void *body, size_t len,
                         struct dynreg_request *out);
/* Whether the product secret signed it. host as the client named it, without port. Base64 or hex
 * digits (docs/protocol/README.md, doubt 29). ST_OK; ST_DENIED; ST_NOMEM. */
enum status dynreg_check(const struct dynreg_request *r, const char *product_secret,
                         const char *host, const char *path, const void *body, size_t len);

/* --- replies --- */

struct dynreg_grant { /* what a device gets */
	enum dynreg_type type;
	char psk[SECRET_TEXT_MAX + 1];   /* DYNREG_KEY */
	char *certificate, *private_key; /* DYNREG_CERTIFICATE: PEM, owned */
};

struct dynreg_refusal { /* in the hub's words */
	char code[DYNREG_TEXT_MAX], message[DYNREG_TEXT_MAX];
	bool passes; /* asking again later may help */
};

void dynreg_grant_wipe(struct dynreg_grant *g);

/* A reply in either form. ST_OK: *grant, caller wipes it; ST_DENIED: *refusal; ST_MALFORMED:
 * neither, or a payload that this product secret does not open; ST_NOMEM. */
enum status dynreg_read_reply(const void *text, size_t len, const char *product_secret,
                              struct dynreg_grant *grant, struct dynreg_refusal *refusal);

/* A grant for a device, encrypted with the product secret. ST_OK; from buf; ST_INVALID: product
 * secret too short. */
enum status dynreg_put_grant(struct buf *out, enum dynreg_form form, const char *product_secret,
                             const struct dynreg_grant *grant, const char *request_id);

enum dynreg_error { /* of our own; the hub's code strings for this call are not published */
	DYNREG_BAD_REQUEST,
	DYNREG_BAD_SIGNATURE,
	DYNREG_REPLAYED,
	DYNREG_UNKNOWN_PRODUCT,
	DYNREG_TOO_MANY,
	DYNREG_UNREACHABLE,
};

const char *dynreg_error_code(enum dynreg_error e);
const char *dynreg_error_text(enum dynreg_error e);
/* ST_OK; from buf. code: the hub's, or dynreg_error_code(); the old form gets the number published
 * for it (docs/protocol/dynreg.md 3), 1000 for one that has none. */
enum status dynreg_put_refusal(struct buf *out, enum dynreg_form form, const char *code,
                               const char *message, const char *request_id);

#endif
