#include "tests/e2e/firmware_stage.h"

#include <CUnit/CUnit.h>
#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* devices[]: dev1, dev2, and s1, s2, ...; caller frees. */
static char *street(int count)
{
	char *text = strdup("{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\",\"secret\":"
	                    "\"ZGV2aWNlLW9uZS1wc2stLQ==\"},{\"product_id\":\"" PRODUCT
	                    "\",\"device_name\":\"dev2\",\"secret\":\"ZGV2aWNlLXR3by1wc2stLQ==\"}");

	for (int i = 1; i <= count; i++) {
		char *more =
			text_fmt("%s,{\"product_id\":\"" PRODUCT "\",\"device_name\":\"s%d\",\"secret\":"
		             "\"ZGV2aWNlLW9uZS1wc2stLQ==\"}",
		             text, i);

		free(text);
		text = more;
	}
	return text;
}

struct fw_stage fw_start(const struct fw_opts *opts)
{
	static const struct fw_opts none = { .firmware = NULL };
	const struct fw_opts *o = opts ? opts : &none;
	struct fw_stage t = { .http = port_free() };
	char *lan = o->lan ? strdup(o->lan)
	                   : text_fmt("\"http\":\"127.0.0.1:%d\",\"http_advertise\":\"127.0.0.1:%d\"",
	                              t.http, t.http);
	char *devices = street(o->street);
	char *more = text_fmt(",\"lan\":{%s},\"firmware\":{\"allow_local\":%s%s},\"devices\":[%s]%s",
	                      lan, o->not_local ? "false" : "true", o->firmware ? o->firmware : "",
	                      devices, o->more ? o->more : "");
	const struct scene_opts so = {
		.firmware = true, .hub = o->hub, .more = more, .street = o->street, .hub_rate = o->hub_rate
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	t.s = scene_start(&so);
	free(more);
	free(devices);
	free(lan);
	return t;
}

void fw_end(struct fw_stage *t)
{
	scene_end(&t->s);
}

struct dev *fw_device(struct fw_stage *t, const char *name)
{
	char *topic = text_fmt("$ota/update/" PRODUCT "/%s", name);
	struct dev *d = *name == 's'
	                    ? dev_connect(t->s.lan, PRODUCT, name, "ZGV2aWNlLW9uZS1wc2stLQ==", NULL)
	                    : scene_online_device(&t->s, name, NULL);

	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL(dev_subscribe(d, topic, 1), 1);
	CU_ASSERT(scene_await_filter(&t->s, topic));
	free(topic);
	return d;
}

void fw_version(struct dev *d, const char *name, const char *version)
{
	char *topic = text_fmt("$ota/report/" PRODUCT "/%s", name);
	char *text = text_fmt("{\"type\":\"report_version\",\"report\":{\"version\":\"%s\"}}", version);

	CU_ASSERT(dev_publish_acked(d, topic, text, WAIT_MS));
	free(text);
	free(topic);
}

void fw_state(struct dev *d, const char *name, const char *version, const char *state,
              const char *percent)
{
	char *topic = text_fmt("$ota/report/" PRODUCT "/%s", name);
	char *text =
		text_fmt("{\"type\":\"report_progress\",\"report\":{\"progress\":{\"state\":\"%s\","
	             "%s%s%s\"result_code\":\"%s\",\"result_msg\":\"\"},\"version\":\"%s\"}}",
	             state, percent ? "\"percent\":\"" : "", percent ? percent : "",
	             percent ? "\"," : "", strcmp(state, "fail") == 0 ? "-5" : "0", version);

	if (percent)
		CU_ASSERT(dev_publish(d, topic, text, 0));
	if (!percent)
		CU_ASSERT(dev_publish_acked(d, topic, text, WAIT_MS));
	free(text);
	free(topic);
}

/* --- the hub's side --- */

void fw_file(struct fw_stage *t, const char *file, long size, char md5[40])
{
	char *text = text_fmt("{\"cmd\":\"firmware\",\"name\":\"%s\",\"size\":%ld}", file, size);
	cJSON *out = sim_command(t->s.sim, text);

	CU_ASSERT_FATAL(out != NULL);
	if (md5)
		snprintf(md5, 40, "%s", cJSON_GetStringValue(cJSON_GetObjectItem(out, "md5")));
	cJSON_Delete(out);
	free(text);
}

void fw_fault(struct fw_stage *t, const char *members)
{
	char *text = text_fmt("{\"cmd\":\"firmware_fault\",%s}", members);

	CU_ASSERT(sim_do(t->s.sim, text));
	free(text);
}

void fw_task(struct fw_stage *t, const char *device, const char *version, const char *file)
{
	char *text = text_fmt("{\"cmd\":\"ota_task\",\"device\":\"" PRODUCT
	                      "/%s\",\"version\":\"%s\",\"name\":\"%s\"}",
	                      device, version, file);

	CU_ASSERT(sim_do(t->s.sim, text));
	free(text);
}

double fw_fetched(struct fw_stage *t, const char *file)
{
	char *text = text_fmt("{\"cmd\":\"firmware_served\",\"name\":\"%s\"}", file);
	cJSON *out = sim_command(t->s.sim, text);
	double bytes = scene_number(out, "bytes");

	cJSON_Delete(out);
	free(text);
	return bytes;
}

bool fw_await_fetched(struct fw_stage *t, const char *file, double least)
{
	int64_t end = now_ms() + WAIT_MS;

	while (fw_fetched(t, file) < least && now_ms() < end)
		sim_look_for_event(t->s.sim, 20, "ev", "none", NULL);
	return fw_fetched(t, file) >= least;
}

/* --- the device's side --- */

bool fw_await_update(struct dev *d, const char *name, struct fw_update *out, int timeout_ms)
{
	char *topic = text_fmt("$ota/update/" PRODUCT "/%s", name);
	int64_t end = now_ms() + timeout_ms;
	bool found = false;

	while (!found && now_ms() < end) {
		const struct dev_message *m = dev_await_message(d, topic, (int)(end - now_ms()));
		cJSON *root = m ? cJSON_Parse(m->payload) : NULL;
		const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(root, "type"));

		found = type && strcmp(type, "update_firmware") == 0;
		if (found) {
			snprintf(out->url, sizeof out->url, "%s",
			         cJSON_GetStringValue(cJSON_GetObjectItem(root, "url")));
			snprintf(out->md5, sizeof out->md5, "%s",
			         cJSON_GetStringValue(cJSON_GetObjectItem(root, "md5sum")));
			snprintf(out->version, sizeof out->version, "%s",
			         cJSON_GetStringValue(cJSON_GetObjectItem(root, "version")));
			out->size = (long)cJSON_GetNumberValue(cJSON_GetObjectItem(root, "file_size"));
		}
		cJSON_Delete(root);
	}
	free(topic);
	return found;
}

int fw_await_report(struct fw_stage *t, const char *name, const char *state, int timeout_ms)
{
	char *topic = text_fmt("$ota/report/" PRODUCT "/%s", name);
	int64_t end = now_ms() + timeout_ms;
	int value = -1000;

	while (value == -1000 && now_ms() < end) {
		const cJSON *ev = scene_await_publish(&t->s, topic, (int)(end - now_ms()));
		cJSON *root =
			ev ? cJSON_Parse(cJSON_GetStringValue(cJSON_GetObjectItem(ev, "payload"))) : NULL;
		const cJSON *p = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "report"), "progress");
		const char *is = cJSON_GetStringValue(cJSON_GetObjectItem(p, "state"));
		const char *percent = cJSON_GetStringValue(cJSON_GetObjectItem(p, "percent"));
		const char *code = cJSON_GetStringValue(cJSON_GetObjectItem(p, "result_code"));

		if (is && strcmp(is, state) == 0)
			value = atoi(percent ? percent : code ? code : "-999");
		cJSON_Delete(root);
	}
	free(topic);
	return value;
}

struct taking {
	EVP_MD_CTX *md5;
	struct fw_reply *reply;
};

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct taking *t = ctx;

	EVP_DigestUpdate(t->md5, data, size * count);
	t->reply->size += (long)(size * count);
	return size * count;
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct taking *t = ctx;
	size_t len = strlen(t->reply->head), room = sizeof t->reply->head - len - 1;
	size_t more = size * count < room ? size * count : room;

	memcpy(t->reply->head + len, data, more);
	return size * count;
}

struct fw_reply fw_get(const char *url, int host, const char *range)
{
	struct fw_reply r = { .status = 0 };
	struct taking t = { EVP_MD_CTX_new(), &r };
	unsigned char digest[EVP_MAX_MD_SIZE];
	char from[32];
	CURL *e = curl_easy_init();

	EVP_DigestInit_ex(t.md5, EVP_md5(), NULL);
	snprintf(from, sizeof from, "127.0.0.%d", host);
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_INTERFACE, from);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, 60000L);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, &t);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, &t);
	if (range)
		curl_easy_setopt(e, CURLOPT_RANGE, range);
	if (curl_easy_perform(e) == CURLE_OK)
		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &r.status);
	curl_easy_cleanup(e);
	EVP_DigestFinal_ex(t.md5, digest, NULL);
	for (int i = 0; i < 16; i++)
		snprintf(r.md5 + 2 * i, 3, "%02x", digest[i]);
	EVP_MD_CTX_free(t.md5);
	return r;
}
