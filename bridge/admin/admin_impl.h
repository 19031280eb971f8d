/* admin_impl.h - what the parts of bridge/admin/admin.h share:
 *   admin.c          open, start, stop; the thread
 *   admin_news.c     what BROKER tells
 *   admin_request.c  who may ask, what is asked for
 *   admin_metrics.c  the text for Prometheus
 *   admin_stream.c   pages that are open
 *   admin_page.c     the page itself
 * Room: ADMIN, except where a member says otherwise.
 */
#ifndef HUBGATE_ADMIN_IMPL_H
#define HUBGATE_ADMIN_IMPL_H

#include <microhttpd.h>
#include <poll.h>
#include <stdatomic.h>

#include "bridge/admin/admin.h"
#include "bridge/http/crowd.h"
#include "core/base/mailbox.h"
#include "core/base/repeats.h"
#include "core/base/thread.h"
#include "core/base/wake.h"

enum {
	ADMIN_POLICY_MAX = 512,
	/* An event of a stream: a page of devices, or the status with the history. */
	ADMIN_EVENTS_MAX = DEVICE_ROWS_PAGE_MAX + SNAPSHOT_STATUS_MAX + HISTORY_JSON_MAX + 1024,
};

struct admin_page { /* made once */
	struct buf html;
	char policy[ADMIN_POLICY_MAX]; /* its Content-Security-Policy */
};

struct request { /* one that waits for the devices, or was just begun */
	struct request *next;
	struct MHD_Connection *connection;
	int64_t since_ms; /* when it began to wait; 0: it never did */
};

struct stream { /* one page that is open */
	struct admin *admin;
	struct MHD_Connection *connection; /* NULL: a free place */
	struct device_view view;
	bool suspended;
	bool left;                        /* the page was closed */
	uint64_t snapshot, list, history; /* the last that was written, counted; 0: none */
	uint64_t devices_hash;            /* of the last devices that were written */
	struct buf out;                   /* what the reader has not taken, from `taken` on */
	size_t taken;
	int64_t taken_ms; /* when it took something last */
};

struct admin {
	struct admin_conf conf;
	int fd;                    /* that listens; -1: the daemon has it */
	struct MHD_Daemon *daemon; /* NULL: does not serve */
	struct thread thread;
	struct wake wake;
	atomic_bool closing;
	/* BROKER -> ADMIN, one place each */
	struct mailbox *snapshots, *lists;
	_Atomic int64_t turn_ms;   /* BROKER's last */
	_Atomic int64_t wanted_ms; /* devices are, until then */
	struct snapshot *now;      /* NULL: none yet */
	struct device_rows *devices;
	int64_t devices_ms;                  /* when they were told */
	uint64_t snapshots_read, lists_read; /* counted */
	struct request *waiting;
	struct stream streams[ADMIN_STREAMS];
	struct crowd crowd;
	struct repeats refusals; /* lines about wrong tokens and names */
	struct admin_page page;
};

enum status admin_news_init(struct admin *a); /* ST_OK; ST_NOMEM */
void admin_news_fini(struct admin *a);        /* also what an init left that failed */
/* What BROKER told is here. True: there was something. */
bool admin_news_take(struct admin *a, int64_t now_ms);
/* Devices are wanted. True: they are here, and no older than ADMIN_LOOKS_MS. */
bool admin_news_look(struct admin *a, int64_t now_ms);

/* libmicrohttpd's. */
enum MHD_Result admin_on_request(void *admin, struct MHD_Connection *c, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *len, void **at);
void admin_on_end(void *admin, struct MHD_Connection *c, void **at,
                  enum MHD_RequestTerminationCode code);
/* Devices came, or have not come for too long: who waits for them goes on. */
void admin_requests_run(struct admin *a, int64_t now_ms);
/* Every request goes on; nobody may be suspended when the daemon ends. */
void admin_requests_resume(struct admin *a);
/* A page opens its stream. NULL: ADMIN_STREAMS are open, or no memory. */
struct MHD_Response *admin_stream_begin(struct admin *a, struct MHD_Connection *c,
                                        const struct device_view *view);
/* What is new goes to all; who does not drain ends. */
void admin_streams_run(struct admin *a, int64_t now_ms);
/* Into fds, ADMIN_STREAMS of them at most: what says that a page was closed. Returns how many. */
nfds_t admin_streams_poll(const struct admin *a, struct pollfd *fds);
void admin_streams_resume(struct admin *a); /* as admin_requests_resume() */

/* All for /metrics; devices: theirs too. ST_OK; ST_TOOBIG, ST_NOMEM. */
enum status admin_metrics_put(const struct admin *a, bool devices, struct buf *out);

/* ST_OK; ST_NOMEM. */
enum status admin_page_init(struct admin_page *p);
void admin_page_fini(struct admin_page *p);
/* The headers that every reply has; type: Content-Type. */
void admin_page_add_headers(const struct admin_page *p, struct MHD_Response *r, const char *type);

#endif
