/* harness.h - brokers, the hub simulator and devices for e2e tests, the demo and benchmarks.
 *
 * Every wait is bounded. A wait that fails prints what was awaited, and the end of the logs of
 * every process started here, on stderr. Objects are used by one thread at a time. Environment:
 * HUBGATE_BUILD (default "build") holds hubsim/hubsim and mosquitto_hubgate.so; HUBGATE_PRELOAD is
 * put into LD_PRELOAD of broker processes (sanitizer runtimes). */
#ifndef HUBGATE_TESTS_HARNESS_H
#define HUBGATE_TESTS_HARNESS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Processes and files -------------------------------------------------------------------------- */

struct proc;

int64_t now_ms(void); /* CLOCK_MONOTONIC */
/* Programs wait for a processor here much of the time, or brokers are sanitized: what a test
 * promises of a moment's length is judged more mildly then. */
bool machine_is_crowded(void);
char *dir_make(void);             /* a new directory, 0700; caller frees */
void dir_remove(const char *dir); /* and all below it */
int port_free(void);              /* a loopback TCP port nobody listens on */
bool file_write(const char *path, const char *text, mode_t mode);
char *file_read(const char *path); /* caller frees; NULL when it cannot be read */
const char *build_dir(void);
char *text_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* caller frees */

/* stdout and stderr go to `out` and `log` (appended; `out` NULL: to `log`). Killed when the caller
 * dies. NULL when it cannot start. */
struct proc *proc_start(char *const argv[], const char *out, const char *log);
/* NULL, here and below, is a process that ended long ago. */
pid_t proc_pid(const struct proc *p); /* NULL: -1 */
bool proc_alive(struct proc *p);
void proc_signal(struct proc *p, int signal);
/* Milliseconds until it ended, or -1 after timeout_ms. `*status` as of waitpid; may be NULL. */
int proc_wait(struct proc *p, int timeout_ms, int *status);
/* False, with the logs dumped, when it crashed, was killed or returned non-zero (a sanitizer's
 * finding): this program then exits 1 whatever its tests say. */
bool proc_ended_well(struct proc *p);
/* False, with the logs dumped and the same consequence, when `substring` is in its log. */
bool proc_never_said(struct proc *p, const char *substring);
void proc_free(struct proc *p); /* kill -9 if alive; NULL is fine */
/* Waits until a listener accepts on loopback `port` (or, `path` given, on that unix socket), at
 * most until `p` ends; NULL: some process. */
bool port_await(struct proc *p, int port, const char *path, int timeout_ms);
/* Waits until `substring` is in the file, from *offset on, which moves behind it (NULL: from 0). */
bool file_await(const char *path, const char *substring, long *offset, int timeout_ms);
/* Says on stderr what failed and dumps the logs. Returns false, for `return harness_failed(..)`. */
bool harness_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The broker's version begins so: "2.1", "2.0.21". What it has to be asked for has a reason in the
 * test: an event, an option or a fault of one line only. */
bool broker_is(const char *version);
/* A plugin that came with the broker ("dynamic_security"). Caller frees; NULL: it has none. */
char *broker_plugin(const char *name);

/* The hub simulator ---------------------------------------------------------------------------- */

struct sim_opts {
	const char *config; /* JSON text; NULL: the sample gateway with dev1 and dev2 */
	const char *tls_ca, *tls_cert, *tls_key; /* files; borrowed until sim_stop() */
	bool persist;
	bool registers; /* with the HTTP endpoint of dynamic registration */
	bool firmware;  /* with files over HTTP */
};

struct sim;

struct sim *sim_start(const struct sim_opts *opts); /* NULL opts: defaults. NULL on failure */
void sim_stop(struct sim *s);                       /* TERM, and frees; NULL is fine */
void sim_kill(struct sim *s);                       /* kill -9; sim_restart() may follow */
bool sim_restart(struct sim *s);                    /* on the same ports, with the same directory */
int sim_port(const struct sim *s);
int sim_tls_port(const struct sim *s);      /* 0: none */
int sim_register_port(const struct sim *s); /* 0: none */
int sim_firmware_port(const struct sim *s); /* 0: none */
int sim_admin_port(const struct sim *s);

/* Sends {"cmd":...}; the answer, caller owns; NULL after 5 s or when "ok" is false. */
cJSON *sim_command(struct sim *s, const char *json);
/* The same, answer thrown away. */
bool sim_do(struct sim *s, const char *json);
/* A number of the stats answer by dotted path, "violations.topic"; -1 when missing.
 * A device key holds no dot: "devices.SUBPRODUC1/dev1.received". */
double sim_stat(struct sim *s, const char *path);
/* Publishes as the application, waits for PUBACK when qos > 0. */
bool sim_publish(struct sim *s, const char *topic, const char *payload, int qos);

/* The first event not yet taken, since the start or sim_skip_events(), whose members equal the
 * given name, text pairs (ended by NULL; numbers and booleans as JSON writes them). Marks it taken.
 * Borrowed until sim_stop(); NULL after timeout_ms. */
const cJSON *sim_await_event(struct sim *s, int timeout_ms, ...) __attribute__((sentinel));
/* The same for a wait that may end without one: nothing is dumped. */
const cJSON *sim_look_for_event(struct sim *s, int timeout_ms, ...) __attribute__((sentinel));
/* Such events so far, taken ones too: of all that the simulator did before the call. */
int sim_count_events(struct sim *s, ...) __attribute__((sentinel));
void sim_skip_events(struct sim *s);

/* A LAN broker with the plugin ----------------------------------------------------------------- */

/* Its log is looked through when it ends, however: a line in which hubgate accuses itself
 * ("hubgate: internal: ...", a missed wake for instance) fails this program. */

struct lan_opts {
	int hub_port; /* of the simulator */
	bool hub_tls;
	const char *hub_ca;     /* file, with hub_tls */
	const char *patch;      /* JSON merge patch over hubgate.json */
	const char *extra_conf; /* lines for mosquitto.conf, at its end */
	bool deny_anonymous;
	bool no_plain; /* no plain TCP listener */
	bool unix_socket;
	const char *tls_cert, *tls_key,
		*tls_ca; /* adds a TLS listener; ca: clients need certificates */
	bool no_plugin;
};

struct lan;

struct lan *lan_start(const struct lan_opts *opts); /* until a listener accepts; NULL on failure */
void lan_free(struct lan *l);                       /* ends it; NULL is fine */
int lan_stop(struct lan *l); /* TERM; ms it took; -1: killed after 10 s, or ended badly */
/* Waits until it ended by itself; status as of waitpid, -1 after 10 s. */
int lan_await_end(struct lan *l);
void lan_kill(struct lan *l);    /* kill -9 */
bool lan_restart(struct lan *l); /* same ports and directory; stops it first if it runs */
void lan_reload(struct lan *l);  /* SIGHUP */
/* New hubgate.json: the defaults of lan_start() with this patch instead. */
bool lan_configure(struct lan *l, const char *patch);
bool lan_log_await(struct lan *l, const char *substring, int timeout_ms); /* moves forward */
bool lan_log_has(struct lan *l, const char *substring);
int lan_port(const struct lan *l);
int lan_tls_port(const struct lan *l);
const char *lan_unix_path(const struct lan *l);
const char *lan_dir(const struct lan *l);
pid_t lan_pid(const struct lan *l);

/* Devices and other clients -------------------------------------------------------------------- */

struct dev_opts {
	bool sha256;                                 /* hmacsha256 instead of hmacsha1 */
	bool mqtt31;                                 /* protocol level 3 */
	bool persistent;                             /* clean session 0 */
	bool may_fail;                               /* no CONNACK is fine: nothing is dumped */
	int keepalive;                               /* 0: 60; -1: none */
	int port;                                    /* 0: the broker's plain port */
	const char *client_id, *username, *password; /* instead of hub credentials; "" = absent */
	const char *tls_ca, *tls_cert, *tls_key;
	const char *psk, *psk_identity; /* TLS-PSK: key in hex, identity */
	const char *unix_path;
	const char *will_topic, *will_payload;
};

struct dev;

struct dev_message {
	char *topic;
	char *payload; /* NUL added behind */
	size_t len;
	int qos;
	bool retain;
};

/* Connects with hub credentials (docs/protocol/connection.md 4), waits for CONNACK. NULL only when
 * there was none; dev_code() is 0 when accepted. `opts` NULL: defaults. */
struct dev *dev_connect(struct lan *l, const char *pid, const char *name, const char *secret,
                        const struct dev_opts *opts);
/* The same to any loopback port, for instance the simulator's. */
struct dev *dev_connect_port(int port, const char *pid, const char *name, const char *secret,
                             const struct dev_opts *opts);
/* A client without hub credentials: `opts` names client id, username, password. */
struct dev *client_connect(int port, const struct dev_opts *opts);
int dev_code(const struct dev *d); /* CONNACK return code */
bool dev_connected(struct dev *d);
bool dev_await_disconnect(struct dev *d, int timeout_ms);
bool dev_leave(struct dev *d);      /* clean; dev_reconnect() may follow */
bool dev_reconnect(struct dev *d);  /* same client id and session, new connection; CONNACK 0 */
void dev_disconnect(struct dev *d); /* clean, and frees; NULL is fine */
void dev_drop(struct dev *d);       /* RST without DISCONNECT, and frees */

bool dev_publish(struct dev *d, const char *topic, const char *payload, int qos); /* no wait */
/* Waits for PUBACK (QoS 1). Without a dump of logs when there is none. */
bool dev_publish_acked(struct dev *d, const char *topic, const char *payload, int timeout_ms);
/* Packet id for dev_acked(), or -1. For many in flight. */
int dev_publish_mid(struct dev *d, const char *topic, const void *payload, size_t len, int qos,
                    bool retain);
bool dev_acked(struct dev *d, int mid);
/* Granted QoS, 0x80 when refused, -1 when there is no SUBACK in 5 s. */
int dev_subscribe(struct dev *d, const char *filter, int qos);
/* Several filters in one packet: what the hub forbids. */
int dev_subscribe_many(struct dev *d, char *const filters[], int count, int qos);
bool dev_unsubscribe(struct dev *d, const char *filter);
/* The first message on `topic` (NULL: any) not yet taken; borrowed until the device is freed.
 * NULL after timeout_ms (dumps logs when timeout_ms >= 1000). */
const struct dev_message *dev_await_message(struct dev *d, const char *topic, int timeout_ms);
int dev_count_messages(struct dev *d, const char *topic);

/* Credentials, computed apart from core/hub/credential
 * --------------------------------------------- */

/* username for {pid}{name}; expiry never. Caller frees. */
char *cred_username(const char *pid, const char *name);
/* password of a username; caller frees; NULL when the secret is not Base64. */
char *cred_password(const char *secret, const char *username, bool sha256);
/* bind signature (docs/protocol/gateway.md 3); caller frees. */
char *cred_bind(const char *secret_text, const char *pid, const char *name, long nonce,
                long timestamp, bool sha256);
/* ca.pem, server.pem/.key (127.0.0.1, localhost) and client.pem/.key (CN `client_cn`) in `dir`. */
bool certs_make(const char *dir, const char *client_cn);

#endif
