#include "tests/fakes/certs.h"

#include <dirent.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PLACES = 8
};

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

char *certs_dir(void)
{
	char *dir = strdup("/tmp/hubgate-test-XXXXXX");

	must(dir && mkdtemp(dir), "mkdtemp");
	return dir;
}

void certs_remove(char *dir)
{
	DIR *d = opendir(dir);
	char path[512];

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
	free(dir);
}

const char *certs_path(const char *dir, const char *name, const char *ending)
{
	static char place[PLACES][256];
	static unsigned next;
	char *at = place[next++ % PLACES];

	snprintf(at, sizeof place[0], "%s/%s.%s", dir, name, ending);
	return at;
}

static FILE *open_file(const char *dir, const char *name, const char *ending, const char *mode)
{
	FILE *f = fopen(certs_path(dir, name, ending), mode);

	must(f != NULL, name);
	return f;
}

static void extend(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(ext && X509_add_ext(cert, ext, -1), "extension");
	X509_EXTENSION_free(ext);
}

static X509 *blank(const struct cert_wish *wish, EVP_PKEY *key)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_NAME *name = cert ? X509_get_subject_name(cert) : NULL;

	must(cert && X509_set_version(cert, X509_VERSION_3) &&
	         ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++) &&
	         X509_gmtime_adj(X509_getm_notBefore(cert), wish->from_s) &&
	         X509_gmtime_adj(X509_getm_notAfter(cert), wish->to_s) && X509_set_pubkey(cert, key) &&
	         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wish->name,
	                                    -1, -1, 0),
	     "certificate");
	extend(cert, NID_basic_constraints, wish->issuer ? "CA:FALSE" : "critical,CA:TRUE");
	if (wish->alt_names)
		extend(cert, NID_subject_alt_name, wish->alt_names);
	return cert;
}

static void sign(const char *dir, const struct cert_wish *wish, X509 *cert, EVP_PKEY *key)
{
	EVP_PKEY *ca_key = key;
	X509 *ca = cert;
	FILE *f;

	if (wish->issuer) {
		f = open_file(dir, wish->issuer, "pem", "r");
		ca = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
		f = open_file(dir, wish->issuer, "key", "r");
		ca_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
	}
	must(ca && ca_key && X509_set_issuer_name(cert, X509_get_subject_name(ca)) &&
	         X509_sign(cert, ca_key, EVP_sha256()),
	     "sign");
	if (wish->issuer) {
		X509_free(ca);
		EVP_PKEY_free(ca_key);
	}
}

void certs_make(const char *dir, const struct cert_wish *wish)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert;
	FILE *f;

	must(key != NULL, "key");
	cert = blank(wish, key);
	sign(dir, wish, cert, key);
	f = open_file(dir, wish->name, "pem", "w");
	must(PEM_write_X509(f, cert), "write");
	fclose(f);
	f = open_file(dir, wish->name, "key", "w");
	must(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), "write");
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(key);
}
