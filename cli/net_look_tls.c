/* The handshake of `hubgate check`: as the plugin's, with all that can be told of a certificate. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bridge/link/hub_tls.h"
#include "cli/net_look.h"
#include "core/base/clocks.h"

struct hand { /* of one handshake */
	SSL_CTX *ctx;
	SSL *ssl;
	const struct config_hub *hub;
	const struct config_gateway *gateway;
	struct net_look_tls *out;
	int error; /* X509_V_ERR_... of what was refused, 0: nothing */
};

/* --- the certificate --- */

static time_t time_of(const ASN1_TIME *t)
{
	struct tm broken;

	return t && ASN1_TIME_to_tm(t, &broken) == 1 ? timegm(&broken) : 0;
}

/* Foreign text: control characters do not reach the terminal. */
static void add_name(char out[NET_LOOK_NAMES_MAX], const unsigned char *name, int len)
{
	size_t used = strlen(out);

	if (len <= 0 || used + (size_t)len + 3 > NET_LOOK_NAMES_MAX)
		return;
	if (used > 0)
		used += (size_t)snprintf(out + used, NET_LOOK_NAMES_MAX - used, ", ");
	for (int i = 0; i < len; i++)
		out[used + (size_t)i] = name[i] > ' ' && name[i] <= '~' ? (char)name[i] : '?';
	out[used + (size_t)len] = '\0';
}

static void names_of(X509 *cert, char out[NET_LOOK_NAMES_MAX])
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	out[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(all, i);
		char address[INET6_ADDRSTRLEN] = "";

		if (n->type == GEN_DNS)
			add_name(out, ASN1_STRING_get0_data(n->d.dNSName), ASN1_STRING_length(n->d.dNSName));
		if (n->type == GEN_IPADD)
			inet_ntop(ASN1_STRING_length(n->d.iPAddress) == 4 ? AF_INET : AF_INET6,
			          ASN1_STRING_get0_data(n->d.iPAddress), address, sizeof address);
		add_name(out, (const unsigned char *)address, (int)strlen(address));
	}
	GENERAL_NAMES_free(all);
}

static void describe(X509 *cert, struct net_look_tls *out)
{
	if (!cert)
		return;
	hub_tls_name_text(X509_get_subject_name(cert), out->subject, sizeof out->subject);
	hub_tls_name_text(X509_get_issuer_name(cert), out->issuer, sizeof out->issuer);
	names_of(cert, out->names);
	out->from = time_of(X509_get0_notBefore(cert));
	out->to = time_of(X509_get0_notAfter(cert));
}

/* Remembers the first that was refused; the verdict stays. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct hand *h = SSL_get_app_data(ssl);

	if (!ok && h->error == 0) {
		h->error = X509_STORE_CTX_get_error(store);
		describe(X509_STORE_CTX_get_current_cert(store), h->out);
	}
	return ok;
}

static const struct {
	int error;
	enum net_tls means;
} meanings[] = {
	{ X509_V_ERR_CERT_NOT_YET_VALID, NET_TLS_EARLY },
	{ X509_V_ERR_CERT_HAS_EXPIRED, NET_TLS_EXPIRED },
	{ X509_V_ERR_HOSTNAME_MISMATCH, NET_TLS_HOST },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, NET_TLS_HOST },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, NET_TLS_CA },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, NET_TLS_CA },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, NET_TLS_CA },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, NET_TLS_CA },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, NET_TLS_CA },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, NET_TLS_CA },
	{ X509_V_ERR_CERT_UNTRUSTED, NET_TLS_CA },
};

static enum net_tls meaning_of(int error)
{
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		if (meanings[i].error == error)
			return meanings[i].means;
	}
	return NET_TLS_OTHER;
}

/* --- before --- */

static bool file_fails(struct hand *h, const char *key, const char *path)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(h->out->why, sizeof h->out->why, "%s %.200s: %s", key, path,
	         text ? text : "cannot be used");
	ERR_clear_error();
	return false;
}

static bool load(struct hand *h)
{
	const struct config_gateway *g = h->gateway;
	const char *key = g->key_file ? g->key_file : g->cert_file;

	SSL_CTX_set_default_passwd_cb(h->ctx, hub_tls_no_passphrase);
	if (h->hub->verify && h->hub->ca_file && !SSL_CTX_load_verify_file(h->ctx, h->hub->ca_file))
		return file_fails(h, "hub.ca_file", h->hub->ca_file);
	if (h->hub->verify && !h->hub->ca_file && !SSL_CTX_set_default_verify_paths(h->ctx))
		return file_fails(h, "CAs", "of this system");
	if (!g->cert_file)
		return true;
	if (SSL_CTX_use_certificate_chain_file(h->ctx, g->cert_file) != 1)
		return file_fails(h, "gateway.cert_file", g->cert_file);
	if (SSL_CTX_use_PrivateKey_file(h->ctx, key, SSL_FILETYPE_PEM) != 1)
		return file_fails(h, "gateway.key_file", key);
	return true;
}

static bool prepare(struct hand *h, int fd)
{
	h->ctx = SSL_CTX_new(TLS_client_method());
	if (!h->ctx || !load(h))
		return false;
	SSL_CTX_set_min_proto_version(h->ctx, TLS1_2_VERSION);
	h->ssl = SSL_new(h->ctx);
	if (!h->ssl || SSL_set_fd(h->ssl, fd) != 1)
		return false;
	SSL_set_app_data(h->ssl, h);
	SSL_set_verify(h->ssl, h->hub->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, on_verify);
	return hub_tls_set_names(h->ssl, h->hub->host, h->hub->verify && h->hub->verify_host);
}

/* --- the handshake --- */

/* SSL_ERROR_...; SSL_ERROR_WANT_READ: the time is over. */
static int shake(const struct hand *h, int fd, int64_t until_ms)
{
	for (;;) {
		int rc = SSL_connect(h->ssl), kind = SSL_get_error(h->ssl, rc);
		int64_t left = until_ms - clocks_monotonic_ms();
		struct pollfd p = { .fd = fd, .events = kind == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN };

		if (rc == 1)
			return SSL_ERROR_NONE;
		if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
			return kind;
		if (left <= 0)
			return SSL_ERROR_WANT_READ;
		poll(&p, 1, (int)left);
	}
}

/* What the library says when bytes came that are no TLS. */
static bool is_no_tls(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_SSL &&
	       (ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER ||
	        ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST);
}

static enum net_tls judge(struct hand *h, int kind)
{
	unsigned long error = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(error);

	if (kind == SSL_ERROR_NONE)
		return NET_TLS_OK;
	if (kind == SSL_ERROR_WANT_READ)
		return NET_TLS_TIMEOUT;
	if (h->error != 0) {
		snprintf(h->out->why, sizeof h->out->why, "%s", X509_verify_cert_error_string(h->error));
		return meaning_of(h->error);
	}
	if (is_no_tls(error))
		return NET_TLS_NONE;
	if (kind == SSL_ERROR_SYSCALL || kind == SSL_ERROR_ZERO_RETURN ||
	    (error != 0 && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING))
		return NET_TLS_CLOSED;
	snprintf(h->out->why, sizeof h->out->why, "%s", text ? text : "no reason given");
	return NET_TLS_OTHER;
}

void net_look_tls(const struct config *c, int fd, int64_t until_ms, struct net_look_tls *out)
{
	struct hand h = { .hub = &c->hub, .gateway = &c->gateway, .out = out };
	void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* OpenSSL's sockets write() */
	X509 *cert;

	memset(out, 0, sizeof *out);
	out->end = NET_TLS_FILE;
	ERR_clear_error();
	if (prepare(&h, fd)) {
		out->end = judge(&h, shake(&h, fd, until_ms));
		cert = SSL_get1_peer_certificate(h.ssl);
		if (h.error == 0)
			describe(cert, out);
		X509_free(cert);
	}
	if (out->end == NET_TLS_OK)
		SSL_shutdown(h.ssl);
	SSL_free(h.ssl);
	SSL_CTX_free(h.ctx);
	ERR_clear_error();
	signal(SIGPIPE, before);
}
