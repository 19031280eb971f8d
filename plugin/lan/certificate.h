/* certificate.h - the digests of a device's certificate, with which the hub lets it be bound.
 * Room:  as plugin/config_file.h: it reads a file.
 * Facts: docs/protocol/gateway.md 3 "Key for certificate".
 */
#ifndef HUBGATE_CERTIFICATE_H
#define HUBGATE_CERTIFICATE_H

#include "core/hub/credential.h"

enum {
	CERTIFICATE_BYTES_MAX = 64 * 1024
};

/* Of the file as it is, lower-case hex. ST_OK; ST_IO (errno); ST_TOOBIG; ST_NOMEM. */
enum status certificate_read(const char *path, struct device_certificate *out);

#endif
