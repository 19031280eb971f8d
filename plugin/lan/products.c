#include "plugin/lan/products.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, PRODUCT_ID_LEN);
}

enum status products_list(const struct config *c, struct product_list *out)
{
	size_t n = 0, kept = 0;

	out->count = 0;
	out->at = calloc(1 + c->product_count + c->device_count + c->mapping_count, sizeof(*out->at));
	if (!out->at)
		return ST_NOMEM;
	for (size_t i = 0; i < c->product_count; i++)
		memcpy(out->at[n++], c->products[i].product_id, sizeof(*out->at));
	for (size_t i = 0; i < c->device_count; i++)
		memcpy(out->at[n++], c->devices[i].product_id, sizeof(*out->at));
	for (size_t i = 0; i < c->mapping_count; i++)
		memcpy(out->at[n++], c->mappings[i].product_id, sizeof(*out->at));
	qsort(out->at, n, sizeof(*out->at), compare);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || compare(out->at[kept - 1], out->at[i]) != 0)
			memmove(out->at[kept++], out->at[i], sizeof(*out->at));
	}
	out->count = kept;
	return ST_OK;
}

enum status products_open(struct hubgate *h)
{
	h->products = calloc(1, sizeof(*h->products));
	if (!h->products || products_list(h->config, h->products) != ST_OK)
		return ST_NOMEM;
	return products_add(h, h->config->gateway.product_id);
}

void products_close(struct hubgate *h)
{
	if (h->products)
		free(h->products->at);
	free(h->products);
	h->products = NULL;
}

static size_t merge(const struct product_list *a, const struct product_list *b,
                    char (*out)[PRODUCT_ID_LEN + 1])
{
	size_t i = 0, k = 0, n = 0;

	while (i < a->count || k < b->count) {
		int order = i == a->count ? 1 : k == b->count ? -1 : compare(a->at[i], b->at[k]);

		memcpy(out[n++], order <= 0 ? a->at[i] : b->at[k], sizeof(*out));
		i += order <= 0;
		k += order >= 0;
	}
	return n;
}

enum status products_join(struct hubgate *h, const struct product_list *more)
{
	struct product_list *p = h->products;
	char(*all)[PRODUCT_ID_LEN + 1] = calloc(p->count + more->count + 1, sizeof(*all));

	IN_ROOM(ROOM_BROKER);
	if (!all)
		return ST_NOMEM;
	p->count = merge(p, more, all);
	free(p->at);
	p->at = all;
	return ST_OK;
}

enum status products_add(struct hubgate *h, const char *product_id)
{
	char one[1][PRODUCT_ID_LEN + 1];
	const struct product_list list = { one, 1 };

	IN_ROOM(ROOM_BROKER);
	if (products_have(h, product_id))
		return ST_OK;
	memcpy(one[0], product_id, sizeof(one[0]));
	return products_join(h, &list);
}

bool products_have(const struct hubgate *h, const char *product_id)
{
	const struct product_list *p = h->products;

	IN_ROOM(ROOM_BROKER);
	return p->count > 0 && bsearch(product_id, p->at, p->count, sizeof(*p->at), compare) != NULL;
}
