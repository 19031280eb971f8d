/* probe.h - what the parts of `hubgate probe` share: who is asked about, the connection, what has to
 * be taken back at the end, and the answers.
 *   probe.c          the command line, the plan, the questions in their order
 *   probe_gateway.c  questions about online, bind, keep alive
 *   probe_topics.c   about own publishes
 *   probe_shadow.c   about the first version of a shadow
 *   probe_limits.c   about limits
 *   probe_hub.c      requests to the hub, paced and counted
 *   probe_end.c      what is taken back
 *   probe_answer.c   how an answer is worded
 *   probe_report.c   what is printed and written of the answers
 * Room:  none; the command's one thread. Times: milliseconds of CLOCK_MONOTONIC.
 * Facts: docs/protocol/README.md "Doubts: where sources disagree or are silent".
 */
#ifndef HUBGATE_CLI_PROBE_H
#define HUBGATE_CLI_PROBE_H

#include <cjson/cJSON.h>
#include <signal.h>

#include "cli/cli.h"
#include "cli/hub_talk.h"
#include "core/hub/gateway_msg.h"

enum {
	PROBE_SAYS_MAX = 320,
	PROBE_TOPIC_MAX = 256,
	PROBE_MESSAGES = 40,         /* most without --limits ... */
	PROBE_MESSAGES_LIMITS = 400, /* ... and with */
	PROBE_ALL_S = 120,
	PROBE_ALL_LIMITS_S = 300,
	PROBE_END_S = 45,       /* of these for taking back and the last question */
	PROBE_ANSWER_MS = 6000, /* for an answer of the hub */
	PROBE_NOTICE_MS = 3000  /* for what may come, or not */
};

struct probe_answer {
	const char *reading;          /* one word; NULL: not asked */
	char says[PROBE_SAYS_MAX];    /* what the hub did; no names, no secrets */
	char follows[PROBE_SAYS_MAX]; /* for hubgate; "": nothing */
};

struct probe {
	struct config config; /* owned */
	struct cli_name gateway, device;
	struct secret gateway_secret, device_secret; /* key_len 0: none */
	const char *topic;                           /* custom topic for publishes */
	bool limits;
	const struct region_limits *region;

	struct hub_talk *talk; /* NULL: not connected */
	int64_t until;         /* of everything but the end */
	int64_t last_ms;       /* of the last message */
	unsigned sent;         /* over all connections */
	unsigned filters;      /* subscribed on this connection ... */
	bool hears_shadow;     /* ... with that of the device's shadow */
	char token[17];        /* of this run, in payloads */
	const volatile sig_atomic_t *stop;

	bool bound, online, wrote; /* by us, or perhaps: what the end takes back */
	bool confirmed;            /* the hub said that the device is online */
	cJSON *settings;           /* of hubgate.json, that follow; owned */
};

struct probe_question {
	unsigned doubt; /* its row in docs/protocol/README.md */
	const char *asks;
	bool limits; /* with --limits alone */
	void (*ask)(struct probe *p, struct probe_answer *out);
};

struct probe_table {
	const struct probe_question *questions;
	size_t count;
};

extern const struct probe_table probe_gateway, probe_topics, probe_shadow, probe_limits, probe_last;

void probe_says(struct probe_answer *a, const char *reading, const char *says, ...)
	__attribute__((format(printf, 3, 4)));
void probe_follows(struct probe_answer *a, const char *follows);

/* --- probe_hub.c --- */

/* A new connection in the place of the one there is. */
enum hub_talk_end probe_connect(struct probe *p, uint16_t keepalive_s, int64_t until);
bool probe_is_up(const struct probe *p);
/* Not faster than the pace. ST_FULL: the bound of messages or of time is reached; else as
 * cli/hub_talk.h. */
enum status probe_publish(struct probe *p, const char *topic, const char *payload, uint8_t qos,
                          uint16_t *id);
/* At QoS 1, and waits for PUBACK. ST_TIMEOUT: none. */
enum status probe_publish_acked(struct probe *p, const char *topic, const char *payload);
enum status probe_subscribe(struct probe *p, const char *filter, uint8_t qos);
/* prefix{pid}/{dname}suffix of the device, or of the gateway. */
void probe_topic(char out[PROBE_TOPIC_MAX], const char *prefix, const struct cli_name *name,
                 const char *suffix);

/* One request for the device. ST_OK: *code is the hub's; ST_TIMEOUT: no answer; else as
 * probe_publish(). GATEWAY_BIND needs the device's secret. */
enum status probe_request(struct probe *p, enum gateway_op op, int64_t *code);
/* Sends the text on the gateway's topic, and takes the next reply of op into *m
 * (gateway_msg_free()). */
enum status probe_request_text(struct probe *p, enum gateway_op op, const char *text,
                               struct gateway_msg *m);
/* The next message of op about the device without a request; false: none in wait_ms. */
bool probe_hears(struct probe *p, enum gateway_op op, int wait_ms);

/* Online, if that is not known: false: the hub does not say 0. */
bool probe_bring_online(struct probe *p);

/* --- probe_end.c, probe_shadow.c --- */

/* Takes back what bound, online and wrote say, over a new connection when the old one is lost;
 * *stop is not heeded. What could not be taken back is told on standard error, with its mending:
 * false. */
bool probe_clean_up(struct probe *p);
/* Deletes the attribute that was written. */
bool probe_restore_shadow(struct probe *p);

/* --- probe_report.c --- */

struct probe_result {
	const struct probe_question *question;
	struct probe_answer answer;
};

void probe_report_print(const struct probe *p, const struct probe_result *all, size_t count);
/* Without names and secrets. CLI_OK; CLI_FAILED, told. A file that is there is not overwritten;
 * probe_report_may() tells before that it is. */
int probe_report_write(const struct cli_command *c, const struct probe *p,
                       const struct probe_result *all, size_t count, const char *path);
int probe_report_may(const struct cli_command *c, const char *path);

#endif
