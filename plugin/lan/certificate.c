#include "plugin/lan/certificate.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

static bool digest(const EVP_MD *md, const unsigned char *bytes, size_t len, char *hex)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_Digest(bytes, len, out, &n, md, NULL) != 1)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		*hex++ = digits[out[i] >> 4];
		*hex++ = digits[out[i] & 15];
	}
	*hex = '\0';
	return true;
}

enum status certificate_read(const char *path, struct device_certificate *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	unsigned char *bytes = malloc(CERTIFICATE_BYTES_MAX + 1);
	enum status st = fd < 0 ? ST_IO : bytes ? ST_OK : ST_NOMEM;
	ssize_t len = st == ST_OK ? read(fd, bytes, CERTIFICATE_BYTES_MAX + 1) : -1;

	if (st == ST_OK && len < 0)
		st = ST_IO;
	if (st == ST_OK && len > CERTIFICATE_BYTES_MAX)
		st = ST_TOOBIG;
	if (st == ST_OK && (!digest(EVP_md5(), bytes, (size_t)len, out->md5) ||
	                    !digest(EVP_sha1(), bytes, (size_t)len, out->sha1)))
		st = ST_NOMEM;
	free(bytes);
	if (fd >= 0)
		close(fd);
	return st;
}
