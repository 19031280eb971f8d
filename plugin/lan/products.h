/* products.h - the products that are ours: their topics are closed to all but their devices.
 * Room:  BROKER. Asking neither allocates nor loops over them: it is asked on every delivery.
 * Keeps: none is taken away again before the next start.
 */
#ifndef HUBGATE_PRODUCTS_H
#define HUBGATE_PRODUCTS_H

#include "plugin/base/context.h"

struct product_list {
	char (*at)[PRODUCT_ID_LEN + 1]; /* owned by who made the list; sorted, each once */
	size_t count;
};

/* All that the configuration names. ST_OK; ST_NOMEM. */
enum status products_open(struct hubgate *h);
void products_close(struct hubgate *h);

/* Any room. Those that c names, but for the gateway's, which a restart alone changes: for
 * products_join(). Caller frees out->at. ST_OK; ST_NOMEM. */
enum status products_list(const struct config *c, struct product_list *out);
/* These too. ST_OK; ST_NOMEM: as they were. */
enum status products_join(struct hubgate *h, const struct product_list *more);
/* One more. ST_OK, also when it is known; ST_NOMEM. */
enum status products_add(struct hubgate *h, const char *product_id);
bool products_have(const struct hubgate *h,
                   const char *product_id); /* PRODUCT_ID_LEN bytes of it */

#endif
