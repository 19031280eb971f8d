/* lan_session.h - the clients that the plugin itself let in.
 * Room:  BROKER. Finding one neither allocates nor loops over them: it runs on every delivery.
 */
#ifndef HUBGATE_LAN_SESSION_H
#define HUBGATE_LAN_SESSION_H

#include "plugin/base/context.h"

enum {
	LAN_ADDRESS_MAX = 64 /* with NUL */
};

enum session_kind {
	SESSION_DEVICE,
	SESSION_CLAIM, /* with a login of plugin/lan/broker_login: the broker has not decided yet */
	SESSION_DOORBELL,
	SESSION_CONTROL /* the command `hubgate`, by its token */
};

enum session_line { /* of plugin/devices/one_client */
	LINE_NONE,
	LINE_NEW,      /* logged in, not yet known to live */
	LINE_REPLACED, /* to be ended once the newer one is known to live */
};

struct lan_session {
	struct table_node node;
	const struct mosquitto *client; /* the key; never followed */
	enum session_kind kind;
	struct device *device; /* of SESSION_DEVICE and SESSION_CLAIM */
	bool broker_login;     /* its name and password are the broker's to check */
	bool clean;            /* its session ends with the connection */
	/* Since it arrived (plugin/devices/presence); 0: it did not. A kept session that is resumed has
	 * the serial that it had: the broker has what it was given. */
	uint64_t serial;
	uint64_t connection; /* never that of another one */
	int protocol;        /* 3, 4: MQTT 3.1, 3.1.1; 5 */
	int keepalive_s;     /* 0: the broker never notices that it is gone */
	int64_t since_ms;    /* it arrived */
	int64_t heard_ms;    /* it sent something that a plugin sees; 0: nothing yet */
	bool over;           /* a new configuration took its rights; it is to be disconnected */
	bool kicked;         /* the broker was told to do it */
	bool replaced;       /* a newer login of its device took its place */
	char address[LAN_ADDRESS_MAX]; /* from where it came, as text; loopback for a unix socket */
	enum session_line line;
	struct lan_session *prev, *next; /* in that line */
};

enum status lan_session_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void lan_session_close(struct hubgate *h);       /* with all that are there */

struct lan_session *lan_session_of(const struct hubgate *h, const struct mosquitto *client);
/* A known client gets its kind and device replaced. NULL: no memory. */
struct lan_session *lan_session_add(struct hubgate *h, const struct mosquitto *client,
                                    enum session_kind kind, struct device *device);
/* What the broker knows of its connection is looked up: it was let in. */
void lan_session_let_in(struct lan_session *s, const struct mosquitto *client);
void lan_session_remove(struct hubgate *h, struct lan_session *s);
/* All, as by table_first() and table_next(). */
struct lan_session *lan_session_first(const struct hubgate *h, struct table_at *at);
struct lan_session *lan_session_next(const struct hubgate *h, struct table_at *at);

#endif
