#include "tests/harness/harness.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

char *cred_username(const char *pid, const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
	unsigned char r[5];

	RAND_bytes(r, sizeof r);
	return text_fmt("%s%s;21010406;%c%c%c%c%c;9223372036854775807", pid, name, letters[r[0] & 31],
	                letters[r[1] & 31], letters[r[2] & 31], letters[r[3] & 31], letters[r[4] & 31]);
}

static unsigned mac(bool sha256, const void *key, size_t key_len, const char *text,
                    unsigned char out[EVP_MAX_MD_SIZE])
{
	unsigned len = 0;

	HMAC(sha256 ? EVP_sha256() : EVP_sha1(), key, (int)key_len, (const unsigned char *)text,
	     strlen(text), out, &len);
	return len;
}

char *cred_password(const char *secret, const char *username, bool sha256)
{
	unsigned char key[96], digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	size_t len = strlen(secret);
	unsigned digest_len;
	int key_len;

	if (len == 0 || len > 96 || len % 4)
		return NULL;
	key_len = EVP_DecodeBlock(key, (const unsigned char *)secret, (int)len);
	if (key_len < 0)
		return NULL;
	for (size_t i = len; secret[i - 1] == '=' && key_len > 0; i--)
		key_len--;
	digest_len = mac(sha256, key, (size_t)key_len, username, digest);
	for (unsigned i = 0; i < digest_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return text_fmt("%s;%s", hex, sha256 ? "hmacsha256" : "hmacsha1");
}

char *cred_bind(const char *secret_text, const char *pid, const char *name, long nonce,
                long timestamp, bool sha256)
{
	unsigned char digest[EVP_MAX_MD_SIZE], encoded[2 * EVP_MAX_MD_SIZE];
	char *text = text_fmt("%s%s;%ld;%ld", pid, name, nonce, timestamp);
	unsigned len = mac(sha256, secret_text, strlen(secret_text), text, digest);

	free(text);
	EVP_EncodeBlock(encoded, digest, (int)len);
	return strdup((char *)encoded);
}

bool certs_make(const char *dir, const char *client_cn)
{
	static const char script[] =
		"set -e; umask 077; cd \"$1\"; K='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'\n"
		"openssl req -x509 $K -keyout ca.key -out ca.pem -subj /CN=test-ca\n"
		"openssl req $K -keyout server.key -out server.csr -subj /CN=localhost\n"
		"openssl req $K -keyout client.key -out client.csr -subj \"/CN=$2\"\n"
		"echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' >san\n"
		"openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 2 "
		"-extfile san -out server.pem\n"
		"openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -set_serial 3 -days 2 "
		"-out client.pem\n";
	char *log = text_fmt("%s/certs.log", dir);
	char *argv[] = { (char[]){ "sh" },
		             (char[]){ "-c" },
		             strdup(script),
		             (char[]){ "sh" },
		             strdup(dir),
		             strdup(client_cn),
		             NULL };
	struct proc *p = proc_start(argv, NULL, log);
	int status = -1;
	bool ok = p && proc_wait(p, 30000, &status) >= 0 && status == 0;

	if (!ok)
		harness_failed("certificates cannot be made");
	proc_free(p);
	free(argv[2]);
	free(argv[4]);
	free(argv[5]);
	free(log);
	return ok;
}
