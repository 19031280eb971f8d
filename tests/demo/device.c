/* device - one LAN device as a process of its own, for the demo.
 *
 *	device [HOST:]PORT PRODUCT NAME SECRET INTERVAL_MS
 *
 * Logs in with hub credentials, subscribes its control topic and the answers of its
 * shadow, publishes {"seq":n} on its event topic at QoS 1 every INTERVAL_MS. Asks for
 * its shadow after login and on SIGUSR1; does what a delta asks for: reports it and
 * clears desired. Reports its version after login; downloads the firmware that it was told of on
 * SIGUSR2. Prints one line per event: "login", "acked N", "command TEXT", "shadow TEXT",
 * "delta TEXT", "update VERSION URL", "firmware VERSION BYTES MD5 right". Ends on SIGTERM.
 */
#include <curl/curl.h>
#include <mosquitto.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/harness.h"

static volatile sig_atomic_t stopping, asked, pressed;

struct device {
	struct mosquitto *mosq;
	char event_topic[128], control_topic[128], shadow_topic[128], shadow_result[128];
	char report_topic[128], update_topic[128];
	char url[512], md5[40], version[40]; /* of the firmware that it was told of */
	int sent, acked;
	atomic_int done, shadows; /* publishes that the library finished; those of the shadow */
};

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		asked = 1;
	else if (sig == SIGUSR2)
		pressed = 1;
	else
		stopping = 1;
}

static void say_to_shadow(struct device *d, const char *text)
{
	d->shadows++;
	mosquitto_publish(d->mosq, NULL, d->shadow_topic, (int)strlen(text), text, 0, false);
}

static void ask_shadow(struct device *d)
{
	say_to_shadow(d, "{\"type\":\"get\",\"clientToken\":\"demo-0\"}");
}

/* --- firmware --- */

static void say_report(struct device *d, const char *text)
{
	d->shadows++;
	mosquitto_publish(d->mosq, NULL, d->report_topic, (int)strlen(text), text, 1, false);
}

static void on_update(struct device *d, const cJSON *json)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(json, "type"));

	if (!type || strcmp(type, "update_firmware") != 0)
		return;
	snprintf(d->url, sizeof(d->url), "%s", cJSON_GetStringValue(cJSON_GetObjectItem(json, "url")));
	snprintf(d->md5, sizeof(d->md5), "%s",
	         cJSON_GetStringValue(cJSON_GetObjectItem(json, "md5sum")));
	snprintf(d->version, sizeof(d->version), "%s",
	         cJSON_GetStringValue(cJSON_GetObjectItem(json, "version")));
	printf("update %s %s\n", d->version, d->url);
}

static size_t on_bytes(char *data, size_t size, size_t count, void *ctx)
{
	return EVP_DigestUpdate(ctx, data, size * count) == 1 ? size * count : 0;
}

static void install(struct device *d)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	CURL *e = curl_easy_init();
	char md5[40] = "", *text;
	curl_off_t bytes = 0;
	bool right;

	EVP_DigestInit_ex(ctx, EVP_md5(), NULL);
	curl_easy_setopt(e, CURLOPT_URL, d->url);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, ctx);
	curl_easy_perform(e);
	curl_easy_getinfo(e, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
	curl_easy_cleanup(e);
	EVP_DigestFinal_ex(ctx, digest, NULL);
	EVP_MD_CTX_free(ctx);
	for (int i = 0; i < 16; i++)
		snprintf(md5 + 2 * i, 3, "%02x", digest[i]);
	right = strcmp(md5, d->md5) == 0;
	printf("firmware %s %ld bytes, MD5 %s\n", d->version, (long)bytes, right ? "right" : "wrong");
	text = text_fmt("{\"type\":\"report_progress\",\"report\":{\"progress\":{\"state\":\"%s\","
	                "\"result_code\":\"%s\",\"result_msg\":\"\"},\"version\":\"%s\"}}",
	                right ? "done" : "fail", right ? "0" : "-4", d->version);
	say_report(d, text);
	free(text);
}

static void on_connect(struct mosquitto *mosq, void *ctx, int code)
{
	struct device *d = ctx;

	printf(code == 0 ? "login\n" : "refused %d\n", code);
	if (code != 0)
		return;
	mosquitto_subscribe(mosq, NULL, d->control_topic, 1);
	mosquitto_subscribe(mosq, NULL, d->shadow_result, 0);
	mosquitto_subscribe(mosq, NULL, d->update_topic, 1);
	ask_shadow(d);
	say_report(d, "{\"type\":\"report_version\",\"report\":{\"version\":\"1.0\"}}");
}

static void on_publish(struct mosquitto *mosq, void *ctx, int mid)
{
	struct device *d = ctx;

	(void)mosq;
	(void)mid;
	/* QoS 0 is finished when it is written: only telemetry counts. */
	d->done++;
	if (d->done - d->shadows > d->acked)
		printf("acked %d\n", ++d->acked);
}

static void on_delta(struct device *d, cJSON *delta)
{
	cJSON *wanted = cJSON_DetachItemFromObject(cJSON_GetObjectItem(delta, "payload"), "state");
	cJSON *update = cJSON_CreateObject(), *state;
	char *text = cJSON_PrintUnformatted(wanted);

	printf("delta %s\n", text);
	free(text);
	cJSON_AddStringToObject(update, "type", "update");
	state = cJSON_AddObjectToObject(update, "state");
	cJSON_AddItemToObject(state, "reported", wanted);
	cJSON_AddNullToObject(state, "desired");
	text = cJSON_PrintUnformatted(update);
	say_to_shadow(d, text);
	free(text);
	cJSON_Delete(update);
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *m)
{
	struct device *d = ctx;
	cJSON *json;
	const char *type;

	(void)mosq;
	if (strcmp(m->topic, d->update_topic) == 0) {
		json = cJSON_ParseWithLength(m->payload, (size_t)m->payloadlen);
		on_update(d, json);
		cJSON_Delete(json);
		return;
	}
	if (strcmp(m->topic, d->shadow_result) != 0) {
		printf("command %.*s\n", m->payloadlen, (const char *)m->payload);
		return;
	}
	json = cJSON_ParseWithLength(m->payload, (size_t)m->payloadlen);
	type = cJSON_GetStringValue(cJSON_GetObjectItem(json, "type"));
	if (type && strcmp(type, "delta") == 0)
		on_delta(d, json);
	else
		printf("shadow %.*s\n", m->payloadlen, (const char *)m->payload);
	cJSON_Delete(json);
}

/* Publishes every interval until told to stop. */
static void run(struct device *d, int interval_ms)
{
	int64_t next_ms = now_ms();
	char payload[64];

	while (!stopping) {
		int64_t wait_ms = next_ms - now_ms();

		if (asked)
			ask_shadow(d);
		asked = 0;
		if (pressed && d->url[0])
			install(d);
		pressed = 0;
		if (wait_ms > 0) {
			poll(NULL, 0, (int)wait_ms); /* a signal ends it */
			continue;
		}
		snprintf(payload, sizeof(payload), "{\"seq\":%d}", ++d->sent);
		mosquitto_publish(d->mosq, NULL, d->event_topic, (int)strlen(payload), payload, 1, false);
		next_ms += interval_ms;
	}
}

/* What was published is worth waiting for: the last PUBACKs, at most 5 s. */
static void finish(struct device *d)
{
	int64_t end_ms = now_ms() + 5000;

	while (d->acked < d->sent && now_ms() < end_ms)
		poll(NULL, 0, 10);
	mosquitto_disconnect(d->mosq);
	mosquitto_loop_stop(d->mosq, false);
	mosquitto_destroy(d->mosq);
	mosquitto_lib_cleanup();
	printf("sent %d\n", d->sent);
}

int main(int argc, char **argv)
{
	struct device d = { 0 };
	char *username, *password, *colon, client_id[128], host[256] = "127.0.0.1";

	if (argc != 6) {
		fprintf(stderr, "usage: device [HOST:]PORT PRODUCT NAME SECRET INTERVAL_MS\n");
		return EXIT_FAILURE;
	}
	colon = strrchr(argv[1], ':');
	if (colon)
		snprintf(host, sizeof(host), "%.*s", (int)(colon - argv[1]), argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, on_signal);
	username = cred_username(argv[2], argv[3]);
	password = cred_password(argv[4], username, true);
	snprintf(client_id, sizeof(client_id), "%s%s", argv[2], argv[3]);
	snprintf(d.event_topic, sizeof(d.event_topic), "%s/%s/event", argv[2], argv[3]);
	snprintf(d.control_topic, sizeof(d.control_topic), "%s/%s/control", argv[2], argv[3]);
	snprintf(d.shadow_topic, sizeof(d.shadow_topic), "$shadow/operation/%s/%s", argv[2], argv[3]);
	snprintf(d.shadow_result, sizeof(d.shadow_result), "$shadow/operation/result/%s/%s", argv[2],
	         argv[3]);
	snprintf(d.report_topic, sizeof(d.report_topic), "$ota/report/%s/%s", argv[2], argv[3]);
	snprintf(d.update_topic, sizeof(d.update_topic), "$ota/update/%s/%s", argv[2], argv[3]);
	mosquitto_lib_init();
	d.mosq = mosquitto_new(client_id, true, &d);
	if (!d.mosq || !password)
		return EXIT_FAILURE;
	mosquitto_username_pw_set(d.mosq, username, password);
	mosquitto_connect_callback_set(d.mosq, on_connect);
	mosquitto_publish_callback_set(d.mosq, on_publish);
	mosquitto_message_callback_set(d.mosq, on_message);
	free(username);
	free(password);
	if (mosquitto_connect(d.mosq, host, atoi(colon ? colon + 1 : argv[1]), 60) !=
	        MOSQ_ERR_SUCCESS ||
	    mosquitto_loop_start(d.mosq) != MOSQ_ERR_SUCCESS) {
		fprintf(stderr, "device: no broker at %s\n", argv[1]);
		return EXIT_FAILURE;
	}
	run(&d, atoi(argv[5]));
	finish(&d);
	return EXIT_SUCCESS;
}
