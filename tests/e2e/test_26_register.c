/* Dynamic registration: of configured devices without a secret, and of devices that ask the
 * gateway. */
#include "tests/e2e/scene.h"
#include "tests/mqtt/packet.h"
#include "tests/runner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PRODUCT_SECRET "hzvf5LF9S0isvBhDSauWMaIk"
#define DEV1_SECRET    "ZGV2aWNlLW9uZS1wc2stLQ=="
#define DEV2_SECRET    "ZGV2aWNlLXR3by1wc2stLQ=="
#define EVENT          PRODUCT "/dev1/event"

enum {
	REPLY_MAX = 4096,
	CROWD = 500,
	HTTP_TIMEOUT_S = 15,
	SLOW = 256, /* connections */
	DRIPS = 40,
	ROUNDS = 8,
	QUICK_MS = 1000,
	QUICK_IN_A_CROWD_MS = 4000,
	DRIP_MS = 100, /* between two bytes */
	REQUEST_MS = 5000,
	LATE_MS = 1500, /* on a loaded machine, behind REQUEST_MS */
};

struct stage {
	struct scene s;
	int http; /* lan.http */
};

static const char *sim_config(char **made, int crowd)
{
	char *more = strdup("");

	for (int i = 0; i < crowd; i++) {
		char *longer = text_fmt("%s,{\"product_id\":\"" PRODUCT
		                        "\",\"device_name\":\"c%03d\",\"secret\":\"" DEV2_SECRET "\"}",
		                        more, i);

		free(more);
		more = longer;
	}
	*made = text_fmt(
		"{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
		"\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"gateway\":true},"
		"{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\",\"secret\":\"" DEV1_SECRET "\"},"
		"{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev2\",\"secret\":\"" DEV2_SECRET
		"\"}%s],\"product_secrets\":{\"" PRODUCT "\":\"" PRODUCT_SECRET "\"},"
		"\"limits\":{\"connect_s\":1,\"rate_up\":%d}}",
		more, crowd ? 100 : 30);
	free(more);
	return *made;
}

#define REGISTERS                                                                \
	"{\"product_id\":\"" PRODUCT "\",\"product_secret\":\"" PRODUCT_SECRET "\"," \
	"\"register\":true}"

/* Members of products[] and devices[]. Caller frees. */
static char *stage_patch(const struct stage *t, int rate_up, const char *products,
                         const char *devices)
{
	return text_fmt("{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1,\"rate_up\":%d,"
	                "\"register_url\":\"http://127.0.0.1:%d/device/register\"},"
	                "\"lan\":{\"http\":\"127.0.0.1:%d\"},\"presence\":{\"grace_ms\":200},"
	                "\"metrics\":{\"sys_interval_s\":1},\"products\":[%s],\"devices\":[%s]}",
	                rate_up, sim_register_port(t->s.sim), t->http, products, devices);
}

/* Both may be "". */
static struct stage stage_start_with(const char *products, const char *devices, int crowd)
{
	struct stage t = { .http = port_free() };
	char *config, *patch;
	struct sim_opts so = { .registers = true };
	struct lan_opts lo = { .patch = NULL };

	so.config = sim_config(&config, crowd);
	t.s.sim = sim_start(&so);
	free(config);
	CU_ASSERT_FATAL(t.s.sim != NULL);
	patch = stage_patch(&t, crowd ? 90 : 25, products, devices);
	lo.patch = patch;
	lo.hub_port = sim_port(t.s.sim);
	t.s.lan = lan_start(&lo);
	free(patch);
	CU_ASSERT_FATAL(t.s.lan != NULL);
	CU_ASSERT(lan_log_await(t.s.lan, "connected to the hub", WAIT_MS));
	return t;
}

static struct stage stage_start(const char *devices, int crowd)
{
	return stage_start_with(REGISTERS, devices, crowd);
}

static void stage_reload(struct stage *t, const char *products, const char *devices)
{
	char *patch = stage_patch(t, 25, products, devices);

	CU_ASSERT(lan_configure(t->s.lan, patch));
	lan_reload(t->s.lan);
	CU_ASSERT(lan_log_await(t->s.lan, "read again", WAIT_MS));
	free(patch);
}

static void stage_end(struct stage *t)
{
	CU_ASSERT_FALSE(lan_log_has(t->s.lan, DEV1_SECRET));
	CU_ASSERT_FALSE(lan_log_has(t->s.lan, PRODUCT_SECRET));
	scene_end(&t->s);
}

#define DEV1 "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\"}"

/* --- a device's HTTP client --- */

/* host: of 127/8, 1 is the usual one. */
static int dial_from(int port, int host)
{
	const struct timeval limit = { .tv_sec = HTTP_TIMEOUT_S };
	struct sockaddr_in at = { .sin_family = AF_INET,
		                      .sin_port = htons((uint16_t)port),
		                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in from = { .sin_family = AF_INET,
		                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t)host) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static int dial(int port)
{
	return dial_from(port, 1);
}

static void say(int fd, const char *path, const char *headers, const char *body)
{
	char *text = text_fmt("POST %s HTTP/1.1\r\nHost: gw.lan:8080\r\nContent-Length: %zu\r\n"
	                      "Connection: close\r\n%s\r\n%s",
	                      path, strlen(body), headers, body);

	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	free(text);
}

/* The whole answer; static. */
static const char *hear(int fd)
{
	static char reply[REPLY_MAX];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof reply - 1 && (n = read(fd, reply + len, sizeof reply - 1 - len)) > 0)
		len += (size_t)n;
	reply[len] = '\0';
	close(fd);
	return reply;
}

static char *sign(const EVP_MD *md, const char *text, bool of_hex)
{
	unsigned char mac[EVP_MAX_MD_SIZE], encoded[256];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned int len;

	HMAC(md, PRODUCT_SECRET, (int)strlen(PRODUCT_SECRET), (const unsigned char *)text, strlen(text),
	     mac, &len);
	for (unsigned i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	EVP_EncodeBlock(encoded, of_hex ? (const unsigned char *)hex : mac,
	                (int)(of_hex ? 2 * len : len));
	return strdup((const char *)encoded);
}

/* Headers and body of the current form (docs/protocol/dynreg.md 1). */
static void current_form(const char *name, long nonce, char **headers, char **body)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1], *text, *signature;
	long now = (long)time(NULL);

	*body = text_fmt("{\"ProductId\":\"" PRODUCT "\",\"DeviceName\":\"%s\"}", name);
	SHA256((const unsigned char *)*body, strlen(*body), digest);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	text = text_fmt("POST\ngw.lan\n/device/register\n\nhmacsha256\n%ld\n%ld\n%s", now, nonce, hex);
	signature = sign(EVP_sha256(), text, false);
	*headers = text_fmt("X-TC-Algorithm: hmacsha256\r\nX-TC-Timestamp: %ld\r\nX-TC-Nonce: %ld\r\n"
	                    "X-TC-Signature: %s\r\n",
	                    now, nonce, signature);
	free(signature);
	free(text);
}

static const char *ask_current(const struct stage *t, const char *name, long nonce)
{
	char *headers, *body;
	int fd = dial(t->http);

	current_form(name, nonce, &headers, &body);
	say(fd, "/device/register", headers, body);
	free(headers);
	free(body);
	return hear(fd);
}

/* Body of the old form (docs/protocol/dynreg.md 3). Caller frees. */
static char *old_form(const char *name, long nonce)
{
	long now = (long)time(NULL);
	char *text =
		text_fmt("deviceName=%s&nonce=%ld&productId=" PRODUCT "&timestamp=%ld", name, nonce, now);
	char *signature = sign(EVP_sha1(), text, true);
	char *body = text_fmt("{\"deviceName\":\"%s\",\"nonce\":%ld,\"productId\":\"" PRODUCT
	                      "\",\"timestamp\":%ld,\"signature\":\"%s\"}",
	                      name, nonce, now, signature);

	free(text);
	free(signature);
	return body;
}

static void say_old(int fd, const char *body)
{
	say(fd, "/register/dev", "Content-Type: application/x-www-form-urlencoded\r\n", body);
}

static const char *ask_old(const struct stage *t, const char *name, long nonce)
{
	char *body = old_form(name, nonce);
	int fd = dial(t->http);

	say_old(fd, body);
	free(body);
	return hear(fd);
}

/* What the encrypted payload says, as a device reads it; static; "" when there is none. */
static const char *opened(const char *reply)
{
	static char plain[REPLY_MAX];
	const char *from = strstr(reply, "ayload\":\"");
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char cipher[REPLY_MAX];
	char encoded[REPLY_MAX];
	int len = 0;

	memset(plain, 0, sizeof plain);
	if (from && sscanf(from + strlen("ayload\":\""), "%4000[^\"]", encoded) == 1) {
		len = EVP_DecodeBlock(cipher, (const unsigned char *)encoded, (int)strlen(encoded));
		EVP_DecryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, (const unsigned char *)PRODUCT_SECRET,
		                   (const unsigned char *)"0000000000000000");
		EVP_CIPHER_CTX_set_padding(ctx, 0);
		EVP_DecryptUpdate(ctx, (unsigned char *)plain, &len, cipher, len / 16 * 16);
	}
	EVP_CIPHER_CTX_free(ctx);
	return plain;
}

#define KEY_OF(psk) "{\"encryptionType\":2,\"psk\":\"" psk "\"}"

/* --- tests --- */

static void configured_device_without_a_secret_is_registered_bound_and_logs_in(void)
{
	struct stage t = stage_start(DEV1, 0);
	struct dev *d;
	char *path = text_fmt("%s/store/secrets", lan_dir(t.s.lan));
	char *log = text_fmt("%s/mosquitto.log", lan_dir(t.s.lan));
	struct stat st;

	CU_ASSERT(file_await(log, "was registered at the hub", NULL, WAIT_MS));
	free(log);
	d = scene_device(&t.s, "dev1", NULL);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_EQUAL(scene_number(scene_await(&t.s, "bind", "dev1"), "result"), 0);
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&t.s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	dev_disconnect(d);
	lan_kill(t.s.lan); /* known again after a crash, without asking */
	CU_ASSERT(lan_restart(t.s.lan));
	d = scene_device(&t.s, "dev1", NULL);
	CU_ASSERT_EQUAL(sim_count_events(t.s.sim, "ev", "register", NULL), 1);
	dev_disconnect(d);
	free(path);
	stage_end(&t);
}

static void what_may_pass_is_tried_again_and_what_stays_is_said_once(void)
{
	struct stage t =
		stage_start(DEV1 ",{\"product_id\":\"" PRODUCT "\",\"device_name\":\"ghost\"}", 0);

	char *log = text_fmt("%s/mosquitto.log", lan_dir(t.s.lan));

	CU_ASSERT(file_await(log, "ghost cannot be registered: ResourceNotFound", NULL, WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(t.s.sim, WAIT_MS, "ev", "register", "device", PRODUCT "/ghost", NULL));
	/* So that the fault below is for the one that is asked for again. */
	CU_ASSERT(file_await(log, "dev1 was registered at the hub", NULL, WAIT_MS));
	CU_ASSERT(sim_do(t.s.sim, "{\"cmd\":\"register_fault\",\"kind\":\"internal\",\"count\":1}"));
	lan_kill(t.s.lan);
	CU_ASSERT(lan_restart(t.s.lan));
	CU_ASSERT(file_await(log, "InternalError", NULL, WAIT_MS));
	free(log);
	stage_end(&t);
}

static void device_registers_at_the_gateway_in_both_forms_and_logs_in(void)
{
	struct stage t = stage_start("", 0);
	struct dev *d;

	CU_ASSERT_STRING_EQUAL(opened(ask_current(&t, "dev1", 1)), KEY_OF(DEV1_SECRET));
	CU_ASSERT_STRING_EQUAL(opened(ask_old(&t, "dev2", 2)), KEY_OF(DEV2_SECRET));
	d = scene_device(&t.s, "dev1", NULL);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&t.s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(sim_count_events(t.s.sim, "ev", "register", "outcome", "ok", NULL), 2);
	dev_disconnect(d);
	stage_end(&t);
}

/* Also one that registered here before: its secret is in the store, and not given from there. */
static void while_the_hub_is_away_nobody_is_given_a_secret(void)
{
	struct stage t = stage_start("", 0);

	CU_ASSERT_STRING_EQUAL(opened(ask_current(&t, "dev1", 1)), KEY_OF(DEV1_SECRET));
	CU_ASSERT(lan_stop(t.s.lan) >= 0); /* another call for dev1 may be made at once */
	sim_kill(t.s.sim);
	CU_ASSERT(lan_restart(t.s.lan));
	CU_ASSERT_PTR_NOT_NULL(strstr(ask_current(&t, "dev1", 2), "\"Code\":\"InternalError\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(ask_old(&t, "dev2", 3), "{\"code\":1000,"));
	stage_end(&t);
}

/* The same bytes from 127.0.0.<host>; static. */
static const char *repeat(const struct stage *t, int host, const char *headers, const char *body)
{
	int fd = dial_from(t->http, host);

	say(fd, "/device/register", headers, body);
	return hear(fd);
}

static const char *repeat_old(const struct stage *t, int host, const char *body)
{
	int fd = dial_from(t->http, host);

	say_old(fd, body);
	return hear(fd);
}

static const char *content(const char *reply)
{
	const char *end = strstr(reply, "\r\n\r\n");

	return end ? end + 4 : "";
}

static void lost_reply_is_given_again_to_the_same_address_until_the_device_logs_in(void)
{
	struct stage t = stage_start("", 0);
	char *headers, *body, *old = old_form("dev2", 2), *first;

	current_form("dev1", 1, &headers, &body);
	first = strdup(content(repeat(&t, 1, headers, body)));
	CU_ASSERT_STRING_EQUAL(opened(first), KEY_OF(DEV1_SECRET));
	CU_ASSERT_STRING_EQUAL(content(repeat(&t, 1, headers, body)), first);
	CU_ASSERT_PTR_NOT_NULL(strstr(repeat(&t, 2, headers, body), "AuthFailure.SignatureExpire"));
	CU_ASSERT_STRING_EQUAL(opened(repeat_old(&t, 1, old)), KEY_OF(DEV2_SECRET));
	CU_ASSERT_STRING_EQUAL(opened(repeat_old(&t, 1, old)), KEY_OF(DEV2_SECRET));
	dev_disconnect(scene_device(&t.s, "dev1", NULL));
	dev_disconnect(scene_device(&t.s, "dev2", NULL));
	CU_ASSERT_PTR_NOT_NULL(strstr(repeat(&t, 1, headers, body), "AuthFailure.SignatureExpire"));
	CU_ASSERT_PTR_NOT_NULL(strstr(repeat_old(&t, 1, old), "{\"code\":1010,"));
	CU_ASSERT_EQUAL(sim_count_events(t.s.sim, "ev", "register", NULL), 2);
	free(first);
	free(old);
	free(headers);
	free(body);
	stage_end(&t);
}

static void request_repeated_while_the_hub_is_asked_gets_the_same_reply(void)
{
	struct stage t = stage_start("", 0);
	char *headers, *body, *first;
	int one, two;

	CU_ASSERT(sim_do(t.s.sim, "{\"cmd\":\"register_fault\",\"kind\":\"hold\",\"count\":1}"));
	current_form("dev1", 1, &headers, &body);
	one = dial(t.http);
	say(one, "/device/register", headers, body);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(t.s.sim, WAIT_MS, "ev", "register", NULL));
	two = dial(t.http);
	say(two, "/device/register", headers, body);
	/* Whoever comes behind it was answered: the second was read before. */
	CU_ASSERT_PTR_NOT_NULL(strstr(repeat(&t, 2, headers, body), "AuthFailure.SignatureExpire"));
	CU_ASSERT(sim_do(t.s.sim, "{\"cmd\":\"register_fault\",\"kind\":\"none\"}"));
	first = strdup(content(hear(one)));
	CU_ASSERT_STRING_EQUAL(opened(first), KEY_OF(DEV1_SECRET));
	CU_ASSERT_STRING_EQUAL(content(hear(two)), first);
	CU_ASSERT_EQUAL(sim_count_events(t.s.sim, "ev", "register", NULL), 1);
	free(first);
	free(headers);
	free(body);
	stage_end(&t);
}

static void forged_and_replayed_requests_are_refused_in_the_form_of_the_request(void)
{
	struct stage t = stage_start("", 0);
	char *headers, *body;
	int fd;

	current_form("dev1", 1, &headers, &body);
	CU_ASSERT_PTR_NOT_NULL(strstr(repeat(&t, 1, headers, body), "Payload"));
	CU_ASSERT_PTR_NOT_NULL(strstr(repeat(&t, 2, headers, body), "AuthFailure.SignatureExpire"));
	strstr(body, "dev1")[3] = '2'; /* another device under the same signature */
	fd = dial(t.http);
	say(fd, "/device/register", headers, body);
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd), "AuthFailure.SignatureFailure"));
	fd = dial(t.http);
	say(fd, "/register/dev", "",
	    "{\"deviceName\":\"dev2\",\"nonce\":1,\"productId\":\"" PRODUCT
	    "\",\"timestamp\":1,\"signature\":\"YQ==\"}");
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd), "{\"code\":1010"));
	CU_ASSERT(lan_log_await(t.s.lan, "its signature does not fit", WAIT_MS));
	for (int i = 0; i < 20; i++)
		CU_ASSERT_PTR_NOT_NULL(
			strstr(repeat(&t, 1, headers, body), "AuthFailure.SignatureFailure"));
	fd = dial(t.http);
	say(fd, "/device/register", headers, "{");
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd), "InvalidParameterValue"));
	fd = dial(t.http);
	say(fd, "/somewhere", "", "");
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd), "404"));
	CU_ASSERT_EQUAL(sim_count_events(t.s.sim, "ev", "register", NULL), 1);
	CU_ASSERT_EQUAL(scene_log_count(&t.s, "its signature does not fit"), 1);
	free(headers);
	free(body);
	stage_end(&t);
}

static void rule_of_mappings_registers_the_names_that_it_hears(void)
{
	struct stage t = stage_start("],\"mappings\":[{\"client\":\"omg\",\"product_id\":\"" PRODUCT
	                             "\",\"up\":\"ble/{mac}\",\"device\":\"{mac}\",\"known_only\":true,"
	                             "\"register\":true}",
	                             0);
	const struct dev_opts o = { .client_id = "omg" };
	struct dev *d = client_connect(lan_port(t.s.lan), &o);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT(dev_publish_acked(d, "ble/ghost", "{\"seq\":2}", WAIT_MS));
	CU_ASSERT(dev_publish_acked(d, "ble/dev1", "{\"seq\":1}", WAIT_MS)); /* in line behind it */
	CU_ASSERT(lan_log_await(t.s.lan, "dev1 was registered at the hub", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&t.s, "bind", "dev1"));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&t.s, EVENT, WAIT_MS));
	CU_ASSERT(lan_log_has(t.s.lan, "ghost cannot be registered"));
	CU_ASSERT(lan_log_has(t.s.lan, "tried again when it is heard"));
	dev_disconnect(d);
	stage_end(&t);
}

static void command_of_an_application_registers_a_device_and_nobody_else_may(void)
{
	static char request[] = "{\"commands\":[{\"command\":\"register\",\"product_id\":\"" PRODUCT
							"\",\"device_name\":\"dev1\",\"correlationData\":\"7\"},"
							"{\"command\":\"register\",\"product_id\":\"" PRODUCT
							"\",\"device_name\":\"ghost\"},{\"command\":\"dance\"}]}";
	struct stage t = stage_start(DEV1 "],\"apps\":[{\"username\":\"admin\",\"topic\":"
	                                  "\"$CONTROL/hubgate/v1\",\"access\":\"write\"}",
	                             0);
	const struct dev_opts admin = { .client_id = "a", .username = "admin", .password = "x" };
	const struct dev_opts guest = { .client_id = "g", .username = "guest", .password = "x" };
	struct dev *a = client_connect(lan_port(t.s.lan), &admin);
	struct dev *g = client_connect(lan_port(t.s.lan), &guest);
	const char *const expected[] = {
		"{\"responses\":[{\"command\":\"dance\",\"error\":\"unknown command; known: ",
		"{\"responses\":[{\"command\":\"register\",\"correlationData\":\"7\"}]}",
		("{\"responses\":[{\"command\":\"register\",\"error\":"
		 "\"ResourceNotFound.DeviceNotExist: refused\"}]}"),
	};
	bool seen[3] = { false };

	CU_ASSERT_FATAL(a && g && dev_code(a) == 0 && dev_code(g) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(a, "$CONTROL/hubgate/v1/response", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(g, "$CONTROL/hubgate/v1/response", 1), 0x80);
	CU_ASSERT(dev_publish(g, "$CONTROL/hubgate/v1", request, 1));
	CU_ASSERT(dev_publish(a, "$CONTROL/hubgate/v1", request, 1));
	for (int i = 0; i < 3; i++) {
		const struct dev_message *m = dev_await_message(a, "$CONTROL/hubgate/v1/response", WAIT_MS);

		for (int k = 0; m && k < 3; k++)
			seen[k] = seen[k] || strncmp(m->payload, expected[k], strlen(expected[k])) == 0;
	}
	CU_ASSERT(seen[0] && seen[1] && seen[2]);
	CU_ASSERT_EQUAL(sim_count_events(t.s.sim, "ev", "register", "device", PRODUCT "/ghost", NULL),
	                1);
	dev_disconnect(scene_device(&t.s, "dev1", NULL));
	dev_disconnect(a);
	dev_disconnect(g);
	stage_end(&t);
}

/* --- what a restart must not take from a device that only registered itself --- */

#define CONTROL PRODUCT "/dev1/control"
#define SHADOW  "$shadow/operation/" PRODUCT "/dev1"
#define RESULT  "$shadow/operation/result/" PRODUCT "/dev1"

/* It is bound, subscribes its commands, reports into its shadow. */
static void live(struct stage *t)
{
	struct dev *d;

	CU_ASSERT_STRING_EQUAL(opened(ask_current(t, "dev1", 1)), KEY_OF(DEV1_SECRET));
	d = scene_device(&t->s, "dev1", NULL);
	CU_ASSERT_EQUAL(scene_number(scene_await(&t->s, "bind", "dev1"), "result"), 0);
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(d, RESULT, 0), 0);
	CU_ASSERT(scene_await_filter(&t->s, CONTROL)); /* only online devices are granted any */
	CU_ASSERT(dev_publish(d, SHADOW,
	                      "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":1}},"
	                      "\"clientToken\":\"t-1\"}",
	                      0));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, RESULT, WAIT_MS));
	dev_disconnect(d);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&t->s, "offline", "dev1"));
}

static void restart(struct stage *t, bool kill_9)
{
	CU_ASSERT(sim_do(t->s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	if (kill_9)
		lan_kill(t->s.lan);
	else
		CU_ASSERT(lan_stop(t->s.lan) >= 0);
	CU_ASSERT(lan_restart(t->s.lan));
}

/* The hub cannot be asked: all of it is known from here. */
static void expect_bound_and_shadow(struct stage *t)
{
	const struct dev_opts gw = { .client_id = NULL };
	struct dev *app = dev_connect(t->s.lan, "GWPRODUCT1", "gw1", "Z2F0ZXdheS1vbmUtcHNrIQ==", &gw);
	struct dev *d = scene_device(&t->s, "dev1", NULL);
	const struct dev_message *m;

	CU_ASSERT_FATAL(app && dev_code(app) == 0);
	CU_ASSERT(dev_subscribe(app, "$gateway/operation/result/" GATEWAY, 1) >= 0);
	CU_ASSERT(
		dev_publish(app, "$gateway/operation/" GATEWAY, "{\"type\":\"describe_sub_devices\"}", 0));
	m = dev_await_message(app, NULL, WAIT_MS);
	CU_ASSERT(m && strstr(m->payload, "\"dev1\""));
	CU_ASSERT_EQUAL(dev_subscribe(d, RESULT, 0), 0);
	CU_ASSERT(dev_publish(d, SHADOW, "{\"type\":\"get\",\"clientToken\":\"t-2\"}", 0));
	m = dev_await_message(d, RESULT, WAIT_MS);
	CU_ASSERT(m && strstr(m->payload, "\"reported\":{\"a\":1}"));
	dev_disconnect(d);
	dev_disconnect(app);
}

static void registered_device_keeps_all(bool kill_9)
{
	struct stage t = stage_start("", 0);
	struct dev *d;

	live(&t);
	for (int i = 0; i < 2; i++) { /* nothing of it is erased for the start after this one, either */
		restart(&t, kill_9);
		expect_bound_and_shadow(&t);
	}
	sim_skip_events(t.s.sim);
	CU_ASSERT(sim_do(t.s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	d = scene_device(&t.s, "dev1", NULL); /* and says nothing of its own */
	CU_ASSERT(scene_await_filter(&t.s, CONTROL));
	CU_ASSERT_EQUAL(scene_count(&t.s, "bind", "dev1"), 1);
	CU_ASSERT_EQUAL(sim_count_events(t.s.sim, "ev", "register", NULL), 1);
	dev_disconnect(d);
	stage_end(&t);
}

static void registered_device_keeps_shadow_subscriptions_and_bound_over_a_restart(void)
{
	registered_device_keeps_all(false);
}

static void registered_device_keeps_shadow_subscriptions_and_bound_over_kill_9(void)
{
	registered_device_keeps_all(true);
}

/* It is gone from the file at one start, and back in it at the next, or with the next reload. */
static void device_that_leaves_the_configuration_and_returns_finds_all_of_it(void)
{
	static const struct scene_opts with = { .more = "" };
	static const struct scene_opts without = { .more = ",\"devices\":[]" };
	struct scene s = scene_start(&with);
	char *there = scene_patch(&with), *gone = scene_patch(&without);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT_EQUAL(dev_subscribe(d, RESULT, 0), 0);
	CU_ASSERT(dev_publish(d, SHADOW,
	                      "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":1}},"
	                      "\"clientToken\":\"t-1\"}",
	                      0));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, RESULT, WAIT_MS));
	dev_disconnect(d);
	CU_ASSERT(lan_configure(s.lan, gone));
	CU_ASSERT(lan_restart(s.lan));
	CU_ASSERT(lan_configure(s.lan, there));
	lan_reload(s.lan);
	CU_ASSERT(lan_log_await(s.lan, "read again: 2 devices, 2 of them new", WAIT_MS));
	sim_skip_events(s.sim);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(lan_log_await(s.lan, "messages wait", WAIT_MS));
	d = scene_device(&s, "dev1", NULL);
	CU_ASSERT_EQUAL(dev_subscribe(d, RESULT, 0), 0);
	CU_ASSERT(dev_publish(d, SHADOW, "{\"type\":\"get\",\"clientToken\":\"t-2\"}", 0));
	m = dev_await_message(d, RESULT, WAIT_MS);
	CU_ASSERT(m && strstr(m->payload, "\"reported\":{\"a\":1}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	dev_disconnect(d);
	free(there);
	free(gone);
	scene_end(&s);
}

static void products_come_change_and_go_with_a_reload(void)
{
	struct stage t = stage_start_with("", "", 0);
	struct dev *one, *two;

	stage_reload(&t, REGISTERS, DEV1);
	CU_ASSERT(lan_log_await(t.s.lan, "was registered at the hub", WAIT_MS));
	one = scene_device(&t.s, "dev1", NULL);
	CU_ASSERT_STRING_EQUAL(opened(ask_current(&t, "dev2", 1)), KEY_OF(DEV2_SECRET));
	two = scene_device(&t.s, "dev2", NULL);
	stage_reload(&t, "{\"product_id\":\"" PRODUCT "\"}",
	             "{\"product_id\":\"" PRODUCT
	             "\",\"device_name\":\"dev1\",\"secret\":\"" DEV1_SECRET "\"}");
	CU_ASSERT(dev_await_disconnect(two, WAIT_MS)); /* known by its registration alone */
	CU_ASSERT(dev_connected(one));
	CU_ASSERT_PTR_NOT_NULL(strstr(ask_current(&t, "dev2", 2), "\"Error\""));
	stage_reload(&t, REGISTERS, DEV1);
	dev_disconnect(two);
	two = scene_device(&t.s, "dev2", NULL);
	CU_ASSERT_EQUAL(scene_violations(&t.s), 0);
	dev_disconnect(one);
	dev_disconnect(two);
	stage_end(&t);
}

static void source_that_asks_too_often_is_told_to_wait(void)
{
	struct stage t = stage_start("", 0);
	int limited = 0;

	for (int i = 0; i < 100; i++)
		limited += strstr(ask_old(&t, "ghost", 10 + i), "\"code\":1012") != NULL;
	CU_ASSERT(limited >= 30);
	CU_ASSERT(sim_count_events(t.s.sim, "ev", "register", NULL) <=
	          2); /* 5 s apart for one device */
	stage_end(&t);
}

/* A second is the promise on a machine that has the time. */
static bool is_quick(int64_t took_ms)
{
	return took_ms < QUICK_MS || (machine_is_crowded() && took_ms < QUICK_IN_A_CROWD_MS);
}

/* It says that it will say more. */
static int dial_slow(int port, const char *begins)
{
	int fd = dial(port);

	CU_ASSERT_EQUAL(send(fd, begins, strlen(begins), MSG_NOSIGNAL), (ssize_t)strlen(begins));
	return fd;
}

#define SLOW_HEADER "POST /device/register HTTP/1.1\r\nHost: gw"
#define SLOW_BODY   "POST /device/register HTTP/1.1\r\nHost: gw\r\nContent-Length: 1000\r\n\r\n{"

static void dial_all_slow(const struct stage *t, int slow[SLOW])
{
	for (int i = 0; i < SLOW; i++)
		slow[i] = dial_slow(t->http, i % 2 ? SLOW_HEADER : SLOW_BODY);
}

static void close_all(const int slow[SLOW])
{
	for (int i = 0; i < SLOW; i++)
		close(slow[i]);
}

/* The hub is asked, and the answer is there at once. */
static void ask_and_be_answered(struct stage *t, char kind, int round, int nonce)
{
	int64_t began_ms = now_ms();
	char name[16];

	snprintf(name, sizeof name, "%c%d", kind, round);
	CU_ASSERT_PTR_NOT_NULL(strstr(ask_current(t, name, nonce), "ResourceNotFound.DeviceNotExist"));
	CU_ASSERT(is_quick(now_ms() - began_ms));
}

/* All from one address, as behind a router that translates addresses; the hub is asked each time.
 */
static void slow_connections_keep_no_request_out_and_are_said_once(void)
{
	struct stage t = stage_start("", 0);
	int slow[SLOW];

	dial_all_slow(&t, slow);
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = r * SLOW / ROUNDS; i < (r + 1) * SLOW / ROUNDS; i++) {
			close(slow[i]);
			slow[i] = dial_slow(t.http, SLOW_HEADER);
		}
		ask_and_be_answered(&t, 'q', r, 100 + r);
	}
	CU_ASSERT_STRING_EQUAL(opened(ask_old(&t, "dev1", 1)), KEY_OF(DEV1_SECRET));
	CU_ASSERT(lan_log_await(t.s.lan, "the oldest gives way", WAIT_MS));
	CU_ASSERT_EQUAL(scene_log_count(&t.s, "the oldest gives way"), 1);
	close_all(slow);
	stage_end(&t);
}

/* A byte more of a header, or of a body; true: it was not disconnected. */
static bool drip(int fd)
{
	char end;

	return send(fd, "x", 1, MSG_NOSIGNAL) == 1 &&
	       (recv(fd, &end, 1, MSG_DONTWAIT | MSG_PEEK) > 0 || errno == EAGAIN);
}

/* Closes those that were disconnected; how many are left. */
static int drip_all(int *slow, int count)
{
	struct pollfd one;
	int left = 0;

	for (int i = 0; i < count; i++) {
		if (slow[i] >= 0 && !drip(slow[i])) {
			close(slow[i]);
			slow[i] = -1;
		}
		if (slow[i] < 0)
			continue;
		one = (struct pollfd){ .fd = slow[i], .events = POLLRDHUP };
		left++;
	}
	if (left > 0)
		poll(&one, 1, DRIP_MS);
	return left;
}

/* Fewer than would have to give way: they are ended by the time alone. */
static void request_that_comes_byte_by_byte_has_five_seconds_for_header_and_body(void)
{
	struct stage t = stage_start("", 0);
	int64_t began_ms = now_ms(), took_ms;
	int slow[DRIPS];

	for (int i = 0; i < DRIPS; i++)
		slow[i] = dial_slow(t.http, i % 2 ? SLOW_HEADER : SLOW_BODY);
	while (drip_all(slow, DRIPS) == DRIPS && now_ms() - began_ms < WAIT_MS)
		;
	CU_ASSERT(now_ms() - began_ms > REQUEST_MS / 2); /* who is slow but not too slow is served */
	while (drip_all(slow, DRIPS) > 0 && now_ms() - began_ms < WAIT_MS)
		;
	took_ms = now_ms() - began_ms;
	CU_ASSERT_EQUAL(drip_all(slow, DRIPS), 0);
	CU_ASSERT(took_ms < REQUEST_MS + LATE_MS);
	CU_ASSERT_STRING_EQUAL(opened(ask_current(&t, "dev1", 1)), KEY_OF(DEV1_SECRET));
	CU_ASSERT_FALSE(lan_log_has(t.s.lan, "the oldest gives way"));
	stage_end(&t);
}

/* They come again as soon as they are disconnected. */
static void honest_requests_are_answered_within_a_second_beside_256_that_drip(void)
{
	struct stage t = stage_start("", 0);
	int slow[SLOW];

	dial_all_slow(&t, slow);
	for (int r = 0; r < ROUNDS; r++) {
		drip_all(slow, SLOW);
		for (int i = 0; i < SLOW; i++)
			slow[i] = slow[i] < 0 ? dial_slow(t.http, SLOW_BODY) : slow[i];
		ask_and_be_answered(&t, 'd', r, 200 + r);
	}
	CU_ASSERT_EQUAL(scene_log_count(&t.s, "the oldest gives way"), 1);
	close_all(slow);
	stage_end(&t);
}

static bool accepted(const unsigned char *answer, size_t len)
{
	struct packet p;
	bool present;
	uint8_t code;

	return packet_at(answer, len, &p) == PACKET_WHOLE && p.type == PACKET_CONNACK &&
	       packet_read_connack(&p, &present, &code) && code == 0;
}

/* One descriptor for each device: the client library's loop ends at 1,024 of three each. -1: not
 * let in. */
static int raw_login(int port, const char *name)
{
	char *username = cred_username(PRODUCT, name);
	char *password = cred_password(DEV2_SECRET, username, false);
	char *id = text_fmt(PRODUCT "%s", name);
	const struct packet_login login = {
		.client_id = id, .username = username, .password = password, .keepalive = 240, .clean = true
	};
	struct packets out = { 0 };
	unsigned char ack[4];
	int fd = dial(port);

	packet_put_connect(&out, &login);
	if (write(fd, out.data, out.len) != (ssize_t)out.len ||
	    recv(fd, ack, sizeof ack, MSG_WAITALL) != sizeof ack || !accepted(ack, sizeof ack)) {
		close(fd);
		fd = -1;
	}
	packets_fini(&out);
	free(id);
	free(password);
	free(username);
	return fd;
}

/* None twice, and at the speed that the limits allow. */
static void five_hundred_devices_register_and_are_bound_at_once(void)
{
	struct stage t;
	char *devices = strdup("");
	int crowd[CROWD];
	char *callbacks;
	int64_t began_ms;
	bool all = true;

	for (int i = 0; i < CROWD; i++) {
		char *longer = text_fmt("%s%s{\"product_id\":\"" PRODUCT "\",\"device_name\":\"c%03d\"}",
		                        devices, i ? "," : "", i);

		free(devices);
		devices = longer;
	}
	t = stage_start(devices, CROWD);
	free(devices);
	for (int64_t end = now_ms() + 60000;
	     sim_count_events(t.s.sim, "ev", "register", "outcome", "ok", NULL) < CROWD &&
	     now_ms() < end;)
		CU_ASSERT_PTR_NOT_NULL(sim_await_event(t.s.sim, WAIT_MS, "ev", "register", NULL));
	CU_ASSERT_EQUAL(sim_count_events(t.s.sim, "ev", "register", NULL), CROWD);
	/* The hub said so; the last answers may still be on their way to the broker's thread. */
	for (int64_t end = now_ms() + WAIT_MS;
	     scene_log_count(&t.s, "was registered at the hub") < CROWD && now_ms() < end;)
		free(scene_sys(&t.s, "devices_known"));
	began_ms = now_ms();
	for (int i = 0; i < CROWD; i++) {
		char name[8];

		snprintf(name, sizeof name, "c%03d", i);
		crowd[i] = raw_login(lan_port(t.s.lan), name);
		all = all && crowd[i] >= 0;
	}
	CU_ASSERT(all);
	for (int64_t end = now_ms() + 120000;
	     sim_count_events(t.s.sim, "ev", "bind", "result", "0", NULL) < CROWD && now_ms() < end &&
	     all;)
		CU_ASSERT_PTR_NOT_NULL(sim_await_event(t.s.sim, WAIT_MS, "ev", "bind", NULL));
	/* online, bind, online: three messages for each at rate_up. */
	printf("500 devices bound in %.1f s; 3 messages each at 90/s take %.1f s\n",
	       (double)(now_ms() - began_ms) / 1000, 3.0 * CROWD / 90);
	callbacks = scene_sys(&t.s, "callback_us/all/p999");
	printf("p99.9 of the time in callbacks, us: %s\n", callbacks ? callbacks : "?");
	free(callbacks);
	CU_ASSERT(now_ms() - began_ms < 4 * 3 * CROWD * 1000 / 90);
	CU_ASSERT_EQUAL(sim_count_events(t.s.sim, "ev", "bind", NULL), CROWD);
	CU_ASSERT_EQUAL(scene_violations(&t.s), 0);
	for (int i = 0; i < CROWD; i++)
		close(crowd[i]);
	stage_end(&t);
}

SUITE(registration, TEST(configured_device_without_a_secret_is_registered_bound_and_logs_in),
      TEST(what_may_pass_is_tried_again_and_what_stays_is_said_once),
      TEST(device_registers_at_the_gateway_in_both_forms_and_logs_in),
      TEST(while_the_hub_is_away_nobody_is_given_a_secret),
      TEST(lost_reply_is_given_again_to_the_same_address_until_the_device_logs_in),
      TEST(request_repeated_while_the_hub_is_asked_gets_the_same_reply),
      TEST(forged_and_replayed_requests_are_refused_in_the_form_of_the_request),
      TEST(rule_of_mappings_registers_the_names_that_it_hears),
      TEST(command_of_an_application_registers_a_device_and_nobody_else_may),
      TEST(registered_device_keeps_shadow_subscriptions_and_bound_over_a_restart),
      TEST(registered_device_keeps_shadow_subscriptions_and_bound_over_kill_9),
      TEST(device_that_leaves_the_configuration_and_returns_finds_all_of_it),
      TEST(products_come_change_and_go_with_a_reload),
      TEST(source_that_asks_too_often_is_told_to_wait),
      TEST(slow_connections_keep_no_request_out_and_are_said_once),
      TEST(request_that_comes_byte_by_byte_has_five_seconds_for_header_and_body),
      TEST(honest_requests_are_answered_within_a_second_beside_256_that_drip),
      TEST(five_hundred_devices_register_and_are_bound_at_once))
