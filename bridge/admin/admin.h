/* admin.h - admin.http: the status page, /metrics, /healthz and /readyz.
 * Room:  ADMIN is started here; the functions are for BROKER.
 * Keeps: nothing here can change anything of the gateway. BROKER never waits for a reader, a reader
 *        only for what BROKER has not made yet, ADMIN_WAIT_MS at most; readers that send or read
 *        slowly keep nobody out (bridge/http/crowd.h), and a stream that does not drain ends. With
 *        a token nobody without it sees more than whether the gateway runs and is connected. A
 *        request under another name than core/admin/http_host.h allows gets 421.
 * Facts: docs/status-page.md.
 */
#ifndef HUBGATE_ADMIN_H
#define HUBGATE_ADMIN_H

#include "bridge/admin/snapshot.h"
#include "bridge/http/listen_socket.h"
#include "core/admin/device_rows.h"
#include "core/base/log.h"
#include "core/base/status.h"

enum {
	ADMIN_STREAMS = 16,    /* pages open at once */
	ADMIN_WAIT_MS = 3000,  /* for a list of devices that nobody had asked for */
	ADMIN_LOOKS_MS = 5000, /* devices are wanted for so long after the last look at them */
	ADMIN_DEAF_MS = 10000, /* without a turn of BROKER: /healthz says so */
	ADMIN_DRAIN_MS = 5000, /* a stream that takes nothing for so long ends */
};

struct admin; /* opaque */

struct admin_conf {      /* borrowed until admin_close() */
	const char *listen;  /* "address:port" */
	const char *token;   /* "": none is asked for */
	const char *hosts;   /* of admin.hosts; NULL: none */
	const char *version; /* of hubgate */
	bool device_metrics; /* /metrics has the devices' without being asked, too */
	const struct log *log;
	/* Room ADMIN: devices are wanted from now on. */
	void (*ring)(void *ctx);
	void *ctx;
};

/* Listens, begins no thread: who connects waits. Caller owns *out. ST_OK; ST_IO: it cannot be
 * listened on; ST_NOMEM; why says it. */
enum status admin_open(const struct admin_conf *conf, char why[LISTEN_SOCKET_WHY_MAX],
                       struct admin **out);
/* ST_OK; ST_IO: no thread. It may be called again. */
enum status admin_start(struct admin *a);
/* Ends all streams and the thread. False: it hangs and is left behind with all it uses. NULL is
 * fine. */
bool admin_stop(struct admin *a, uint32_t wait_ms);
void admin_close(struct admin *a); /* stopped, or never started; NULL is fine */

/* BROKER has had a turn. */
void admin_turn(struct admin *a, int64_t now_ms);
/* The newest takes the place of one that was not read. Takes s. */
void admin_tell(struct admin *a, struct snapshot *s);
/* The same for the devices, sorted or not. */
void admin_tell_devices(struct admin *a, struct device_rows *d);
/* Somebody looks at devices. */
bool admin_wants_devices(const struct admin *a, int64_t now_ms);

#endif
