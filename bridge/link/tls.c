#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bridge/link/hub_tls.h"
#include "bridge/link/transport_impl.h"

struct tls {
	SSL_CTX *ctx;
	BIO_METHOD *method; /* see bio_write() */
	SSL *ssl;           /* NULL until attached */
	int fd;
	int error;                     /* errno of the socket call that failed, 0: none */
	bool eof, broken, wants_write; /* broken: the session cannot say goodbye */
	bool verify, verify_host;
	int verify_error;               /* X509_V_ERR_... of the certificate we refused */
	char subject[128], issuer[128]; /* of that certificate */
	char *host, *ca_file;           /* owned; ca_file NULL: the system's */
	struct transport_text *reason;  /* borrowed */
};

/* OpenSSL's own socket BIO uses write(), which raises SIGPIPE. */
static int bio_write(BIO *bio, const char *data, int len)
{
	struct tls *tls = BIO_get_data(bio);
	ssize_t sent = send(tls->fd, data, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		BIO_set_retry_write(bio);
	else if (sent < 0)
		tls->error = errno;
	return (int)sent;
}

static int bio_read(BIO *bio, char *data, int len)
{
	struct tls *tls = BIO_get_data(bio);
	ssize_t got = recv(tls->fd, data, (size_t)len, 0);

	BIO_clear_retry_flags(bio);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		BIO_set_retry_read(bio);
	else if (got < 0)
		tls->error = errno;
	else if (got == 0)
		tls->eof = true;
	return (int)got;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *make_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "hubgate socket");

	if (m && BIO_meth_set_write(m, bio_write) && BIO_meth_set_read(m, bio_read) &&
	    BIO_meth_set_ctrl(m, bio_ctrl))
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* The last entry of OpenSSL's queue as text; the queue is empty afterwards. */
static const char *library_error(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return text ? text : "no reason given";
}

static enum status refuse_file(struct tls *tls, const char *what, const char *file)
{
	transport_text_set(tls->reason, "%s %s cannot be used: %s", what, file, library_error());
	return ST_INVALID;
}

static enum status load_files(struct tls *tls, const struct transport_conf *conf)
{
	const char *key = conf->key_file ? conf->key_file : conf->cert_file;

	ERR_clear_error();
	SSL_CTX_set_default_passwd_cb(tls->ctx, hub_tls_no_passphrase);
	if (conf->verify && !conf->ca_file && !SSL_CTX_set_default_verify_paths(tls->ctx))
		return refuse_file(tls, "the system's", "CA store");
	if (conf->verify && conf->ca_file && !SSL_CTX_load_verify_file(tls->ctx, conf->ca_file))
		return refuse_file(tls, "ca_file", conf->ca_file);
	if (!conf->cert_file)
		return ST_OK;
	if (SSL_CTX_use_certificate_chain_file(tls->ctx, conf->cert_file) != 1)
		return refuse_file(tls, "cert_file", conf->cert_file);
	if (SSL_CTX_use_PrivateKey_file(tls->ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(tls->ctx) != 1)
		return refuse_file(tls, "key_file", key);
	return ST_OK;
}

enum status tls_new(const struct transport_conf *conf, struct transport_text *error,
                    struct tls **out)
{
	struct tls *tls = calloc(1, sizeof *tls);
	enum status st = ST_NOMEM;

	*out = NULL;
	if (!tls)
		return ST_NOMEM;
	tls->reason = error;
	tls->fd = -1;
	tls->verify = conf->verify;
	tls->verify_host = conf->verify && conf->verify_host;
	tls->host = strdup(conf->host ? conf->host : "");
	tls->ca_file = conf->ca_file ? strdup(conf->ca_file) : NULL;
	tls->method = make_method();
	tls->ctx = SSL_CTX_new(TLS_client_method());
	if (tls->host && tls->method && tls->ctx && (tls->ca_file || !conf->ca_file))
		st = load_files(tls, conf);
	if (st != ST_OK) {
		tls_free(tls);
		return st;
	}
	SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	*out = tls;
	return ST_OK;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->ctx);
	BIO_meth_free(tls->method);
	free(tls->host);
	free(tls->ca_file);
	free(tls);
}

/* Remembers which certificate of the chain was refused; the verdict stays. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	struct tls *tls = SSL_get_app_data(ssl);

	if (ok)
		return ok;
	tls->verify_error = X509_STORE_CTX_get_error(store);
	if (cert) {
		hub_tls_name_text(X509_get_subject_name(cert), tls->subject, sizeof tls->subject);
		hub_tls_name_text(X509_get_issuer_name(cert), tls->issuer, sizeof tls->issuer);
	}
	return ok;
}

enum status tls_attach(struct tls *tls, int fd)
{
	BIO *bio;

	SSL_free(tls->ssl);
	tls->fd = fd;
	tls->error = tls->verify_error = 0;
	tls->eof = tls->broken = tls->wants_write = false;
	tls->subject[0] = tls->issuer[0] = '\0';
	tls->ssl = SSL_new(tls->ctx);
	bio = BIO_new(tls->method);
	if (!tls->ssl || !bio) {
		BIO_free(bio);
		transport_text_set(tls->reason, "TLS: %s", status_text(ST_NOMEM));
		return ST_NOMEM;
	}
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	SSL_set_verify(tls->ssl, tls->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, on_verify);
	SSL_set_connect_state(tls->ssl);
	if (hub_tls_set_names(tls->ssl, tls->host, tls->verify_host))
		return ST_OK;
	transport_text_set(tls->reason, "TLS: %s cannot be a server name: %s", tls->host,
	                   library_error());
	return ST_IO;
}

enum advice {
	ADVISE_CA,
	ADVISE_HOST,
	ADVISE_CLOCK,
	ADVISE_SERVER
};

static enum advice advice_for(int error)
{
	switch (error) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return ADVISE_HOST;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return ADVISE_CLOCK;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return ADVISE_CA;
	default:
		return ADVISE_SERVER;
	}
}

static enum status refuse_certificate(struct tls *tls)
{
	const char *what = X509_verify_cert_error_string(tls->verify_error);
	const char *ca = tls->ca_file ? tls->ca_file : "the system's CAs";
	char fix[160] = "";

	switch (advice_for(tls->verify_error)) {
	case ADVISE_CA:
		snprintf(fix, sizeof fix, "not signed by %.80s: set ca_file to its CA", ca);
		break;
	case ADVISE_HOST:
		snprintf(fix, sizeof fix, "not made out to %.60s: correct host or set verify_host to false",
		         tls->host);
		break;
	case ADVISE_CLOCK:
		snprintf(fix, sizeof fix, "check this machine's clock, else the certificate needs renewal");
		break;
	case ADVISE_SERVER:
		snprintf(fix, sizeof fix, "the server needs another certificate");
		break;
	}
	transport_text_set(tls->reason, "certificate refused: %s; subject %s, issuer %s; %s", what,
	                   tls->subject, tls->issuer, fix);
	return ST_DENIED;
}

/* What a failed SSL call means; the session is unusable after all but ST_AGAIN. */
static enum status judge(struct tls *tls, int result)
{
	int kind = SSL_get_error(tls->ssl, result);

	tls->wants_write = kind == SSL_ERROR_WANT_WRITE;
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return ST_AGAIN;
	tls->broken = kind != SSL_ERROR_ZERO_RETURN;
	if (tls->verify && tls->verify_error && !SSL_is_init_finished(tls->ssl))
		return refuse_certificate(tls);
	if (kind == SSL_ERROR_ZERO_RETURN || tls->eof) {
		transport_text_set(tls->reason, "closed by the peer");
		return ST_CLOSED;
	}
	if (tls->error) {
		transport_text_set(tls->reason, "%s", strerror(tls->error));
		return tls->error == ECONNRESET || tls->error == EPIPE ? ST_CLOSED : ST_IO;
	}
	transport_text_set(tls->reason, "TLS: %s", library_error());
	return ST_IO;
}

enum status tls_handshake(struct tls *tls)
{
	enum status st;
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(tls->ssl);
	if (result == 1) {
		tls->wants_write = false;
		return ST_OK;
	}
	st = judge(tls, result);
	if (st == ST_CLOSED && tls->eof)
		transport_text_set(tls->reason, "closed by the peer during the TLS handshake");
	return st;
}

short tls_handshake_events(const struct tls *tls)
{
	return tls->ssl && SSL_want_read(tls->ssl) ? POLLIN : POLLOUT;
}

bool tls_read_wants_write(const struct tls *tls)
{
	return tls->wants_write;
}

enum status tls_read(struct tls *tls, void *data, size_t len, size_t *n)
{
	if (tls->broken)
		return ST_IO;
	ERR_clear_error();
	if (SSL_read_ex(tls->ssl, data, len, n) == 1)
		return ST_OK;
	return judge(tls, 0);
}

enum status tls_write(struct tls *tls, const void *data, size_t len, size_t *n)
{
	bool read_wants_write = tls->wants_write;
	enum status st;

	if (tls->broken)
		return ST_IO;
	ERR_clear_error();
	if (SSL_write_ex(tls->ssl, data, len, n) == 1)
		return ST_OK;
	st = judge(tls, 0);
	tls->wants_write = read_wants_write; /* the caller knows that it wants to write */
	return st;
}

void tls_goodbye(struct tls *tls)
{
	if (tls->broken || !tls->ssl)
		return;
	ERR_clear_error();
	SSL_shutdown(tls->ssl);
	ERR_clear_error();
}
