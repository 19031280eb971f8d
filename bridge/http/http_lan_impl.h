/* http_lan_impl.h - what the parts of bridge/http/http_lan.h share:
 *   http_lan.c        open, start, stop; requests in, replies out
 *   http_lan_visit.c  one request: who may ask, what is answered
 * Room: HTTP, except where a member says otherwise.
 */
#ifndef HUBGATE_HTTP_LAN_IMPL_H
#define HUBGATE_HTTP_LAN_IMPL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bridge/http/crowd.h"
#include "bridge/http/http_lan.h"
#include "core/base/mailbox.h"
#include "core/base/repeats.h"
#include "core/hub/dynreg_replies.h"
#include "core/pace/request_limit.h"

enum {
	RECENT_MAX = 1024,
	REQUEST_ID_MAX = 40,
};

struct recent { /* devices that were asked for at the hub */
	char client_id[CLIENT_ID_MAX + 1];
	int64_t at_ms;
	bool open; /* its answer is still to come */
};

struct http_lan {
	struct http_lan_conf conf;
	int fd;                    /* -1: the daemon has it */
	struct MHD_Daemon *daemon; /* NULL: does not serve */
	struct repeats refusals;   /* HTTP: lines about them */
	struct repeats failures;   /* NET: lines about them */
	struct crowd crowd;
	char hub_host[DYNREG_HOST_MAX];
	struct request_limit limit;     /* HTTP, as products */
	struct http_products *products; /* NULL: none */
	struct mailbox *news;           /* BROKER -> HTTP: the products to take their place */
	atomic_bool closing;
	pthread_mutex_t lock; /* of what follows, up to ids */
	struct recent recent[RECENT_MAX];
	size_t next_recent;
	struct dynreg_replies replies;
	struct visit *joined; /* those that repeat what the hub is being asked for another visit */
	atomic_uint ids;
};

struct visit { /* one request of a device */
	struct http_lan *http;
	struct MHD_Connection *connection;
	struct buf body, reply;
	bool old, too_big, begun;
	char host[DYNREG_HOST_MAX]; /* as the client named it, without port */
	struct dynreg_request request;
	struct http_product product; /* wiped with the visit */
	struct dynreg_asked asked;
	struct visit *next; /* in http_lan.joined */
	char client_id[CLIENT_ID_MAX + 1];
	char request_id[REQUEST_ID_MAX];
};

/* True: the connection is suspended until NET has the hub's answer, and v is NET's; else v has its
 * reply. path is the one asked for. */
bool http_lan_begin(struct visit *v, const char *path);

#endif
