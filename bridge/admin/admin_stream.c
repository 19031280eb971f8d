#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "bridge/admin/admin_impl.h"
#include "core/base/clocks.h"
#include "core/base/table.h"

enum {
	READ_BYTES = 4096, /* asked for at a time */
	RETRY_MS = 3000,   /* a browser comes back after so long */
	SEND_BYTES = 128 * 1024,
};

/* --- what is written --- */

static enum status put_event(struct buf *out, const char *name, const struct buf *data)
{
	enum status st = buf_addf(out, "event: %s\ndata: ", name);

	if (st == ST_OK)
		st = buf_add(out, data->data, data->len);
	return st == ST_OK ? buf_add_text(out, "\n\n") : st;
}

static enum status put_status(struct stream *s)
{
	struct admin *a = s->admin;

	if (!a->now || s->snapshot == a->snapshots_read)
		return ST_OK;
	s->snapshot = a->snapshots_read;
	return put_event(&s->out, "status", &a->now->status);
}

static enum status put_history(struct stream *s)
{
	const struct admin *a = s->admin;
	struct buf json = BUF_MAX(HISTORY_JSON_MAX);
	enum status st = ST_OK;

	if (!a->now || s->history == a->now->history.made + 1)
		return ST_OK;
	s->history = a->now->history.made + 1;
	st = history_put(&a->now->history, &json);
	if (st == ST_OK)
		st = put_event(&s->out, "history", &json);
	buf_free(&json);
	return st;
}

/* Only when something is new. */
static enum status put_devices(struct stream *s)
{
	const struct admin *a = s->admin;
	struct buf json = BUF_MAX(DEVICE_ROWS_PAGE_MAX);
	enum status st = ST_OK;
	uint64_t hash;

	if (!a->devices || s->list == a->lists_read)
		return ST_OK;
	s->list = a->lists_read;
	st = device_rows_put(a->devices, &s->view, &json);
	hash = st == ST_OK ? table_hash(0, json.data, json.len) : 0;
	if (st == ST_OK && hash != s->devices_hash)
		st = put_event(&s->out, "devices", &json);
	s->devices_hash = hash;
	buf_free(&json);
	return st;
}

/* A list of an earlier look would be of then: the next one comes at once. */
static void write_news(struct stream *s, int64_t now_ms)
{
	enum status st = put_status(s);

	if (st == ST_OK)
		st = put_history(s);
	if (st == ST_OK && now_ms - s->admin->devices_ms < ADMIN_LOOKS_MS)
		st = put_devices(s);
	if (st != ST_OK)
		buf_reset(&s->out); /* half an event is none; the next one is whole */
}

/* --- one stream --- */

static int socket_of(const struct stream *s)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(s->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

/* libmicrohttpd finds it closed in its next turn. */
static void send_away(const struct stream *s)
{
	shutdown(socket_of(s), SHUT_RDWR);
}

/* The kernel would keep megabytes for who takes nothing. */
static void bound_kernel(const struct stream *s)
{
	int bytes = SEND_BYTES;

	setsockopt(socket_of(s), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* libmicrohttpd's. */
static ssize_t read_out(void *stream, uint64_t at, char *to, size_t max)
{
	struct stream *s = stream;
	size_t left = s->out.len - s->taken;
	size_t n = left < max ? left : max;

	(void)at;
	s->taken_ms = clocks_monotonic_ms();
	if (n > 0) {
		memcpy(to, s->out.data + s->taken, n);
		s->taken += n;
		return (ssize_t)n;
	}
	if (s->left || atomic_load(&s->admin->closing))
		return MHD_CONTENT_READER_END_OF_STREAM;
	buf_free(&s->out); /* most events are short, few are long */
	s->taken = 0;
	s->suspended = true;
	MHD_suspend_connection(s->connection);
	return 0;
}

/* libmicrohttpd's. */
static void end_stream(void *stream)
{
	struct stream *s = stream;

	buf_free(&s->out);
	s->connection = NULL;
}

struct MHD_Response *admin_stream_begin(struct admin *a, struct MHD_Connection *c,
                                        const struct device_view *view)
{
	struct MHD_Response *r;
	struct stream *s = NULL;

	for (size_t i = 0; i < ADMIN_STREAMS && !s; i++)
		s = a->streams[i].connection ? NULL : &a->streams[i];
	if (!s)
		return NULL;
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, READ_BYTES, read_out, s, end_stream);
	if (!r)
		return NULL;
	*s = (struct stream){
		.admin = a, .connection = c, .view = *view, .out = BUF_MAX(ADMIN_EVENTS_MAX)
	};
	s->taken_ms = clocks_monotonic_ms();
	bound_kernel(s);
	admin_page_add_headers(&a->page, r, "text/event-stream");
	admin_news_look(a, s->taken_ms);
	if (buf_addf(&s->out, "retry: %d\n\n", RETRY_MS) == ST_OK)
		write_news(s, s->taken_ms);
	return r;
}

/* --- all of them --- */

static void resume(struct stream *s)
{
	s->suspended = false;
	s->taken_ms = clocks_monotonic_ms();
	MHD_resume_connection(s->connection);
}

nfds_t admin_streams_poll(const struct admin *a, struct pollfd *fds)
{
	nfds_t count = 0;

	for (size_t i = 0; i < ADMIN_STREAMS; i++) {
		const struct stream *s = &a->streams[i];

		if (s->connection && s->suspended)
			fds[count++] = (struct pollfd){ .fd = socket_of(s), .events = POLLRDHUP };
	}
	return count;
}

/* libmicrohttpd does not look at who is suspended. A page sends nothing behind its request. */
static bool has_left(const struct stream *s)
{
	char byte;
	ssize_t n = recv(socket_of(s), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* What comes while a stream has not taken the last is told when it has: memory is that of one
 * event, and what it reads then is the newest. */
void admin_streams_run(struct admin *a, int64_t now_ms)
{
	for (size_t i = 0; i < ADMIN_STREAMS; i++) {
		struct stream *s = &a->streams[i];

		if (!s->connection)
			continue;
		admin_news_look(a, now_ms);
		if (!s->suspended) {
			if (now_ms - s->taken_ms >= ADMIN_DRAIN_MS)
				send_away(s);
			continue;
		}
		s->left = has_left(s);
		if (!s->left)
			write_news(s, now_ms);
		if (s->left || s->out.len > 0)
			resume(s);
	}
}

void admin_streams_resume(struct admin *a)
{
	for (size_t i = 0; i < ADMIN_STREAMS; i++) {
		if (a->streams[i].connection && a->streams[i].suspended)
			resume(&a->streams[i]);
	}
}
