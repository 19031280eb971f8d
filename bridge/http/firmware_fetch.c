#include "bridge/http/firmware_fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/http/firmware_cache.h"
#include "bridge/http/firmware_request.h"
#include "core/base/clocks.h"
#include "core/base/list.h"
#include "core/base/mailbox.h"
#include "core/base/room.h"

enum {
	NEWS_MAX = 1024,
	URLS_MAX = 4,
	READ_BYTES = 1 << 20, /* of a file that is digested, in one turn */
	PROGRESS_MS = 1000,
};

struct url {
	struct url *next; /* newest first */
	char text[];
};

struct fetch {                       /* an image that is wanted */
	struct firmware_request request; /* first: it is the fetch */
	struct fetch *next;
	struct firmware_fetch *all;
	struct ota_image image;
	struct ota_download download;
	struct url *urls;
	bool begun, here;
	bool named_whole; /* its file has the name of a whole one */
	int64_t due_ms;   /* of the next try */
	int64_t told_ms;
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
	char piece[READ_BYTES]; /* of a file that is digested */
};

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

static void close_file(struct fetch *x)
{
	if (x->request.fd >= 0)
		close(x->request.fd);
	x->request.fd = -1;
}

static void fetch_free(struct fetch *x)
{
	firmware_request_close(&x->request);
	close_file(x);
	drop_urls(x);
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

	firmware_request_close(&x->request);
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

	firmware_request_close(&x->request);
	if (downloaded && firmware_cache_keep(&f->cache, &x->image, x->request.fd) != ST_OK) {
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

/* --- a request, and what comes of it --- */

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
		if (firmware_request_cut_file(&x->request) == OTA_STEP_FAILED) {
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

static void on_done(struct firmware_request *r, enum ota_step verdict)
{
	step((struct fetch *)(void *)r, verdict);
}

static void on_progress(struct firmware_request *r)
{
	tell_progress((struct fetch *)(void *)r, clocks_monotonic_ms());
}

static void ask(struct fetch *x)
{
	enum ota_step verdict = firmware_request_ask(&x->request, x->urls->text);

	if (verdict != OTA_STEP_ON)
		step(x, verdict);
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
		x->request.fd = firmware_cache_take(&f->cache, &x->image, &x->named_whole);
	if (x->request.fd < 0 || fstat(x->request.fd, &st) != 0) {
		snprintf(why, sizeof(why), "the gateway's firmware.dir: %s", strerror(errno));
		fail(x, OTA_UPDATE_FAILED, why);
		return;
	}
	x->request.synced = (uint64_t)st.st_size;
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
	ota_download_fini(&x->download);
	x->begun = false;
	if (ota_download_init(&x->download, &x->image) != ST_OK)
		fail(x, OTA_UPDATE_FAILED, "the gateway has no memory");
}

/* A piece of the file is digested. */
static void resume(struct fetch *x)
{
	char *piece = x->all->piece;
	ssize_t n = pread(x->request.fd, piece, READ_BYTES, (off_t)x->download.have);
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
		busy += x->request.under_way;
	return busy;
}

static void turn_of(struct fetch *x, int64_t now_ms, bool hub_came_back)
{
	if (x->here || x->request.under_way)
		return;
	if (!x->begun)
		open_file(x);
	else if (x->download.state == OTA_RESUMING)
		resume(x);
	else if ((now_ms >= x->due_ms || hub_came_back) && count_busy(x->all) < FIRMWARE_FETCHES_MAX)
		ask(x);
}

static int64_t due_of(const struct fetch *x)
{
	if (x->here || x->request.under_way)
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
	x->request = (struct firmware_request){ .net = f->net,
		                                    .conf = &f->conf,
		                                    .download = &x->download,
		                                    .fd = -1,
		                                    .done = on_done,
		                                    .progress = on_progress };
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
