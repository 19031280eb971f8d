/* The C counterparts of the SDK's methods, by the methods' names, on one connection to the
 * simulated hub: what each does on the wire. Of hubgate this links libhubbridge.a only. */
#include "bridge/http/dynreg_device.h"
#include "bridge/sdk/ota.h"
#include "bridge/sdk/sdk.h"
#include "bridge/sdk/sdk_shadow.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "tests/harness/harness.h"
#include "tests/runner.h"

#define GW_ID       "GWPRODUCT1gw1"
#define GATEWAY     "GWPRODUCT1/gw1"
#define PRODUCT     "SUBPRODUC1"
#define DEV1_ID     PRODUCT "dev1"
#define CONTROL     GATEWAY "/control"
#define SHADOW_ASK  "$shadow/operation/" PRODUCT "/dev1"
#define SHADOW_TOLD "$shadow/operation/result/" PRODUCT "/dev1"

enum {
	WAIT_MS = 10000,
	KEEPALIVE_S = 77,
};

/* Set up by `connect`, ended by `disconnect`: the tests are the steps of one program's life, in the
 * order of the table. */
static struct {
	struct sim *sim;
	char *dir;
	struct journal *journal;
	struct metrics metrics;
	struct secret secret;
	struct sdk *program;
	atomic_bool granted, refused; /* set in NET */
	struct ota *ota;
	int version_rsps;
	int connects, disconnects, messages, published, subscribed, unsubscribed, of_topic, deltas;
} s;

static struct uplink *uplink(void)
{
	CU_ASSERT_FATAL(s.program != NULL);
	return sdk_uplink(s.program);
}

/* Runs the program until *count is `least`. */
static bool run_until(const int *count, int least)
{
	int64_t end_ms = now_ms() + WAIT_MS;

	while (*count < least && now_ms() < end_ms)
		sdk_run(s.program, 50);
	return *count >= least;
}

/* --- callbacks --- */

static void on_connect(void *ctx, bool resumed)
{
	(void)ctx;
	(void)resumed;
	s.connects++;
}

static void on_disconnect(void *ctx)
{
	(void)ctx;
	s.disconnects++;
}

static void on_message(void *ctx, const char *topic, const void *payload, size_t len, uint8_t qos)
{
	(void)ctx;
	(void)payload;
	(void)len;
	(void)qos;
	s.messages += strcmp(topic, CONTROL) == 0;
}

static void on_topic(void *ctx, const char *topic, const void *payload, size_t len, uint8_t qos)
{
	(void)payload;
	(void)len;
	(void)qos;
	(void)ctx;
	s.of_topic += strcmp(topic, CONTROL) == 0;
}

static void on_publish(void *ctx, const char *client_id)
{
	(void)ctx;
	s.published += strcmp(client_id, GW_ID) == 0;
}

static void on_subscribe(void *ctx, const char *filter, uint8_t code)
{
	(void)ctx;
	(void)filter;
	s.subscribed += code <= 1;
}

static void on_unsubscribe(void *ctx, const char *filter)
{
	(void)ctx;
	(void)filter;
	s.unsubscribed++;
}

static const struct sdk_calls calls = {
	.on_connect = on_connect,
	.on_disconnect = on_disconnect,
	.on_message = on_message,
	.on_publish = on_publish,
	.on_subscribe = on_subscribe,
	.on_unsubscribe = on_unsubscribe,
};

/* --- steps --- */

static struct sdk *make_program(void)
{
	const struct journal_limits lim = {
		.max_messages = 100, .max_bytes = 1 << 20, .device_share = 100, .flush_ms = 200
	};
	struct uplink_conf conf = {
		.product_id = "GWPRODUCT1",
		.device_name = "gw1",
		.secret = &s.secret,
		.host = "127.0.0.1",
		.port = (uint16_t)sim_port(s.sim),
		.keepalive_s = 240,
		.rate_up = 25,
		.window = 20,
		.min_reconnect_s = 5,
		.max_reconnect_s = 60,
		.connect_timeout_s = 10,
		.request_timeout_s = 5,
		.metrics = &s.metrics,
	};
	struct sdk *p = NULL;

	CU_ASSERT_EQUAL_FATAL(journal_open(s.dir, &lim, NULL, &s.journal), ST_OK);
	conf.journal = s.journal;
	CU_ASSERT_EQUAL_FATAL(sdk_new(&conf, &p), ST_OK);
	sdk_set_calls(p, &calls, NULL);
	return p;
}

static void test_connect(void)
{
	static const struct sim_opts o = {
		.registers = true,
		.firmware = true,
		.config = "{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
				  "\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"gateway\":true},"
				  "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\","
				  "\"secret\":\"ZGV2aWNlLW9uZS1wc2stLQ==\"}],"
				  "\"bound\":[{\"gateway\":\"" GATEWAY "\",\"product_id\":\"" PRODUCT
				  "\",\"device_name\":\"dev1\"}],\"product_secrets\":{\"" PRODUCT
				  "\":\"hzvf5LF9S0isvBhDSauWMaIk\"},"
				  "\"limits\":{\"connect_s\":1}}"
	};

	room_enter(ROOM_BROKER);
	s.dir = dir_make();
	s.sim = sim_start(&o);
	CU_ASSERT_FATAL(s.sim != NULL);
	CU_ASSERT_EQUAL_FATAL(secret_parse("Z2F0ZXdheS1vbmUtcHNrIQ==", &s.secret), ST_OK);
	s.program = make_program();
	CU_ASSERT_EQUAL(uplink_set_keepalive_interval(uplink(), KEEPALIVE_S), ST_OK);
	CU_ASSERT_EQUAL(uplink_set_reconnect_interval(uplink(), 1, 1), ST_OK);
	CU_ASSERT_EQUAL(uplink_set_message_timeout(uplink(), 5), ST_OK);
	CU_ASSERT_EQUAL(uplink_connect(uplink()), ST_OK);
	CU_ASSERT_EQUAL(uplink_connect(uplink()), ST_STATE); /* it runs already */
	CU_ASSERT(sdk_await_connected(s.program, WAIT_MS));
}

static void test_setKeepaliveInterval(void)
{
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "connect", "client", GATEWAY,
	                                       "keepalive", "77", NULL));
	CU_ASSERT_EQUAL(uplink_set_keepalive_interval(uplink(), 60), ST_STATE);
}

static void test_setReconnectInterval(void)
{
	int64_t cut_ms = now_ms();

	CU_ASSERT(run_until(&s.connects, 1));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(run_until(&s.disconnects, 1));
	CU_ASSERT(run_until(&s.connects, 2));
	CU_ASSERT(now_ms() - cut_ms < 4000); /* not the 5 s that it was made with */
	CU_ASSERT_EQUAL(uplink_set_reconnect_interval(uplink(), 60, 1), ST_STATE);
}

static void test_setMessageTimout(void)
{
	CU_ASSERT_EQUAL(uplink_set_message_timeout(uplink(), 5), ST_STATE);
}

static void test_isMqttConnected(void)
{
	CU_ASSERT(uplink_ready(uplink()));
}

static void test_getConnectState(void)
{
	CU_ASSERT_EQUAL(uplink_state_now(uplink()), UPLINK_READY);
}

static void test_registerMqttCallback(void)
{
	CU_ASSERT_EQUAL(s.connects, 2);
	CU_ASSERT_EQUAL(s.disconnects, 1);
}

static void test_registerUserCallback(void)
{
	CU_ASSERT_EQUAL(sdk_on_topic(s.program, CONTROL, on_topic, NULL), ST_OK);
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "subscribe", "filter", CONTROL, NULL), 0);
}

static void test_subscribe(void)
{
	CU_ASSERT_EQUAL(uplink_subscribe(uplink(), GW_ID, CONTROL, 1), ST_OK);
	CU_ASSERT(run_until(&s.subscribed, 1));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "subscribe", "filter", CONTROL,
	                                       "qos", "1", "granted", "true", NULL));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"on\":1}", 1));
	CU_ASSERT(run_until(&s.of_topic, 1));
	CU_ASSERT_EQUAL(sdk_on_topic(s.program, CONTROL, NULL, NULL), ST_OK);
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"on\":2}", 1));
	CU_ASSERT(run_until(&s.messages, 1));
	CU_ASSERT_EQUAL(s.of_topic, 1);
}

static void test_publish(void)
{
	const struct journal_msg kept = {
		.device = GW_ID, .topic = GATEWAY "/event", .payload = "{\"seq\":1}", .len = 9, .qos = 1
	};

	CU_ASSERT_EQUAL(uplink_publish(uplink(), &kept), ST_OK);
	CU_ASSERT(run_until(&s.published, 1));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "publish", "topic",
	                                       GATEWAY "/event", "qos", "1", NULL));
	CU_ASSERT_EQUAL(uplink_publish_live(uplink(), GW_ID, GATEWAY "/event", "{}", 2), ST_OK);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "publish", "topic",
	                                       GATEWAY "/event", "qos", "0", NULL));
}

static void test_unsubscribe(void)
{
	CU_ASSERT_EQUAL(uplink_unsubscribe(uplink(), GW_ID, CONTROL), ST_OK);
	CU_ASSERT(run_until(&s.unsubscribed, 1));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "unsubscribe", "filter", CONTROL, NULL));
}

static void test_gatewayInit(void)
{
	CU_ASSERT_EQUAL(gateway_subdev_add(s.program, PRODUCT, "dev1"), ST_OK);
	CU_ASSERT_EQUAL(gateway_subdev_add(s.program, PRODUCT, "dev1"), ST_OK);
	CU_ASSERT_EQUAL(gateway_subdev_add(s.program, "short", "dev1"), ST_INVALID);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "subscribe", "filter",
	                                       "$gateway/operation/result/" GATEWAY, NULL));
}

static void test_gatewaySubdevGetConfigList(void)
{
	size_t count = 0;
	const struct subdev_entry *list = gateway_subdev_list(s.program, &count);

	CU_ASSERT_EQUAL_FATAL(count, 1);
	CU_ASSERT_STRING_EQUAL(list[0].product_id, PRODUCT);
	CU_ASSERT_STRING_EQUAL(list[0].device_name, "dev1");
	CU_ASSERT_EQUAL(list[0].status, SUBDEV_STATUS_INIT);
}

static void test_gatewaySubdevOnline(void)
{
	int64_t code = 1;

	CU_ASSERT_EQUAL(gateway_subdev_online(s.program, PRODUCT, "nobody", WAIT_MS, &code), ST_OK);
	CU_ASSERT_EQUAL(code, 802);
	CU_ASSERT_EQUAL(gateway_subdev_online(s.program, PRODUCT, "dev1", WAIT_MS, &code), ST_OK);
	CU_ASSERT_EQUAL(code, 0);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "online", "device",
	                                       PRODUCT "/dev1", "result", "0", NULL));
}

static void test_isSubdevStatusOnline(void)
{
	CU_ASSERT(gateway_subdev_is_online(s.program, PRODUCT, "dev1"));
	CU_ASSERT_FALSE(gateway_subdev_is_online(s.program, PRODUCT, "nobody"));
}

static void test_updateSubdevStatus(void)
{
	CU_ASSERT_EQUAL(gateway_subdev_set_status(s.program, PRODUCT, "dev1", SUBDEV_STATUS_OFFLINE),
	                ST_OK);
	CU_ASSERT_FALSE(gateway_subdev_is_online(s.program, PRODUCT, "dev1"));
	CU_ASSERT_EQUAL(gateway_subdev_set_status(s.program, PRODUCT, "nobody", SUBDEV_STATUS_ONLINE),
	                ST_NOTFOUND);
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "offline", NULL), 0);
	CU_ASSERT_EQUAL(gateway_subdev_set_status(s.program, PRODUCT, "dev1", SUBDEV_STATUS_ONLINE),
	                ST_OK);
}

static void test_gatewaySubdevSubscribe(void)
{
	CU_ASSERT_EQUAL(
		gateway_subdev_subscribe(s.program, PRODUCT, "dev1", PRODUCT "/dev1/control", 0), ST_OK);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "subscribe", "filter",
	                                       PRODUCT "/dev1/control", "granted", "true", NULL));
}

static void test_gatewaySubdevOffline(void)
{
	int64_t code = 1;

	CU_ASSERT_EQUAL(gateway_subdev_offline(s.program, PRODUCT, "dev1", WAIT_MS, &code), ST_OK);
	CU_ASSERT_EQUAL(code, 0);
	CU_ASSERT_FALSE(gateway_subdev_is_online(s.program, PRODUCT, "dev1"));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "offline", "device",
	                                       PRODUCT "/dev1", "result", "0", NULL));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "online", "device", PRODUCT "/dev1", NULL), 1);
}

static void test_gatewaySubdevUnbind(void)
{
	int64_t code = 1;

	CU_ASSERT_EQUAL(gateway_subdev_unbind(s.program, PRODUCT, "dev1", WAIT_MS, &code), ST_OK);
	CU_ASSERT_EQUAL(code, 0);
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "unbind", "device", PRODUCT "/dev1", NULL));
}

static void test_gatewaySubdevBind(void)
{
	struct secret right, wrong;
	int64_t code = 1;

	CU_ASSERT_EQUAL(secret_parse("ZGV2aWNlLW9uZS1wc2stLQ==", &right), ST_OK);
	CU_ASSERT_EQUAL(secret_parse("Z2F0ZXdheS1vbmUtcHNrIQ==", &wrong), ST_OK);
	CU_ASSERT_EQUAL(gateway_subdev_bind(s.program, PRODUCT, "dev1", &wrong, WAIT_MS, &code), ST_OK);
	CU_ASSERT_EQUAL(code, 803);
	CU_ASSERT_EQUAL(gateway_subdev_bind(s.program, PRODUCT, "dev1", &right, WAIT_MS, &code), ST_OK);
	CU_ASSERT_EQUAL(code, 0);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "bind", "device", PRODUCT "/dev1",
	                                       "result", "0", NULL));
}

static void on_registered(void *ctx, const struct dynreg_result *r)
{
	(void)ctx;
	s.granted = r->status == ST_OK && strcmp(r->grant.psk, "ZGV2aWNlLW9uZS1wc2stLQ==") == 0;
	s.refused = r->status == ST_DENIED && strncmp(r->refusal.code, "AuthFailure", 11) == 0;
}

/* net_stop() waits for what is under way to be told. */
static void registers(const char *product_secret)
{
	char *url = text_fmt("http://127.0.0.1:%d/device/register", sim_register_port(s.sim));
	const struct dynreg_hub hub = { .url = url, .verify = true, .timeout_ms = WAIT_MS };
	struct net *net = NULL;

	CU_ASSERT_EQUAL_FATAL(net_new(&net), ST_OK);
	CU_ASSERT_EQUAL(net_start(net), ST_OK);
	sim_skip_events(s.sim);
	CU_ASSERT_EQUAL(dynreg_device(net, &hub, PRODUCT, "dev1", product_secret, on_registered, NULL),
	                ST_OK);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "register", "device",
	                                       PRODUCT "/dev1", "form", "current", NULL));
	for (int64_t end = now_ms() + WAIT_MS; !s.granted && !s.refused && now_ms() < end;)
		sdk_run(s.program, 5);
	CU_ASSERT(net_stop(net, WAIT_MS));
	net_free(net);
	free(url);
}

static void test_dynregDevice(void)
{
	registers("hzvf5LF9S0isvBhDSauWMaIk");
	CU_ASSERT(s.granted);
	s.granted = false;
	registers("Xzvf5LF9S0isvBhDSauWMaIk");
	CU_ASSERT(s.refused);
}

/* --- OTA, of the gateway itself --- */

enum {
	IMAGE_BYTES = 100000,
	PIECE_BYTES = 3000,
};

#define OTA_REPORT "$ota/report/" GATEWAY

static void on_version_rsp(void *ctx, const char *topic, const void *payload, size_t len,
                           uint8_t qos)
{
	(void)ctx;
	(void)topic;
	(void)qos;
	s.version_rsps += memmem(payload, len, "report_version_rsp", 18) != NULL;
}

/* The hub gets a report that holds both texts. */
static bool reported(const char *what, const char *also)
{
	const cJSON *ev;

	while ((ev = sim_await_event(s.sim, WAIT_MS, "ev", "publish", "topic", OTA_REPORT, NULL))) {
		const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(ev, "payload"));

		if (text && strstr(text, what) && strstr(text, also))
			return true;
	}
	return false;
}

/* A task for the gateway, which hears of it. */
static void ask_to_update(const char *version)
{
	char *task = text_fmt("{\"cmd\":\"ota_task\",\"device\":\"" GATEWAY
	                      "\",\"version\":\"%s\",\"name\":\"image\"}",
	                      version);
	int64_t end_ms = now_ms() + WAIT_MS;

	CU_ASSERT_EQUAL(ota_report_version(s.ota, "1.0"), ST_OK);
	CU_ASSERT(reported("report_version", "1.0"));
	CU_ASSERT(sim_do(s.sim, task));
	while (!ota_is_fetching(s.ota) && now_ms() < end_ms)
		sdk_run(s.program, 50);
	free(task);
}

static void read_on(size_t bytes, unsigned char *copy)
{
	unsigned char piece[PIECE_BYTES];
	size_t got, all = 0;

	while (all < bytes && ota_fetch_yield(s.ota, piece, sizeof piece, WAIT_MS, &got) == ST_OK) {
		if (copy)
			memcpy(copy + all, piece, got);
		all += got;
	}
	CU_ASSERT(all >= bytes);
}

static void test_otaInit(void)
{
	struct ota_conf conf = { .product_id = "GWPRODUCT1",
		                     .device_name = "gw1",
		                     .on_version_rsp = on_version_rsp };
	struct ota *none = NULL;

	CU_ASSERT_EQUAL_FATAL(ota_init(s.program, &conf, WAIT_MS, &s.ota), ST_OK);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "subscribe", "filter",
	                                       "$ota/update/" GATEWAY, "qos", "1", NULL));
	CU_ASSERT_EQUAL(ota_state_now(s.ota), OTA_STATE_INITED);
	conf.product_id = "short";
	CU_ASSERT_EQUAL(ota_init(s.program, &conf, WAIT_MS, &none), ST_INVALID);
}

static void test_otaReportVersion(void)
{
	CU_ASSERT_EQUAL(ota_report_version(s.ota, "one point zero"), ST_INVALID);
	CU_ASSERT_EQUAL(ota_report_version(s.ota, "1.0"), ST_OK);
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "publish", "topic", OTA_REPORT, "qos", "1", "payload",
	                    "{\"type\":\"report_version\",\"report\":{\"version\":\"1.0\"}}", NULL));
	CU_ASSERT(run_until(&s.version_rsps, 1));
}

static void test_otaIsFetching(void)
{
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"firmware\",\"name\":\"image\",\"size\":100000}"));
	CU_ASSERT_FALSE(ota_is_fetching(s.ota));
	ask_to_update("2.0");
	CU_ASSERT(ota_is_fetching(s.ota));
}

static void test_otaIoctlNumber(void)
{
	int64_t n = -2;

	CU_ASSERT_EQUAL(ota_ioctl_number(s.ota, OTA_FILE_SIZE, &n), ST_OK);
	CU_ASSERT_EQUAL(n, IMAGE_BYTES);
	CU_ASSERT_EQUAL(ota_ioctl_number(s.ota, OTA_FETCHED_SIZE, &n), ST_OK);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(ota_ioctl_number(s.ota, OTA_CHECK_FIRMWARE, &n), ST_STATE);
}

static void test_otaIoctlString(void)
{
	char text[40];

	CU_ASSERT_EQUAL(ota_ioctl_string(s.ota, OTA_VERSION, text, sizeof text), ST_OK);
	CU_ASSERT_STRING_EQUAL(text, "2.0");
	CU_ASSERT_EQUAL(ota_ioctl_string(s.ota, OTA_MD5SUM, text, sizeof text), ST_OK);
	CU_ASSERT_EQUAL(strlen(text), 32);
	CU_ASSERT_EQUAL(ota_ioctl_string(s.ota, OTA_MD5SUM, text, 32), ST_TOOBIG);
}

/* A part is read, and fed again as after a restart of the program: the download goes on there. */
static unsigned char part[IMAGE_BYTES];

static void test_otaResetMd5(void)
{
	CU_ASSERT_EQUAL(ota_download_start(s.ota, 0, WAIT_MS), ST_OK);
	read_on(30000, part);
	CU_ASSERT_EQUAL(ota_reset_md5(s.ota), ST_OK);
}

static void test_otaMd5Update(void)
{
	CU_ASSERT_EQUAL(ota_md5_update(s.ota, part, 20000), ST_OK);
	CU_ASSERT_EQUAL(ota_md5_update(s.ota, part + 20000, 10000), ST_OK);
	CU_ASSERT_EQUAL(ota_download_start(s.ota, 29999, WAIT_MS), ST_STATE); /* not what was fed */
}

static void test_httpInit(void)
{
	char *url = text_fmt("http://127.0.0.1:%d/image", sim_firmware_port(s.sim));

	CU_ASSERT_EQUAL(ota_http_init(s.ota, "ftp://127.0.0.1/x", 30000, IMAGE_BYTES, WAIT_MS),
	                ST_INVALID);
	CU_ASSERT_EQUAL(ota_http_init(s.ota, url, 30000, IMAGE_BYTES, WAIT_MS), ST_OK);
	free(url);
}

static void test_otaDownloadStart(void)
{
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"firmware_fault\",\"kind\":\"404\",\"count\":1}"));
	CU_ASSERT_EQUAL(ota_download_start(s.ota, 30000, WAIT_MS), ST_NOTFOUND);
	CU_ASSERT(reported("\"fail\"", "\"-2\""));
	ask_to_update("2.0");
	CU_ASSERT_EQUAL(ota_reset_md5(s.ota), ST_OK);
	CU_ASSERT_EQUAL(ota_md5_update(s.ota, part, 30000), ST_OK);
	CU_ASSERT_EQUAL(ota_download_start(s.ota, 30000, WAIT_MS), ST_OK);
}

static void test_otaFetchYield(void)
{
	unsigned char byte;
	size_t got;

	read_on(IMAGE_BYTES - 30000, NULL);
	CU_ASSERT(reported("downloading", "\"100\""));
	CU_ASSERT_EQUAL(ota_fetch_yield(s.ota, &byte, 1, WAIT_MS, &got), ST_STATE);
}

static void test_otaIsFetchFinished(void)
{
	int64_t n = -2;

	CU_ASSERT(ota_is_fetch_finished(s.ota));
	CU_ASSERT_FALSE(ota_is_fetching(s.ota));
	CU_ASSERT_EQUAL(ota_ioctl_number(s.ota, OTA_CHECK_FIRMWARE, &n), ST_OK);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(ota_ioctl_number(s.ota, OTA_FETCHED_SIZE, &n), ST_OK);
	CU_ASSERT_EQUAL(n, IMAGE_BYTES);
}

static void test_otaReportUpgradeFail(void)
{
	int64_t n = 0;

	CU_ASSERT_EQUAL(ota_report_upgrade_begin(s.ota), ST_OK);
	CU_ASSERT(reported("burning", "2.0"));
	CU_ASSERT_EQUAL(ota_report_upgrade_fail(s.ota, NULL, "the flash is worn"), ST_OK);
	CU_ASSERT(reported("\"-5\"", "the flash is worn"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"firmware_fault\",\"kind\":\"md5\",\"count\":1}"));
	ask_to_update("2.1");
	CU_ASSERT_EQUAL(ota_download_start(s.ota, 0, WAIT_MS), ST_OK);
	read_on(IMAGE_BYTES, NULL);
	CU_ASSERT_EQUAL(ota_ioctl_number(s.ota, OTA_CHECK_FIRMWARE, &n), ST_INVALID);
	CU_ASSERT_EQUAL(n, -1);
	CU_ASSERT(reported("\"fail\"", "\"-4\""));
}

static void test_otaReportUpgradeSuccess(void)
{
	CU_ASSERT_EQUAL(ota_report_upgrade_success(s.ota, "2.0"), ST_OK);
	CU_ASSERT(reported("\"done\"", "2.0"));
	ota_free(s.ota);
}

/* --- the shadow of dev1 --- */

static void bring_online(void)
{
	int64_t code = 1;

	CU_ASSERT_EQUAL(gateway_subdev_online(s.program, PRODUCT, "dev1", WAIT_MS, &code), ST_OK);
	CU_ASSERT_EQUAL(code, 0);
}

static void on_delta(void *ctx, const char *topic, const void *payload, size_t len, uint8_t qos)
{
	(void)qos;
	(void)ctx;
	s.deltas += strcmp(topic, SHADOW_TOLD) == 0 && memmem(payload, len, "\"power\"", 7) != NULL;
}

static void test_shadowInit(void)
{
	int64_t code;

	bring_online();
	CU_ASSERT_EQUAL(sdk_shadow_get(s.program, PRODUCT, "dev1", 10, &code, NULL), ST_STATE);
	CU_ASSERT_EQUAL(sdk_shadow_init(s.program, "short", "dev1", on_delta, NULL), ST_INVALID);
	CU_ASSERT_EQUAL(sdk_shadow_init(s.program, PRODUCT, "dev1", on_delta, NULL), ST_OK);
	CU_ASSERT_EQUAL(sdk_shadow_init(s.program, PRODUCT, "dev1", on_delta, NULL), ST_OK);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "subscribe", "filter", SHADOW_TOLD,
	                                       "granted", "true", NULL));
}

static void test_getShadow(void)
{
	struct buf reply = BUF_MAX(4096);
	int64_t code = 1;

	CU_ASSERT_EQUAL(sdk_shadow_get(s.program, PRODUCT, "dev1", WAIT_MS, &code, &reply), ST_OK);
	CU_ASSERT_EQUAL(code, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_text(&reply), "\"reported\":{}"));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "publish", "topic", SHADOW_ASK, "payload",
	                    "{\"type\":\"get\",\"clientToken\":\"" PRODUCT "-0\"}", "qos", "0", NULL));
	buf_free(&reply);
}

static void test_shadowUpdate(void)
{
	struct buf reply = BUF_MAX(4096);
	int64_t code = 1;

	CU_ASSERT_EQUAL(sdk_shadow_update(s.program, PRODUCT, "dev1", "{\"temperature\":23.70}",
	                                  WAIT_MS, &code, &reply),
	                ST_OK);
	CU_ASSERT_EQUAL(code, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_text(&reply), "\"temperature\":23.70"));
	CU_ASSERT_EQUAL(sdk_shadow_update(s.program, PRODUCT, "dev1", "[1]", WAIT_MS, &code, NULL),
	                ST_MALFORMED);
	CU_ASSERT_EQUAL(
		sdk_shadow_update(s.program, PRODUCT, "dev1", "{}},{\"x\":{}", WAIT_MS, &code, NULL),
		ST_MALFORMED);
	buf_free(&reply);
}

static void test_shadowJsonConstructReport(void)
{
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "publish", "topic", SHADOW_ASK, "payload",
	                    "{\"type\":\"update\",\"state\":{\"reported\":{\"temperature\":23.70}},"
	                    "\"clientToken\":\"" PRODUCT "-1\"}",
	                    NULL));
}

static void test_shadowJsonConstructDesireAllNull(void)
{
	struct buf reply = BUF_MAX(4096);
	int64_t code = 1;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"desire\",\"device\":\"" PRODUCT
	                        "/dev1\",\"desired\":{\"power\":1}}"));
	CU_ASSERT(run_until(&s.deltas, 1));
	CU_ASSERT_EQUAL(sdk_shadow_clear_desired(s.program, PRODUCT, "dev1", WAIT_MS, &code, &reply),
	                ST_OK);
	CU_ASSERT_EQUAL(code, 0);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(
		s.sim, WAIT_MS, "ev", "publish", "topic", SHADOW_ASK, "payload",
		"{\"type\":\"update\",\"state\":{\"desired\":null},\"clientToken\":\"" PRODUCT "-2\"}",
		NULL));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"shadow_mute\",\"count\":1}"));
	CU_ASSERT_EQUAL(sdk_shadow_get(s.program, PRODUCT, "dev1", 300, &code, NULL), ST_TIMEOUT);
	buf_reset(&reply);
	CU_ASSERT_EQUAL(sdk_shadow_get(s.program, PRODUCT, "dev1", WAIT_MS, &code, &reply), ST_OK);
	CU_ASSERT_PTR_NULL(strstr(buf_text(&reply), "desired"));
	buf_free(&reply);
}

static void test_disconnect(void)
{
	CU_ASSERT(uplink_disconnect(uplink(), 1500));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "disconnect", "client", GATEWAY, NULL));
	CU_ASSERT_EQUAL(uplink_state_now(uplink()), UPLINK_STOPPED);
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "violation", NULL), 0);
	sdk_free(s.program);
	journal_close(s.journal);
	secret_wipe(&s.secret);
	sim_stop(s.sim);
	dir_remove(s.dir);
	free(s.dir);
}

#define METHOD(name, ...) { #name, test_##name },
static const struct test_case cases[] = {
#include "tests/sdk/methods.tbl"
};

static struct test_suite suite = { .name = "sdk",
	                               .cases = cases,
	                               .count = sizeof(cases) / sizeof(cases[0]) };

__attribute__((constructor)) static void announce(void)
{
	runner_add(&suite);
}
