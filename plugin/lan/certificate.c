#include "plugin/lan/certificate.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
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

static X509 *first_of(const void *bytes, size_t len)
{
	BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(bytes, (int)len) : NULL;
	X509 *x = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error(); /* the broker shares the queue */
	return x;
}

bool certificate_is_pem(const void *bytes, size_t len)
{
	X509 *x = first_of(bytes, len);

	X509_free(x);
	return x != NULL;
}

bool certificate_is_any(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	X509 *x = len > 0 && len <= LONG_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;

	X509_free(x);
	ERR_clear_error();
	return x || certificate_is_pem(bytes, len);
}

static enum certificate_time time_of(const X509 *x)
{
	if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
		return CERTIFICATE_OVER;
	return X509_cmp_current_time(X509_get0_notBefore(x)) > 0 ? CERTIFICATE_LATER : CERTIFICATE_NOW;
}

enum certificate_time certificate_time(const void *bytes, size_t len, bool any)
{
	BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(bytes, (int)len) : NULL;
	enum certificate_time best = CERTIFICATE_NOW;
	bool first = true;
	X509 *x;

	while (bio && (first || any) && (x = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
		if (first || best != CERTIFICATE_NOW)
			best = time_of(x);
		first = false;
		X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	return best;
}

/* Without it OpenSSL asks at the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

enum certificate_key certificate_key_fits(const void *key, size_t key_len, const void *certificate,
                                          size_t len)
{
	BIO *bio = key_len <= INT_MAX ? BIO_new_mem_buf(key, (int)key_len) : NULL;
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	X509 *x = first_of(certificate, len);
	enum certificate_key result = CERTIFICATE_KEY_FITS;

	if (!pkey)
		result = CERTIFICATE_KEY_NONE;
	else if (x && X509_check_private_key(x, pkey) != 1)
		result = CERTIFICATE_KEY_OTHER;
	X509_free(x);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	ERR_clear_error();
	return result;
}
