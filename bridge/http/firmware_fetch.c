#include "bridge/http/firmware_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/http/firmware_cache.h"
#include "bridge/http/net_impl.h"
#include "core/base/clocks.h"
#include "core/base/list.h"
#include "core/base/mailbox.h"
#include "core/base/room.h"
#include "core/hub/ota_download.h"
#include "core/hub/ota_url.h"

enum {
	NEWS_MAX = 1024,
	URLS_MAX = 4,
	CONNECT_MS = 10000,
	MIB = 1 << 20,
	READ_BYTES = MIB, /* of a file that is digested, in one turn */
	LOW_SPEED = 16,   /* bytes per second that count as silence */
	PROGRESS_MS = 1000,
};

struct url {
	struct url *next; /* newest first */
	char text[];
};

struct fetch {                    /* an image that is wanted */
	struct net_transfer transfer; /* first: it is the fetch */
	struct fetch *next;
	struct firmware_fetch *all;
	struct ota_image image;
	struct ota_download download;
	struct url *urls;
	int fd; /* -1: not begun */
	bool begun, here, under_way;
	bool named_whole; /* its file has the name of a whole one */
	int64_t due_ms;   /* of the next try */
	int64_t told_ms;
	uint64_t synced; /* bytes of which writing was begun */
	/* Of the request under way. */
	char *location; /* where a redirect led; owned */
	struct ota_url at;
	unsigned redirects;
	struct ota_reply reply;
	enum ota_step verdict; /* ON: none yet */
	bool forbidden, judged;
	char why[CURL_ERROR_SIZE];
};

struct wish { /* BROKER -> NET, by value */
	struct ota_image image;
	char *url; /* owned; NULL: released */
};

struct firmware_fetch {
	struct net_guest guest; /* first: it is the firmware_fetch */
	struct net *net;
	struct firmware_fetch_conf conf;
	struct mailbox *wishes, *news;
	struct firmware_cache cache;
	struct fetch *fetches; /* NET */
	bool hub_was_there;
};

static void begin(struct fetch *x, int64_t now_ms);

/* --- news --- */

static void tell(const struct fetch *x, enum firmware_news_kind kind)
{
	struct firmware_news n = { .kind = kind,
		                       .image = x->image,
		                       .percent = ota_download_percent(&x->download),
		                       .code = x->download.code };

	snprintf(n.why, sizeof(n.why), "%s", x->download.why);
	if (kind == FIRMWARE_PROGRESS && mailbox_space(x->all->news) < NEWS_MAX / 2)
		return; /* the rest is for what must not be lost */
	if (mailbox_put(x->all->news, &n, NULL) != ST_OK)
		log_line(x->all->conf.log, LOG_ERROR, "firmware: no room for news of %s", x->image.md5);
	x->all->conf.ring(x->all->conf.ctx);
}

static void tell_progress(struct fetch *x, int64_t now_ms)
{
	if (now_ms - x->told_ms < PROGRESS_MS)
		return;
	x->told_ms = now_ms;
	tell(x, FIRMWARE_PROGRESS);
}

/* --- a fetch's life --- */

static struct fetch *find(struct firmware_fetch *f, const struct ota_image *image)
{
	struct fetch *x = f->fetches;

	while (x && !ota_image_same(&x->image, image))
		x = x->next;
	return x;
}

static void drop_urls(struct fetch *x)
{
	struct url *u;

	while (LIST_TAKE(&x->urls, u))
		free(u);
}

static void end_request(struct fetch *x)
{
	if (x->under_way)
		net_abandon(x->all->net, &x->transfer);
	x->under_way = false;
	curl_easy_cleanup(x->transfer.easy);
	x->transfer.easy = NULL;
}

static void close_file(struct fetch *x)
{
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
}

static void fetch_free(struct fetch *x)
{
	end_request(x);
	close_file(x);
	drop_urls(x);
	free(x->location);
	ota_download_fini(&x->download);
	free(x);
}

static void remove_fetch(struct firmware_fetch *f, struct fetch *x)
{
	struct fetch **at = &f->fetches;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	fetch_free(x);
}

/* Nobody is served what is not right: the file goes, and so does the fetch. */
static void failed(struct fetch *x)
{
	struct firmware_fetch *f = x->all;

	end_request(x);
	close_file(x);
	if (f->cache.dir >= 0)
		firmware_cache_drop(&f->cache, &x->image);
	metric_add(f->conf.metrics, M_FIRMWARE_FAILED, 1);
	log_line(f->conf.log, LOG_WARN, "firmware %s (%llu bytes) cannot be had: %s", x->image.md5,
	         (unsigned long long)x->image.size, x->download.why);
	tell(x, FIRMWARE_FAILED);
	remove_fetch(f, x);
}

static void fail(struct fetch *x, enum ota_code code, const char *why)
{
	ota_download_fail(&x->download, code, why);
	failed(x);
}

static void whole(struct fetch *x, bool downloaded)
{
	struct firmware_fetch *f = x->all;

	end_request(x);
	if (downloaded && firmware_cache_keep(&f->cache, &x->image, x->fd) != ST_OK) {
		char why[OTA_WHY_MAX];

		snprintf(why, sizeof(why), "the gateway's disk: %s", strerror(errno));
		fail(x, OTA_UPDATE_FAILED, why);
		return;
	}
	close_file(x);
	drop_urls(x);
	firmware_cache_touch(&f->cache, &x->image);
	x->here = true;
	metric_set(f->conf.metrics, M_FIRMWARE_CACHE, firmware_cache_bytes(&f->cache));
	if (downloaded)
		log_line(f->conf.log, LOG_NOTE, "firmware %s (%llu bytes) is here", x->image.md5,
		         (unsigned long long)x->image.size);
	tell(x, FIRMWARE_HERE);
}

/* --- where it may connect to --- */

static bool address_of(const struct sockaddr *from, unsigned char out[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (from->sa_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
		return true;
	}
	if (from->sa_family != AF_INET)
		return false;
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + sizeof(mapped), &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	return true;
}

/* One of this machine's own, on whatever interface. */
static bool is_own(const unsigned char address[16])
{
	struct ifaddrs *all = NULL;
	unsigned char own[16];
	bool found = false;

	if (getifaddrs(&all) != 0)
		return true; /* nobody knows: refused */
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
		found = i->ifa_addr && address_of(i->ifa_addr, own) && memcmp(own, address, 16) == 0;
	freeifaddrs(all);
	return found;
}

static bool may_connect(const struct firmware_fetch *f, const struct sockaddr *to)
{
	unsigned char address[16];

	if (!address_of(to, address))
		return false;
	return f->conf.allow_local ||
	       (ota_address_kind(address) == OTA_ADDRESS_FINE && !is_own(address));
}

/* libcurl's, for every connection, whatever name or redirect led to it. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct fetch *x = ctx;

	(void)purpose;
	if (may_connect(x->all, &a->addr))
		return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	x->forbidden = true;
	return CURL_SOCKET_BAD;
}

/* --- a reply --- */

static enum ota_step cut_file(struct fetch *x)
{
	x->synced = 0;
	return ftruncate(x->fd, 0) == 0 ? OTA_STEP_ON
	                                : ota_download_fail(&x->download, OTA_UPDATE_FAILED,
	                                                    "the gateway's disk cannot be written");
}

/* The head is over. Nothing more is read when it does not lead to bytes. */
static bool judge_head(struct fetch *x)
{
	long status = 0;

	curl_easy_getinfo(x->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || (status >= 300 && status < 400)) {
		memset(&x->reply, 0, sizeof(x->reply));
		return true; /* the next head, or a redirect */
	}
	x->reply.status = status;
	x->judged = true;
	x->verdict = ota_download_reply(&x->download, &x->reply);
	if (x->verdict == OTA_STEP_RESTART)
		x->verdict = cut_file(x);
	return x->verdict == OTA_STEP_ON;
}

static void take_header(struct fetch *x, const char *line, size_t len)
{
	char text[256];

	if (len >= sizeof(text))
		return;
	memcpy(text, line, len);
	text[strcspn(text, "\r\n")] = '\0';
	if (strncasecmp(text, "Content-Length:", 15) == 0) {
		char *end;

		errno = 0;
		x->reply.length = strtoull(text + 15, &end, 10);
		x->reply.has_length = errno == 0 && end != text + 15;
	} else if (strncasecmp(text, "Content-Range:", 14) == 0) {
		const char *value = text + 14 + strspn(text + 14, " \t");

		x->reply.has_range = http_range_read_content(value, &x->reply.first, &x->reply.total);
	}
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	char line[256] = "";
	struct fetch *x = ctx;
	size_t len = size * count;

	if (len < sizeof(line)) {
		memcpy(line, data, len);
		line[len] = '\0';
		take_header(x, line, len);
	}
	if (!x->judged && (strcmp(line, "\r\n") == 0 || strcmp(line, "\n") == 0) && !judge_head(x))
		return 0;
	return len;
}

/* A MiB at a time goes to the disk, so that the journal's sync finds little of it. */
static void write_behind(struct fetch *x)
{
	while (x->download.have - x->synced >= MIB) {
		if (x->synced >= MIB)
			sync_file_range(x->fd, (off_t)(x->synced - MIB), MIB,
			                SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			                    SYNC_FILE_RANGE_WAIT_AFTER);
		sync_file_range(x->fd, (off_t)x->synced, MIB, SYNC_FILE_RANGE_WRITE);
		x->synced += MIB;
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
	struct fetch *x = ctx;
	size_t len = size * count;
	uint64_t at = x->download.have;

	if (!x->judged)
		return len; /* of a redirect */
	if (len == 0)
		return 0;
	metric_add(x->all->conf.metrics, M_FIRMWARE_FETCHED, len);
	x->verdict = ota_download_bytes(&x->download, data, len);
	if ((x->verdict == OTA_STEP_ON || x->verdict == OTA_STEP_WHOLE) &&
	    !write_at(x->fd, data, len, at))
		x->verdict = ota_download_fail(&x->download, OTA_UPDATE_FAILED,
		                               errno == ENOSPC || errno == EDQUOT
		                                   ? "no room on the gateway's disk"
		                                   : "the gateway's disk cannot be written");
	if (x->verdict != OTA_STEP_ON)
		return 0;
	write_behind(x);
	tell_progress(x, clocks_monotonic_ms());
	return len;
}

/* --- a request --- */

static void pause_for(struct fetch *x, int64_t ms)
{
	x->due_ms = clocks_monotonic_ms() + ms;
}

/* This URL is of no use any more. */
static void next_url(struct fetch *x)
{
	struct url *u;

	if (LIST_TAKE(&x->urls, u))
		free(u);
	x->due_ms = 0;
	if (x->urls)
		return;
	ota_download_give_up(&x->download);
	failed(x);
}

static void step(struct fetch *x, enum ota_step verdict)
{
	switch (verdict) {
	case OTA_STEP_WHOLE:
		whole(x, true);
		return;
	case OTA_STEP_FAILED:
		failed(x);
		return;
	case OTA_STEP_NO_URL:
		next_url(x);
		return;
	case OTA_STEP_ANEW:
	case OTA_STEP_RESTART:
		if (cut_file(x) == OTA_STEP_FAILED) {
			failed(x);
			return;
		}
		break;
	case OTA_STEP_ON:
	case OTA_STEP_AGAIN:
		break;
	}
	pause_for(x, ota_download_pause_ms(&x->download));
}

static void refuse_url(struct fetch *x, const char *why)
{
	x->download.code = OTA_NOT_ALLOWED;
	snprintf(x->download.why, sizeof(x->download.why), "%s", why);
	log_line(x->all->conf.log, LOG_WARN, "firmware %s: %s", x->image.md5, why);
	next_url(x);
}

/* False: the URL is refused. */
static bool judge_url(struct fetch *x, const char *text, const struct ota_url *from)
{
	char why[OTA_WHY_MAX];

	if (ota_url_read(text, &x->at) != ST_OK)
		snprintf(why, sizeof(why), "the URL is neither http nor https");
	else if (from && !ota_url_may_follow(from, &x->at))
		snprintf(why, sizeof(why), "the server redirects from https to http");
	else if (!ota_url_host_allowed(x->all->conf.hosts, x->at.host))
		snprintf(why, sizeof(why), "firmware.hosts does not name %.60s", x->at.host);
	else
		return true;
	refuse_url(x, why);
	return false;
}

static enum ota_end end_of(CURLcode code)
{
	return code == CURLE_OK                   ? OTA_END_CLEAN
	       : code == CURLE_OPERATION_TIMEDOUT ? OTA_END_SILENT
	                                          : OTA_END_CUT;
}

static void follow(struct fetch *x)
{
	const struct ota_url from = x->at;

	if (++x->redirects > OTA_REDIRECTS_MAX)
		refuse_url(x, "the server redirects more than 5 times");
	else if (judge_url(x, x->location, &from))
		begin(x, clocks_monotonic_ms());
}

static void on_finished(struct net_transfer *t, CURLcode code, bool stopped)
{
	struct fetch *x = (struct fetch *)(void *)t;
	char *location = NULL, why[OTA_WHY_MAX];
	bool counts = x->all->conf.hub_is_there(x->all->conf.ctx);

	x->under_way = false;
	if (stopped)
		return;
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location);
	free(x->location);
	x->location = location && code == CURLE_OK && !x->judged ? strdup(location) : NULL;
	end_request(x);
	if (x->verdict != OTA_STEP_ON) {
		step(x, x->verdict);
	} else if (x->forbidden) {
		snprintf(why, sizeof(why), "%.60s is an address of the gateway or its link", x->at.host);
		refuse_url(x, why);
	} else if (x->location) {
		follow(x);
	} else {
		if (code != CURLE_OK)
			snprintf(why, sizeof(why), "%.120s", x->why[0] ? x->why : curl_easy_strerror(code));
		step(x,
		     ota_download_ended(&x->download, end_of(code), counts, code == CURLE_OK ? NULL : why));
	}
}

static bool set_request(struct fetch *x, const char *url, const char *range)
{
	const struct firmware_fetch_conf *c = &x->all->conf;
	CURL *e = x->transfer.easy;

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
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->why);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, x);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	if (c->ca_file && curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file) != CURLE_OK)
		return false;
	return curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK &&
	       (!range || curl_easy_setopt(e, CURLOPT_RANGE, range) == CURLE_OK);
}

/* Asks, at x->location or the newest URL. */
static void begin(struct fetch *x, int64_t now_ms)
{
	const char *url = x->location ? x->location : x->urls->text;
	uint64_t from = ota_download_asked(&x->download);
	char range[32] = "";

	snprintf(range, sizeof(range), "%llu-", (unsigned long long)from);
	memset(&x->reply, 0, sizeof(x->reply));
	x->verdict = OTA_STEP_ON;
	x->forbidden = x->judged = false;
	x->why[0] = '\0';
	x->transfer.finished = on_finished;
	x->transfer.easy = curl_easy_init();
	x->under_way = x->transfer.easy && set_request(x, url, from > 0 ? range : NULL) &&
	               net_begin(x->all->net, &x->transfer) == ST_OK;
	if (!x->under_way) {
		end_request(x);
		x->due_ms = now_ms + OTA_PAUSE_MAX_MS;
	}
}

static void ask(struct fetch *x, int64_t now_ms)
{
	free(x->location);
	x->location = NULL;
	x->redirects = 0;
	if (judge_url(x, x->urls->text, NULL))
		begin(x, now_ms);
}

/* --- what is there already --- */

static bool is_used(void *ctx, const struct ota_image *image)
{
	return find(ctx, image) != NULL;
}

static void open_file(struct fetch *x)
{
	struct firmware_fetch *f = x->all;
	char why[OTA_WHY_MAX];
	struct stat st = { .st_size = 0 };

	x->begun = true;
	if (firmware_cache_open(&f->cache) == ST_OK)
		x->fd = firmware_cache_take(&f->cache, &x->image, &x->named_whole);
	if (x->fd < 0 || fstat(x->fd, &st) != 0) {
		snprintf(why, sizeof(why), "the gateway's firmware.dir: %s", strerror(errno));
		fail(x, OTA_UPDATE_FAILED, why);
		return;
	}
	x->synced = (uint64_t)st.st_size;
	if (x->named_whole)
		return;
	if (firmware_cache_room(&f->cache, &x->image,
	                        (uint64_t)st.st_size < x->image.size ? (uint64_t)st.st_size : 0,
	                        is_used, f, why) != ST_OK)
		fail(x, OTA_UPDATE_FAILED, why);
}

/* It is no part of the image, or has the name of a whole one and is none. */
static void start_over(struct fetch *x)
{
	close_file(x);
	firmware_cache_drop(&x->all->cache, &x->image);
	x->begun = false;
}

/* A piece of the file is digested. */
static void resume(struct fetch *x)
{
	static char piece[READ_BYTES]; /* NET's alone */
	ssize_t n = pread(x->fd, piece, sizeof(piece), (off_t)x->download.have);
	enum ota_step verdict = n > 0 ? ota_download_feed(&x->download, piece, (size_t)n) : OTA_STEP_ON;

	if (verdict == OTA_STEP_WHOLE)
		whole(x, !x->named_whole);
	else if (verdict == OTA_STEP_RESTART || n < 0 || (n == 0 && x->named_whole))
		start_over(x);
	else if (n == 0)
		ota_download_fed(&x->download);
}

/* --- turns --- */

static unsigned count_busy(const struct firmware_fetch *f)
{
	unsigned busy = 0;

	for (const struct fetch *x = f->fetches; x; x = x->next)
		busy += x->under_way;
	return busy;
}

static void turn_of(struct fetch *x, int64_t now_ms, bool hub_came_back)
{
	if (x->here || x->under_way)
		return;
	if (!x->begun)
		open_file(x);
	else if (x->download.state == OTA_RESUMING)
		resume(x);
	else if ((now_ms >= x->due_ms || hub_came_back) && count_busy(x->all) < FIRMWARE_FETCHES_MAX)
		ask(x, now_ms);
}

static int64_t due_of(const struct fetch *x)
{
	if (x->here || x->under_way)
		return INT64_MAX;
	if (!x->begun || x->download.state == OTA_RESUMING)
		return 0;
	return count_busy(x->all) < FIRMWARE_FETCHES_MAX ? x->due_ms : INT64_MAX;
}

static void add_url(struct fetch *x, const char *text)
{
	size_t len = strlen(text), count = 0;
	struct url *u = malloc(sizeof(*u) + len + 1);

	for (const struct url *old = x->urls; old; old = old->next) {
		if (strcmp(old->text, text) == 0) {
			free(u);
			return;
		}
	}
	if (!u)
		return; /* those that there are go on */
	memcpy(u->text, text, len + 1);
	LIST_PUSH(&x->urls, u);
	for (struct url *at = x->urls; at; at = at->next) {
		if (++count == URLS_MAX && at->next) {
			free(at->next);
			at->next = NULL;
		}
	}
}

static struct fetch *fetch_new(struct firmware_fetch *f, const struct ota_image *image)
{
	struct fetch *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->all = f;
	x->image = *image;
	x->fd = -1;
	if (ota_download_init(&x->download, image) != ST_OK) {
		free(x);
		return NULL;
	}
	LIST_PUSH(&f->fetches, x);
	return x;
}

static void take_wish(struct firmware_fetch *f, const struct wish *w)
{
	struct fetch *x = find(f, &w->image);

	if (!w->url) {
		if (x)
			remove_fetch(f, x);
		return;
	}
	if (!x)
		x = fetch_new(f, &w->image);
	if (x && x->here)
		tell(x, FIRMWARE_HERE);
	else if (x)
		add_url(x, w->url);
}

static int64_t turn(struct net_guest *g, int64_t now_ms)
{
	struct firmware_fetch *f = (struct firmware_fetch *)(void *)g;
	bool hub = f->conf.hub_is_there(f->conf.ctx), came_back = hub && !f->hub_was_there;
	int64_t due_ms = INT64_MAX;
	struct fetch *next;
	struct wish w;

	f->hub_was_there = hub;
	while (mailbox_take(f->wishes, &w) == ST_OK) {
		take_wish(f, &w);
		free(w.url);
	}
	for (struct fetch *x = f->fetches; x; x = next) {
		next = x->next;
		turn_of(x, now_ms, came_back);
	}
	for (const struct fetch *x = f->fetches; x; x = x->next)
		due_ms = due_of(x) < due_ms ? due_of(x) : due_ms;
	return due_ms;
}

static void quit(struct net_guest *g)
{
	struct firmware_fetch *f = (struct firmware_fetch *)(void *)g;

	while (f->fetches)
		remove_fetch(f, f->fetches);
	firmware_cache_close(&f->cache);
}

/* --- BROKER --- */

static void drop_wish(void *item)
{
	free(((struct wish *)item)->url);
}

enum status firmware_fetch_new(struct net *n, const struct firmware_fetch_conf *conf,
                               struct firmware_fetch **out)
{
	struct firmware_fetch *f = calloc(1, sizeof(*f));
	enum status st;

	if (!f)
		return ST_NOMEM;
	f->guest = (struct net_guest){ .turn = turn, .quit = quit, .fd = -1 };
	f->net = n;
	f->conf = *conf;
	f->cache = (struct firmware_cache){ conf->dir, conf->max_bytes, conf->leave_bytes, -1 };
	st = mailbox_new(sizeof(struct wish), FIRMWARE_WANTS_MAX, &f->wishes);
	if (st == ST_OK)
		st = mailbox_new(sizeof(struct firmware_news), NEWS_MAX, &f->news);
	if (st != ST_OK) {
		firmware_fetch_free(f);
		return st;
	}
	net_add_guest(n, &f->guest);
	*out = f;
	return ST_OK;
}

void firmware_fetch_free(struct firmware_fetch *f)
{
	if (!f)
		return;
	quit(&f->guest);
	mailbox_free(f->wishes, drop_wish);
	mailbox_free(f->news, NULL);
	free(f);
}

static enum status put(struct firmware_fetch *f, struct wish *w)
{
	enum status st = mailbox_put(f->wishes, w, NULL);

	if (st != ST_OK)
		free(w->url);
	else
		net_wake(f->net);
	return st;
}

enum status firmware_fetch_want(struct firmware_fetch *f, const struct ota_image *image,
                                const char *url)
{
	struct wish w = { .image = *image, .url = strdup(url) };

	IN_ROOM(ROOM_BROKER);
	return w.url ? put(f, &w) : ST_NOMEM;
}

enum status firmware_fetch_release(struct firmware_fetch *f, const struct ota_image *image)
{
	struct wish w = { .image = *image };

	IN_ROOM(ROOM_BROKER);
	return put(f, &w);
}

enum status firmware_fetch_take(struct firmware_fetch *f, struct firmware_news *out)
{
	IN_ROOM(ROOM_BROKER);
	return mailbox_take(f->news, out);
}
