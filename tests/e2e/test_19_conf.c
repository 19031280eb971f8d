/* The samples in conf/, in Debian's conf.d, and the image's mosquitto.conf are configurations that
 * start and serve. */
#include "tests/e2e/broker_start.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "ZGV2aWNlLW9uZS1wc2stLQ=="

enum {
	AWAIT_MS = 10000
};

/* /etc/mosquitto/mosquitto.conf of Debian 12 and 13, but for the pid file of the former. */
#define DEBIAN_CONF                                \
	"persistence true\n"                           \
	"persistence_location /var/lib/mosquitto/\n"   \
	"log_dest file /etc/mosquitto/mosquitto.log\n" \
	"include_dir /etc/mosquitto/conf.d\n"

struct sample {
	const char *conf, *json;
	bool whole;               /* the broker's only file, not one of conf.d */
	bool secure, client_cert; /* what a device needs on port 8883 */
};

/* The text with every `from` replaced; frees text. Caller frees. */
static char *replaced(char *text, const char *from, const char *to)
{
	char *at, *start = text, *out = strdup("");

	while ((at = strstr(start, from))) {
		char *more = text_fmt("%s%.*s%s", out, (int)(at - start), start, to);

		free(out);
		out = more;
		start = at + strlen(from);
	}
	at = text_fmt("%s%s", out, start);
	free(out);
	free(text);
	return at;
}

/* Ports and paths of a sample become those of the test. */
static char *moved(char *text, const struct broker *b, int secure_port)
{
	char *name = text_fmt("%s/mosquitto_hubgate.so", build_dir()), so[PATH_MAX] = "";
	char *here = text_fmt("%s/", b->dir), *plain = text_fmt("listener %d 127.0.0.1\n", b->port);
	char *secure = text_fmt("listener %d 127.0.0.1\n", secure_port);

	CU_ASSERT_PTR_NOT_NULL_FATAL(realpath(name, so));
	text = replaced(text, "/usr/lib/x86_64-linux-gnu/mosquitto_hubgate.so", so);
	text = replaced(text, "/usr/lib/hubgate/mosquitto_hubgate.so", so);
	text = replaced(text, "/etc/mosquitto/", here);
	text = replaced(text, "/etc/mosquitto/conf.d", here);
	text = replaced(text, "/var/lib/mosquitto/", here);
	text = replaced(text, "listener 1883 127.0.0.1\n", plain);
	text = replaced(text, "listener 1883\n", plain);
	text = replaced(text, "listener 8883\n", secure);
	free(name);
	free(here);
	free(plain);
	free(secure);
	return text;
}

/* hubgate.json of the sample, with a hub where nobody listens. */
static void put_json(const struct broker *b, const char *sample)
{
	char *text = file_read(sample), *dir = text_fmt("%s/store", b->dir), *out;
	cJSON *root = text ? cJSON_Parse(text) : NULL, *hub, *store;

	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	hub = cJSON_GetObjectItem(root, "hub");
	if (!hub)
		hub = cJSON_AddObjectToObject(root, "hub");
	cJSON_DeleteItemFromObject(hub, "address");
	cJSON_AddStringToObject(hub, "address", "127.0.0.1");
	cJSON_DeleteItemFromObject(hub, "port");
	cJSON_AddNumberToObject(hub, "port", 1);
	store = cJSON_GetObjectItem(root, "store");
	cJSON_ReplaceItemInObject(store, "dir", cJSON_CreateString(dir));
	out = cJSON_Print(root);
	free(broker_file(b, "hubgate.json", out, 0640));
	free(out);
	free(text);
	free(dir);
	cJSON_Delete(root);
}

static void put_certs(const struct broker *b)
{
	char *from = scene_cert(""), *to = text_fmt("%s/certs", b->dir), *conf_d;

	CU_ASSERT_EQUAL_FATAL(symlink(from, to), 0);
	conf_d = text_fmt("%s/conf.d", b->dir);
	CU_ASSERT_EQUAL_FATAL(mkdir(conf_d, 0755), 0);
	free(from);
	free(to);
	free(conf_d);
}

/* As broker_start(), with the whole file given, which leaves out the line that broker_stop() waits
 * for. */
static char *put_conf(const struct broker *b, const struct sample *s, int secure_port)
{
	char *text = file_read(s->conf), *all, *path;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	text = moved(text, b, secure_port);
	if (!s->whole) {
		free(broker_file(b, "conf.d/hubgate.conf", text, 0644));
		free(text);
		text = moved(strdup(DEBIAN_CONF), b, secure_port);
	}
	all = text_fmt("%slog_type information\n%s", geteuid() == 0 ? "user root\n" : "", text);
	path = broker_file(b, "mosquitto.conf", all, 0644);
	free(all);
	free(text);
	return path;
}

static bool start(struct broker *b, const struct sample *s, int secure_port)
{
	static char debian[] = "/usr/sbin/mosquitto", in_path[] = "mosquitto", config[] = "-c";
	char *path;

	put_json(b, s->json);
	put_certs(b);
	path = put_conf(b, s, secure_port);
	b->proc =
		proc_start((char *[]){ access(debian, X_OK) == 0 ? debian : in_path, config, path, NULL },
	               NULL, b->log);
	free(path);
	return b->proc && port_await(b->proc, b->port, NULL, AWAIT_MS) &&
	       (!s->secure || port_await(b->proc, secure_port, NULL, AWAIT_MS));
}

static int login(int port, const struct dev_opts *opts)
{
	struct dev *d = dev_connect_port(port, PRODUCT, "dev1", SECRET, opts);
	int code = d ? dev_code(d) : -1;

	dev_disconnect(d);
	return code;
}

static int secure_login(const struct sample *s, int port)
{
	char *ca = scene_cert("ca.pem"), *cert = scene_cert("client.pem"),
		 *key = scene_cert("client.key");
	struct dev_opts opts = { .tls_ca = ca };
	int code;

	if (s->client_cert) {
		opts.tls_cert = cert;
		opts.tls_key = key;
	}
	code = login(port, &opts);
	free(ca);
	free(cert);
	free(key);
	return code;
}

static void serves(const struct sample *s, bool certificates)
{
	int secure_port = port_free();
	struct broker b;

	broker_init(&b);
	CU_ASSERT_FATAL(start(&b, s, secure_port));
	CU_ASSERT_EQUAL(login(b.port, NULL), 0);
	if (s->secure && certificates)
		CU_ASSERT_EQUAL(secure_login(s, secure_port), 0);
	CU_ASSERT(broker_stop(&b));
	broker_fini(&b);
}

static void the_plain_sample_in_conf_d_serves_devices(void)
{
	serves(&(struct sample){ .conf = "conf/mosquitto.conf", .json = "conf/hubgate.json" }, false);
}

static void the_full_sample_starts_with_every_key(void)
{
	serves(&(struct sample){ .conf = "conf/mosquitto.conf", .json = "conf/hubgate-full.json" },
	       false);
}

static void the_tls_sample_in_conf_d_serves_devices(void)
{
	serves(&(struct sample){ .conf = "conf/mosquitto-tls.conf",
	                         .json = "conf/hubgate.json",
	                         .secure = true },
	       true);
}

static void the_mutual_tls_sample_in_conf_d_serves_devices_with_certificates(void)
{
	serves(&(struct sample){ .conf = "conf/mosquitto-mtls.conf",
	                         .json = "conf/hubgate.json",
	                         .secure = true,
	                         .client_cert = true },
	       true);
}

static void the_psk_sample_in_conf_d_opens_its_listener(void)
{
	serves(&(struct sample){ .conf = "conf/mosquitto-psk.conf",
	                         .json = "conf/hubgate.json",
	                         .secure = true },
	       false);
}

static void the_image_serves_devices(void)
{
	serves(&(struct sample){ .conf = "docker/mosquitto.conf",
	                         .json = "conf/hubgate.json",
	                         .whole = true },
	       false);
}

SUITE(conf, TEST(the_plain_sample_in_conf_d_serves_devices),
      TEST(the_full_sample_starts_with_every_key), TEST(the_tls_sample_in_conf_d_serves_devices),
      TEST(the_mutual_tls_sample_in_conf_d_serves_devices_with_certificates),
      TEST(the_psk_sample_in_conf_d_opens_its_listener), TEST(the_image_serves_devices))
