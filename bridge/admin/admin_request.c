#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/admin/admin_impl.h"
#include "bridge/http/socket_address.h"
#include "core/admin/http_host.h"
#include "core/admin/http_token.h"
#include "core/admin/metrics_text.h"
#include "core/base/clocks.h"
#include "core/base/room.h"

#define TEXT "text/plain; charset=utf-8"

enum {
	METRICS_MAX = 32 * 1024 * 1024, /* with the series of 20,000 devices */
	SHOWN_MAX = 64,
};

/* --- replies --- */

static enum MHD_Result queue(struct admin *a, struct MHD_Connection *c, unsigned status,
                             const char *type, struct MHD_Response *r)
{
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	admin_page_add_headers(&a->page, r, type);
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(r, "WWW-Authenticate",
		                        "Basic realm=\"hubgate\", charset=\"UTF-8\"");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, "Allow", "GET, HEAD");
	crowd_mark(&a->crowd, c, CONNECTION_OPEN); /* until it took the reply */
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

/* libmicrohttpd takes a pointer to what it could change. */
static enum MHD_Result send_bytes(struct admin *a, struct MHD_Connection *c, unsigned status,
                                  const char *type, const void *bytes, size_t len)
{
	return queue(a, c, status, type,
	             MHD_create_response_from_buffer(len, (void *)(uintptr_t)(len ? bytes : ""),
	                                             MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result send_line(struct admin *a, struct MHD_Connection *c, unsigned status,
                                 const char *line)
{
	return send_bytes(a, c, status, TEXT, line, strlen(line));
}

/* --- what can be asked for --- */

/* The broker's thread has turns: the LAN is served. */
static enum MHD_Result health(struct admin *a, struct MHD_Connection *c, struct request *r)
{
	(void)r;
	if (clocks_monotonic_ms() - atomic_load(&a->turn_ms) < ADMIN_DEAF_MS)
		return send_line(a, c, MHD_HTTP_OK, "ok\n");
	return send_line(a, c, MHD_HTTP_SERVICE_UNAVAILABLE, "the broker's thread hangs\n");
}

static enum MHD_Result readiness(struct admin *a, struct MHD_Connection *c, struct request *r)
{
	char line[80];

	(void)r;
	snprintf(line, sizeof(line), "the link to the hub: %s\n", a->now ? a->now->state : "starting");
	return send_line(a, c, a->now && a->now->ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
	                 line);
}

static enum MHD_Result page(struct admin *a, struct MHD_Connection *c, struct request *r)
{
	(void)r;
	return send_bytes(a, c, MHD_HTTP_OK, "text/html; charset=utf-8", a->page.html.data,
	                  a->page.html.len);
}

static const char *argument(struct MHD_Connection *c, const char *name)
{
	const char *text = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);

	return text ? text : "";
}

/* Suspended until admin_requests_run(). */
static enum MHD_Result wait_for_devices(struct admin *a, struct MHD_Connection *c,
                                        struct request *r)
{
	crowd_mark(&a->crowd, c, CONNECTION_SERVED);
	r->since_ms = clocks_monotonic_ms();
	r->next = a->waiting;
	a->waiting = r;
	MHD_suspend_connection(c);
	return MHD_YES;
}

static enum MHD_Result metrics(struct admin *a, struct MHD_Connection *c, struct request *r)
{
	bool devices = a->conf.device_metrics || strcmp(argument(c, "devices"), "1") == 0;
	struct buf out = BUF_MAX(METRICS_MAX);
	enum MHD_Result result;

	if (devices && !admin_news_look(a, clocks_monotonic_ms()) && r->since_ms == 0)
		return wait_for_devices(a, c, r);
	if (!a->now || (devices && !a->devices))
		return send_line(a, c, MHD_HTTP_SERVICE_UNAVAILABLE,
		                 "no numbers yet: the broker starts, or is very busy\n");
	if (admin_metrics_put(a, devices, &out) == ST_OK)
		result = send_bytes(a, c, MHD_HTTP_OK, METRICS_TEXT_TYPE, out.data, out.len);
	else
		result = send_line(a, c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	buf_free(&out);
	return result;
}

static enum MHD_Result events(struct admin *a, struct MHD_Connection *c, struct request *r)
{
	struct device_view view = { .only = device_rows_only_of(argument(c, "only")) };
	struct MHD_Response *stream;
	enum MHD_Result result;

	(void)r;
	view.from = strtoul(argument(c, "from"), NULL, 10);
	snprintf(view.find, sizeof(view.find), "%s", argument(c, "find"));
	stream = admin_stream_begin(a, c, &view);
	if (!stream)
		return send_line(a, c, MHD_HTTP_SERVICE_UNAVAILABLE,
		                 "as many pages are open as may be at once: close one\n");
	crowd_mark(&a->crowd, c, CONNECTION_SERVED);
	result = MHD_queue_response(c, MHD_HTTP_OK, stream);
	MHD_destroy_response(stream);
	return result;
}

static const struct resource {
	const char *path;
	bool open; /* to who shows no token */
	enum MHD_Result (*answer)(struct admin *a, struct MHD_Connection *c, struct request *r);
} resources[] = {
	{ "/healthz", true, health },   { "/readyz", true, readiness }, { "/", false, page },
	{ "/metrics", false, metrics }, { "/events", false, events },
};

/* --- who may ask --- */

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* For a line of the log. */
static const char *shown(const char *text, char out[SHOWN_MAX])
{
	snprintf(out, SHOWN_MAX, "%s", text ? text : "");
	for (char *p = out; *p; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7E)
			*p = '?';
	}
	return out;
}

static void tell_refusal(struct admin *a, struct MHD_Connection *c, const char *what,
                         const char *fix)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	char source[SOCKET_ADDRESS_TEXT_MAX];

	socket_address_text(info ? info->client_addr : NULL, source);
	repeats_log(&a->refusals, a->conf.log, LOG_WARN, source, what, clocks_monotonic_ms(),
	            "admin.http: %s %s; %s", source, what, fix);
}

static bool host_allowed(struct admin *a, struct MHD_Connection *c)
{
	const char *host = header(c, "Host");
	char name[SHOWN_MAX], what[128];

	if (http_host_allowed(host, a->conf.hosts))
		return true;
	snprintf(what, sizeof(what), "asks for the status page under the name \"%s\"",
	         shown(host, name));
	tell_refusal(a, c, what, "if it is this machine's, add it to admin.hosts");
	return false;
}

static bool token_shown(struct admin *a, struct MHD_Connection *c)
{
	const char *authorization = header(c, "Authorization");

	if (!a->conf.token[0] || http_token_ok(authorization, a->conf.token))
		return true;
	if (authorization) /* browsers come without it first */
		tell_refusal(a, c, "shows a wrong token", "the right one stands in admin.token_file");
	return false;
}

static enum MHD_Result answer(struct admin *a, struct MHD_Connection *c, const char *url,
                              struct request *r)
{
	const struct resource *of = NULL;

	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		if (strcmp(resources[i].path, url) == 0)
			of = &resources[i];
	}
	if (!host_allowed(a, c))
		return send_line(a, c, MHD_HTTP_MISDIRECTED_REQUEST,
		                 "this name is not known here: use the address, or admin.hosts\n");
	if ((!of || !of->open) && !token_shown(a, c))
		return send_line(a, c, MHD_HTTP_UNAUTHORIZED, "the token of admin.token_file, please\n");
	if (!of)
		return send_line(a, c, MHD_HTTP_NOT_FOUND, "there is /, /metrics, /healthz and /readyz\n");
	return of->answer(a, c, r);
}

/* --- libmicrohttpd's --- */

enum MHD_Result admin_on_request(void *admin, struct MHD_Connection *c, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *len, void **at)
{
	struct admin *a = admin;
	struct request *r = *at;

	IN_ROOM(ROOM_ADMIN);
	(void)version;
	(void)data;
	if (!r) {
		*at = r = calloc(1, sizeof(*r));
		if (!r)
			return MHD_NO;
		r->connection = c;
		if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
			return send_line(a, c, MHD_HTTP_METHOD_NOT_ALLOWED, "nothing can be changed here\n");
		return MHD_YES;
	}
	if (*len > 0) { /* a body that nobody asked for */
		*len = 0;
		return MHD_YES;
	}
	return answer(a, c, url, r);
}

static void leave(struct admin *a, struct request *r)
{
	struct request **at = &a->waiting;

	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
}

void admin_on_end(void *admin, struct MHD_Connection *c, void **at,
                  enum MHD_RequestTerminationCode code)
{
	struct admin *a = admin;

	(void)code;
	crowd_mark(&a->crowd, c, CONNECTION_OPEN); /* for another request */
	if (*at)
		leave(a, *at);
	free(*at);
	*at = NULL;
}

/* --- those that wait --- */

static void resume(struct admin *a, struct request *r)
{
	leave(a, r);
	MHD_resume_connection(r->connection);
}

void admin_requests_run(struct admin *a, int64_t now_ms)
{
	bool there = a->devices && now_ms - a->devices_ms < ADMIN_LOOKS_MS;
	struct request *next;

	for (struct request *r = a->waiting; r; r = next) {
		next = r->next;
		if (there || now_ms - r->since_ms >= ADMIN_WAIT_MS)
			resume(a, r);
	}
}

void admin_requests_resume(struct admin *a)
{
	while (a->waiting)
		resume(a, a->waiting);
}
