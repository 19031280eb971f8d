#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bridge/http/http_lan_impl.h"
#include "bridge/http/socket_address.h"
#include "core/base/clocks.h"
#include "core/base/room.h"

/* --- one device at a time --- */

/* Under the lock. */
static struct recent *find_recent(struct http_lan *h, const char *client_id)
{
	for (size_t i = 0; i < RECENT_MAX; i++) {
		if (strcmp(h->recent[i].client_id, client_id) == 0)
			return &h->recent[i];
	}
	return NULL;
}

/* False: it was asked for just now, or is being asked for. */
static bool claim(struct http_lan *h, const char *client_id)
{
	struct recent *r;
	bool ok;

	pthread_mutex_lock(&h->lock);
	r = find_recent(h, client_id);
	ok = !r || (!r->open && clocks_monotonic_ms() - r->at_ms >= HTTP_DEVICE_MS);
	for (size_t i = 0; i < RECENT_MAX && !r; i++) {
		r = &h->recent[h->next_recent++ % RECENT_MAX];
		if (r->open)
			r = NULL;
	}
	if (!r)
		ok = false;
	if (ok) {
		snprintf(r->client_id, sizeof(r->client_id), "%s", client_id);
		r->at_ms = clocks_monotonic_ms();
		r->open = true;
	}
	pthread_mutex_unlock(&h->lock);
	return ok;
}

static void release(struct http_lan *h, const char *client_id)
{
	struct recent *r;

	pthread_mutex_lock(&h->lock);
	r = find_recent(h, client_id);
	if (r)
		r->open = false;
	pthread_mutex_unlock(&h->lock);
}

/* --- answers --- */

static enum dynreg_form form_of(const struct visit *v)
{
	return v->old ? DYNREG_OLD : DYNREG_CURRENT;
}

static void refuse_with(struct visit *v, const char *code, const char *message)
{
	if (dynreg_put_refusal(&v->reply, form_of(v), code, message, v->request_id) != ST_OK)
		buf_reset(&v->reply);
}

static void refuse(struct visit *v, enum dynreg_error error)
{
	refuse_with(v, dynreg_error_code(error), dynreg_error_text(error));
}

static void grant(struct visit *v, const struct dynreg_grant *g)
{
	if (dynreg_put_grant(&v->reply, form_of(v), v->product.product_secret, g, v->request_id) !=
	    ST_OK)
		buf_reset(&v->reply);
}

static bool add_reply(struct visit *v, const struct visit *of)
{
	return buf_add(&v->reply, of->reply.data, of->reply.len) == ST_OK;
}

/* --- the same request again --- */

/* Of those that joined, one with this request, taken out; under the lock. */
static struct visit *next_joined(struct http_lan *h, const struct visit *like)
{
	struct visit **at = &h->joined, *v;

	while (*at && !dynreg_replies_same(&(*at)->asked, &like->asked))
		at = &(*at)->next;
	v = *at;
	if (v)
		*at = v->next;
	return v;
}

/* v has its reply, which those that joined get, too. */
static void answered(struct visit *v)
{
	struct http_lan *h = v->http;
	struct visit *other = NULL;

	do {
		pthread_mutex_lock(&h->lock);
		if (!other)
			dynreg_replies_put(&h->replies, &v->asked, v->reply.data, v->reply.len);
		other = next_joined(h, v);
		pthread_mutex_unlock(&h->lock);
		if (other && !add_reply(other, v))
			buf_reset(&other->reply);
		if (other)
			MHD_resume_connection(other->connection);
	} while (other);
}

/* As dynreg_replies_find(); join: with ST_STATE the answer of the other visit resumes this one. */
static enum status find_reply(struct visit *v, bool join)
{
	struct http_lan *h = v->http;
	enum status st;

	pthread_mutex_lock(&h->lock);
	st = dynreg_replies_find(&h->replies, &v->asked, clocks_monotonic_ms(), &v->reply);
	if (st == ST_STATE && join) {
		v->next = h->joined;
		h->joined = v;
	}
	pthread_mutex_unlock(&h->lock);
	return st;
}

/* The hub is being asked for the same. */
static void join(struct visit *v)
{
	enum status st;

	/* First, as http_lan_begin() does: whoever answers the other must find it suspended. */
	MHD_suspend_connection(v->connection);
	st = find_reply(v, true);
	if (st == ST_STATE)
		return;
	if (st != ST_OK)
		refuse(v, DYNREG_TOO_MANY);
	MHD_resume_connection(v->connection);
}

/* Room NET. */
static void keep(struct visit *v, const struct dynreg_grant *g)
{
	const struct http_lan_conf *c = &v->http->conf;
	struct secret secret;

	IN_ROOM(ROOM_NET);
	if (g->type != DYNREG_KEY ||
	    secrets_keep(c->secrets, c->log, v->client_id, g->psk, &secret) != ST_OK)
		return;
	c->registered(c->ctx, v->client_id, &secret);
	secret_wipe(&secret);
}

/* Room NET. */
static void on_result(void *ctx, const struct dynreg_result *r)
{
	struct visit *v = ctx;

	IN_ROOM(ROOM_NET);
	release(v->http, v->client_id);
	if (r->status == ST_OK) {
		keep(v, &r->grant);
		grant(v, &r->grant);
	} else if (r->status == ST_DENIED && !r->again) {
		refuse_with(v, r->refusal.code, r->refusal.message);
	} else {
		refuse(v, DYNREG_UNREACHABLE);
	}
	if (r->status != ST_OK)
		repeats_log(&v->http->failures, v->http->conf.log, LOG_WARN, v->client_id, r->error,
		            clocks_monotonic_ms(), "registration of %s for the LAN: %s", v->client_id,
		            r->error);
	else
		repeats_over(&v->http->failures, v->client_id);
	answered(v);
	MHD_resume_connection(v->connection);
}

/* --- requests --- */

_Static_assert(SOCKET_ADDRESS_TEXT_MAX == (int)DYNREG_ADDRESS_MAX, "one size of addresses");

static void source_of(struct MHD_Connection *c, char out[DYNREG_ADDRESS_MAX])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	socket_address_text(info ? info->client_addr : NULL, out);
}

static const char *header(const struct visit *v, const char *name)
{
	return MHD_lookup_connection_value(v->connection, MHD_HEADER_KIND, name);
}

static struct dynreg_headers headers_of(const struct visit *v)
{
	return (struct dynreg_headers){ header(v, "X-TC-Algorithm"), header(v, "X-TC-Timestamp"),
		                            header(v, "X-TC-Nonce"), header(v, "X-TC-Signature") };
}

static enum status parse(struct visit *v)
{
	const struct dynreg_headers h = headers_of(v);
	const char *named = header(v, "Host");

	if (named && strlen(named) < sizeof(v->host))
		memcpy(v->host, named, strlen(named) + 1);
	if (v->host[0] != '[')
		v->host[strcspn(v->host, ":")] = '\0';
	return dynreg_parse(v->old ? NULL : &h, v->body.data, v->body.len, &v->request);
}

/* The device signs the name of the host that it means; DNS or a setting made that us. */
static enum status check(const struct visit *v, const char *path)
{
	enum status st = dynreg_check(&v->request, v->product.product_secret, v->host, path,
	                              v->body.data, v->body.len);

	if (st != ST_DENIED)
		return st;
	return dynreg_check(&v->request, v->product.product_secret, v->http->hub_host, path,
	                    v->body.data, v->body.len);
}

/* True: the product registers, and v has it. */
static bool take_product(struct visit *v)
{
	struct http_lan *h = v->http;
	struct http_products *next;

	IN_ROOM(ROOM_HTTP);
	while (mailbox_take(h->news, &next) == ST_OK) {
		http_products_free(h->products);
		h->products = next;
	}
	for (size_t i = 0; h->products && i < h->products->count; i++) {
		if (strcmp(h->products->at[i].product_id, v->request.product_id) == 0) {
			v->product = h->products->at[i];
			return true;
		}
	}
	return false;
}

/* Who may not ask at all. False: v has its refusal. */
static bool admit(struct visit *v, const char *path)
{
	struct http_lan *h = v->http;
	const char *source = v->asked.address;
	char client_id[CLIENT_ID_MAX + 1];

	if (!request_limit_allowed(&h->limit, source, HTTP_BURST, HTTP_PER_S, clocks_monotonic_ms())) {
		refuse(v, DYNREG_TOO_MANY);
		return false;
	}
	if (v->too_big || parse(v) != ST_OK) {
		refuse(v, DYNREG_BAD_REQUEST);
		return false;
	}
	if (!take_product(v)) {
		refuse(v, DYNREG_UNKNOWN_PRODUCT);
		return false;
	}
	if (check(v, path) == ST_OK)
		return true;
	snprintf(client_id, sizeof(client_id), "%s%s", v->request.product_id, v->request.device_name);
	repeats_log(&h->refusals, h->conf.log, LOG_WARN, client_id, source, clocks_monotonic_ms(),
	            "registration of %s/%s from %s refused: its signature does not fit the product "
	            "secret",
	            v->request.product_id, v->request.device_name, source);
	refuse(v, DYNREG_BAD_SIGNATURE);
	return false;
}

/* A request that was used before is answered once more, or refused. False: it is a new one. True:
 * *suspended tells whether v waits for the answer to the other. */
static bool repeated(struct visit *v, bool *suspended)
{
	switch ((int)find_reply(v, false)) {
	case ST_OK:
		return true;
	case ST_STATE:
		join(v);
		*suspended = true;
		return true;
	default:
		break;
	}
	if (!request_limit_seen(&v->http->limit, v->request.signature))
		return false;
	refuse(v, DYNREG_REPLAYED);
	return true;
}

static void ask_hub(struct visit *v)
{
	struct http_lan *h = v->http;

	pthread_mutex_lock(&h->lock);
	dynreg_replies_await(&h->replies, &v->asked, v->client_id, clocks_monotonic_ms());
	pthread_mutex_unlock(&h->lock);
	/* Before NET may answer: what resumes must find it suspended. The reply is filled in before
	 * MHD_resume_connection(), whose lock hands it over, and who resumes wakes libmicrohttpd. */
	MHD_suspend_connection(v->connection);
	if (dynreg_device(h->conf.net, h->conf.hub, v->request.product_id, v->request.device_name,
	                  v->product.product_secret, on_result, v) == ST_OK)
		return;
	release(h, v->client_id);
	refuse(v, DYNREG_UNREACHABLE);
	answered(v);
	MHD_resume_connection(v->connection);
}

bool http_lan_begin(struct visit *v, const char *path)
{
	struct http_lan *h = v->http;
	struct dynreg_headers headers = headers_of(v);
	bool suspended = false;

	IN_ROOM(ROOM_HTTP);
	source_of(v->connection, v->asked.address);
	if (!admit(v, path))
		return false;
	if (atomic_load(&h->closing) ||
	    dynreg_replies_digest(v->host, path, v->old ? NULL : &headers, v->body.data, v->body.len,
	                          v->asked.digest) != ST_OK) {
		refuse(v, DYNREG_UNREACHABLE);
		return false;
	}
	if (repeated(v, &suspended))
		return suspended;
	credential_client_id(v->request.product_id, v->request.device_name, v->client_id);
	if (!claim(h, v->client_id)) {
		refuse(v, DYNREG_TOO_MANY); /* not used: it may come again */
		return false;
	}
	request_limit_note(&h->limit, v->request.signature);
	ask_hub(v);
	return true;
}

void http_lan_logged_in(struct http_lan *h, const char *client_id)
{
	IN_ROOM(ROOM_BROKER);
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	dynreg_replies_close(&h->replies, client_id);
	pthread_mutex_unlock(&h->lock);
}
