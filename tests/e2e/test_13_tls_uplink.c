/* The gateway talks to the hub over TLS, and to nobody else. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT PRODUCT "/dev1/event"

static const char cert_gateway[] =
	"{\"accounts\":["
	"{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"cert\":true},"
	"{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\",\"secret\":\"ZGV2aWNlLW9uZS1wc2stLQ==\"}],"
	"\"bound\":[{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"SUBPRODUC1\","
	"\"device_name\":\"dev1\"}],\"limits\":{\"connect_s\":1}}";

struct tls_case {
	const char *sim_config;      /* NULL: the sample */
	const char *hub, *gateway;   /* members of the configuration's sections, each after a comma */
	const char *ca, *cert, *key; /* files, NULL: those of the scene */
	bool client_ca;              /* the hub looks at client certificates */
};

static char *path_or(const char *path, const char *file)
{
	return path ? text_fmt("%s", path) : scene_cert(file);
}

static struct scene start(const struct tls_case *c)
{
	char *ca = path_or(c->ca, "ca.pem"), *cert = path_or(c->cert, "server.pem");
	char *key = path_or(c->key, "server.key"), *client_ca = scene_cert("ca.pem");
	char *patch =
		text_fmt("{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1%s},"
	             "\"gateway\":{\"device_name\":\"gw1\"%s},\"presence\":{\"grace_ms\":200}}",
	             c->hub ? c->hub : "", c->gateway ? c->gateway : "");
	struct sim_opts so = {
		.config = c->sim_config,
		.tls_cert = cert,
		.tls_key = key,
		.tls_ca = c->client_ca ? client_ca : NULL,
	};
	struct lan_opts lo = { .hub_tls = true, .hub_ca = ca, .patch = patch };
	struct scene s = { .sim = sim_start(&so) };

	if (s.sim) {
		lo.hub_port = sim_tls_port(s.sim);
		s.lan = lan_start(&lo);
	}
	/* The simulator reads its files at the start only; none is restarted here. */
	free(ca);
	free(cert);
	free(key);
	free(client_ca);
	free(patch);
	CU_ASSERT_FATAL(s.lan != NULL);
	return s;
}

static void message_goes_up_over_tls(const struct tls_case *c)
{
	struct scene s = start(c);
	struct dev *d;

	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "connect", "client", GATEWAY, "tls", "true", NULL));
	d = scene_online_device(&s, "dev1", NULL);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

/* The log names the reason, the hub never sees a login. */
static void hub_is_refused(const struct tls_case *c, const char *why)
{
	struct scene s = start(c);

	CU_ASSERT(lan_log_await(s.lan, "certificate refused", WAIT_MS));
	CU_ASSERT(lan_log_has(s.lan, why));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "connects"), 0);
	CU_ASSERT_FALSE(lan_log_has(s.lan, "connected to the hub"));
	scene_end(&s);
}

static void gateway_with_a_key_logs_in_over_tls(void)
{
	message_goes_up_over_tls(&(struct tls_case){ .hub = NULL });
}

static void gateway_with_a_certificate_logs_in_over_tls(void)
{
	char *cert = scene_cert("client.pem"), *key = scene_cert("client.key");
	char *gateway =
		text_fmt(",\"secret\":null,\"cert_file\":\"%s\",\"key_file\":\"%s\"", cert, key);

	message_goes_up_over_tls(
		&(struct tls_case){ .sim_config = cert_gateway, .gateway = gateway, .client_ca = true });
	free(cert);
	free(key);
	free(gateway);
}

static void hub_of_another_name_is_refused_unless_told_otherwise(void)
{
	struct tls_case c = { .hub = ",\"host\":\"hub.example\",\"address\":\"127.0.0.1\"" };

	hub_is_refused(&c, "not made out to hub.example");
	c.hub = ",\"host\":\"hub.example\",\"address\":\"127.0.0.1\",\"verify_host\":false";
	message_goes_up_over_tls(&c);
}

/* A certificate of its own issuing for 127.0.0.1, good from from_s to to_s, counted from now. */
static bool self_signed(const char *cert_path, const char *key_path, long from_s, long to_s)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509_EXTENSION *alt =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, (char[]){ "IP:127.0.0.1" });
	FILE *cert_file = fopen(cert_path, "we"), *key_file = fopen(key_path, "we");
	bool ok = key && cert && alt && cert_file && key_file;

	ok = ok && X509_set_version(cert, 2) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
	     X509_gmtime_adj(X509_getm_notBefore(cert), from_s) &&
	     X509_gmtime_adj(X509_getm_notAfter(cert), to_s) && X509_set_pubkey(cert, key) &&
	     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
	                                0) &&
	     X509_set_issuer_name(cert, name) && X509_add_ext(cert, alt, -1) &&
	     X509_sign(cert, key, EVP_sha256()) > 0;
	ok = ok && PEM_write_X509(cert_file, cert) &&
	     PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL);
	if (cert_file)
		fclose(cert_file);
	if (key_file)
		fclose(key_file);
	X509_EXTENSION_free(alt);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok;
}

static void hub_is_refused_with(long from_s, long to_s, bool trusted, const char *why)
{
	char *dir = dir_make(), *cert = text_fmt("%s/hub.pem", dir), *key = text_fmt("%s/hub.key", dir);
	struct tls_case c = { .cert = cert, .key = key, .ca = trusted ? cert : NULL };

	CU_ASSERT_FATAL(self_signed(cert, key, from_s, to_s));
	hub_is_refused(&c, why);
	dir_remove(dir);
	free(dir);
	free(cert);
	free(key);
}

static void hub_with_an_expired_certificate_is_refused(void)
{
	hub_is_refused_with(-7200, -3600, true, "expired");
}

static void hub_of_an_unknown_authority_is_refused(void)
{
	hub_is_refused_with(-3600, 3600, false, "not signed by");
}

SUITE(tls_uplink, TEST(gateway_with_a_key_logs_in_over_tls),
      TEST(gateway_with_a_certificate_logs_in_over_tls),
      TEST(hub_of_another_name_is_refused_unless_told_otherwise),
      TEST(hub_with_an_expired_certificate_is_refused),
      TEST(hub_of_an_unknown_authority_is_refused))
