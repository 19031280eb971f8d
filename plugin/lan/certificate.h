/* certificate.h - the digests of a device's certificate, with which the hub lets it be bound; what
 *                 certificates and keys are before anybody connects with them.
 * Room:  as plugin/config_file.h: it reads a file.
 * Facts: docs/protocol/gateway.md 3 "Key for certificate".
 */
#ifndef HUBGATE_CERTIFICATE_H
#define HUBGATE_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/hub/credential.h"

enum {
	CERTIFICATE_BYTES_MAX = 64 * 1024
};

/* Of the file as it is, lower-case hex. ST_OK; ST_IO (errno); ST_TOOBIG; ST_NOMEM. */
enum status certificate_read(const char *path, struct device_certificate *out);

/* Whether these bytes hold at least one certificate (PEM). */
bool certificate_is_pem(const void *bytes, size_t len);

/* Or are one in binary (DER). */
bool certificate_is_any(const void *bytes, size_t len);

enum certificate_time {
	CERTIFICATE_NOW,  /* valid, by this machine's clock */
	CERTIFICATE_OVER, /* expired */
	CERTIFICATE_LATER /* not valid yet */
};

/* Of the first certificate (PEM), or with any of the one that is best off. */
enum certificate_time certificate_time(const void *bytes, size_t len, bool any);

enum certificate_key {
	CERTIFICATE_KEY_FITS,
	CERTIFICATE_KEY_NONE, /* no private key (PEM) that opens without a passphrase */
	CERTIFICATE_KEY_OTHER /* not that of the certificate */
};

/* The same for a private key; certificate: the PEM bytes of its certificate. */
enum certificate_key certificate_key_fits(const void *key, size_t key_len, const void *certificate,
                                          size_t len);

#endif
