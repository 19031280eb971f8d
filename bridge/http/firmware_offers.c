#include "bridge/http/firmware_offers.h"

#include <fcntl.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/http/firmware_cache.h"
#include "core/base/clocks.h"
#include "core/base/room.h"
#include "core/base/table.h"
#include "core/hub/http_range.h"
#include "core/hub/ota_url.h"

enum {
	NAME_BYTES = 16,
	BLOCK_BYTES = 32 * 1024,
	IDLE_S = 60, /* a device may be busy with its flash for long */
};

struct serving { /* one download */
	struct firmware_offers *all;
	char name[FIRMWARE_TOKEN_MAX];
	int fd, socket; /* socket: borrowed */
	uint64_t first;
};

struct entry {
	struct table_node node;
	struct firmware_offer offer;
	struct serving *serving;               /* NULL: none */
	char refused_at[FIRMWARE_ADDRESS_MAX]; /* the last one that was told */
};

struct firmware_offers {
	const char *dir;
	const struct log *log;
	struct metrics *metrics;
	uint64_t seed;
	pthread_mutex_t lock; /* of entries, held for a look and a copy */
	struct table entries;
};

static bool same_name(const struct table_node *node, const void *key)
{
	return strcmp(table_entry(node, const struct entry, node)->offer.name, key) == 0;
}

static uint64_t hash_of(const struct firmware_offers *o, const char *name)
{
	return table_hash(o->seed, name, strlen(name));
}

/* Under the lock. NULL: none. */
static struct entry *find(const struct firmware_offers *o, const char *name)
{
	struct table_node *n = table_find(&o->entries, hash_of(o, name), same_name, name);

	return n ? table_entry(n, struct entry, node) : NULL;
}

/* --- BROKER --- */

enum status firmware_offers_new(const char *dir, const struct log *log, struct metrics *metrics,
                                struct firmware_offers **out)
{
	struct firmware_offers *o = calloc(1, sizeof(*o));

	if (!o)
		return ST_NOMEM;
	o->dir = dir;
	o->log = log;
	o->metrics = metrics;
	if (getrandom(&o->seed, sizeof(o->seed), 0) != (ssize_t)sizeof(o->seed))
		o->seed = (uint64_t)clocks_monotonic_us();
	pthread_mutex_init(&o->lock, NULL);
	table_init(&o->entries);
	*out = o;
	return ST_OK;
}

void firmware_offers_free(struct firmware_offers *o)
{
	struct table_at at;

	if (!o)
		return;
	for (struct table_node *n = table_first(&o->entries, &at); n; n = table_next(&o->entries, &at))
		free(table_entry(n, struct entry, node));
	table_fini(&o->entries);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

enum status firmware_offers_name(char out[FIRMWARE_TOKEN_MAX])
{
	unsigned char bytes[NAME_BYTES];

	IN_ROOM(ROOM_BROKER);
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return ST_IO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return ST_OK;
}

enum status firmware_offers_put(struct firmware_offers *o, const struct firmware_offer *offer)
{
	struct entry *made = calloc(1, sizeof(*made)), *e;
	enum status st = ST_OK;

	IN_ROOM(ROOM_BROKER);
	if (!made)
		return ST_NOMEM;
	made->offer = *offer;
	pthread_mutex_lock(&o->lock);
	e = find(o, offer->name);
	if (e)
		e->offer = *offer;
	else
		st = table_add(&o->entries, &made->node, hash_of(o, offer->name));
	pthread_mutex_unlock(&o->lock);
	if (e || st != ST_OK)
		free(made);
	return st;
}

void firmware_offers_drop(struct firmware_offers *o, const char *name)
{
	struct entry *e;

	IN_ROOM(ROOM_BROKER);
	pthread_mutex_lock(&o->lock);
	e = find(o, name);
	if (e)
		table_remove(&o->entries, &e->node);
	pthread_mutex_unlock(&o->lock);
	free(e);
}

/* --- HTTP: who may have what --- */

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result = r ? MHD_queue_response(c, status, r) : MHD_NO;

	if (r)
		MHD_destroy_response(r);
	return result;
}

static void address_of(struct MHD_Connection *c, char out[FIRMWARE_ADDRESS_MAX])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (!info || getnameinfo(info->client_addr, sizeof(struct sockaddr_storage), out,
	                         FIRMWARE_ADDRESS_MAX, NULL, 0, NI_NUMERICHOST) != 0)
		out[0] = '\0';
}

static bool same_address(const char *a, const char *b)
{
	unsigned char x[16], y[16];

	return ota_address_read(a, x) && ota_address_read(b, y) && memcmp(x, y, sizeof(x)) == 0;
}

/* Told once for each address in a row. */
static void tell_refused(const struct firmware_offers *o, const struct firmware_offer *offer,
                         const char *from)
{
	log_line(o->log, LOG_WARN,
	         "firmware for %s was asked for from %s, but the device is at %s: refused "
	         "(firmware.check_address)",
	         offer->client_id, from, offer->address[0] ? offer->address : "no address");
}

/* ST_OK: *out; ST_NOTFOUND; ST_DENIED. */
static enum status look_up(struct firmware_offers *o, const char *name, const char *from,
                           struct firmware_offer *out)
{
	enum status st = ST_NOTFOUND;
	bool news = false;
	struct entry *e;

	pthread_mutex_lock(&o->lock);
	e = find(o, name);
	if (e && clocks_monotonic_ms() < e->offer.until_ms) {
		*out = e->offer;
		st = out->any_address || same_address(out->address, from) ? ST_OK : ST_DENIED;
		news = st == ST_DENIED && strcmp(e->refused_at, from) != 0;
		if (news)
			snprintf(e->refused_at, sizeof(e->refused_at), "%s", from);
	}
	pthread_mutex_unlock(&o->lock);
	if (news)
		tell_refused(o, out, from);
	return st;
}

/* --- a download --- */

static ssize_t read_block(void *ctx, uint64_t at, char *out, size_t max)
{
	struct serving *s = ctx;
	ssize_t n = pread(s->fd, out, max, (off_t)(s->first + at));

	if (n <= 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	metric_add(s->all->metrics, M_FIRMWARE_SERVED, (uint64_t)n);
	return n;
}

static void end_serving(void *ctx)
{
	struct serving *s = ctx;
	struct entry *e;

	pthread_mutex_lock(&s->all->lock);
	e = find(s->all, s->name);
	if (e && e->serving == s)
		e->serving = NULL;
	pthread_mutex_unlock(&s->all->lock);
	close(s->fd);
	free(s);
}

/* A device that lost its connection comes again long before we notice. */
static void take_place(struct serving *s)
{
	struct entry *e;

	pthread_mutex_lock(&s->all->lock);
	e = find(s->all, s->name);
	if (e && e->serving && e->serving->socket != s->socket)
		shutdown(e->serving->socket, SHUT_RDWR);
	if (e)
		e->serving = s;
	pthread_mutex_unlock(&s->all->lock);
}

/* -1: it is not there as it was checked. */
static int open_file(const struct firmware_offers *o, const struct ota_image *image)
{
	char path[FIRMWARE_PATH_MAX + FIRMWARE_NAME_MAX], name[FIRMWARE_NAME_MAX];
	struct stat st;
	int fd;

	firmware_cache_name(image, false, name);
	snprintf(path, sizeof(path), "%.*s/%s", FIRMWARE_PATH_MAX - 1, o->dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == image->size)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static struct serving *serving_new(struct firmware_offers *o, struct MHD_Connection *c,
                                   const struct firmware_offer *offer)
{
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct serving *s = fd ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return NULL;
	s->all = o;
	s->socket = fd->connect_fd;
	memcpy(s->name, offer->name, sizeof(s->name));
	s->fd = open_file(o, &offer->image);
	if (s->fd >= 0)
		return s;
	log_line(o->log, LOG_ERROR, "firmware %s is not in firmware.dir any more", offer->image.md5);
	free(s);
	return NULL;
}

static enum MHD_Result send_file(struct MHD_Connection *c, struct serving *s,
                                 const struct http_range *range, uint64_t size, bool partial)
{
	struct MHD_Response *r = MHD_create_response_from_callback(
		range->last - range->first + 1, BLOCK_BYTES, read_block, s, end_serving);
	char text[96];
	enum MHD_Result result;

	if (!r) {
		end_serving(s);
		return MHD_NO;
	}
	s->first = range->first;
	take_place(s);
	MHD_add_response_header(r, "Content-Type", "application/octet-stream");
	MHD_add_response_header(r, "Accept-Ranges", "bytes");
	if (partial) {
		snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
		         range->last, size);
		MHD_add_response_header(r, "Content-Range", text);
	}
	MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)IDLE_S);
	result = MHD_queue_response(c, partial ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result refuse_range(struct MHD_Connection *c, uint64_t size)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;
	char text[48];

	if (!r)
		return MHD_NO;
	snprintf(text, sizeof(text), "bytes */%" PRIu64, size);
	MHD_add_response_header(r, "Content-Range", text);
	result = MHD_queue_response(c, MHD_HTTP_RANGE_NOT_SATISFIABLE, r);
	MHD_destroy_response(r);
	return result;
}

bool firmware_offers_answer(struct firmware_offers *o, struct MHD_Connection *c, const char *url,
                            bool *serves)
{
	const char *asked = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Range");
	char from[FIRMWARE_ADDRESS_MAX];
	struct firmware_offer offer;
	struct http_range range;
	struct serving *s;
	enum status st;

	IN_ROOM(ROOM_HTTP);
	address_of(c, from);
	st = *url == '/' ? look_up(o, url + 1, from, &offer) : ST_NOTFOUND;
	if (st != ST_OK) {
		metric_add(o->metrics, M_FIRMWARE_REFUSED, 1);
		return refuse(c, st == ST_DENIED ? MHD_HTTP_FORBIDDEN : MHD_HTTP_NOT_FOUND) == MHD_YES;
	}
	st = http_range_read(asked, offer.image.size, &range);
	if (st == ST_INVALID)
		return refuse_range(c, offer.image.size) == MHD_YES;
	s = serving_new(o, c, &offer);
	if (!s)
		return refuse(c, MHD_HTTP_NOT_FOUND) == MHD_YES;
	if (st == ST_EMPTY)
		range = (struct http_range){ 0, offer.image.size - 1 };
	*serves = true;
	return send_file(c, s, &range, offer.image.size, st == ST_OK) == MHD_YES;
}
