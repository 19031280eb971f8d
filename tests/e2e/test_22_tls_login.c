/* Logins that the TLS handshake proves: keys and certificates (modes C and D of the SDKs). */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>

#define DEV1      PRODUCT "dev1"
#define DEV2      PRODUCT "dev2"
#define USER1     DEV1 ";21010406;Ab3dE;9223372036854775807"
#define DEV1_KEY  "6465766963652d6f6e652d70736b2d2d" /* ZGV2aWNlLW9uZS1wc2stLQ==, decoded */
#define DEV2_KEY  "6465766963652d74776f2d70736b2d2d"
#define C_CIPHERS "PSK-AES128-CBC-SHA:PSK-AES256-CBC-SHA"
#define EVENT     PRODUCT "/dev1/event"
#define SECRET1   "ZGV2aWNlLW9uZS1wc2stLQ=="
#define SECRET2   "ZGV2aWNlLXR3by1wc2stLQ=="
#define COMMAND1  PRODUCT "/dev1/control"
#define COMMAND2  PRODUCT "/dev2/control"

struct world {
	struct scene s; /* the hub; its LAN broker is left alone */
	struct lan *lan;
	int port;
};

/* lines: of a second listener. */
static struct world started(const char *lines)
{
	struct world w = { .s = scene_start(NULL), .port = port_free() };
	char *conf = text_fmt("listener %d 127.0.0.1\n%s", w.port, lines);
	char *patch = scene_patch(&(struct scene_opts){ .hub = NULL });
	struct lan_opts opts = { .hub_port = sim_port(w.s.sim), .patch = patch, .extra_conf = conf };

	lan_free(w.s.lan);
	w.s.lan = NULL;
	w.lan = lan_start(&opts);
	CU_ASSERT_FATAL(w.lan && port_await(NULL, w.port, NULL, WAIT_MS));
	free(conf);
	free(patch);
	return w;
}

static void ended(struct world *w)
{
	lan_free(w->lan);
	scene_end(&w->s);
}

static struct dev *try_key(const struct world *w, const char *key, const char *identity,
                           const char *password, bool may_fail)
{
	const struct dev_opts o = { .client_id = DEV1,
		                        .username = USER1,
		                        .password = password,
		                        .may_fail = may_fail,
		                        .psk = key,
		                        .psk_identity = identity };

	return client_connect(w->port, &o);
}

static struct dev *by_key(const struct world *w, const char *key, const char *identity,
                          const char *password)
{
	return try_key(w, key, identity, password, false);
}

/* True: d was not let in, whether it heard that or not. Frees it. */
static bool kept_out(struct dev *d)
{
	bool out = !d || dev_code(d) != 0;

	dev_disconnect(d);
	return out;
}

static struct world psk_world(void)
{
	return started("psk_hint hubgate\ntls_version tlsv1.2\nciphers " C_CIPHERS "\n");
}

static void device_with_its_key_logs_in_without_password_and_its_message_arrives(void)
{
	struct world w = psk_world();
	struct dev *d = by_key(&w, DEV1_KEY, DEV1, "");

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(w.s.sim, WAIT_MS, "ev", "publish", "topic", EVENT, NULL));
	dev_disconnect(d);
	ended(&w);
}

static void wrong_key_and_another_devices_identity_do_not_get_in(void)
{
	struct world w = psk_world();

	CU_ASSERT_PTR_NULL(try_key(&w, DEV2_KEY, DEV1, "", true)); /* the handshake fails */
	CU_ASSERT(kept_out(try_key(&w, DEV2_KEY, DEV2, "", true)));
	/* Nor does a clear-text connection right after a handshake for the same device. */
	for (int i = 0; i < 20; i++) {
		const struct dev_opts o = {
			.client_id = DEV1, .username = USER1, .password = "", .may_fail = true
		};

		CU_ASSERT_PTR_NULL(try_key(&w, DEV2_KEY, DEV1, "", true));
		/* The broker may close before its refusal is read. */
		CU_ASSERT(kept_out(client_connect(lan_port(w.lan), &o)));
	}
	ended(&w);
}

static void failed_handshake_with_a_live_devices_identity_does_not_take_it_offline(void)
{
	struct world w = psk_world();
	struct dev *d = by_key(&w, DEV1_KEY, DEV1, "");

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(w.s.sim, WAIT_MS, "ev", "online", "result", "0", NULL));
	CU_ASSERT_PTR_NULL(try_key(&w, DEV2_KEY, DEV1, "", true));
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(w.s.sim, WAIT_MS, "ev", "publish", "topic", EVENT, NULL));
	CU_ASSERT_EQUAL(sim_count_events(w.s.sim, "ev", "offline", NULL), 0);
	dev_disconnect(d);
	ended(&w);
}

static struct dev *by_certificate(const struct world *w, const char *dir, const char *ca_dir,
                                  const char *client_id, const char *username, bool may_fail)
{
	char *ca = text_fmt("%s/ca.pem", ca_dir);
	char *cert = dir ? text_fmt("%s/client.pem", dir) : NULL;
	char *key = dir ? text_fmt("%s/client.key", dir) : NULL;
	const struct dev_opts o = { .client_id = client_id,
		                        .username = username,
		                        .password = "",
		                        .may_fail = may_fail,
		                        .tls_ca = ca,
		                        .tls_cert = cert,
		                        .tls_key = key };
	struct dev *d = client_connect(w->port, &o);

	free(ca);
	free(cert);
	free(key);
	return d;
}

static void certificate_lets_its_own_device_in_and_nobody_else(void)
{
	char *dir = dir_make(), *other = dir_make(), *lines;
	struct world w;
	struct dev *d;

	CU_ASSERT_FATAL(certs_make(dir, DEV1) && certs_make(other, DEV1));
	lines = text_fmt("cafile %s/ca.pem\ncertfile %s/server.pem\n"
	                 "keyfile %s/server.key\nrequire_certificate true\n",
	                 dir, dir, dir);
	w = started(lines);
	d = by_certificate(&w, dir, dir, DEV1, USER1, false);
	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(w.s.sim, WAIT_MS, "ev", "publish", "topic", EVENT, NULL));
	dev_disconnect(d);
	CU_ASSERT(kept_out(
		by_certificate(&w, dir, dir, DEV2, DEV2 ";21010406;Ab3dE;9223372036854775807", true)));
	CU_ASSERT_PTR_NULL(by_certificate(&w, NULL, dir, DEV1, USER1, true));
	CU_ASSERT_PTR_NULL(by_certificate(&w, other, dir, DEV1, USER1, true)); /* of another CA */
	ended(&w);
	dir_remove(dir);
	dir_remove(other);
	free(dir);
	free(other);
	free(lines);
}

/* use_identity_as_username: the broker asks no plugin who this is. */
static struct dev *certified(const struct world *w, const char *dir)
{
	char *ca = text_fmt("%s/ca.pem", dir), *cert = text_fmt("%s/client.pem", dir);
	char *key = text_fmt("%s/client.key", dir);
	const struct dev_opts o = { .client_id = DEV1,
		                        .username = "",
		                        .password = "",
		                        .persistent = true,
		                        .tls_ca = ca,
		                        .tls_cert = cert,
		                        .tls_key = key };
	struct dev *d = client_connect(w->port, &o);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	free(ca);
	free(cert);
	free(key);
	return d;
}

static struct dev *subscribed(const struct world *w, const char *name, const char *secret,
                              const char *filter)
{
	const struct dev_opts keeps = { .persistent = true };
	struct dev *d = dev_connect(w->lan, PRODUCT, name, secret, &keeps);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(d, filter, 1), 1);
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(w->s.sim, WAIT_MS, "ev", "subscribe", "filter", filter, NULL));
	return d;
}

static void intrude(const struct world *w, const char *dir)
{
	struct dev *dev1 = subscribed(w, "dev1", SECRET1, COMMAND1);
	struct dev *dev2 = subscribed(w, "dev2", SECRET2, COMMAND2), *thief;

	CU_ASSERT(dev_leave(dev1));
	thief = certified(w, dir);
	CU_ASSERT(sim_publish(w->s.sim, COMMAND1, "secret", 1));
	CU_ASSERT(sim_publish(w->s.sim, COMMAND2, "after it", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(dev2, COMMAND2, WAIT_MS));
	dev_publish(thief, "home/kitchen", "hello", 0);
	CU_ASSERT(dev_await_disconnect(thief, WAIT_MS));
	CU_ASSERT_EQUAL(dev_count_messages(thief, NULL), 0);
	CU_ASSERT(dev_reconnect(dev1)); /* still subscribed */
	CU_ASSERT(sim_publish(w->s.sim, COMMAND1, "go", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(dev1, COMMAND1, WAIT_MS));
	dev_disconnect(thief);
	dev_disconnect(dev1);
	dev_disconnect(dev2);
}

static void listener_that_asks_nobody(const char *cn)
{
	char *dir = dir_make(), *lines;
	struct world w;

	CU_ASSERT_FATAL(certs_make(dir, cn));
	lines = text_fmt("cafile %s/ca.pem\ncertfile %s/server.pem\nkeyfile %s/server.key\n"
	                 "require_certificate true\nuse_identity_as_username true\n",
	                 dir, dir, dir);
	w = started(lines);
	CU_ASSERT(lan_log_has(w.lan, "can throw a device out by its client id"));
	intrude(&w, dir);
	ended(&w);
	dir_remove(dir);
	free(dir);
	free(lines);
}

static void certificate_without_login_event_reads_nothing_and_leaves_subscriptions_alone(void)
{
	listener_that_asks_nobody("somebody");
	listener_that_asks_nobody(DEV1);
}

SUITE(tls_login, TEST(device_with_its_key_logs_in_without_password_and_its_message_arrives),
      TEST(wrong_key_and_another_devices_identity_do_not_get_in),
      TEST(failed_handshake_with_a_live_devices_identity_does_not_take_it_offline),
      TEST(certificate_lets_its_own_device_in_and_nobody_else),
      TEST(certificate_without_login_event_reads_nothing_and_leaves_subscriptions_alone))
