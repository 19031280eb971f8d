#include "core/hub/ota_msg.h"

#include <stdio.h>
#include <string.h>

#include "core/json/json.h"

enum {
	FIRST_WHY_MAX = 160, /* of a text in a report, so that it stays within OTA_REPORT_MAX */
};

static const struct json_limits limits = { .bytes = 16384, .depth = 6, .values = 64 };

bool ota_image_same(const struct ota_image *a, const struct ota_image *b)
{
	return a->size == b->size && strcmp(a->md5, b->md5) == 0;
}

bool ota_version_ok(const char *version)
{
	size_t len = version ? strlen(version) : 0;

	return len >= 1 && len <= OTA_VERSION_MAX &&
	       strspn(version, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
	           len;
}

/* --- down --- */

static bool take_md5(const char *text, char out[OTA_MD5_LEN + 1])
{
	if (!text || strlen(text) != OTA_MD5_LEN ||
	    strspn(text, "0123456789abcdefABCDEF") != OTA_MD5_LEN)
		return false;
	for (size_t i = 0; i <= OTA_MD5_LEN; i++)
		out[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
	return true;
}

static bool take_text(const char *text, char *out, size_t size)
{
	size_t len = text ? strlen(text) : 0;

	if (len == 0 || len >= size)
		return false;
	memcpy(out, text, len + 1);
	return true;
}

static bool take_command(const cJSON *root, struct ota_command *c)
{
	const char *version = json_text(root, "version");
	int64_t size = 0;

	memset(c, 0, sizeof(*c));
	if (!ota_version_ok(version) || !take_text(version, c->version, sizeof(c->version)) ||
	    !take_text(json_text(root, "url"), c->url, sizeof(c->url)) ||
	    !take_md5(json_text(root, "md5sum"), c->image.md5) ||
	    !json_int(json_member(root, "file_size"), true, &size) || size <= 0)
		return false;
	c->image.size = (uint64_t)size;
	return true;
}

enum status ota_read_down(const void *text, size_t len, enum ota_down_kind *kind,
                          struct ota_command *out)
{
	cJSON *root = NULL;
	enum status st = json_parse_message(text, len, &limits, &root);
	const char *type = st == ST_OK ? json_text(root, "type") : NULL;

	*kind = OTA_OTHER;
	if (st == ST_OK && !type)
		st = ST_MALFORMED;
	if (type && strcmp(type, "report_version_rsp") == 0)
		*kind = OTA_VERSION_RSP;
	if (type && strcmp(type, "update_firmware") == 0)
		*kind = OTA_UPDATE;
	if (*kind == OTA_UPDATE && !take_command(root, out))
		st = ST_INVALID;
	cJSON_Delete(root);
	return st;
}

enum status ota_put_update(struct buf *out, const void *text, size_t len, const char *url)
{
	cJSON *root = NULL, *node = NULL;
	char *printed = NULL;
	enum status st = json_parse_message(text, len, &limits, &root);

	if (st == ST_OK && !json_text(root, "url"))
		st = ST_MALFORMED;
	if (st == ST_OK) {
		node = cJSON_CreateString(url);
		if (!node || !cJSON_ReplaceItemInObjectCaseSensitive(root, "url", node)) {
			cJSON_Delete(node);
			st = ST_NOMEM;
		}
	}
	if (st == ST_OK) {
		printed = cJSON_PrintUnformatted(root);
		st = printed ? buf_add_text(out, printed) : ST_NOMEM;
	}
	cJSON_free(printed);
	cJSON_Delete(root);
	return st;
}

enum status ota_put_version_rsp(struct buf *out, const char *version)
{
	return buf_addf(out,
	                "{\"result_code\":0,\"result_msg\":\"success\",\"type\":\"report_version_rsp\","
	                "\"version\":\"%s\"}",
	                version);
}

/* --- up --- */

static const struct {
	const char *state;
	enum ota_report_kind kind;
} states[] = {
	{ "downloading", OTA_REPORT_DOWNLOADING },
	{ "burning", OTA_REPORT_BURNING },
	{ "done", OTA_REPORT_DONE },
	{ "fail", OTA_REPORT_FAIL },
};

static bool take_state(const cJSON *progress, struct ota_report *out)
{
	const char *state = json_text(progress, "state");
	int64_t percent = 0;

	for (size_t i = 0; state && i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(states[i].state, state) != 0)
			continue;
		out->kind = states[i].kind;
		/* Some leave it out; what is there is a number. */
		if (json_member(progress, "percent") &&
		    (!json_int(json_member(progress, "percent"), true, &percent) || percent < 0 ||
		     percent > 100))
			return false;
		out->percent = (int)percent;
		return true;
	}
	return false;
}

static enum status take_report(const cJSON *root, struct ota_report *out)
{
	const cJSON *report = json_member(root, "report");
	const char *type = json_text(root, "type"), *version = json_text(report, "version");

	if (!type || !report)
		return ST_MALFORMED;
	if (version && !ota_version_ok(version))
		return ST_INVALID;
	snprintf(out->version, sizeof(out->version), "%s", version ? version : "");
	if (strcmp(type, "report_version") == 0) {
		out->kind = OTA_REPORT_VERSION;
		return version ? ST_OK : ST_INVALID;
	}
	if (strcmp(type, "report_progress") != 0)
		return ST_INVALID;
	return take_state(json_member(report, "progress"), out) ? ST_OK : ST_INVALID;
}

enum status ota_read_report(const void *text, size_t len, struct ota_report *out)
{
	cJSON *root = NULL;
	enum status st;

	memset(out, 0, sizeof(*out));
	if (len > OTA_REPORT_MAX)
		return ST_TOOBIG;
	st = json_parse_message(text, len, &limits, &root);
	if (st == ST_OK)
		st = take_report(root, out);
	cJSON_Delete(root);
	return st;
}

enum status ota_put_version(struct buf *out, const char *version)
{
	if (!ota_version_ok(version))
		return ST_INVALID;
	return buf_addf(out, "{\"type\":\"report_version\",\"report\":{\"version\":\"%s\"}}", version);
}

static enum status begin(struct buf *out, const char *state)
{
	return buf_addf(
		out, "{\"type\":\"report_progress\",\"report\":{\"progress\":{\"state\":\"%s\",", state);
}

enum status ota_put_downloading(struct buf *out, const char *version, int percent)
{
	enum status st = begin(out, "downloading");

	if (st == ST_OK)
		st = buf_addf(out,
		              "\"percent\":\"%d\",\"result_code\":\"0\",\"result_msg\":\"\"},"
		              "\"version\":\"%s\"}}",
		              percent, version);
	return st;
}

enum status ota_put_state(struct buf *out, enum ota_report_kind kind, const char *version)
{
	enum status st = begin(out, kind == OTA_REPORT_BURNING ? "burning" : "done");

	if (st == ST_OK)
		st = buf_addf(out, "\"result_code\":\"0\",\"result_msg\":\"\"},\"version\":\"%s\"}}",
		              version);
	return st;
}

enum status ota_put_fail(struct buf *out, const char *version, enum ota_code code, const char *why)
{
	char text[FIRST_WHY_MAX];
	enum status st = begin(out, "fail");

	snprintf(text, sizeof(text), "%s", why);
	if (st == ST_OK)
		st = buf_addf(out, "\"result_code\":\"%d\",\"result_msg\":", (int)code);
	if (st == ST_OK)
		st = json_add_string(out, text);
	if (st == ST_OK)
		st = buf_addf(out, "},\"version\":\"%s\"}}", version);
	return st;
}
