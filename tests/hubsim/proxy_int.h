/* proxy_int.h - shared by the files of the proxy. Everything here is guarded by proxy.lock. */
#ifndef HUBSIM_PROXY_INT_H
#define HUBSIM_PROXY_INT_H

#include "tests/hubsim/proxy.h"
#include "tests/hubsim/stream.h"
#include "tests/mqtt/packet.h"

#include <pthread.h>

#define MID_RING  4096
#define RATE_RING 1024
#define LOG_RING  256

enum conn_end {
	END_NONE,
	END_CUT,
	END_RESET,
	END_LINGER
};

struct conn {
	struct conn *next;
	struct stream client, broker;
	char address[16]; /* seen by the broker */
	char label[80];   /* "PID/NAME" once CONNECT was seen */
	struct proxy_peer peer;
	struct packet_connect connect;
	bool tls, connected, stalled;
	enum conn_end end;
	int64_t accepted_ms, linger_until_ms;
	int64_t rate_times[RATE_RING];  /* microseconds, newest at rate_count - 1 */
	unsigned rate_whose[RATE_RING]; /* the device named in the topic, as a hash */
	uint64_t rate_count;
	uint64_t qos1_count;
	uint16_t mids[MID_RING];     /* of the n-th QoS 1 PUBLISH */
	uint8_t withheld[65536 / 8]; /* packet ids whose PUBACK is not passed on */
	/* Packet ids that went to the client at QoS 1 and that it has not acknowledged. */
	uint8_t unacked[65536 / 8];
	int unacked_count;
};

struct last_connect {
	char label[80];
	int64_t ms;
};

struct proxy_counts {
	uint64_t accepts, connects, publishes, dups, pubacks_dropped, pubacks_withheld, rate_dropped;
	int max_rate;
};

struct proxy {
	struct proxy_opts opts;
	struct events *events;
	pthread_mutex_t lock;
	pthread_t thread;
	bool thread_runs, stop;
	int wake_fd; /* eventfd: look again */
	int listen_fd, tls_fd;
	SSL_CTX *tls;
	struct stream waker;
	bool wake_wanted;
	struct conn *conns;
	unsigned serial;
	enum fault fault;
	int delay_ms;
	int drop_pubacks;
	struct last_connect *last;
	size_t last_count;
	int64_t accept_log[LOG_RING];
	uint64_t accept_logged;
	struct proxy_counts counts;
};

enum verdict {
	FORWARD,
	DISCARD
};

/* Looks at one packet at the front of `bytes`; may change it. */
enum verdict watch_up(struct proxy *p, struct conn *c, const struct packet *packet, uint8_t *bytes);
enum verdict watch_down(struct proxy *p, struct conn *c, const struct packet *packet);

/* Serves one connection after poll. False: it is over. */
bool conn_serve(struct proxy *p, struct conn *c, bool client_ready, bool broker_ready,
                int64_t now_ms);
bool conn_frozen(const struct proxy *p, const struct conn *c);
struct conn *conn_new(struct proxy *p, int fd, SSL_CTX *tls);
void conn_free(struct conn *c);

/* Connects and logs in to the broker; waits for it to accept. False when it never did. */
bool waker_open(struct proxy *p);
void waker_ring(struct proxy *p);

#endif
