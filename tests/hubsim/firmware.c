#include "tests/hubsim/firmware.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/hubsim/send.h"

enum kind {
	FAULT_NONE,
	FAULT_403, /* of URLs that are not the newest, "old403"; of all, "403" */
	FAULT_OLD_403,
	FAULT_404,
	FAULT_500,
	FAULT_STALL,    /* after `bytes` nothing more comes */
	FAULT_CUT,      /* after `bytes` of each reply the connection ends */
	FAULT_SIZE,     /* one byte more than announced by the hub */
	FAULT_MD5,      /* the last byte is another */
	FAULT_NO_RANGE, /* Range is ignored */
	FAULT_REDIRECT, /* to `location`; without it to itself */
	FAULT_SLOW,     /* `rate` bytes per second */
	FAULTS
};

static const char *const kinds[FAULTS] = {
	"none", "403",  "old403", "404",     "500",      "stall",
	"cut",  "size", "md5",    "norange", "redirect", "slow"
};

struct file {
	struct file *next;
	char name[64];
	uint64_t size, bytes, requests;
	unsigned sign; /* of the newest URL */
};

struct task {
	struct task *next;
	char device[KEY_ROOM], version[40], name[64], url[1024], md5[40];
	double size;
};

struct firmwares {
	struct MHD_Daemon *daemon;
	int port;
	const struct cloud *cloud;
	struct events *events;
	pthread_mutex_t lock; /* of files and the fault */
	pthread_cond_t changed;
	struct file *files;
	struct task *tasks; /* main thread */
	enum kind fault;
	int faults;
	uint64_t fault_bytes, rate;
	char location[512];
	bool closing;
};

struct reply { /* on its way */
	struct firmwares *all;
	struct file *file;
	enum kind fault;
	uint64_t first, limit, rate, size, sent;
};

static unsigned char byte_at(uint64_t at)
{
	uint64_t x = (at / 4096 + 1) * 0x9e3779b97f4a7c15u;

	return (unsigned char)((x >> (at % 7 * 8)) ^ at);
}

static void md5_of(uint64_t size, char out[33])
{
	unsigned char block[4096], digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;

	EVP_DigestInit_ex(ctx, EVP_md5(), NULL);
	for (uint64_t at = 0; at < size;) {
		size_t n = 0;

		while (n < sizeof block && at < size)
			block[n++] = byte_at(at++);
		EVP_DigestUpdate(ctx, block, n);
	}
	EVP_DigestFinal_ex(ctx, digest, &len);
	EVP_MD_CTX_free(ctx);
	for (unsigned i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static const char *text_of(const cJSON *cmd, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(cmd, name));

	return text ? text : "";
}

static double number_of(const cJSON *cmd, const char *name, double otherwise)
{
	const cJSON *item = cJSON_GetObjectItem(cmd, name);

	return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

/* Under the lock. */
static struct file *file_named(struct firmwares *f, const char *name)
{
	struct file *x = f->files;

	while (x && strcmp(x->name, name) != 0)
		x = x->next;
	return x;
}

/* --- HTTP --- */

static enum kind take_fault(struct firmwares *f)
{
	enum kind kind = f->faults != 0 ? f->fault : FAULT_NONE;

	if (f->faults > 0)
		f->faults--;
	return kind;
}

/* Until another fault is set. */
static void stall(struct firmwares *f)
{
	pthread_mutex_lock(&f->lock);
	while (f->fault == FAULT_STALL && !f->closing)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

static ssize_t read_reply(void *ctx, uint64_t pos, char *out, size_t max)
{
	struct reply *r = ctx;
	size_t n = 0;

	if ((r->fault == FAULT_CUT || r->fault == FAULT_STALL) && pos >= r->limit) {
		if (r->fault == FAULT_STALL)
			stall(r->all);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (r->fault == FAULT_CUT || r->fault == FAULT_STALL)
		max = max < r->limit - pos ? max : (size_t)(r->limit - pos);
	if (r->fault == FAULT_SLOW) {
		uint64_t tenth = r->rate / 10 + 1;

		max = max < tenth ? max : (size_t)tenth;
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	}
	for (; n < max && r->first + pos + n < r->size; n++)
		out[n] = (char)byte_at(r->first + pos + n);
	if (r->fault == FAULT_MD5 && r->first + pos + n == r->size && n > 0)
		out[n - 1] ^= 1;
	pthread_mutex_lock(&r->all->lock);
	r->file->bytes += n;
	pthread_mutex_unlock(&r->all->lock);
	return n > 0 ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *location)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (location)
		MHD_add_response_header(r, "Location", location);
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result send_file(struct MHD_Connection *c, struct reply *reply, bool partial)
{
	char range[100];
	struct MHD_Response *r = MHD_create_response_from_callback(reply->size - reply->first, 65536,
	                                                           read_reply, reply, free);
	enum MHD_Result result;

	snprintf(range, sizeof range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, reply->first,
	         reply->size - 1, reply->size);
	if (partial)
		MHD_add_response_header(r, "Content-Range", range);
	result = MHD_queue_response(c, partial ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **at)
{
	const char *range = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Range");
	const char *sign = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "sign");
	struct firmwares *f = ctx;
	struct reply *r;
	char location[600];
	enum kind fault;

	(void)method;
	(void)version;
	(void)data;
	(void)len;
	(void)at;
	r = calloc(1, sizeof *r);
	if (!r)
		return MHD_NO;
	pthread_mutex_lock(&f->lock);
	fault = take_fault(f);
	r->all = f;
	r->file = file_named(f, url + 1);
	r->fault = fault;
	r->limit = f->fault_bytes;
	r->rate = f->rate;
	if (r->file) {
		r->file->requests++;
		r->size = r->file->size + (fault == FAULT_SIZE);
		if (fault == FAULT_OLD_403 && sign && (unsigned)atoi(sign) == r->file->sign)
			r->fault = fault = FAULT_NONE;
	}
	if (f->location[0])
		snprintf(location, sizeof location, "%s", f->location);
	else
		snprintf(location, sizeof location, "http://127.0.0.1:%d%s", f->port, url);
	pthread_mutex_unlock(&f->lock);
	if (r->file && fault != FAULT_403 && fault != FAULT_OLD_403 && fault != FAULT_404 &&
	    fault != FAULT_500 && fault != FAULT_REDIRECT) {
		bool partial = range && sscanf(range, "bytes=%" SCNu64 "-", &r->first) == 1 &&
		               fault != FAULT_NO_RANGE && r->first < r->size;

		if (!partial)
			r->first = 0;
		return send_file(c, r, partial);
	}
	free(r);
	if (fault == FAULT_REDIRECT)
		return answer(c, MHD_HTTP_FOUND, location);
	return answer(c,
	              fault == FAULT_403 || fault == FAULT_OLD_403 ? MHD_HTTP_FORBIDDEN
	              : fault == FAULT_500                         ? MHD_HTTP_INTERNAL_SERVER_ERROR
	                                                           : MHD_HTTP_NOT_FOUND,
	              NULL);
}

/* --- life --- */

/* What is counted as sent is to be read soon, not to lie in a buffer when a test cuts the line. */
static void on_connection(void *ctx, struct MHD_Connection *c, void **at,
                          enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	int size = 32768;

	(void)ctx;
	(void)at;
	if (what == MHD_CONNECTION_NOTIFY_STARTED && fd)
		setsockopt(fd->connect_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

struct firmwares *firmwares_open(int port, const struct cloud *c, struct events *e)
{
	struct firmwares *f = calloc(1, sizeof *f);
	struct sockaddr_in at = { .sin_family = AF_INET,
		                      .sin_port = htons((uint16_t)port),
		                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (!f)
		return NULL;
	f->port = port;
	f->cloud = c;
	f->events = e;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->daemon =
		MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION,
	                     (uint16_t)port, NULL, NULL, on_request, f, MHD_OPTION_SOCK_ADDR, &at,
	                     MHD_OPTION_NOTIFY_CONNECTION, on_connection, f, MHD_OPTION_END);
	if (f->daemon)
		return f;
	fprintf(stderr, "hubsim: cannot listen for firmware on port %d\n", port);
	firmwares_close(f);
	return NULL;
}

void firmwares_close(struct firmwares *f)
{
	struct file *x;
	struct task *t;

	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->closing = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	if (f->daemon)
		MHD_stop_daemon(f->daemon);
	while ((x = f->files)) {
		f->files = x->next;
		free(x);
	}
	while ((t = f->tasks)) {
		f->tasks = t->next;
		free(t);
	}
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* --- tasks --- */

static struct task *task_of(struct firmwares *f, const char *device)
{
	struct task *t = f->tasks;

	while (t && strcmp(t->device, device) != 0)
		t = t->next;
	return t;
}

static void end_task(struct firmwares *f, const char *device)
{
	struct task **at = &f->tasks;

	while (*at && strcmp((*at)->device, device) != 0)
		at = &(*at)->next;
	if (*at) {
		struct task *t = *at;

		*at = t->next;
		free(t);
	}
}

/* A new URL each time, signed anew. */
static void new_url(struct firmwares *f, struct task *t)
{
	struct file *x;

	pthread_mutex_lock(&f->lock);
	x = file_named(f, t->name);
	if (x)
		snprintf(t->url, sizeof t->url, "http://127.0.0.1:%d/%s?sign=%u", f->port, t->name,
		         ++x->sign);
	pthread_mutex_unlock(&f->lock);
}

static void send_update(struct task *t)
{
	char topic[128], *text = NULL;

	snprintf(topic, sizeof topic, "$ota/update/%s", t->device);
	if (asprintf(
			&text,
			"{\"file_size\":%.0f,\"md5sum\":\"%s\",\"type\":\"update_firmware\",\"url\":\"%s\","
			"\"version\":\"%s\"}",
			t->size, t->md5, t->url, t->version) < 0)
		return;
	send_message(topic, text, strlen(text), 1);
	free(text);
}

void firmwares_message(struct firmwares *f, const char *topic, const void *payload, size_t len)
{
	static const char tree[] = "$ota/report/";
	const char *device = topic + sizeof tree - 1, *type, *version, *state;
	char down[128], text[256];
	cJSON *root;
	const cJSON *report;
	struct task *t;

	if (!f || strncmp(topic, tree, sizeof tree - 1) != 0)
		return;
	root = cJSON_ParseWithLength(payload, len);
	report = cJSON_GetObjectItem(root, "report");
	type = text_of(root, "type");
	version = text_of(report, "version");
	state = text_of(cJSON_GetObjectItem(report, "progress"), "state");
	t = task_of(f, device);
	if (strcmp(type, "report_version") == 0) {
		snprintf(down, sizeof down, "$ota/update/%s", device);
		snprintf(text, sizeof text,
		         "{\"result_code\":0,\"result_msg\":\"success\",\"type\":\"report_version_rsp\","
		         "\"version\":\"%.32s\"}",
		         version);
		send_message(down, text, strlen(text), 0);
		if (t && strcmp(t->version, version) == 0) {
			end_task(f, device);
		} else if (t) {
			new_url(f, t);
			send_update(t);
		}
	} else if (strcmp(state, "done") == 0 || strcmp(state, "fail") == 0) {
		end_task(f, device);
	}
	cJSON_Delete(root);
}

/* --- commands --- */

const char *firmwares_make(struct firmwares *f, const cJSON *cmd, cJSON *out)
{
	struct file *x = calloc(1, sizeof *x);
	char md5[33], url[128];

	if (!x)
		return "no memory";
	snprintf(x->name, sizeof x->name, "%s", text_of(cmd, "name"));
	x->size = (uint64_t)number_of(cmd, "size", 1000);
	md5_of(x->size, md5);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", f->port, x->name);
	cJSON_AddStringToObject(out, "md5", md5);
	cJSON_AddStringToObject(out, "url", url);
	pthread_mutex_lock(&f->lock);
	x->next = f->files;
	f->files = x;
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

const char *firmwares_fault(struct firmwares *f, const cJSON *cmd, cJSON *out)
{
	(void)out;
	for (int i = 0; i < FAULTS; i++) {
		if (strcmp(kinds[i], text_of(cmd, "kind")) != 0)
			continue;
		pthread_mutex_lock(&f->lock);
		f->fault = (enum kind)i;
		f->faults = (int)number_of(cmd, "count", -1);
		f->fault_bytes = (uint64_t)number_of(cmd, "bytes", 0);
		f->rate = (uint64_t)number_of(cmd, "rate", 1000);
		snprintf(f->location, sizeof f->location, "%s", text_of(cmd, "location"));
		pthread_cond_broadcast(&f->changed);
		pthread_mutex_unlock(&f->lock);
		return NULL;
	}
	return "unknown kind";
}

const char *firmwares_task(struct firmwares *f, const cJSON *cmd, cJSON *out)
{
	const char *device = text_of(cmd, "device"), *url = text_of(cmd, "url");
	struct task *t;
	struct file *x;

	(void)out;
	if (!account_find(f->cloud, device))
		return "unknown device";
	end_task(f, device);
	t = calloc(1, sizeof *t);
	if (!t)
		return "no memory";
	snprintf(t->device, sizeof t->device, "%s", device);
	snprintf(t->version, sizeof t->version, "%s", text_of(cmd, "version"));
	snprintf(t->name, sizeof t->name, "%s", text_of(cmd, "name"));
	pthread_mutex_lock(&f->lock);
	x = file_named(f, t->name);
	t->size = number_of(cmd, "size", x ? (double)x->size : 0);
	pthread_mutex_unlock(&f->lock);
	if (*text_of(cmd, "md5"))
		snprintf(t->md5, sizeof t->md5, "%s", text_of(cmd, "md5"));
	else
		md5_of(x ? x->size : 0, t->md5);
	if (*url) {
		snprintf(t->url, sizeof t->url, "%s", url);
		t->name[0] = '\0';
	} else {
		new_url(f, t);
	}
	t->next = f->tasks;
	f->tasks = t;
	send_update(t);
	return NULL;
}

const char *firmwares_withdraw(struct firmwares *f, const cJSON *cmd, cJSON *out)
{
	(void)out;
	end_task(f, text_of(cmd, "device"));
	return NULL;
}

const char *firmwares_served(struct firmwares *f, const cJSON *cmd, cJSON *out)
{
	struct file *x;

	pthread_mutex_lock(&f->lock);
	x = file_named(f, text_of(cmd, "name"));
	if (x) {
		cJSON_AddNumberToObject(out, "bytes", (double)x->bytes);
		cJSON_AddNumberToObject(out, "requests", (double)x->requests);
	}
	pthread_mutex_unlock(&f->lock);
	return x ? NULL : "unknown file";
}
