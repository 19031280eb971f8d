#include "bridge/http/net.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/http/net_impl.h"
#include "core/base/buf.h"
#include "core/base/clocks.h"
#include "core/base/list.h"
#include "core/base/mailbox.h"
#include "core/base/room.h"
#include "core/base/thread.h"

enum {
	JOBS_MAX = 1024,
	CONNECTIONS_MAX = 16,
	GUESTS_MAX = 4,
	URL_MAX = 512,
	CONNECT_MS = 10000,
};

struct job {                      /* of net_post() */
	struct net_transfer transfer; /* first: it is the job */
	struct curl_slist *headers, *connect_to;
	struct buf reply;
	bool too_big;
	char error[CURL_ERROR_SIZE];
	net_done_fn *done;
	void *ctx;
};

struct net {
	CURLM *multi;
	struct mailbox *jobs;        /* of struct job * */
	struct net_transfer *active; /* NET */
	struct net_guest *guests;
	atomic_bool stopping;
	void (*turn)(void *ctx); /* NULL: none */
	void *turn_ctx;
	struct thread thread;
};

static void job_free(struct job *j)
{
	curl_easy_cleanup(j->transfer.easy);
	curl_slist_free_all(j->headers);
	curl_slist_free_all(j->connect_to);
	if (j->reply.data)
		explicit_bzero(j->reply.data, j->reply.cap);
	buf_free(&j->reply);
	free(j);
}

static void drop(void *item)
{
	job_free(*(struct job **)item);
}

enum status net_new(struct net **out)
{
	struct net *n = calloc(1, sizeof(*n));
	enum status st = n ? mailbox_new(sizeof(struct job *), JOBS_MAX, &n->jobs) : ST_NOMEM;

	if (st == ST_OK && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		n->multi = curl_multi_init();
	if (st != ST_OK || !n->multi) {
		net_free(n);
		return ST_NOMEM;
	}
	curl_multi_setopt(n->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
	*out = n;
	return ST_OK;
}

void net_free(struct net *n)
{
	if (!n || n->thread.started)
		return;
	mailbox_free(n->jobs, drop);
	if (n->multi)
		curl_multi_cleanup(n->multi);
	free(n);
}

static void on_finished(struct net_transfer *t, CURLcode code, bool stopped);

/* --- one request --- */

static size_t on_reply(char *data, size_t size, size_t count, void *ctx)
{
	struct job *j = ctx;

	(void)size; /* 1 */
	if (buf_add(&j->reply, data, count) == ST_OK)
		return count;
	j->too_big = true;
	return 0;
}

static bool add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer)
		*list = longer;
	return longer != NULL;
}

static bool set_address(struct job *j, const char *address)
{
	char line[URL_MAX];

	/* Any host, any port -> this address, the same port. */
	snprintf(line, sizeof(line), strchr(address, ':') ? "::[%s]:" : "::%s:", address);
	return add_line(&j->connect_to, line) &&
	       curl_easy_setopt(j->transfer.easy, CURLOPT_CONNECT_TO, j->connect_to) == CURLE_OK;
}

static bool set_tls(struct job *j, const struct net_request *r)
{
	bool ok =
		curl_easy_setopt(j->transfer.easy, CURLOPT_SSL_VERIFYPEER, (long)r->verify) == CURLE_OK &&
		curl_easy_setopt(j->transfer.easy, CURLOPT_SSL_VERIFYHOST, r->verify ? 2L : 0L) == CURLE_OK;

	return ok && (!r->ca_file ||
	              curl_easy_setopt(j->transfer.easy, CURLOPT_CAINFO, r->ca_file) == CURLE_OK);
}

static bool set_request(struct job *j, const struct net_request *r)
{
	bool ok = true;

	for (const char *const *h = r->headers; h && *h && ok; h++)
		ok = add_line(&j->headers, *h);
	/* Without this libcurl waits a second for a server's leave to send the body. */
	ok = ok && add_line(&j->headers, "Expect:");
	return ok && curl_easy_setopt(j->transfer.easy, CURLOPT_URL, r->url) == CURLE_OK &&
	       curl_easy_setopt(j->transfer.easy, CURLOPT_HTTPHEADER, j->headers) == CURLE_OK &&
	       curl_easy_setopt(j->transfer.easy, CURLOPT_POSTFIELDSIZE, (long)r->len) == CURLE_OK &&
	       curl_easy_setopt(j->transfer.easy, CURLOPT_COPYPOSTFIELDS, r->body) == CURLE_OK;
}

static bool set_limits(struct job *j, const struct net_request *r)
{
	curl_easy_setopt(j->transfer.easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(j->transfer.easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(j->transfer.easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(j->transfer.easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(j->transfer.easy, CURLOPT_ERRORBUFFER, j->error);
	curl_easy_setopt(j->transfer.easy, CURLOPT_WRITEFUNCTION, on_reply);
	curl_easy_setopt(j->transfer.easy, CURLOPT_WRITEDATA, j);
	return curl_easy_setopt(j->transfer.easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms) == CURLE_OK;
}

enum status net_post(struct net *n, const struct net_request *r, net_done_fn *done, void *ctx)
{
	struct job *j = calloc(1, sizeof(*j));
	enum status st = ST_NOMEM;

	if (!j)
		return ST_NOMEM;
	j->reply = (struct buf)BUF_MAX(r->reply_max);
	j->transfer.finished = on_finished;
	j->done = done;
	j->ctx = ctx;
	j->transfer.easy = curl_easy_init();
	if (j->transfer.easy && set_limits(j, r) && set_request(j, r) && set_tls(j, r) &&
	    (!r->address || set_address(j, r->address)))
		st = mailbox_put(n->jobs, &j, NULL);
	if (st != ST_OK)
		job_free(j);
	else
		curl_multi_wakeup(n->multi);
	return st == ST_CLOSED ? ST_STATE : st;
}

/* --- transfers --- */

static void finish(struct job *j, enum status status)
{
	struct net_result r = { .status = status, .error = j->error };

	if (status == ST_OK) {
		curl_easy_getinfo(j->transfer.easy, CURLINFO_RESPONSE_CODE, &r.http_status);
		r.body = j->reply.data;
		r.len = j->reply.len;
	}
	j->done(j->ctx, &r);
	job_free(j);
}

static enum status status_of(const struct job *j, CURLcode code)
{
	if (j->too_big)
		return ST_TOOBIG;
	return code == CURLE_OK ? ST_OK : code == CURLE_OPERATION_TIMEDOUT ? ST_TIMEOUT : ST_IO;
}

static void on_finished(struct net_transfer *t, CURLcode code, bool stopped)
{
	struct job *j = (struct job *)(void *)t;

	if (code != CURLE_OK && !j->error[0])
		snprintf(j->error, sizeof(j->error), "%s", curl_easy_strerror(code));
	finish(j, stopped ? ST_CLOSED : status_of(j, code));
}

static void leave(struct net *n, struct net_transfer *t)
{
	curl_multi_remove_handle(n->multi, t->easy);
	LINKS_REMOVE(t);
}

enum status net_begin(struct net *n, struct net_transfer *t)
{
	IN_ROOM(ROOM_NET);
	if (curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t) != CURLE_OK ||
	    curl_multi_add_handle(n->multi, t->easy) != CURLM_OK)
		return ST_IO;
	LINKS_PUSH(&n->active, t);
	return ST_OK;
}

void net_abandon(struct net *n, struct net_transfer *t)
{
	IN_ROOM(ROOM_NET);
	leave(n, t);
}

static void take_finished(struct net *n)
{
	const CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(n->multi, &left)) != NULL) {
		CURLcode code = m->data.result;
		char *private = NULL;
		struct net_transfer *t;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		t = (struct net_transfer *)(void *)private;
		leave(n, t);
		t->finished(t, code, false);
	}
}

static void take_jobs(struct net *n, bool stopped)
{
	struct job *j;

	while (mailbox_take(n->jobs, &j) == ST_OK) {
		if (stopped || net_begin(n, &j->transfer) != ST_OK)
			finish(j, stopped ? ST_CLOSED : ST_IO);
	}
}

/* --- guests --- */

void net_add_guest(struct net *n, struct net_guest *g)
{
	LIST_PUSH(&n->guests, g);
}

void net_wake(struct net *n)
{
	curl_multi_wakeup(n->multi);
}

/* Their turns; in how many ms another is due. */
static int guests_turn(struct net *n)
{
	int64_t now_ms = clocks_monotonic_ms(), due_ms = now_ms + NET_TURN_MS;

	for (struct net_guest *g = n->guests; g; g = g->next) {
		int64_t due = g->turn(g, now_ms);

		due_ms = due < due_ms ? due : due_ms;
	}
	return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

static unsigned descriptors(const struct net *n, struct curl_waitfd out[GUESTS_MAX])
{
	unsigned count = 0;

	for (const struct net_guest *g = n->guests; g && count < GUESTS_MAX; g = g->next) {
		if (g->fd >= 0)
			out[count++] = (struct curl_waitfd){ .fd = g->fd, .events = CURL_WAIT_POLLIN };
	}
	return count;
}

/* --- the thread --- */

static void run(void *arg)
{
	struct curl_waitfd fds[GUESTS_MAX];
	struct net *n = arg;
	struct net_transfer *t;
	int running, wait_ms;

	room_enter(ROOM_NET);
	while (!atomic_load(&n->stopping)) {
		take_jobs(n, false);
		curl_multi_perform(n->multi, &running);
		take_finished(n);
		if (n->turn)
			n->turn(n->turn_ctx);
		wait_ms = guests_turn(n);
		/* The rule of core/base/wake.h, libcurl's descriptor without a flag of ours: net_post()
		 * puts, then writes; the poll reads what was written, also before it began, then we take.
		 */
		if (mailbox_count(n->jobs) == 0)
			curl_multi_poll(n->multi, fds, descriptors(n, fds), wait_ms, NULL);
	}
	mailbox_close(n->jobs); /* or one put after the last look would never be answered */
	take_jobs(n, true);
	while ((t = n->active) != NULL) {
		leave(n, t);
		t->finished(t, CURLE_OK, true);
	}
	for (struct net_guest *g = n->guests; g; g = g->next)
		g->quit(g);
}

void net_each_turn(struct net *n, void (*turn)(void *ctx), void *ctx)
{
	n->turn = turn;
	n->turn_ctx = ctx;
}

enum status net_start(struct net *n)
{
	IN_ROOM(ROOM_BROKER);
	return thread_start(&n->thread, run, n);
}

void net_quit(struct net *n)
{
	IN_ROOM(ROOM_BROKER);
	if (!n || !n->thread.started)
		return;
	atomic_store(&n->stopping, true);
	curl_multi_wakeup(n->multi);
}

bool net_stop(struct net *n, uint32_t wait_ms)
{
	IN_ROOM(ROOM_BROKER);
	net_quit(n);
	return !n || thread_join(&n->thread, wait_ms);
}
