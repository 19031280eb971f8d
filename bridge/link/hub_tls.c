#include "bridge/link/hub_tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/x509v3.h>

int hub_tls_no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static bool is_address(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

bool hub_tls_set_names(SSL *ssl, const char *host, bool must_match)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	bool address = is_address(host);

	if (!address && host[0] && SSL_set_tlsext_host_name(ssl, host) != 1)
		return false;
	if (!must_match)
		return true;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (address)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

void hub_tls_name_text(const X509_NAME *name, char *out, size_t size)
{
	BIO *mem = BIO_new(BIO_s_mem());
	int len = 0;

	if (mem && name && X509_NAME_print_ex(mem, name, 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_read(mem, out, (int)size - 1);
	out[len > 0 ? len : 0] = '\0';
	BIO_free(mem);
}
