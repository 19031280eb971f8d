#include "plugin/lan/tls_watch.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/list.h"

enum {
	SLOTS = 16 /* of ex_data that are looked at: the broker has one, libraries a few */
};

struct live { /* a connection, from SSL_new() to SSL_free() */
	struct live *next, **at;
	SSL *ssl;
	uint64_t number;
};

struct tls_watch {
	pthread_mutex_t lock;
	struct live *first; /* newest */
	uint64_t made;
	int index;
};

static void on_new(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	struct tls_watch *w = argp;
	struct live *l = calloc(1, sizeof(*l));

	(void)ptr;
	(void)argl;
	if (!l || !CRYPTO_set_ex_data(data, index, l)) {
		free(l);
		return; /* not found later: its login by key is refused, no more */
	}
	l->ssl = parent;
	pthread_mutex_lock(&w->lock);
	l->number = ++w->made;
	LINKS_PUSH(&w->first, l);
	pthread_mutex_unlock(&w->lock);
}

static void on_free(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	struct tls_watch *w = argp;
	struct live *l = ptr;

	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	if (!l)
		return;
	pthread_mutex_lock(&w->lock);
	LINKS_REMOVE(l);
	pthread_mutex_unlock(&w->lock);
	free(l);
}

struct tls_watch *tls_watch_new(void)
{
	struct tls_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	w->index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, w, on_new, NULL, on_free);
	if (w->index >= 0)
		return w;
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void tls_watch_free(struct tls_watch *w)
{
	struct live *l;

	if (!w)
		return;
	/* From here on OpenSSL calls neither; connections that live on keep a dead entry each. */
	CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, w->index);
	while (LIST_TAKE(&w->first, l))
		free(l);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static int belongs(const struct tls_watch *w, const struct live *l, const void *client)
{
	for (int slot = 0; slot < SLOTS; slot++) {
		if (slot != w->index && SSL_get_ex_data(l->ssl, slot) == client)
			return 1;
	}
	return 0;
}

uint64_t tls_watch_connection(struct tls_watch *w, const struct mosquitto *client)
{
	uint64_t number = 0;

	if (!w)
		return 0;
	pthread_mutex_lock(&w->lock);
	for (const struct live *l = w->first; l && number == 0; l = l->next) {
		if (belongs(w, l, client))
			number = l->number;
	}
	pthread_mutex_unlock(&w->lock);
	return number;
}
