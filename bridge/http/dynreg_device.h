/* dynreg_device.h - one dynamic registration at the hub.
 * Room:  dynreg_device(): any; its result: NET.
 * Facts: docs/protocol/dynreg.md 1, 2, 4.
 */
#ifndef HUBGATE_DYNREG_DEVICE_H
#define HUBGATE_DYNREG_DEVICE_H

#include "bridge/http/net.h"
#include "core/hub/dynreg.h"

enum {
	DYNREG_HOST_MAX = 254, /* with NUL */
	DYNREG_ERROR_MAX = 2 * DYNREG_TEXT_MAX + 2,
};

struct dynreg_hub {  /* text is borrowed as long as requests are made with it */
	const char *url; /* http:// or https://, host, path */
	const char *address, *ca_file;
	bool verify;
	uint32_t timeout_ms;
};

struct dynreg_result {
	enum status status;        /* ST_OK: grant; ST_DENIED: refusal; else error says what */
	bool again;                /* asking later may help (docs/protocol/dynreg.md 1) */
	struct dynreg_grant grant; /* wiped after the call */
	struct dynreg_refusal refusal;
	char error[DYNREG_ERROR_MAX];
};

typedef void dynreg_done_fn(void *ctx, const struct dynreg_result *r);

/* The host name, lower case, in out; ST_OK; ST_INVALID: not an URL that can be used. */
enum status dynreg_url_host(const char *url, char out[DYNREG_HOST_MAX]);

/* Texts are copied, but for hub. done is called once, later, in NET. ST_OK; ST_INVALID: the URL,
 * the ids, a product secret under 16 characters; statuses of net_post(). */
enum status dynreg_device(struct net *n, const struct dynreg_hub *hub, const char *product_id,
                          const char *device_name, const char *product_secret, dynreg_done_fn *done,
                          void *ctx);

#endif
