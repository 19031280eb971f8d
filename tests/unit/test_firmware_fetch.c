#include "bridge/http/firmware_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/room.h"
#include "tests/fakes/certs.h"
#include "tests/fakes/peer.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

enum {
	WAIT_MS = 20000,
	STOP_MS = 2000,
};

/* MD5 of "0123456789". */
static const struct ota_image ten = { "781e5e245d69b566979b86e28d23f2c7", 10 };

struct server {
	struct peer *peer;
	const char *replies[4]; /* one after the other, the last again and again */
	int served;
	char asked[4][512]; /* heads of requests */
};

static void serve(struct peer_conn *c, void *ctx)
{
	struct server *s = ctx;
	int n = s->served < 3 ? s->served : 3;
	char *head = s->asked[n];
	size_t len = 0, got;

	while (len < sizeof s->asked[0] - 1 && !strstr(head, "\r\n\r\n") &&
	       (got = peer_read(c, head + len, sizeof s->asked[0] - 1 - len)) > 0) {
		len += got;
		head[len] = '\0';
	}
	while (n > 0 && !s->replies[n])
		n--;
	s->served++;
	peer_write(c, s->replies[n], strlen(s->replies[n]));
}

struct world {
	struct net *net;
	struct firmware_fetch *fetch;
	struct metrics metrics;
	char dir[300];
};

static bool hub_is_there(void *ctx)
{
	(void)ctx;
	return true;
}

static void ring(void *ctx)
{
	(void)ctx;
}

static struct world *start(const char *ca_file, const char *hosts)
{
	struct world *w = calloc(1, sizeof *w);
	struct firmware_fetch_conf conf = {
		.max_bytes = 1000,
		.stall_s = 1,
		.ca_file = ca_file,
		.hosts = hosts,
		.allow_local = true,
		.metrics = &w->metrics,
		.hub_is_there = hub_is_there,
		.ring = ring,
	};

	snprintf(w->dir, sizeof w->dir, "%s/firmware", store_dir_new());
	conf.dir = w->dir;
	room_enter(ROOM_BROKER);
	CU_ASSERT_EQUAL_FATAL(net_new(&w->net), ST_OK);
	CU_ASSERT_EQUAL_FATAL(firmware_fetch_new(w->net, &conf, &w->fetch), ST_OK);
	CU_ASSERT_EQUAL_FATAL(net_start(w->net), ST_OK);
	return w;
}

static void stop(struct world *w)
{
	CU_ASSERT(net_stop(w->net, STOP_MS));
	firmware_fetch_free(w->fetch);
	net_free(w->net);
	room_enter(ROOM_NONE);
	free(w);
}

/* The next news but progress. */
static struct firmware_news await(struct world *w)
{
	struct firmware_news n = { .kind = FIRMWARE_PROGRESS };

	for (int i = 0; i < WAIT_MS && n.kind == FIRMWARE_PROGRESS; i++) {
		if (firmware_fetch_take(w->fetch, &n) != ST_OK)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return n;
}

static void want(struct world *w, const char *scheme, const struct server *s)
{
	char url[100];

	snprintf(url, sizeof url, "%s://127.0.0.1:%d/file?sign=1", scheme, peer_port(s->peer));
	CU_ASSERT_EQUAL(firmware_fetch_want(w->fetch, &ten, url), ST_OK);
}

static bool is_kept(const struct world *w)
{
	char path[400];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s-10", w->dir, ten.md5);
	return stat(path, &st) == 0 && st.st_size == 10 && (st.st_mode & 0777) == 0600;
}

#define WHOLE "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"

static void cut_reply_is_asked_for_the_rest_without_compression(void)
{
	struct server s = { .replies = { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123",
		                             "HTTP/1.1 206 Partial\r\nContent-Length: 6\r\n"
		                             "Content-Range: bytes 4-9/10\r\n\r\n456789" } };
	struct world *w = start(NULL, NULL);

	s.peer = peer_start(&(struct peer_conf){ .serve = serve, .ctx = &s });
	want(w, "http", &s);
	CU_ASSERT_EQUAL(await(w).kind, FIRMWARE_HERE);
	CU_ASSERT(is_kept(w));
	peer_stop(s.peer);
	CU_ASSERT_PTR_NULL(strcasestr(s.asked[0], "Range:"));
	CU_ASSERT_PTR_NOT_NULL(strstr(s.asked[1], "Range: bytes=4-\r\n"));
	CU_ASSERT_PTR_NULL(strcasestr(s.asked[1], "Accept-Encoding"));
	stop(w);
}

static void kept_file_is_checked_again_and_not_downloaded_again(void)
{
	struct server s = { .replies = { WHOLE } };
	struct world *w = start(NULL, NULL);
	char path[400];
	FILE *f;

	s.peer = peer_start(&(struct peer_conf){ .serve = serve, .ctx = &s });
	want(w, "http", &s);
	CU_ASSERT_EQUAL(await(w).kind, FIRMWARE_HERE);
	CU_ASSERT_EQUAL(firmware_fetch_release(w->fetch, &ten), ST_OK);
	want(w, "http", &s);
	CU_ASSERT_EQUAL(await(w).kind, FIRMWARE_HERE);
	CU_ASSERT_EQUAL(peer_accepted(s.peer), 1);
	CU_ASSERT_EQUAL(firmware_fetch_release(w->fetch, &ten), ST_OK);
	snprintf(path, sizeof path, "%s/%s-10", w->dir, ten.md5);
	f = fopen(path, "r+e"); /* the disk spoils it */
	CU_ASSERT_FATAL(f != NULL && fputc('x', f) == 'x' && fclose(f) == 0);
	want(w, "http", &s);
	CU_ASSERT_EQUAL(await(w).kind, FIRMWARE_HERE);
	CU_ASSERT_EQUAL(peer_accepted(s.peer), 2);
	peer_stop(s.peer);
	stop(w);
}

/* With a certificate of a CA in dir, whose file is ca. */
static void serve_https(struct server *s, const char *dir, char ca[400])
{
	char cert[400], key[400];

	certs_make(dir, &(struct cert_wish){ .name = "ca", .to_s = 86400 });
	certs_make(dir,
	           &(struct cert_wish){
				   .name = "files", .issuer = "ca", .alt_names = "IP:127.0.0.1", .to_s = 86400 });
	snprintf(ca, 400, "%s/ca.pem", dir);
	snprintf(cert, sizeof cert, "%s/files.pem", dir);
	snprintf(key, sizeof key, "%s/files.key", dir);
	s->peer = peer_start(&(struct peer_conf){ .serve = serve, .ctx = s, .cert = cert, .key = key });
}

static void https_is_verified(void)
{
	struct server s = { .replies = { WHOLE } };
	char *dir = certs_dir(), ca[400];
	struct firmware_news n;
	struct world *w;

	serve_https(&s, dir, ca);
	w = start(NULL, NULL); /* the system's CAs do not know it */
	want(w, "https", &s);
	n = await(w);
	CU_ASSERT_EQUAL(n.kind, FIRMWARE_FAILED);
	CU_ASSERT_EQUAL(n.code, OTA_TIMED_OUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(n.why, "certificate"));
	CU_ASSERT_FALSE(is_kept(w));
	stop(w);
	w = start(ca, NULL);
	want(w, "https", &s);
	CU_ASSERT_EQUAL(await(w).kind, FIRMWARE_HERE);
	peer_stop(s.peer);
	stop(w);
	certs_remove(dir);
}

static void redirect_out_of_https_is_refused(void)
{
	struct server s = { .replies = { "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\n"
		                             "Content-Length: 0\r\n\r\n" } };
	char *dir = certs_dir(), ca[400];
	struct firmware_news n;
	struct world *w;

	serve_https(&s, dir, ca);
	w = start(ca, NULL);
	want(w, "https", &s);
	n = await(w);
	CU_ASSERT_EQUAL(n.kind, FIRMWARE_FAILED);
	CU_ASSERT_EQUAL(n.code, OTA_NOT_ALLOWED);
	CU_ASSERT_PTR_NOT_NULL(strstr(n.why, "from https to http"));
	peer_stop(s.peer);
	stop(w);
	certs_remove(dir);
}

static void host_that_is_not_on_the_list_is_not_asked(void)
{
	struct server s = { .replies = { WHOLE } };
	struct world *w = start(NULL, "*.example.com");
	struct firmware_news n;

	s.peer = peer_start(&(struct peer_conf){ .serve = serve, .ctx = &s });
	want(w, "http", &s);
	n = await(w);
	CU_ASSERT_EQUAL(n.kind, FIRMWARE_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(n.why, "firmware.hosts"));
	CU_ASSERT_EQUAL(peer_accepted(s.peer), 0);
	peer_stop(s.peer);
	stop(w);
}

SUITE(firmware_fetch, TEST(cut_reply_is_asked_for_the_rest_without_compression),
      TEST(kept_file_is_checked_again_and_not_downloaded_again), TEST(https_is_verified),
      TEST(redirect_out_of_https_is_refused), TEST(host_that_is_not_on_the_list_is_not_asked))
