#include "tests/e2e/http_call.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/harness.h"

enum {
	CALL_MS = 20000
};

struct reading {
	FILE *to;
	char *text;
	size_t size;
	const char *event, *holds; /* NULL: all is read */
	char *found;
};

/* The data of a whole event that is meant. */
static char *find_event(const struct reading *r)
{
	char *begin = text_fmt("event: %s\ndata: ", r->event), *found = NULL;
	const char *at = r->text, *end;

	while (!found && (at = strstr(at, begin)) && (end = strstr(at, "\n\n"))) {
		found = text_fmt("%.*s", (int)(end - at) - (int)strlen(begin), at + strlen(begin));
		if (!strstr(found, r->holds)) {
			free(found);
			found = NULL;
		}
		at = end;
	}
	free(begin);
	return found;
}

static size_t take(char *bytes, size_t size, size_t count, void *reading)
{
	struct reading *r = reading;

	fwrite(bytes, size, count, r->to);
	fflush(r->to);
	if (r->event)
		r->found = find_event(r);
	return r->found ? 0 : size * count; /* 0 ends it */
}

static long call(int port, const char *path, const char *token, int timeout_ms, struct reading *r)
{
	char *url = text_fmt("http://127.0.0.1:%d%s", port, path);
	char *header = text_fmt("Authorization: Bearer %s", token ? token : "");
	struct curl_slist *headers = token ? curl_slist_append(NULL, header) : NULL;
	CURL *c = curl_easy_init();
	long status = 0;

	r->to = open_memstream(&r->text, &r->size);
	fflush(r->to);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	if (curl_easy_perform(c) == CURLE_OK || r->event)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	fclose(r->to);
	free(header);
	free(url);
	return status;
}

struct http_reply http_call(int port, const char *path, const char *token)
{
	struct reading r = { .event = NULL };
	int64_t began_ms = now_ms();
	struct http_reply reply = { .status = call(port, path, token, CALL_MS, &r) };

	reply.ms = (double)(now_ms() - began_ms);
	reply.body = r.text;
	return reply;
}

void http_reply_free(struct http_reply *r)
{
	free(r->body);
	r->body = NULL;
}

double http_call_metric(const char *body, const char *series)
{
	size_t len = strlen(series);

	for (const char *at = body; (at = strstr(at, series)); at++) {
		if ((at == body || at[-1] == '\n') && at[len] == ' ')
			return strtod(at + len, NULL);
	}
	return -1;
}

char *http_call_event(int port, const char *path, const char *event, const char *text,
                      int timeout_ms)
{
	struct reading r = { .event = event, .holds = text };

	call(port, path, NULL, timeout_ms, &r);
	if (!r.found)
		harness_failed("no event %s with %s in %.2000s", event, text, r.text);
	free(r.text);
	return r.found;
}

int http_call_open(int port, const char *path)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                      .sin_port = htons((uint16_t)port),
		                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char *request = text_fmt("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
	struct pollfd p = { .fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN };
	bool ok = p.fd >= 0 && connect(p.fd, (struct sockaddr *)&at, sizeof at) == 0 &&
	          send(p.fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request) &&
	          poll(&p, 1, CALL_MS) == 1;

	free(request);
	if (!ok && p.fd >= 0)
		close(p.fd);
	return ok ? p.fd : -1;
}
