#include "bridge/sdk/ota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/sdk/ota_http.h"
#include "bridge/sdk/sdk_impl.h"
#include "core/base/clocks.h"
#include "core/hub/topic.h"

enum {
	PROGRESS_MS = 1000,
	FAILURE_MS = 10000, /* to read on after a start with a default */
};

struct ota {
	struct sdk *program;
	struct ota_conf conf;
	char client_id[CLIENT_ID_MAX + 1];
	char report[TOPIC_LEN_MAX + 1], update[TOPIC_LEN_MAX + 1];
	enum ota_state state;
	struct ota_command command;
	struct ota_download download;
	struct ota_http *http; /* NULL: no download is under way */
	int64_t told_ms;
	int told; /* percent; -1: nothing */
};

/* --- reports --- */

static enum status keep(struct ota *o, const struct buf *text, bool latest)
{
	const struct journal_msg m = { .device = o->client_id,
		                           .topic = o->report,
		                           .payload = text->data,
		                           .len = text->len,
		                           .qos = 1,
		                           .latest = latest };

	return uplink_publish(o->program->uplink, &m);
}

static enum status publish(struct ota *o, enum status st, struct buf *text, bool latest)
{
	if (st == ST_OK)
		st = keep(o, text, latest);
	buf_free(text);
	return st;
}

static enum status report_fail(struct ota *o, const char *version, enum ota_code code,
                               const char *why)
{
	struct buf text = BUF_MAX(OTA_MESSAGE_MAX);

	return publish(o, ota_put_fail(&text, version, code, why), &text, false);
}

static void report_progress(struct ota *o)
{
	struct buf text = BUF_MAX(OTA_MESSAGE_MAX);
	int64_t now_ms = clocks_monotonic_ms();
	int percent =
		o->download.have >= o->command.image.size ? 100 : ota_download_percent(&o->download);

	if (o->told < 0)
		percent = percent < 100 ? 0 : 100;
	if (percent <= o->told || (percent < 100 && o->told >= 0 && now_ms - o->told_ms < PROGRESS_MS))
		return;
	o->told = percent;
	o->told_ms = now_ms;
	if (ota_put_downloading(&text, o->command.version, percent) == ST_OK)
		uplink_publish_live(o->program->uplink, o->client_id, o->report, text.data, text.len);
	buf_free(&text);
}

/* --- what the hub says --- */

static void end_download(struct ota *o)
{
	ota_http_close(o->http);
	o->http = NULL;
}

static void on_update(void *ctx, const char *topic, const void *payload, size_t len, uint8_t qos)
{
	struct ota *o = ctx;
	struct ota_command c;
	enum ota_down_kind kind;
	enum status st = ota_read_down(payload, len, &kind, &c);

	if (st == ST_OK && kind == OTA_VERSION_RSP && o->conf.on_version_rsp)
		o->conf.on_version_rsp(o->conf.ctx, topic, payload, len, qos);
	/* As in the SDK in C: while one is under way others are ignored. */
	if (st != ST_OK || kind != OTA_UPDATE || o->state != OTA_STATE_INITED)
		return;
	o->command = c;
	o->told = -1;
	if (ota_reset_md5(o) == ST_OK)
		o->state = OTA_STATE_FETCHING;
}

enum status ota_init(struct sdk *p, const struct ota_conf *conf, int timeout_ms, struct ota **out)
{
	struct ota *o;
	enum status st;

	if (!credential_product_id_ok(conf->product_id, strlen(conf->product_id)) ||
	    !credential_device_name_ok(conf->device_name, strlen(conf->device_name)))
		return ST_INVALID;
	o = calloc(1, sizeof(*o));
	if (!o)
		return ST_NOMEM;
	o->program = p;
	o->conf = *conf;
	o->told = -1;
	credential_client_id(conf->product_id, conf->device_name, o->client_id);
	snprintf(o->report, sizeof(o->report), "$ota/report/%s/%s", conf->product_id,
	         conf->device_name);
	snprintf(o->update, sizeof(o->update), "$ota/update/%s/%s", conf->product_id,
	         conf->device_name);
	st = sdk_on_topic(p, o->update, on_update, o);
	if (st == ST_OK)
		st = sdk_subscribe_and_wait(p, o->client_id, o->update, 1, timeout_ms);
	if (st != ST_OK) {
		ota_free(o);
		return st;
	}
	o->state = OTA_STATE_INITED;
	*out = o;
	return ST_OK;
}

void ota_free(struct ota *o)
{
	if (!o)
		return;
	sdk_on_topic(o->program, o->update, NULL, NULL);
	end_download(o);
	ota_download_fini(&o->download);
	free(o);
}

enum ota_state ota_state_now(const struct ota *o)
{
	return o->state;
}

bool ota_is_fetching(const struct ota *o)
{
	return o->state == OTA_STATE_FETCHING;
}

bool ota_is_fetch_finished(const struct ota *o)
{
	return o->state == OTA_STATE_FETCHED;
}

enum status ota_report_version(struct ota *o, const char *version)
{
	struct buf text = BUF_MAX(OTA_MESSAGE_MAX);
	enum status st = publish(o, ota_put_version(&text, version), &text, true);

	if (st == ST_OK) {
		end_download(o);
		o->state = OTA_STATE_INITED;
	}
	return st;
}

static bool knows_update(const struct ota *o)
{
	return o->command.version[0] != '\0';
}

/* The version to report; NULL: it cannot be. */
static const char *target(const struct ota *o, const char *version)
{
	if (!version && knows_update(o))
		return o->command.version;
	return version && ota_version_ok(version) ? version : NULL;
}

static enum status report_state(struct ota *o, enum ota_report_kind kind, const char *version)
{
	struct buf text = BUF_MAX(OTA_MESSAGE_MAX);
	const char *of = target(o, version);

	if (!of)
		return version ? ST_INVALID : ST_STATE;
	return publish(o, ota_put_state(&text, kind, of), &text, false);
}

enum status ota_report_upgrade_begin(struct ota *o)
{
	return report_state(o, OTA_REPORT_BURNING, NULL);
}

/* It was the last word of this update. */
static void over(struct ota *o)
{
	end_download(o);
	if (o->state == OTA_STATE_FETCHED)
		o->state = OTA_STATE_INITED;
}

enum status ota_report_upgrade_success(struct ota *o, const char *version)
{
	enum status st = report_state(o, OTA_REPORT_DONE, version);

	if (st == ST_OK)
		over(o);
	return st;
}

enum status ota_report_upgrade_fail(struct ota *o, const char *version, const char *why)
{
	const char *of = target(o, version);
	enum status st = of        ? report_fail(o, of, OTA_UPDATE_FAILED, why)
	                 : version ? ST_INVALID
	                           : ST_STATE;

	if (st == ST_OK)
		over(o);
	return st;
}

/* --- what is known --- */

static enum status check_firmware(struct ota *o, int64_t *out)
{
	*out = -1;
	if (o->state != OTA_STATE_FETCHED)
		return ST_STATE;
	if (o->download.state == OTA_WHOLE) {
		*out = 0;
		return ST_OK;
	}
	report_fail(o, o->command.version, OTA_BAD_MD5,
	            "the MD5 of the file is another than announced");
	over(o);
	return ST_INVALID;
}

enum status ota_ioctl_number(struct ota *o, enum ota_number which, int64_t *out)
{
	if (o->state < OTA_STATE_FETCHING)
		return ST_STATE;
	switch (which) {
	case OTA_FETCHED_SIZE:
		*out = (int64_t)(o->state == OTA_STATE_FETCHED ? o->command.image.size : o->download.have);
		return ST_OK;
	case OTA_FILE_SIZE:
		*out = (int64_t)o->command.image.size;
		return ST_OK;
	case OTA_CHECK_FIRMWARE:
		return check_firmware(o, out);
	}
	return ST_INVALID;
}

enum status ota_ioctl_string(const struct ota *o, enum ota_string which, char *out, size_t size)
{
	const char *text = which == OTA_MD5SUM ? o->command.image.md5 : o->command.version;

	if (o->state < OTA_STATE_FETCHING)
		return ST_STATE;
	if (strlen(text) >= size)
		return ST_TOOBIG;
	memcpy(out, text, strlen(text) + 1);
	return ST_OK;
}

enum status ota_reset_md5(struct ota *o)
{
	if (!knows_update(o))
		return ST_STATE;
	end_download(o);
	ota_download_fini(&o->download);
	return ota_download_init(&o->download, &o->command.image);
}

enum status ota_md5_update(struct ota *o, const void *bytes, size_t len)
{
	enum ota_step step;

	if (!knows_update(o))
		return ST_STATE;
	step = ota_download_feed(&o->download, bytes, len);
	if (step == OTA_STEP_WHOLE)
		o->state = OTA_STATE_FETCHED;
	return step == OTA_STEP_RESTART ? ST_TOOBIG : ST_OK;
}

/* --- a download --- */

static enum status status_of(const struct ota_reply *r, enum ota_step step)
{
	switch (r->status) {
	case 403:
		return ST_DENIED;
	case 404:
		return ST_NOTFOUND;
	case 408:
		return ST_TIMEOUT;
	default:
		return step == OTA_STEP_ON                    ? ST_OK
		       : r->status == 200 || r->status == 206 ? ST_INVALID
		                                              : ST_IO;
	}
}

enum status ota_http_init(struct ota *o, const char *url, uint64_t offset, uint64_t size,
                          int timeout_ms)
{
	struct ota_reply reply;
	enum status st;

	end_download(o);
	if (offset >= size || offset != o->download.have || size != o->download.image.size)
		return ST_STATE;
	ota_download_fed(&o->download);
	st = ota_http_open(url, o->conf.ca_file, ota_download_asked(&o->download), timeout_ms, &reply,
	                   &o->http);
	if (st == ST_OK)
		st = status_of(&reply, ota_download_reply(&o->download, &reply));
	if (st != ST_OK)
		end_download(o);
	return st;
}

static void report_failure(struct ota *o, enum status st)
{
	static const struct {
		enum status status;
		enum ota_code code;
		const char *why;
	} all[] = {
		{ ST_DENIED, OTA_NOT_ALLOWED, "HTTP status 403" },
		{ ST_NOTFOUND, OTA_NO_FILE, "HTTP status 404" },
		{ ST_TIMEOUT, OTA_TIMED_OUT, "the server sends nothing" },
		{ ST_INVALID, OTA_BAD_MD5, "the file has another size than announced" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].status == st)
			report_fail(o, o->command.version, all[i].code, all[i].why);
	}
}

enum status ota_download_start(struct ota *o, uint64_t offset, int timeout_ms)
{
	enum status st;

	if (o->state != OTA_STATE_FETCHING && o->state != OTA_STATE_DISCONNECTED)
		return ST_STATE;
	if (offset == 0 && ota_reset_md5(o) != ST_OK)
		return ST_NOMEM;
	st = ota_http_init(o, o->command.url, offset, o->command.image.size,
	                   timeout_ms > 0 ? timeout_ms : FAILURE_MS);
	if (st == ST_OK)
		o->state = OTA_STATE_FETCHING;
	else if (st == ST_IO)
		o->state = OTA_STATE_DISCONNECTED;
	report_failure(o, st);
	return st;
}

static enum status broken(struct ota *o, enum status st)
{
	end_download(o);
	o->download.state = OTA_PAUSED;
	report_fail(o, o->command.version, OTA_TIMED_OUT,
	            st == ST_TIMEOUT ? "the server sends nothing" : "the connection ended early");
	return st;
}

enum status ota_fetch_yield(struct ota *o, void *out, size_t size, int timeout_ms, size_t *got)
{
	enum ota_step step;
	enum status st;

	*got = 0;
	if (!o->http || o->state != OTA_STATE_FETCHING)
		return ST_STATE;
	if (size > o->command.image.size - o->download.have)
		size = (size_t)(o->command.image.size - o->download.have);
	st = ota_http_read(o->http, out, size, timeout_ms, got);
	if (st != ST_OK)
		return broken(o, st == ST_EMPTY ? ST_CLOSED : st);
	step = ota_download_bytes(&o->download, out, *got);
	if (step != OTA_STEP_ON) { /* whole, or not as announced: ota_ioctl_number() tells */
		o->state = OTA_STATE_FETCHED;
		end_download(o);
	}
	report_progress(o);
	return ST_OK;
}
