#include "bridge/http/firmware_request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "bridge/http/firmware_address.h"
#include "core/base/room.h"

enum {
	CONNECT_MS = 10000,
	MIB = 1 << 20,
	LOW_SPEED = 16, /* bytes per second that count as silence */
};

/* --- where it may go --- */

/* libcurl's, for every connection, whatever name or redirect led to it. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct firmware_request *r = ctx;

	(void)purpose;
	if (r->conf->allow_local || firmware_address_allowed(&a->addr)) {
		r->allowed = true;
		return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	}
	r->forbidden = true;
	return CURL_SOCKET_BAD;
}

static enum ota_step refuse_url(struct firmware_request *r, const char *why)
{
	r->download->code = OTA_NOT_ALLOWED;
	snprintf(r->download->why, sizeof(r->download->why), "%s", why);
	log_line(r->conf->log, LOG_WARN, "firmware %s: %s", r->download->image.md5, why);
	return OTA_STEP_NO_URL;
}

/* ON: it may be asked. */
static enum ota_step judge_url(struct firmware_request *r, const char *text,
                               const struct ota_url *from)
{
	char why[OTA_WHY_MAX];

	if (ota_url_read(text, &r->at) != ST_OK)
		snprintf(why, sizeof(why), "the URL is neither http nor https");
	else if (from && !ota_url_may_follow(from, &r->at))
		snprintf(why, sizeof(why), "the server redirects from https to http");
	else if (!ota_url_host_allowed(r->conf->hosts, r->at.host))
		snprintf(why, sizeof(why), "firmware.hosts does not name %.60s", r->at.host);
	else
		return OTA_STEP_ON;
	return refuse_url(r, why);
}

/* --- the head of a reply --- */

enum ota_step firmware_request_cut_file(struct firmware_request *r)
{
	IN_ROOM(ROOM_NET);
	r->synced = 0;
	return ftruncate(r->fd, 0) == 0 ? OTA_STEP_ON
	                                : ota_download_fail(r->download, OTA_UPDATE_FAILED,
	                                                    "the gateway's disk cannot be written");
}

/* It is over. False: nothing more is read, as it does not lead to bytes. */
static bool judge_head(struct firmware_request *r)
{
	long status = 0;

	curl_easy_getinfo(r->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || (status >= 300 && status < 400)) {
		memset(&r->reply, 0, sizeof(r->reply));
		return true; /* the next head, or a redirect */
	}
	r->reply.status = status;
	r->judged = true;
	r->verdict = ota_download_reply(r->download, &r->reply);
	if (r->verdict == OTA_STEP_RESTART)
		r->verdict = firmware_request_cut_file(r);
	return r->verdict == OTA_STEP_ON;
}

static void take_header(struct firmware_request *r, char *line)
{
	line[strcspn(line, "\r\n")] = '\0';
	if (strncasecmp(line, "Content-Length:", 15) == 0) {
		char *end;

		errno = 0;
		r->reply.length = strtoull(line + 15, &end, 10);
		r->reply.has_length = errno == 0 && end != line + 15;
	} else if (strncasecmp(line, "Content-Range:", 14) == 0) {
		const char *value = line + 14 + strspn(line + 14, " \t");

		r->reply.has_range = http_range_read_content(value, &r->reply.first, &r->reply.total);
	}
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct firmware_request *r = ctx;
	size_t len = size * count;
	char line[256];

	if (len >= sizeof(line))
		return len; /* none of those that are read */
	memcpy(line, data, len);
	line[len] = '\0';
	take_header(r, line);
	return line[0] || r->judged || judge_head(r) ? len : 0;
}

/* --- its body --- */

/* A MiB at a time goes to the disk, so that the journal's sync finds little of it. */
static void write_behind(struct firmware_request *r)
{
	while (r->download->have - r->synced >= MIB) {
		if (r->synced >= MIB)
			sync_file_range(r->fd, (off_t)(r->synced - MIB), MIB,
			                SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			                    SYNC_FILE_RANGE_WAIT_AFTER);
		sync_file_range(r->fd, (off_t)r->synced, MIB, SYNC_FILE_RANGE_WRITE);
		r->synced += MIB;
	}
}

static bool write_at(int fd, const char *data, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		at += (size_t)n;
		len -= (size_t)n;
	}
	return true;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct firmware_request *r = ctx;
	size_t len = size * count;
	uint64_t at = r->download->have;

	if (!r->judged)
		return len; /* of a redirect */
	metric_add(r->conf->metrics, M_FIRMWARE_FETCHED, len);
	r->verdict = ota_download_bytes(r->download, data, len);
	if ((r->verdict == OTA_STEP_ON || r->verdict == OTA_STEP_WHOLE) &&
	    !write_at(r->fd, data, len, at))
		r->verdict = ota_download_fail(r->download, OTA_UPDATE_FAILED,
		                               errno == ENOSPC || errno == EDQUOT
		                                   ? "no room on the gateway's disk"
		                                   : "the gateway's disk cannot be written");
	if (r->verdict != OTA_STEP_ON)
		return 0;
	write_behind(r);
	r->progress(r);
	return len;
}

/* --- the request --- */

static bool set_options(struct firmware_request *r, const char *url, const char *range)
{
	const struct firmware_fetch_conf *c = r->conf;
	CURL *e = r->transfer.easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	/* A proxy would connect in our place, and an old connection was judged for another. */
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)c->stall_s);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->why);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, r);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	if (c->ca_file && curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file) != CURLE_OK)
		return false;
	return curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK &&
	       (!range || curl_easy_setopt(e, CURLOPT_RANGE, range) == CURLE_OK);
}

static void on_finished(struct net_transfer *t, CURLcode code, bool stopped);

static enum ota_step begin(struct firmware_request *r, const char *url)
{
	uint64_t from = ota_download_asked(r->download);
	char range[32];

	snprintf(range, sizeof(range), "%llu-", (unsigned long long)from);
	memset(&r->reply, 0, sizeof(r->reply));
	r->verdict = OTA_STEP_ON;
	r->forbidden = r->allowed = r->judged = false;
	r->why[0] = '\0';
	r->transfer.finished = on_finished;
	r->transfer.easy = curl_easy_init();
	r->under_way = r->transfer.easy && set_options(r, url, from > 0 ? range : NULL) &&
	               net_begin(r->net, &r->transfer) == ST_OK;
	if (r->under_way)
		return OTA_STEP_ON;
	firmware_request_close(r);
	return OTA_STEP_AGAIN;
}

void firmware_request_close(struct firmware_request *r)
{
	if (r->under_way)
		net_abandon(r->net, &r->transfer);
	r->under_way = false;
	curl_easy_cleanup(r->transfer.easy);
	r->transfer.easy = NULL;
	free(r->location);
	r->location = NULL;
}

enum ota_step firmware_request_ask(struct firmware_request *r, const char *url)
{
	enum ota_step step = judge_url(r, url, NULL);

	IN_ROOM(ROOM_NET);
	r->redirects = 0;
	return step == OTA_STEP_ON ? begin(r, url) : step;
}

/* --- its end --- */

static enum ota_end end_of(CURLcode code)
{
	return code == CURLE_OK                   ? OTA_END_CLEAN
	       : code == CURLE_OPERATION_TIMEDOUT ? OTA_END_SILENT
	                                          : OTA_END_CUT;
}

/* ON: under way again, at the place that the reply named. */
static enum ota_step follow(struct firmware_request *r)
{
	const struct ota_url from = r->at;
	enum ota_step step;

	if (++r->redirects > OTA_REDIRECTS_MAX)
		return refuse_url(r, "the server redirects more than 5 times");
	step = judge_url(r, r->location, &from);
	return step == OTA_STEP_ON ? begin(r, r->location) : step;
}

static enum ota_step ended(struct firmware_request *r, CURLcode code)
{
	bool counts = r->conf->hub_is_there(r->conf->ctx);
	char why[OTA_WHY_MAX];

	if (code == CURLE_OK)
		return ota_download_ended(r->download, OTA_END_CLEAN, counts, NULL);
	snprintf(why, sizeof(why), "%.120s", r->why[0] ? r->why : curl_easy_strerror(code));
	return ota_download_ended(r->download, end_of(code), counts, why);
}

static enum ota_step judge_end(struct firmware_request *r, CURLcode code)
{
	char why[OTA_WHY_MAX];

	if (r->verdict != OTA_STEP_ON)
		return r->verdict;
	if (r->forbidden && !r->allowed) {
		snprintf(why, sizeof(why), "%.60s is an address of the gateway or its link", r->at.host);
		return refuse_url(r, why);
	}
	return r->location ? follow(r) : ended(r, code);
}

static void on_finished(struct net_transfer *t, CURLcode code, bool stopped)
{
	struct firmware_request *r = (struct firmware_request *)(void *)t;
	char *location = NULL;
	enum ota_step step;

	r->under_way = false;
	if (stopped)
		return;
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location);
	free(r->location);
	r->location = location && code == CURLE_OK && !r->judged ? strdup(location) : NULL;
	curl_easy_cleanup(t->easy);
	t->easy = NULL;
	step = judge_end(r, code);
	if (!r->under_way)
		r->done(r, step);
}
