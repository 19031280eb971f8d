#include "bridge/sdk/ota_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clocks.h"
#include "core/hub/ota_url.h"

struct ota_http {
	CURLM *multi;
	CURL *easy;
	struct ota_reply reply;
	bool head, over;
	CURLcode code; /* when over */
	unsigned char piece[CURL_MAX_WRITE_SIZE];
	size_t len, used; /* of piece */
};

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct ota_http *h = ctx;
	size_t len = size * count;
	char line[256] = "";

	memcpy(line, data, len < sizeof(line) - 1 ? len : sizeof(line) - 1);
	line[strcspn(line, "\r\n")] = '\0';
	if (strncasecmp(line, "HTTP/", 5) == 0) {
		memset(&h->reply, 0, sizeof(h->reply));
	} else if (strncasecmp(line, "Content-Length:", 15) == 0) {
		h->reply.has_length = true;
		h->reply.length = strtoull(line + 15, NULL, 10);
	} else if (strncasecmp(line, "Content-Range:", 14) == 0) {
		h->reply.has_range = http_range_read_content(line + 14 + strspn(line + 14, " \t"),
		                                             &h->reply.first, &h->reply.total);
	} else if (line[0] == '\0') {
		curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &h->reply.status);
		/* Of a redirect that is followed, and of 100, more heads come. */
		h->head = h->reply.status >= 200 && (h->reply.status < 300 || h->reply.status >= 400);
	}
	return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct ota_http *h = ctx;
	size_t len = size * count;

	if (!h->head)
		return len;
	if (h->used < h->len)
		return CURL_WRITEFUNC_PAUSE;
	memcpy(h->piece, data, len);
	h->len = len;
	h->used = 0;
	return len;
}

/* Until *done, the end of the reply, or the end of the time. */
static void run(struct ota_http *h, const bool *done, int64_t end_ms)
{
	int running = 0, left;
	const CURLMsg *m;

	while (!h->over && !*done && h->used >= h->len) {
		int64_t wait_ms = end_ms - clocks_monotonic_ms();

		curl_multi_perform(h->multi, &running);
		while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
			h->over = true;
			h->code = m->data.result;
		}
		if (h->over || *done || h->used < h->len || wait_ms <= 0)
			return;
		curl_multi_poll(h->multi, NULL, 0, (int)wait_ms, NULL);
	}
}

static bool set_options(struct ota_http *h, const char *url, const char *ca_file, uint64_t from,
                        const struct ota_url *u)
{
	char range[32];
	CURL *e = h->easy;

	snprintf(range, sizeof(range), "%llu-", (unsigned long long)from);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, u->https ? "https" : "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)OTA_REDIRECTS_MAX);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	if (ca_file && curl_easy_setopt(e, CURLOPT_CAINFO, ca_file) != CURLE_OK)
		return false;
	return curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK &&
	       (from == 0 || curl_easy_setopt(e, CURLOPT_RANGE, range) == CURLE_OK) &&
	       curl_multi_add_handle(h->multi, e) == CURLM_OK;
}

enum status ota_http_open(const char *url, const char *ca_file, uint64_t from, int timeout_ms,
                          struct ota_reply *reply, struct ota_http **out)
{
	struct ota_http *h;
	struct ota_url u;

	if (ota_url_read(url, &u) != ST_OK)
		return ST_INVALID;
	h = calloc(1, sizeof(*h));
	if (!h)
		return ST_NOMEM;
	h->multi = curl_multi_init();
	h->easy = curl_easy_init();
	if (!h->multi || !h->easy || !set_options(h, url, ca_file, from, &u)) {
		ota_http_close(h);
		return ST_NOMEM;
	}
	run(h, &h->head, clocks_monotonic_ms() + timeout_ms);
	if (!h->head) {
		enum status st = h->over ? ST_IO : ST_TIMEOUT;

		ota_http_close(h);
		return st;
	}
	*reply = h->reply;
	*out = h;
	return ST_OK;
}

enum status ota_http_read(struct ota_http *h, void *out, size_t size, int timeout_ms, size_t *got)
{
	static const bool never = false;

	if (h->used >= h->len && !h->over) {
		curl_easy_pause(h->easy, CURLPAUSE_CONT);
		run(h, &never, clocks_monotonic_ms() + timeout_ms);
	}
	*got = h->len - h->used < size ? h->len - h->used : size;
	if (*got > 0) {
		memcpy(out, h->piece + h->used, *got);
		h->used += *got;
		return ST_OK;
	}
	return !h->over ? ST_TIMEOUT : h->code == CURLE_OK ? ST_EMPTY : ST_CLOSED;
}

void ota_http_close(struct ota_http *h)
{
	if (!h)
		return;
	if (h->multi && h->easy)
		curl_multi_remove_handle(h->multi, h->easy);
	curl_easy_cleanup(h->easy);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	free(h);
}
